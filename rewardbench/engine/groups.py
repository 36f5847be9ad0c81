"""How probable was each token that was said, on a GPU? A prompt and all its completions are one row.

The prompt is computed once, its completions follow one another, each at the positions after the prompt and blind to its
siblings: two to four times fewer tokens than a row a completion, and all of them in one dense product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

from rewardbench.engine.attend import able, attending
from rewardbench.engine.head import log_probability
from rewardbench.engine.stack import Stack
from rewardbench.policies.load import Policy
from rewardbench.types import Batch, Ints

ROUND = 8
"""Lengths are a multiple of it: the fast attention kernels ask for that."""


def suits(stacked: Stack, batches: Sequence[Batch | None]) -> bool:
    """Whether rows of whole groups serve: adapters laid out as on a GPU, a model that our attention repeats, all words
    allowed.
    """
    masked = any(b is not None and b.mask is not None for b in batches)
    return stacked.flat is not None and not masked and able(stacked.model, stacked.R)


@dataclass(frozen=True)
class Rows:
    """Prompts with their completions, a row each, run-major."""

    ids: Ints
    """[rows, S]."""
    position: Ints
    """[rows, S]."""
    part: Ints
    """0: prompt, k: its k-th completion, -1: nothing, [rows, S]."""
    before: Ints
    """For each own token, where in the flattened rows the position that decides it is, [n]."""
    place: Ints
    """Where each own token is in the flattened [R, b, T], [n]."""
    said: Ints
    """The own tokens themselves, [n]."""


def laid_out(batches: Sequence[Batch | None], pad: int, T: int, prompt: int = 0) -> Rows:
    """The batches of R runs as rows; every run gets as many rows as the one with most prompts. With a `prompt` length
    rows have room for one so long and T positions a completion, else as much as they need, and all positions are
    asked for their token, not the own ones alone: what a run shares with others has one shape then.
    """
    P = max(len(b.context) for b in batches if b is not None)
    b = max(int(np.prod(np.shape(x.ids)[:2])) for x in batches if x is not None)
    rows: list[list[tuple[Ints, Ints, Ints]]] = []
    before: list[tuple[int, Ints]] = []
    place: list[Ints] = []
    said: list[Ints] = []
    for r, batch in enumerate(batches):
        for p in range(P):
            row: list[tuple[Ints, Ints, Ints]] = []
            start = 0
            if batch is not None and p < len(batch.context):
                context, own_K = batch.context[p], batch.ids.shape[1]
                row.append(_piece(np.array(context), 0, 0))
                start += len(context)
                for k in range(own_K):
                    own = np.flatnonzero(batch.mine[p, k])
                    fed = batch.ids[p, k, : own[-1] if len(own) else 0]  # what follows the last one decides nothing
                    row.append(_piece(fed, len(context), k + 1))
                    before.append((len(rows), np.where(own > 0, start + own - 1, len(context) - 1)))
                    place.append((r * b + p * own_K + k) * T + own)
                    said.append(batch.ids[p, k, own])
                    start += len(fed)
            rows.append(row)
    K = max(batch.ids.shape[1] for batch in batches if batch is not None)
    S = prompt + K * T if prompt else max(1, max(sum(len(ids) for ids, _, _ in row) for row in rows))
    S = -(-S // ROUND) * ROUND
    tables = [np.full((len(rows), S), empty, dtype=np.int64) for empty in (pad, 0, -1)]
    for n, row in enumerate(rows):
        for table, pieces in zip(tables, zip(*row, strict=True), strict=False):  # of an idle row there are none
            values = np.concatenate(pieces)
            table[n, : len(values)] = values
    flat = [n * S + at for n, at in before]
    decides, at, token = (np.concatenate(x) if x else np.zeros(0, dtype=np.int64) for x in (flat, place, said))
    if prompt:
        every = np.zeros((2, len(batches) * b * T), dtype=np.int64)
        every[:, at] = decides, token
        (decides, token), at = every, np.arange(every.shape[1])
    return Rows(tables[0], tables[1], tables[2], decides, at, token)


def _piece(ids: Ints, start: int, part: int) -> tuple[Ints, Ints, Ints]:
    """(tokens, their positions from `start` on, the part they are of), [n] each."""
    return ids, start + np.arange(len(ids)), np.full(len(ids), part)


def seen(part: Tensor) -> Tensor:
    """Who may look at whom, [rows, 1, S, S]: back at the prompt and at one's own completion, and always at oneself."""
    S = part.shape[1]
    back = torch.ones(S, S, dtype=torch.bool, device=part.device).tril()
    own = (part[:, :, None] == part[:, None, :]) | (part[:, None, :] == 0)
    alone = torch.eye(S, dtype=torch.bool, device=part.device)  # a row of nothing is not a number
    return ((back & own & (part[:, None, :] >= 0)) | alone)[:, None]


def logp_of(policy: Policy, stacked: Stack, batches: Sequence[Batch | None]) -> Tensor:
    """Log-probability of each own token of R runs, [R, b, T]; 0 elsewhere. A gradient flows to the adapters alone."""
    live = [x for x in batches if x is not None]
    tile = policy.settings.tile
    T = max(1, max(_length(x) if tile is None else np.shape(x.mine)[-1] for x in live))
    b = max(int(np.prod(np.shape(x.ids)[:2])) for x in live)
    rows = laid_out(batches, policy.pad, T, tile.prompt if tile else 0)
    model = stacked.model
    device = next(model.parameters()).device
    ids, position, part, before, place, said = (
        torch.from_numpy(getattr(rows, n)).to(device) for n in ("ids", "position", "part", "before", "place", "said")
    )
    mask = seen(part)

    def within(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        group = query.shape[1] // key.shape[1]  # kernels that take a mask want every head its own keys
        key, value = (x.repeat_interleave(group, dim=1) if group > 1 else x for x in (key, value))
        return sdpa(query, key, value, attn_mask=mask, scale=scale)

    with attending(model, within):
        hidden = model.base_model(input_ids=ids, position_ids=position, use_cache=False).last_hidden_state  # type: ignore
    heat = np.array([1.0 if x is None else x.temperature for x in batches], dtype=np.float32)
    each = torch.from_numpy(heat).to(device)[place // (b * T)]
    found = log_probability(hidden.flatten(0, 1)[before], model.get_output_embeddings(), said, each)  # type: ignore
    whole = torch.zeros(len(batches) * b * T, dtype=found.dtype, device=device).index_put((place,), found)
    return whole.view(len(batches), b, T)


def _length(batch: Batch) -> int:
    """Positions up to the last own token of any completion."""
    anywhere = np.flatnonzero(np.asarray(batch.mine).any((0, 1)))
    return int(anywhere[-1]) + 1 if len(anywhere) else 0
