"""How does one new token of every row find its keys on a GPU, each read once? A kernel of our own, in Triton.

Stock attention with a mask goes through a slot's whole length at every step and pads one query to a tile of sixty-four.
This one stops where a row's text stops, takes the query heads of a group together, and reads a prompt's keys from the
slots of one of its siblings: the first that asks brings them into the cache, and the others find them there.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rewardbench.engine.fused import trusted, wanted

try:
    import triton
    import triton.language as tl
except ImportError:  # comes with torch where there is a GPU
    triton = None

if TYPE_CHECKING:
    from rewardbench.engine.slots import Slots

LEAST = 16
"""Rows of the smallest product of matrices on a GPU: a group's query heads are padded to it."""
BLOCK = 32
"""Positions looked at together."""
WARPS = 1
APART = {torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 4e-3}
"""How far the kernel may be from stock attention on the same numbers, which are of size one."""

if triton is not None:

    @triton.jit  # type: ignore[untyped-decorator]
    def _look(  # type: ignore[no-untyped-def]
        query, key, value, keys, values, found, leader, start, at, L, scale,
        q_row, q_head, k_row, k_head, v_row, v_head, s_row, s_head, f_row, f_head,
        G: tl.constexpr, D: tl.constexpr, M: tl.constexpr, W: tl.constexpr, N: tl.constexpr,
    ):  # fmt: skip
        """One row and one group of heads: G queries of size D; M and W are these padded, N positions at a time."""
        row, group = tl.program_id(0), tl.program_id(1)
        m, d, n = tl.arange(0, M), tl.arange(0, W), tl.arange(0, N)
        real = d < D
        asked = (m < G)[:, None] & real[None, :]
        q = tl.load(query + row * q_row + (group * G + m)[:, None] * q_head + d[None, :], mask=asked, other=0.0)
        own_key = tl.load(key + row * k_row + group * k_head + d, mask=real, other=0.0)
        own_value = tl.load(value + row * v_row + group * v_head + d, mask=real, other=0.0)
        place = L - 1 + tl.load(at).to(tl.int32)
        own = row.to(tl.int64) * s_row + group * s_head
        tl.store(keys + own + place * D + d, own_key, mask=real)
        tl.store(values + own + place * D + d, own_value, mask=real)
        # the new token itself comes first, so that there is always something to look at
        top = tl.sum(q.to(tl.float32) * own_key.to(tl.float32)[None, :], axis=1) * scale
        total = tl.full([M], 1.0, tl.float32)
        mean = tl.zeros([M, W], tl.float32) + own_value.to(tl.float32)[None, :]
        first = tl.load(start + row).to(tl.int32)
        prompt = tl.load(leader + row).to(tl.int64) * s_row + group * s_head
        for begin in range(first // N * N, place, N):
            there = begin + n
            seen = (there >= first) & (there < place)
            lines = tl.where(there < L - 1, prompt, own) + there * D  # a prompt's last token is each row's own
            mask = seen[:, None] & real[None, :]
            k = tl.load(keys + lines[:, None] + d[None, :], mask=mask, other=0.0)
            v = tl.load(values + lines[:, None] + d[None, :], mask=mask, other=0.0)
            score = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
            score = tl.where(seen[None, :], score, float("-inf"))
            high = tl.maximum(top, tl.max(score, axis=1))
            share, shrink = tl.exp(score - high[:, None]), tl.exp(top - high)
            total = total * shrink + tl.sum(share, axis=1)
            mean = mean * shrink[:, None] + tl.dot(share.to(v.dtype), v, input_precision="ieee")
            top = high
        told = (mean / total[:, None]).to(found.dtype.element_ty)
        tl.store(found + row * f_row + (group * G + m)[:, None] * f_head + d[None, :], told, mask=asked)


def attend(slots: Slots, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """As `Slots.attend`: what one new token a row finds, [rows, heads, 1, d]; its key and value are put into the slots.

    query [rows, heads, 1, d]; key, value [rows, groups, 1, d], of stride 1 in d.
    """
    rows, heads, _, d = query.shape
    groups = key.shape[1]
    keys, values = slots.keys[layer], slots.values[layer]
    found = torch.empty(rows, 1, heads, d, dtype=query.dtype, device=query.device).transpose(1, 2)
    _look[rows, groups](
        query, key, value, keys, values, found, slots.leader, slots.start, slots.at, slots.L, scale,
        *(x.stride(n) for x in (query, key, value, keys, found) for n in (0, 1)),
        G=heads // groups, D=d, M=max(LEAST, triton.next_power_of_2(heads // groups)),
        W=max(LEAST, triton.next_power_of_2(d)), N=BLOCK, num_warps=WARPS,
    )  # fmt: skip
    return found


def serves(slots: Slots) -> bool:
    """Whether the kernel is to be used for these slots: on a GPU, where it does what stock attention does."""
    keys = slots.keys[0]
    alike = all(k.shape == keys.shape and k.is_contiguous() for k in (*slots.keys, *slots.values))
    return alike and wanted(keys.device) and _repeats(keys.device, keys.dtype, keys.shape[1], keys.shape[3])


@cache
def _repeats(device: torch.device, dtype: torch.dtype, groups: int, d: int) -> bool:
    """Whether it says on a few numbers what stock attention says."""
    steps = (0, 1, 70)
    near = APART[dtype]
    return trusted("attention of one token", lambda: all(tried(device, dtype, groups, 3, d, t) <= near for t in steps))


def tried(device: torch.device, dtype: torch.dtype, groups: int, G: int, d: int, t: int) -> float:
    """How far the kernel is from stock attention, at most, at step t of rows with prompts of different lengths."""
    from rewardbench.engine.slots import empty

    if triton is None:
        raise ImportError("triton is not installed")
    P, K, L = 3, 4, 96
    slots = empty([(groups, d)], 1, P * K, L, t + 8, dtype, device)
    made = torch.Generator().manual_seed(t)

    def some(*shape: int) -> Any:
        return torch.randn(*shape, generator=made).to(dtype).to(device)

    prompts = torch.arange(P, device=device).repeat_interleave(K)
    for x in (slots.keys[0], slots.values[0]):
        x.copy_(some(*x.shape))
        x[:, :, : L - 1] = x[::K, :, : L - 1][prompts]  # the last token of a prompt is each row's own
    slots.start = torch.tensor([0, 17, L - 1], device=device)[prompts]
    slots.leader = prompts * K
    slots.at.fill_(t)
    column = torch.arange(slots.there.shape[-1], device=device)
    unseen = (column < slots.start[:, None]) | (column >= L + t)
    slots.there.masked_fill_(unseen[:, None, None], float("-inf"))
    before = slots.keys[0].clone(), slots.values[0].clone()
    heads = (G * groups, groups, groups)
    query, key, value = (some(P * K, n, 1, d) for n in heads)
    ours, written = attend(slots, 0, query, key, value, d**-0.5), (slots.keys[0], slots.values[0])
    slots.keys, slots.values = [before[0]], [before[1]]
    plain = slots.stock(0, query, key, value, d**-0.5)
    if not all(torch.equal(a, b) for a, b in zip(written, before, strict=True)):
        return float("inf")
    return float((ours.float() - plain.float()).abs().max())
