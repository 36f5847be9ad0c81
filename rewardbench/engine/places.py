"""How do words get to where attention looks for them, and their slopes back? In one pass over them each.

Heads of words [A, heads, B, d] are told by a number, a * B + b. Stock operations need three passes: they look up, ask
whether anything is there, and put 0 where nothing is. On a GPU two small kernels of our own do it in one, whatever the
layout. Elsewhere, and where the kernels do not say the same, the stock operations do.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from rewardbench.engine.fused import trusted, wanted

try:
    import triton
    import triton.language as tl
except ImportError:  # comes with torch where there is a GPU
    triton = None

NOWHERE = -1
BLOCK = 64
"""Places that are filled together."""
APART = {torch.float32: 1e-5, torch.bfloat16: 6e-2, torch.float16: 8e-3}
"""How far sums may be from those of the stock operations, of numbers of size one."""

if triton is not None:

    @triton.jit  # type: ignore[untyped-decorator]
    def _gather(  # type: ignore[no-untyped-def]
        x, index, found, n, B, x_a, x_head, x_b, heads, D: tl.constexpr, W: tl.constexpr, N: tl.constexpr
    ):  # fmt: skip
        """N places and one head of size D (W: padded)."""
        place, head, d = tl.program_id(0) * N + tl.arange(0, N), tl.program_id(1), tl.arange(0, W)
        at = tl.load(index + place, mask=place < n, other=-1)
        a, b = at // B, at % B
        mask = (at >= 0)[:, None] & (d < D)[None, :]
        told = tl.load(x + (a * x_a + b * x_b)[:, None] + head * x_head + d[None, :], mask=mask, other=0.0)
        line = (place.to(tl.int64) * heads + head) * D
        tl.store(found + line[:, None] + d[None, :], told, mask=(place < n)[:, None] & (d < D)[None, :])

    @triton.jit  # type: ignore[untyped-decorator]
    def _collect(  # type: ignore[no-untyped-def]
        x, index, copies, found, n, B, x_a, x_head, x_b, heads, D: tl.constexpr, W: tl.constexpr, N: tl.constexpr
    ):  # fmt: skip
        """The same, but that what stands at several places is added up, in order."""
        place, head, d = tl.program_id(0) * N + tl.arange(0, N), tl.program_id(1), tl.arange(0, W)
        at = tl.load(index + place, mask=place < n, other=-1)
        often = tl.load(copies + place, mask=place < n, other=0)
        a, b = at // B, at % B
        total = tl.zeros([N, W], tl.float32)
        for k in range(0, tl.max(often, axis=0)):
            mask = ((at >= 0) & (k < often))[:, None] & (d < D)[None, :]
            line = x + ((a + k) * x_a + b * x_b)[:, None] + head * x_head
            total += tl.load(line + d[None, :], mask=mask, other=0.0).to(tl.float32)
        line = (place.to(tl.int64) * heads + head) * D
        told = total.to(found.dtype.element_ty)
        tl.store(found + line[:, None] + d[None, :], told, mask=(place < n)[:, None] & (d < D)[None, :])


def gathered(x: Tensor, index: Tensor, rows: int) -> Tensor:
    """What stands in x [A, heads, B, d] at the places `index` [rows * n], 0 for NOWHERE, [rows, heads, n, d]."""
    return _ours(x, index, None, rows) if _serves(x) else _stock(x, index, rows)


def collected(x: Tensor, index: Tensor, copies: Tensor, rows: int, most: int) -> Tensor:
    """The same, added up over `copies` [rows * n] places, B after one another: the same place of as many texts, `most`
    at most.
    """
    return _ours(x, index, copies, rows) if _serves(x) else _summed(x, index, copies, rows, most)


def _ours(x: Tensor, index: Tensor, copies: Tensor | None, rows: int) -> Tensor:
    """By the kernels, in the layout [rows, n, heads, d]."""
    if x.stride(-1) != 1:
        x = x.contiguous()
    _, heads, B, d = x.shape
    n = len(index)
    found = torch.empty(rows, n // rows, heads, d, dtype=x.dtype, device=x.device)
    ask, more = (_gather, ()) if copies is None else (_collect, (copies,))
    ask[triton.cdiv(n, BLOCK), heads](
        x, index, *more, found, n, B, x.stride(0), x.stride(1), x.stride(2), heads,
        D=d, W=triton.next_power_of_2(d), N=BLOCK,
    )  # fmt: skip
    return found.transpose(1, 2)


def _stock(x: Tensor, index: Tensor, rows: int) -> Tensor:
    """By stock operations, in the same layout."""
    found = lines(x.transpose(1, 2).flatten(0, 1), index)
    return found.view(rows, -1, *found.shape[1:]).transpose(1, 2)


def lines(x: Tensor, index: Tensor) -> Tensor:
    """The lines `index` [n] of x [m, ...], 0 for NOWHERE."""
    found = x.index_select(0, index.clamp(min=0))
    return torch.where((index != NOWHERE).view(-1, *[1] * (x.dim() - 1)), found, 0.0)


def _summed(x: Tensor, index: Tensor, copies: Tensor, rows: int, most: int) -> Tensor:
    told = _stock(x, index, rows)
    for k in range(1, most):
        further = torch.where((copies > k) & (index != NOWHERE), index + k * x.shape[2], NOWHERE)
        told = told + _stock(x, further, rows)
    return told


def _serves(x: Tensor) -> bool:
    """Whether the kernels are to be used: on a GPU, where they do what the stock operations do."""
    return wanted(x.device) and _repeats(x.device, x.dtype, x.shape[-1])


@cache
def _repeats(device: torch.device, dtype: torch.dtype, d: int) -> bool:
    """Whether they say on a few numbers what the stock operations say."""
    return trusted("the layout of texts", lambda: tried(device, dtype, d) <= APART[dtype])


@torch.no_grad()
def tried(device: torch.device, dtype: torch.dtype, d: int) -> float:
    """How far the kernels are from the stock operations, at most; in two layouts, with a place of nothing and one of
    no number.
    """
    if triton is None:
        raise ImportError("triton is not installed")
    A, heads, B, rows, n = 6, 3, 37, 2, 75
    made = torch.Generator().manual_seed(d)
    far = 0.0
    for heads_first in (True, False):
        shape = (A, heads, B, d) if heads_first else (A, B, heads, d)
        x = torch.randn(*shape, generator=made).to(dtype).to(device)
        x = x if heads_first else x.transpose(1, 2)
        x[0, 0, 0] = float("nan")
        index = torch.randint(1, 3 * B, (rows * n,), generator=made).to(device)
        copies = torch.randint(1, 4, (rows * n,), generator=made).to(device)
        index[::7] = NOWHERE
        pairs = (
            (_ours(x, index, None, rows), _stock(x, index, rows)),
            (_ours(x, index, copies, rows), _summed(x, index, copies, rows, 3)),
        )
        for ours, stock in pairs:
            if ours.shape != stock.shape or ours.stride() != stock.stride():
                return float("inf")
            far = max(far, float((ours.float() - stock.float()).abs().max()))
    return far
