"""What is compiled on a GPU, and what if it cannot be? Small operations become few, and nothing else changes.

In a small model norms, rotations, activations and what adapters add each read and write all of a pass, beside
products that take little longer. So the blocks of a model are compiled: one block's code serves all, and rows of any
number and length. Attention stays as it is (`attend.py`). The first pass of learning is made both ways, and the
compiled one is kept only if they agree. What fails to be compiled is done as it stands: speed is lost, and no run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.fx.experimental import _config as symbolic
from transformers.modeling_layers import GradientCheckpointingLayer

VARIABLE = "REWARDBENCH_COMPILE"
"""Environment variable; `0`: nothing is compiled, to look for what is wrong or to save its half minutes."""
SIZES = 64
"""Different shapes for which one function may be compiled in a process."""
APART = 0.1
"""How far the compiled pass may be from the plain one, as a share of its norm: bfloat16 rounds, a wrong kernel errs."""
SLOPES = 0.25
"""The same of gradients: thirty layers in bfloat16 that round once fewer in each differ by .05."""
TRIED: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()
"""Whether a model's compiled blocks do what its plain ones do; not there before that was asked."""
PLAIN: set[Callable[..., Any]] = set()
"""Functions that could not be compiled."""


def wanted(device: torch.device) -> bool:
    """Whether anything is to be compiled."""
    return device.type == "cuda" and os.environ.get(VARIABLE) != "0"


@cache
def compiled(function: Callable[..., Any], **how: Any) -> Callable[..., Any]:
    """The function compiled, anew for each kind of call: as many as a sweep of several tasks meets, and not eight."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, SIZES)
    torch._dynamo.config.specialize_float = True  # they are settings; taken for free, all is traced twice, each time
    symbolic.use_duck_shape = False  # a length that is by chance that of another side is still free
    return torch.compile(function, **how)


def refused(what: str, error: Exception, done: str = "compiled") -> None:
    """Say that something is not compiled, or whatever else makes it quick: speed is lost, and no run."""
    first = (str(error).strip().splitlines() or [""])[0]
    print(f"{what} is not {done}, which costs speed: {type(error).__name__}: {first}", file=sys.stderr)


def trusted(what: str, near: Callable[[], bool]) -> bool:
    """Whether a kernel of our own is to be used: it says nearly what the stock operation says, and so it is asked once.
    Where it does not, or cannot be had, that is said, and the stock one serves.
    """
    try:
        if not near():
            raise ArithmeticError("its numbers are not those of the stock one")
        return True
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a compiler may raise
        refused(what, error)
        return False


def maybe_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of some tensors as a call that is compiled where it can be, once for any number of rows."""

    def ask(first: Tensor, *others: Tensor) -> Any:
        if wanted(first.device) and function not in PLAIN:
            try:
                for x in (first, *others):
                    torch._dynamo.maybe_mark_dynamic(x, 0)
                return compiled(function)(first, *others)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # whatever a compiler may raise
                PLAIN.add(function)
                refused(function.__name__, error)
        return function(first, *others)

    return ask


def hidden(model: Any, ask: Callable[[], Tensor], learnt: Sequence[Tensor]) -> Tensor:
    """What `ask` computes by the model's blocks, compiled where they do the same as they stand: tried at the first call
    that asks for a gradient, on its numbers and on their gradients with respect to `learnt`. What asks for none, the
    start policy in an evaluation, is too seldom to be compiled for.
    """
    graded = torch.is_grad_enabled()
    if model not in TRIED and graded:
        TRIED[model] = wanted(next(model.parameters()).device) and _repeats(model, ask, learnt)
    with blocks(model) if graded and TRIED.get(model, False) else nullcontext():
        return ask()


def gave_up(model: torch.nn.Module, error: Exception) -> bool:
    """Whether a pass that failed was compiled, and may be made again as it stands: from now on all are."""
    if not TRIED.get(model, False):
        return False
    TRIED[model] = False
    refused("the pass of learning", error)
    return True


@contextmanager
def blocks(model: torch.nn.Module) -> Iterator[None]:
    """Within it the blocks that a model is a stack of are compiled, if that is wanted and did not fail before."""
    if not wanted(next(model.parameters()).device) or not TRIED.get(model, True):
        yield
        return
    each = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    for block in each:
        block.forward = partial(_either, model, block)
    try:
        yield
    finally:
        for block in each:
            del block.forward  # its class's own shows again


def _either(model: torch.nn.Module, block: Any, *args: Any, **kwargs: Any) -> Any:
    """One block, compiled if that goes."""
    if TRIED.get(model, True):
        try:
            return compiled(_through, dynamic=True, fullgraph=True)(block, *args, **kwargs)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a compiler may raise
            TRIED[model] = False
            refused("a block", error)
    return type(block).forward(block, *args, **kwargs)


def _through(block: Any, *args: Any, **kwargs: Any) -> Any:
    return type(block).forward(block, *args, **kwargs)


def _repeats(model: Any, ask: Callable[[], Tensor], learnt: Sequence[Tensor]) -> bool:
    """Whether numbers and gradients are the same both ways, but for rounding."""
    found: list[list[Tensor]] = []
    try:
        for way in (nullcontext(), blocks(model)):
            with way:
                told = ask()
                # of a mean of squares behind a norm there is no gradient but rounding
                weigh = torch.cos(0.7 * torch.arange(told.numel(), device=told.device)).view(told.shape)
                slopes = torch.autograd.grad((told.float() * weigh).mean(), learnt, allow_unused=True)
            found.append([told.detach(), *(s for s in slopes if s is not None)])
            del told, slopes, weigh
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a compiler may raise
        refused("the pass of learning", error)
        return False
    # numbers and gradients apart: the one is a million times as large as the other
    if not TRIED.get(model, True):  # one failed, and was made as it stands
        return False
    if all(_near([f[part] for f in found], most) for part, most in ((slice(1), APART), (slice(1, None), SLOPES))):
        return True
    refused("the pass of learning", ArithmeticError("its numbers are not those of the plain one"))
    return False


def _near(found: Sequence[Sequence[Tensor]], most: float) -> bool:
    """Whether two lists of tensors [R, ...] differ by at most that share of the first one's norm; runs that are no
    number say nothing.
    """
    plain, ours = ([x.float().flatten(1) for x in each] for each in found)
    size = torch.stack([a.square().sum(1) for a in plain]).sum(0)
    apart = torch.stack([(a - b).square().sum(1) for a, b in zip(plain, ours, strict=True)]).sum(0)
    sound = size.isfinite()
    return bool(sound.any() and apart[sound].sum() <= most**2 * size[sound].sum())
