"""What is compiled on a GPU, and what if it cannot be? Small operations become few, and nothing else changes.

In a small model norms, rotations, activations and what adapters add each read and write all of a pass, beside
products that take little longer. So the blocks of a model are compiled while a pack learns: one block's code serves
all, and from the second length on rows of any. Attention stays as it is. The first pass is made both ways, and the
compiled one is kept only if they agree.
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
from transformers.modeling_layers import GradientCheckpointingLayer

VARIABLE = "REWARDBENCH_COMPILE"
"""Environment variable; `0`: nothing is compiled, to look for what is wrong or to save its half minutes."""
SIZES = 64
"""Different shapes for which one function may be compiled in a process."""
APART = 0.1
"""How far the compiled pass may be from the plain one, as a share of its norm: bfloat16 rounds, a wrong kernel errs."""
TRIED: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()
"""Whether a model's compiled blocks do what its plain ones do."""


def wanted(device: torch.device) -> bool:
    """Whether anything is to be compiled."""
    return device.type == "cuda" and os.environ.get(VARIABLE) != "0"


@cache
def compiled(function: Callable[..., Any], **how: Any) -> Callable[..., Any]:
    """The function compiled, anew for each shape: as many as a sweep of several tasks meets, and not eight."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, SIZES)
    return torch.compile(function, **how)


def refused(what: str, error: Exception) -> None:
    """Say that something is not compiled: speed is lost, and no run."""
    first = (str(error).strip().splitlines() or [""])[0]
    print(f"{what} is not compiled, which costs speed: {type(error).__name__}: {first}", file=sys.stderr)


def hidden(model: Any, ask: Callable[[], Tensor], learnt: Sequence[Tensor]) -> Tensor:
    """What `ask` computes by the model's blocks, compiled where they do the same as they stand: tried at the first
    call, on its numbers and on their gradients with respect to `learnt`.
    """
    if model not in TRIED:
        TRIED[model] = wanted(next(model.parameters()).device) and _repeats(model, ask, learnt)
    with _blocks(model) if TRIED[model] else nullcontext():
        return ask()


@contextmanager
def _blocks(model: torch.nn.Module) -> Iterator[None]:
    """Within it the blocks that a model is a stack of are compiled."""
    each = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    for block in each:
        block.forward = partial(compiled(_through), block)
    try:
        yield
    finally:
        for block in each:
            del block.forward  # its class's own shows again


def _through(block: Any, *args: Any, **kwargs: Any) -> Any:
    return type(block).forward(block, *args, **kwargs)


def _repeats(model: Any, ask: Callable[[], Tensor], learnt: Sequence[Tensor]) -> bool:
    """Whether numbers and gradients are the same both ways, but for rounding."""
    found = []
    try:
        for way in (nullcontext(), _blocks(model)):
            with torch.enable_grad(), way:
                told = ask()
                slopes = torch.autograd.grad(told.float().square().mean(), learnt, allow_unused=True)
            found.append((told.detach().float(), torch.cat([s.float().ravel() for s in slopes if s is not None])))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a compiler may raise
        refused("the pass of learning", error)
        return False
    # numbers and gradients apart: the one is a million times as large as the other
    if all((ours - plain).norm() <= APART * plain.norm() for plain, ours in zip(*found, strict=True)):
        return True
    refused("the pass of learning", ArithmeticError("its numbers are not those of the plain one"))
    return False
