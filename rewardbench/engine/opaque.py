"""How is attention kept out of what is compiled? As one call that a compiler sees from outside, on both ways.

A compiler that looks into attention thinks for minutes about the lengths that meet there, and makes its code anew for
every layer's keys; one that stops before it cuts a block into six. So it is told the shapes alone. The way back finds
what it needs by going forward once more: keys and values as they were laid out are larger than what they were laid out
from, and attention costs little beside products.

What attention reads and writes beside its arguments, such as slots, a compiler does not see. So blocks are compiled and
never a step that also writes there: such writes are put off to the end of what is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

How = Callable[[int, Tensor, Tensor, Tensor, float], Tensor]
"""(layer, query [R, heads, N, d], keys and values [R, groups, N, d], scale) -> [R, heads, N, d]: all words of a run
stand in one row, one text after the other, so that all but attention is asked for one shape of which one side varies.
"""
KEPT = 4
"""Passes whose way back may still come."""
_now: list[tuple[int, How]] = []
_given: dict[int, How] = {}
_tickets = iter(range(2**62))


def enter(how: How) -> None:
    """From now on attention is done so."""
    ticket = next(_tickets)
    _now.append((ticket, how))
    if torch.is_grad_enabled():
        _given[ticket] = how
        for old in list(_given)[:-KEPT]:
            del _given[old]


def leave() -> None:
    """It is done as before."""
    _now.pop()


def plain(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """What attention finds now, [R, N, heads, d]."""
    return _now[-1][1](layer, query, key, value, scale).transpose(1, 2)


def whole(layer: Tensor, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """The same for a compiler; the layer's number as a tensor, since of a number it would make a constant."""
    found: Tensor = torch.ops.rewardbench.attend(query, key, value, layer, scale)[0]
    return found


def _attend(query: Tensor, key: Tensor, value: Tensor, layer: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    found = plain(int(layer), query, key, value, scale).contiguous()
    return found, torch.tensor(_now[-1][0])


def _back(
    slope: Tensor, query: Tensor, key: Tensor, value: Tensor, layer: Tensor, ticket: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    how = _given.get(int(ticket))
    if how is None:
        raise RuntimeError(f"the way back of a pass that {KEPT} others came after")
    with torch.enable_grad(), _recorded():
        own = [x.detach().requires_grad_() for x in (query, key, value)]
        found = how(int(layer), own[0], own[1], own[2], scale).transpose(1, 2)
        slopes = torch.autograd.grad(found, own, slope)
    one, two, three = (x.transpose(1, 2).contiguous().transpose(1, 2) for x in slopes)
    return one, two, three


@contextmanager
def _recorded() -> Iterator[None]:
    """Within it what is computed is recorded for a way back, also inside of an operation, where it is not."""
    with torch._C._PreserveDispatchKeyGuard():
        for key in (torch._C.DispatchKey.AutogradFunctionality, torch._C.DispatchKey.ADInplaceOrView):
            torch._C._dispatch_tls_set_dispatch_key_excluded(key, False)
        yield


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    query, key, value, layer, ctx.scale = inputs
    ctx.save_for_backward(query, key, value, layer, output[1])


def _slopes(ctx: Any, slope: Tensor, _: Any) -> tuple[Tensor | None, ...]:
    return *torch.ops.rewardbench.attend_back(slope, *ctx.saved_tensors, ctx.scale), None, None


_ASKED = "Tensor query, Tensor key, Tensor value, Tensor layer"
_forward = torch.library.custom_op(
    "rewardbench::attend", _attend, mutates_args=(), schema=f"({_ASKED}, float scale) -> (Tensor, Tensor)"
)
_backward = torch.library.custom_op(
    "rewardbench::attend_back", _back, mutates_args=(),
    schema=f"(Tensor slope, {_ASKED}, Tensor ticket, float scale) -> (Tensor, Tensor, Tensor)",
)  # fmt: skip


@_forward.register_fake
def _shape(query: Tensor, key: Tensor, value: Tensor, layer: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    R, heads, N, d = query.shape
    return query.new_empty(R, N, heads, d), torch.empty((), dtype=torch.long)


@_backward.register_fake
def _shapes(
    slope: Tensor, query: Tensor, key: Tensor, value: Tensor, layer: Tensor, ticket: Tensor, scale: float
) -> tuple[Tensor, ...]:
    # words stand before heads, as the products that come next want it
    shapes = [(R, N, heads, d) for R, heads, N, d in (x.shape for x in (query, key, value))]
    return tuple(query.new_empty(shape).transpose(1, 2) for shape in shapes)


_forward.register_autograd(_slopes, setup_context=_keep)
