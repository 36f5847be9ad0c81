"""How does a pack learn without waiting for the host? A pass through its blocks, and the way back, is done again.

A pass is a thousand kernels of some microseconds, and asking for them takes a host several times as long as a GPU needs
to do them. Passes of one shape differ in numbers alone, so their second one is captured (`graph.py`) and from then on
numbers are put where it reads them. Lengths are rounded up, so that few shapes occur. What is between the two ways, the
head and the losses, is as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from rewardbench.engine import fused
from rewardbench.engine.attend import attending
from rewardbench.engine.graph import Work, captured, maybe_captured
from rewardbench.engine.siblings import Siblings
from rewardbench.engine.stack import STATE, Stack

MOST = 64
"""Shapes whose pass is kept: more than most sweeps meet."""
Key = tuple[Any, ...]
SHELF: WeakKeyDictionary[nn.Module, dict[Key, Passage | None]] = WeakKeyDictionary()
"""Passes that a model has made, by shape; None: once, as it stands."""
_rooms: WeakKeyDictionary[nn.Module, list[tuple[Tensor, ...]]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Asked:
    """What a pass reads: tokens and their positions in their texts, [R, N] each, and who looks at whom."""

    ids: Tensor
    position: Tensor
    look: Siblings

    def tensors(self) -> Sequence[Tensor]:
        """All that its numbers lie in."""
        look = self.look
        return self.ids, self.position, look.there, look.first, look.back, look.copies

    def copied(self) -> Asked:
        """The same elsewhere in memory."""
        ids, position, there, first, back, copies = (x.clone() for x in self.tensors())
        return Asked(ids, position, replace(self.look, there=there, first=first, back=back, copies=copies))

    def read(self, model: Any) -> Tensor:
        """What the model thinks at each position, [R, N, d]."""
        # asked for its gradient too, a first block is compiled as the others are
        words = model.get_input_embeddings()(self.ids).detach().requires_grad_()
        found = model.base_model(inputs_embeds=words, position_ids=self.position, use_cache=False)
        told: Tensor = found.last_hidden_state
        return told


class Passage:
    """A pass that was captured, and its way back if it has one. On a processor it is made anew each time. It holds no
    model: the shelf that it stands on would keep that for good.
    """

    def __init__(self, stacked: Stack, asked: Asked, capture: bool) -> None:
        """Of the present way of computing: with a gradient or without, with adapters or at the start."""
        self.asked = asked.copied()
        self.hidden, self.slope = room(stacked.model, asked.ids.shape)
        self.graded = torch.is_grad_enabled()
        self.anchor = torch.zeros((), device=asked.ids.device, requires_grad=self.graded)
        self.found: list[Tensor] = []
        """What the way back begins at, until it has come,"""
        self.leaves: list[nn.Parameter] = []
        """and where it ends."""
        self.graphs: Sequence[Work] = ()
        """Both ways, or one."""
        if capture:
            ways = (self._forth, self._back) if self.graded else (self._forth,)
            self.graphs = [captured(partial(way, stacked)) for way in ways]
            self.found.clear()
            self.leaves.clear()

    def _forth(self, stacked: Stack) -> None:
        model = stacked.model
        way = fused.blocks(model) if self.graded else nullcontext()
        with attending(model, self.asked.look.attend), way, fresh(stacked) as self.leaves[:]:
            self.found[:] = [self.asked.read(model)]
        self.hidden.copy_(self.found[0].detach())

    def _back(self, stacked: Stack) -> None:
        slopes = torch.autograd.grad(self.found.pop(), self.leaves, self.slope, allow_unused=True)
        sums = [p.grad for p in learnt(stacked)]
        pairs = [(g, s) for g, s in zip(sums, slopes, strict=True) if g is not None and s is not None]
        torch._foreach_add_([g for g, _ in pairs], [s for _, s in pairs])

    def __call__(self, stacked: Stack, asked: Asked) -> Tensor:
        """The pass with these numbers; valid until the next one. Its way back adds to the gradients by itself."""
        torch._foreach_copy_(list(self.asked.tensors()), list(asked.tensors()))
        if self.graphs:
            self.graphs[0]()
        else:
            self._forth(stacked)
        if not self.graded:
            return self.hidden
        again: Callable[..., Tensor] = _Again.apply
        return again(self.anchor, self, stacked)

    def back(self, stacked: Stack, slope: Tensor) -> None:
        """The way back of the last pass, given the slope of each hidden number."""
        self.slope.copy_(slope)
        if self.graphs:
            self.graphs[1]()
        else:
            self._back(stacked)


def room(model: Any, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Where passes of a model through [R, N] tokens leave what they think, and find its slopes, [R, N, d] each. All
    passes share it: they come one after the other.
    """
    head = model.get_output_embeddings().weight
    whole = (*shape, head.shape[1])
    size = math.prod(whole)
    rooms = _rooms.setdefault(model, [])
    fit = next((pair for pair in rooms if pair[0].numel() >= size), None)
    if fit is None:
        most = 1 << (size - 1).bit_length()
        fit = tuple(torch.zeros(most, dtype=head.dtype, device=head.device) for _ in range(2))
        rooms.append(fit)
    hidden, slope = (x[:size].view(whole) for x in fit)
    return hidden, slope


