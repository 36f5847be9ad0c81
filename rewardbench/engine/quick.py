"""How do many rows say their completions on a GPU? In calls of one shape, a few steps at a time between looks.

Noise is named by completion, so a call may be cut as memory asks: one has as many rows a run as a step of training
has, or in evaluations, where a card has room, some times as many. A task of one turn is looked at every few steps, to
see whether all have ended; a dialogue at each, since the partner's words go in between. What a row says, and the
partner, is `rows`, as on the eager path.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from rewardbench.engine.rows import Row, close, take, take_all
from rewardbench.engine.send import Fetched, sent
from rewardbench.engine.slots import ROUND, Slots, fill, go, pack, room
from rewardbench.engine.stack import Stack
from rewardbench.policies.load import Policy
from rewardbench.types import Ints, Task, UserError

NOBODY = -1
LOOK = 8
"""Steps between two looks at a task of one turn."""
SHARES = (1, 2, 4)
"""A call goes on with all its rows, half or a quarter of them, once the others have ended; a graph each."""
SHELF: WeakKeyDictionary[nn.Module, dict[tuple[int, int, int], Slots]] = WeakKeyDictionary()
"""Slots that a model has had, by (rows, L, T): their graphs are captured once a pack."""
Told = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""ids, logp, mine, turn, entropy: [rows, T] each."""


@torch.inference_mode()
def decode(
    policy: Policy, stacked: Stack, task: Task, rows: Sequence[Row], noise: np.ndarray, heat: Tensor
) -> Told:
    """What `rows` (run-major, equally many a run) say."""
    with stacked.still():
        return _decoded(policy, stacked, task, rows, noise, heat)


def _decoded(policy: Policy, stacked: Stack, task: Task, rows: Sequence[Row], noise: np.ndarray, heat: Tensor) -> Told:
    """As above, call by call."""
    R, n, T = stacked.R, *noise.shape
    told: Told = (
        np.full((n, T), policy.pad, dtype=np.int64), np.zeros((n, T), dtype=np.float32), np.zeros((n, T), dtype=bool),
        np.zeros((n, T), dtype=np.int16), np.zeros((n, T), dtype=np.float32),
    )  # fmt: skip
    grid = np.arange(n).reshape(R, -1)
    width = policy.settings.P * policy.settings.K
    if policy.settings.tile is None:
        width = _wide(policy, stacked, T, grid.shape[1])
    for start in range(0, grid.shape[1], width):
        part = grid[:, start : start + width]
        places = np.full((R, width), NOBODY)
        places[:, : part.shape[1]] = part
        _call(policy, stacked, task, rows, places.ravel(), noise, heat, told)
    return told


def _wide(policy: Policy, stacked: Stack, T: int, asked: int) -> int:
    """Completions a run that are sampled at once of so many that are asked for: as many as were reckoned to fit, or as
    in a step of training where a card has less room than that after all.
    """
    step = policy.settings.P * policy.settings.K
    width = min(max(step, policy.wide), asked)
    if width > step:
        try:
            _slots(stacked, stacked.R * width, policy.longest, T)
        except torch.OutOfMemoryError:
            policy.wide, width = 0, step
        if not policy.wide:  # here, where the error no longer holds what was made
            torch.cuda.empty_cache()
    return width


def _call(
    policy: Policy, stacked: Stack, task: Task, every: Sequence[Row], places: Ints, noise: np.ndarray, heat: Tensor,
    told: Told,
) -> None:
    """What those of `every` row say that stand at `places` (NOBODY: a row of padding)."""
    T = noise.shape[1]
    padding = Row(every[0].prompt, (policy.eos,), "", idle=True)
    rows = [every[i] if i != NOBODY else padding for i in places]
    if all(row.idle for row in rows):
        return
    tile = policy.settings.tile
    contexts, owner = _prompts(rows, stacked.R, apart=tile is not None)
    longest = max(map(len, contexts))
    if tile is not None and longest > tile.prompt:
        asked = f"a prompt has {longest} tokens, and a tile of this policy room for {tile.prompt}"
        raise UserError(f"{asked}: raise tile.prompt in its .toml")
    slots = _slots(stacked, len(rows), max(longest, policy.longest) if tile is None else tile.prompt, T)
    device = slots.fed.device
    own, warmth = sent(noise[places], device), sent(heat.numpy()[places], device)
    fill(stacked.model, slots, contexts, sent(owner, device), own, warmth)
    alone = task.reply is None or task.turns == 1
    live, look = np.arange(len(rows)), LOOK if alone else 1
    ahead: list[_Look] = []  # what a GPU says while the host still reads what it said before
    for t in range(0, T, look):
        count = min(look, T - t)
        go(stacked.model, slots, len(live), count)
        ahead.append(_Look(slots, places[live], t, count, alone))
        if look > 1 and len(ahead) == 1 and t + look < T:
            continue
        _written(policy, task, every, ahead.pop(0), told)
        if all(row.idle for row in rows):
            ahead.clear()
            break
        kept = _fewer([rows[i].idle for i in live], len(rows), stacked.R) if tile is None else None
        if kept is not None:
            pack(slots, sent(kept, device))
            live = live[kept]
        if look == 1 and t + 1 < T:
            _force(slots, [rows[i] for i in live], t + 1)
    for last in ahead:
        _written(policy, task, every, last, told)
    ids, mine = told[0], told[2]
    for row, place in zip(rows, places.tolist(), strict=True):
        if alone and not row.idle:
            row.own = ids[place, mine[place]].tolist()
        if row.own:  # cut at the length limit
            close(policy, row)


