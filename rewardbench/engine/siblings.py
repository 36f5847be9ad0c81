"""How does a completion find its prompt and what it said before, and nothing of its siblings?

In a row of learning a prompt stands before all its completions. For attention alone each completion is laid out on its
own, behind its prompt's keys: over the whole row, K times as many scores would be computed and thrown away by a mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

from rewardbench.engine.slots import ALIGNED, added
from rewardbench.types import Ints

NOWHERE = -1


@dataclass
class Siblings:
    """Who looks at whom in rows of [prompt, completion, completion, …], of S positions each."""

    there: Tensor
    """For each place of the completions laid out on their own, [rows * K * T], which of the [rows * S] positions stands
    there; NOWHERE: none.
    """
    back: Tensor
    """For each position its place, [rows * S]; NOWHERE: it is no completion's."""
    prompt: Tensor
    """Whether a position is its prompt's, [rows, S]."""
    early: Tensor
    """What is added to a prompt's scores before their softmax, [1, 1, g * L, L]: g query heads share their keys."""
    late: Tensor
    """The same of completions, [rows * K, 1, g * T, L + T]."""

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def attend(self, module: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """What each position finds, [rows, heads, S, d]; 0 where nothing stands. Never compiled with its block: a
        compiler thinks for minutes about the lengths that meet here, and the kernels are the same.
        """
        rows, heads, S, d = query.shape
        n, L = len(self.late), self.early.shape[-1]
        asked, own_keys, own_values = (self._apart(x, n) for x in (query, key, value))
        keys, values = (
            torch.cat([x[:, None, :, :L].expand(-1, n // rows, -1, -1, -1).flatten(0, 1), own], dim=2)
            for x, own in ((key, own_keys), (value, own_values))
        )
        late = _folded(asked, keys, values, self.late, scale).transpose(1, 2).reshape(-1, heads, d)
        early = _folded(query[:, :, :L], key[:, :, :L], value[:, :, :L], self.early, scale)
        found = taken(late, self.back, self.there).view(rows, S, heads, d).transpose(1, 2)
        return torch.where(self.prompt[:, None, :, None], torch.nn.functional.pad(early, (0, 0, 0, S - L)), found)

    def _apart(self, x: Tensor, n: int) -> Tensor:
        """[rows, heads, S, d] -> [rows * K, heads, T, d]: the completions alone."""
        flat = x.transpose(1, 2).flatten(0, 1)
        return taken(flat, self.there, self.back).view(n, -1, *flat.shape[1:]).transpose(1, 2)


def _folded(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Attention whose query heads of a group stand as rows of one query, so that no key is repeated."""
    n, groups, _, d = key.shape
    found = sdpa(query.reshape(n, groups, -1, d), key, value, attn_mask=mask, scale=scale)
    return found.reshape(query.shape)  # a GPU's kernel lays it out with heads behind positions


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
        return _rows(x, there)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        _, back = ctx.saved_tensors
        return _rows(grads[0], back), None, None


def _rows(x: Tensor, index: Tensor) -> Tensor:
    found = x.index_select(0, index.clamp(min=0))
    return torch.where((index != NOWHERE).view(-1, *[1] * (x.dim() - 1)), found, 0.0)


def siblings(position: Ints, part: Ints, K: int, most: tuple[int, int], group: int, like: Tensor) -> Siblings:
    """Who looks at whom in rows whose positions [rows, S] are `position` in their text and belong to `part` (0: the
    prompt, k: its k-th completion, -1: nothing).

    `most` are tokens of a prompt and of what is fed of a completion: room for the longest, at least. `group` query
    heads share their keys; `like` has the device and the type of scores.
    """
    rows = len(part)
    length = (part == 0).sum(1)
    own = part > 0
    t = position - length[:, None]
    L, T = (max(ALIGNED, -(-n // ALIGNED) * ALIGNED) for n in most)
    back = np.where(own, (np.arange(rows)[:, None] * K + part - 1) * T + t, NOWHERE).ravel()
    there = np.full(rows * K * T, NOWHERE)
    there[back[back != NOWHERE]] = np.flatnonzero(back != NOWHERE)
    before = np.arange(L)[:, None] >= np.arange(L)
    seen = np.empty((rows, K, T, L + T), dtype=bool)
    seen[..., :L] = (np.arange(L) < np.maximum(length, 1)[:, None])[:, None, None]
    seen[..., L:] = np.arange(T)[:, None] >= np.arange(T)

    def scores(mask: np.ndarray) -> Tensor:
        """[n, queries, keys] -> [n, 1, g * queries, keys]."""
        return added(torch.from_numpy(mask).to(like.device), like.dtype).repeat(1, group, 1)[:, None]

    there_, back_, prompt = (torch.from_numpy(x).to(like.device) for x in (there, back, part == 0))
    return Siblings(there_, back_, prompt, scores(before[None]), scores(seen.reshape(rows * K, T, L + T)))