class _Again(torch.autograd.Function):
    """A pass as a part of what has a gradient."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, made: Passage, stacked: Stack) -> Tensor:
        ctx.made, ctx.stacked = made, stacked
        return made.hidden.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, None]:
        ctx.made.back(ctx.stacked, grads[0])
        return None, None, None


def learnt(stacked: Stack) -> list[nn.Parameter]:
    """The adapters, which alone learn from a pass."""
    return [p for name, p in stacked.params.items() if not name.startswith(STATE)]


@contextmanager
def fresh(stacked: Stack) -> Iterator[list[nn.Parameter]]:
    """Within it adapters are other parameters, in the same memory: what autograd knows of a parameter belongs to the
    stream that it was first met on, as long as any graph of it lives, and another stream that is captured may not wait
    for that one.
    """
    names = [name.rpartition(".") for name in stacked.params if not name.startswith(STATE)]
    places = [(stacked.model.get_submodule(owner)._parameters, leaf) for owner, _, leaf in names]
    before = learnt(stacked)
    leaves = [nn.Parameter(p.data) for p in before]
    try:
        for (held, leaf), p in zip(places, leaves, strict=True):
            held[leaf] = p
        yield leaves
    finally:
        for (held, leaf), p in zip(places, before, strict=True):
            held[leaf] = p


def hidden(stacked: Stack, asked: Asked) -> Tensor:
    """What a pack thinks at each position, [R, N, d]; the gradient flows to its adapters alone."""
    if not torch.is_grad_enabled() and not stacked.started and fused.wanted(asked.ids.device):
        with torch.enable_grad():  # the pass that learns is there, and one for reading alone would have to be compiled
            return _hidden(stacked, asked, reading=True).detach()
    return _hidden(stacked, asked, reading=not torch.is_grad_enabled())


def _hidden(stacked: Stack, asked: Asked, *, reading: bool) -> Tensor:
    """As above, in the present way; `reading`: no way back will be asked for."""
    model = stacked.model
    made = _made(stacked, asked, reading)
    if made is not None:
        return made(stacked, asked)
    with attending(model, asked.look.attend):
        return fused.hidden(model, partial(asked.read, model), learnt(stacked))


def _made(stacked: Stack, asked: Asked, reading: bool) -> Passage | None:
    """The passage to be done again; None where the pass is made as it stands: the first of a shape that goes all the
    way that it will be captured in, so that all its kernels are there, and all of a model that one could not be
    captured of.
    """
    model, device = stacked.model, asked.ids.device
    if not fused.wanted(device):
        return None
    shelf, look, graded = SHELF.setdefault(model, {}), asked.look, torch.is_grad_enabled()
    way = (graded, stacked.started, torch.are_deterministic_algorithms_enabled())
    key = (*way, look.K, look.W, *(x.shape for x in asked.tensors()))
    if key not in shelf:
        if not (graded and reading):
            shelf[key] = None
        return None
    made = shelf[key]
    if made is None and model in fused.TRIED and sum(p is not None for p in shelf.values()) < MOST:
        made = maybe_captured(model, "the pass of learning", lambda: Passage(stacked, asked, device.type == "cuda"))
        if made is None:
            shelf.clear()  # what they hold, the plain passes may need
        else:
            shelf[key] = made
    return made