def _slots(stacked: Stack, rows: int, longest: int, T: int) -> Slots:
    """Slots of that size, those of an earlier call if there are any; smaller ones make room for larger ones."""
    L = -(-longest // ROUND) * ROUND
    shelf = SHELF.setdefault(stacked.model, {})
    if (rows, L, T) not in shelf:
        for small in [k for k in shelf if (k[0], k[2]) == (rows, T) and k[1] < L]:
            del shelf[small]
        shelf[rows, L, T] = room(stacked.model, stacked.R, rows, L, T)
    return shelf[rows, L, T]


def _prompts(rows: list[Row], R: int, apart: bool) -> tuple[list[tuple[int, ...]], Ints]:
    """The different prompts of each run, equally many a run and run-major, and which of them each row continues; or
    one for each row, if they are to be kept `apart`.
    """
    if apart:
        return [row.context for row in rows], np.arange(len(rows))
    runs = [rows[r * len(rows) // R : (r + 1) * len(rows) // R] for r in range(R)]
    number = [{c: p for p, c in enumerate(dict.fromkeys(row.context for row in run))} for run in runs]
    P = max(map(len, number))
    contexts = [c for own in number for c in [*own, *[next(iter(own))] * (P - len(own))]]
    return contexts, np.array([r * P + own[row.context] for r, own in enumerate(number) for row in runs[r]])


class _Look:
    """What the rows in use said at `count` steps from t on, on its way to the host."""

    def __init__(self, slots: Slots, places: Ints, t: int, count: int, alone: bool) -> None:
        """`alone`: the rows say all by themselves, no partner comes in between."""
        self.places, self.t, self.count, self.alone = places, t, count, alone
        part = (slice(len(places)), slice(t, t + count))
        self.fetched = Fetched([table[part] for table in (slots.said, slots.logp, slots.entropy)])


def _written(policy: Policy, task: Task, every: Sequence[Row], look: _Look, told: Told) -> None:
    """Take in what was seen."""
    ids, logp, mine, turn, entropy = told
    token, lp, h = look.fetched.arrays(policy.meanwhile)  # [rows, count] each
    there = look.places != NOBODY
    if look.alone:
        at = look.places[there]
        own = take_all(policy, every, at, look.t, token[there], ids, mine)
        r, n = own.nonzero()
        logp[at[r], look.t + n] = lp[there][own]
        entropy[at[r], look.t + n] = h[there][own]
        return
    for i in range(look.count):
        going = np.array([some and not every[place].idle for some, place in zip(there, look.places, strict=True)])
        at = look.places[going]
        take(policy, task, every, at, look.t + i, token[going, i], ids, mine, turn)
        said = mine[at, look.t + i]
        logp[at[said], look.t + i] = lp[going, i][said]
        entropy[at[said], look.t + i] = h[going, i][said]


def _force(slots: Slots, rows: list[Row], t: int) -> None:
    """Put the partner's next word of every row in for what would be sampled at step t."""
    queued = np.array([row.forced[-1] if row.forced and not row.idle else -1 for row in rows])
    if (queued >= 0).any():
        slots.forced[: len(rows), t] = sent(queued, slots.forced.device)


def _fewer(idle: Sequence[bool], whole: int, R: int) -> Ints | None:
    """Which of the rows in use to go on with, equally many a run, if half or a quarter of the `whole` do; or None.

    >>> _fewer([True, False, False, True], 4, 2), _fewer([True, True, False, False], 4, 2)
    (array([1, 2]), None)
    """
    now = len(idle) // R
    table = np.array(idle).reshape(R, now)
    needed = int((~table).sum(1).max())
    fit = [whole // R // s for s in SHARES if whole // R % s == 0 and needed <= whole // R // s < now]
    if not fit:
        return None
    order = table.argsort(axis=1, kind="stable")[:, : min(fit)]
    return np.asarray(np.sort(order, axis=1) + np.arange(R)[:, None] * now).ravel()
