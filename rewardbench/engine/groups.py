"""How probable was each token that was said, on a GPU? A prompt and all its completions are one row.

The prompt is computed once, its completions follow one another, each at the positions after the prompt and blind to its
siblings (`siblings.py`): two to four times fewer tokens than a row a completion, and all of them in one dense product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from rewardbench.engine import passage
from rewardbench.engine.attend import attending
from rewardbench.engine.head import log_probability
from rewardbench.engine.passage import Asked
from rewardbench.engine.places import NOWHERE
from rewardbench.engine.send import sent
from rewardbench.engine.siblings import rounded, siblings, taken
from rewardbench.engine.stack import Stack
from rewardbench.policies.load import Policy
from rewardbench.policies.settings import Settings
from rewardbench.types import Batch, Ints


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


@dataclass(frozen=True)
class Room:
    """The shape of a pack's rows, which all runs share."""

    P: int
    """Prompts a run."""
    K: int
    """Completions a prompt."""
    T: int
    """Positions a completion."""
    prompt: int = 0
    """Tokens of a prompt that a tile has room for; 0: rows are as long as they have to be."""


def room(batches: Sequence[Batch | None], settings: Settings) -> Room:
    """As much as the largest batch needs; in a tile as much as any could, so that no run depends on its company."""
    live = [b for b in batches if b is not None]
    P, K = (max(np.shape(b.ids)[axis] for b in live) for axis in (0, 1))
    if settings.tile is None:
        return Room(P, K, max(1, max(map(_length, live))))
    usual = settings.micro // settings.K if settings.micro else settings.P
    T = max(np.shape(b.ids)[2] for b in live)
    return Room(max(P, usual, 1), max(K, settings.K), T, settings.tile.prompt)


def laid_out(batches: Sequence[Batch | None], pad: int, room: Room) -> Rows:
    """The batches of R runs as rows. In a tile all positions are asked for their token, not the own ones alone: what a
    run shares with others has one shape then.
    """
    live = [(r, _Told(batch)) for r, batch in enumerate(batches) if batch is not None]
    longest = max((int(told.ends.max(initial=0)) for _, told in live), default=0)
    S = rounded(max(1, longest, room.prompt and room.prompt + room.K * room.T))
    ids, position, part = (np.full((len(batches) * room.P, S), empty, dtype=np.int64) for empty in (pad, 0, -1))
    found: list[tuple[Ints, Ints, Ints]] = []
    for r, told in live:
        first = r * room.P
        for n, context in enumerate(told.batch.context):
            prompt = first + n, slice(len(context))
            ids[prompt], position[prompt], part[prompt] = context, np.arange(len(context)), 0
        p, k, t = told.fed()
        at = first + p, told.start[p, k] + t
        ids[at], position[at], part[at] = told.batch.ids[p, k, t], told.prompt[p] + t, k + 1
        p, k, t = np.nonzero(told.batch.mine)
        decides = np.where(t > 0, told.start[p, k] + t, told.prompt[p]) - 1
        place = (first * room.K + p * told.batch.ids.shape[1] + k) * room.T + t
        found.append(((first + p) * S + decides, place, told.batch.ids[p, k, t]))
    nothing = np.zeros(0, dtype=np.int64)
    before, place, said = (np.concatenate(x) for x in zip((nothing,) * 3, *found, strict=True))
    if room.prompt:
        every = np.zeros((2, len(batches) * room.P * room.K * room.T), dtype=np.int64)
        every[:, place] = before, said
        (before, said), place = every, np.arange(every.shape[1])
    return Rows(ids, position, part, before, place, said)


class _Told:
    """Where the completions of a batch stand in the rows of their prompts."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        own = np.asarray(batch.mine)
        self.prompt = np.array([len(context) for context in batch.context])
        """Tokens of each prompt, [P]."""
        self.count = np.where(own.any(2), own.shape[2] - 1 - own[:, :, ::-1].argmax(2), 0)
        """Tokens fed of each completion: what follows its last own one decides nothing, [P, K]."""
        self.start = self.prompt[:, None] + self.count.cumsum(1) - self.count
        """Where it begins in its row, [P, K]."""
        self.ends = self.prompt + self.count.sum(1)
        """Where its row ends, [P]."""

    def fed(self) -> tuple[Ints, ...]:
        """(prompt, completion, position) of every token that is fed, [n] each."""
        return np.nonzero(np.arange(self.batch.ids.shape[2]) < self.count[:, :, None])


def logp_of(policy: Policy, stacked: Stack, batches: Sequence[Batch | None]) -> Tensor:
    """Log-probability of each own token of R runs, [R, b, T]; 0 elsewhere. A gradient flows to the adapters alone."""
    shape = room(batches, policy.settings)
    rows = laid_out(batches, policy.pad, shape)
    model: Any = stacked.model
    device, each_run = next(model.parameters()).device, shape.P * shape.K
    # as they are asked for: what was compiled for a view of a tensor is compiled anew for a tensor
    ids, position = (sent(table.reshape(len(batches), -1), device) for table in (rows.ids, rows.position))
    before, place, said = (sent(getattr(rows, n), device) for n in ("before", "place", "said"))
    told = np.full(len(batches) * each_run * shape.T, NOWHERE)
    told[rows.place] = np.arange(len(rows.place))
    look = siblings(rows.position, rows.part, shape.K, _most(rows, shape), device)
    asked = Asked(ids, position, look)
    if policy.settings.tile:
        with attending(model, look.attend):
            hidden = asked.read(model)
    else:
        hidden = passage.hidden(stacked, asked)
    heat = np.array([1.0 if x is None else x.temperature for x in batches], dtype=np.float32)
    each = sent(heat, device)[place // (each_run * shape.T)]
    found = log_probability(hidden.flatten(0, 1)[before], model.get_output_embeddings(), said, each)
    return taken(found, sent(told, device), place).view(len(batches), each_run, shape.T)


def _most(rows: Rows, room: Room) -> tuple[int, int]:
    """Tokens of the longest prompt, and of what is fed of the longest completion; in a tile of any."""
    if room.prompt:
        return room.prompt, room.T
    length = (rows.part == 0).sum(1)
    fed = np.where(rows.part > 0, rows.position - length[:, None] + 1, 0)
    return int(length.max()), int(fed.max())


def _length(batch: Batch) -> int:
    """Positions up to the last own token of any completion."""
    anywhere = np.flatnonzero(np.asarray(batch.mine).any((0, 1)))
    return int(anywhere[-1]) + 1 if len(anywhere) else 0
