"""How does a completion find its prompt and what it said before, and nothing of its siblings?

In a row of learning a prompt stands before all its completions. For attention alone each completion is laid out as the
text that it is, after a copy of its prompt: every place looks back, and no mask is needed, so that the quickest kernels
serve. Over the whole row, K times as many scores would be computed and thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

from rewardbench.engine.places import NOWHERE, collected, gathered, lines
from rewardbench.engine.send import sent
from rewardbench.types import Ints

STEP = 32
"""What lengths are rounded up to a multiple of, if they are short."""


def rounded(n: int) -> int:
    """A length that is at least n, an eighth longer at most (a short one by `STEP`): eight for each doubling.

    >>> [rounded(n) for n in (1, 32, 33, 300, 600, 1120)]
    [32, 32, 64, 320, 640, 1152]
    """
    step = max(STEP, 1 << max(0, (n - 1).bit_length() - 4))
    return -(-n // step) * step


@dataclass
class Siblings:
    """Who looks at whom in rows of [prompt, completion, completion, …], of S positions each. A row is laid out as K
    texts of W places, a prompt and one completion each; what stands after them is nothing, and nobody looks ahead.
    """

    there: Tensor
    """For each place of the texts, [rows * K * W], which of the [rows * S] positions stands there; NOWHERE: none."""
    first: Tensor
    """The same, but that prompts stand in the first text of their row alone."""
    back: Tensor
    """For each position its place, a prompt's in the first text, [rows * S]; NOWHERE: it has none."""
    copies: Tensor
    """In how many texts each position stands, at the same place of each, [rows * S]."""
    K: int
    W: int

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """What each position finds, [R, heads, N, d]; 0 where nothing stands."""
        R, group = len(query), query.shape[1] // key.shape[1]
        half = query.dtype in (torch.bfloat16, torch.float16)  # the one kernel where heads may share keys as they are
        query, key, value = (_Texts.apply(x, self) for x in (query, key, value))  # type: ignore[no-untyped-call]
        if group > 1 and not half:
            key, value = (x[:, :, None].expand(-1, -1, group, -1, -1).flatten(1, 2) for x in (key, value))
        found = sdpa(query, key, value, is_causal=True, scale=scale, enable_gqa=group > 1 and half)
        rows: Tensor = _Rows.apply(found, self, R)  # type: ignore[no-untyped-call]
        return rows

    @property
    def texts(self) -> int:
        """rows * K."""
        return len(self.there) // self.W


class _Texts(torch.autograd.Function):
    """Rows as texts, [R, heads, N, d] as [rows * K, heads, W, d]: every position is taken once, a prompt's K times, and
    its slopes are added up in order.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, look: Siblings) -> Tensor:
        ctx.look, ctx.R = look, len(x)
        return gathered(x, look.there, look.texts)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        look = ctx.look
        return collected(grads[0], look.back, look.copies, ctx.R, look.K), None


class _Rows(torch.autograd.Function):
    """Texts as rows again; a prompt as the first of its texts says."""

    @staticmethod
    def forward(ctx: Any, found: Tensor, look: Siblings, R: int) -> Tensor:
        ctx.look = look
        return gathered(found, look.back, R)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return gathered(grads[0], ctx.look.first, ctx.look.texts), None, None


def taken(x: Tensor, there: Tensor, back: Tensor) -> Tensor:
    """The rows `there` [n] of x [m, ...], 0 for NOWHERE; `back` [m] says which row of the result each row of x became.

    The way back takes rows too. Autograd would add them up instead, on a GPU one by one.
    """
    found: Tensor = _Taken.apply(x, there, back)  # type: ignore[no-untyped-call]
    return found


class _Taken(torch.autograd.Function):
    """As above."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(there, back)
        return lines(x, there)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        _, back = ctx.saved_tensors
        return lines(grads[0], back), None, None


def siblings(position: Ints, part: Ints, K: int, most: tuple[int, int], device: torch.device) -> Siblings:
    """Who looks at whom in rows whose positions [rows, S] are `position` in their text and belong to `part` (0: the
    prompt, k: its k-th completion, -1: nothing).

    `most` are tokens of a prompt and of what is fed of a completion: room for the longest, at least.
    """
    rows, S = part.shape
    L, W = min(rounded(most[0]), S), rounded(max(1, sum(most)))
    texts = (np.arange(rows)[:, None] * K + np.maximum(part - 1, 0)) * W + position
    back = np.where(part >= 0, texts, NOWHERE).ravel()
    first = np.full(rows * K * W, NOWHERE)
    first[back[back != NOWHERE]] = np.flatnonzero(back != NOWHERE)
    prompt = part == 0
    there = first.reshape(rows, K, W).copy()
    there[:, :, :L] = np.where(prompt[:, None, :L], there[:, :1, :L], there[:, :, :L])
    copies = np.where(prompt, K, 1).ravel()
    there_, first_, back_, copies_ = (sent(x, device) for x in (there.ravel(), first, back, copies))
    return Siblings(there_, first_, back_, copies_, K, W)
