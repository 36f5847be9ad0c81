"""Does a board foretell another? The same designs, by their hash, on the same tasks, with a larger policy for instance.

Two figures a task, which answer different questions. The rank correlation of mean quality says whether the order is
the same, over designs whose true difference may be nothing. The decisions say what a user asks: of the pairs that both
boards tell apart, how many point the same way?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from rewardbench import stats
from rewardbench.boards import entries
from rewardbench.boards.definition import Board
from rewardbench.measures.agreement import kendall_tau_b, rank_interval
from rewardbench.types import Floats, UserError

LEAST = 5
"""Designs below which a rank correlation has no interval."""


@dataclass(frozen=True)
class Transfer:
    """How far the order of some designs on one board is that on another."""

    designs: int
    tau: float
    """Kendall's tau-b of mean quality."""
    low: float
    high: float
    resolved: int
    """Pairs that both boards tell apart, after adjustment over all pairs of the designs."""
    same: int
    """Of these, the pairs that point the same way."""
    share: float | None
    """same / resolved; None if no pair is told apart by both."""
    share_low: float | None
    share_high: float | None
    only_first: int
    """Pairs that the first board alone tells apart."""
    only_second: int


def transfer(first: Mapping[str, Floats], second: Mapping[str, Floats]) -> Transfer:
    """From quality by design, [seeds] each (seeds of a board are the same for all its designs).

    Formula: tau-b with Fieller's interval over designs; the exact share of resolved pairs that agree (pairs share
    designs, so that its interval is too narrow rather than too wide).
    Read: a share of 1 over many pairs with a tau of .6: what both resolve agrees, and the rest is not resolved.
    Raises UserError where fewer than five designs stand on both.

    >>> one = {str(i): [i / 10, i / 10 + .01, i / 10 - .01] for i in range(6)}
    >>> found = transfer(one, {d: [1 - x for x in q] for d, q in one.items()})
    >>> found.designs, round(found.tau), found.resolved, found.same
    (6, -1, 15, 0)
    """
    names = [d for d in first if d in second]
    if len(names) < LEAST:
        raise UserError(f"{len(names)} designs stand on both boards; a rank correlation needs at least {LEAST}")
    tables = [[np.asarray(side[d], dtype=np.float64) for d in names] for side in (first, second)]
    tau = kendall_tau_b(*([float(np.mean(q)) for q in table] for table in tables))
    low, high = rank_interval(tau, len(names), "kendall")
    one, other = (stats.significantly_better([q[None] for q in table]) for table in tables)
    signs = [(int(one[i, j]) - int(one[j, i]), int(other[i, j]) - int(other[j, i])) for i, j in _pairs(len(names))]
    resolved = [(a, b) for a, b in signs if a and b]
    same = sum(a == b for a, b in resolved)
    ends = stats.exact_share(same, len(resolved)) if resolved else (None, None)
    return Transfer(
        designs=len(names), tau=tau, low=low, high=high, resolved=len(resolved), same=same,
        share=same / len(resolved) if resolved else None, share_low=ends[0], share_high=ends[1],
        only_first=sum(bool(a) and not b for a, b in signs), only_second=sum(bool(b) and not a for a, b in signs),
    )  # fmt: skip


def _pairs(n: int) -> list[tuple[int, int]]:
    return list(combinations(range(n), 2))


def qualities(board: Board, task: str) -> dict[str, Floats]:
    """Design hash -> quality on the board's seeds, [seeds], of the entries that were taught and have all seeds; of a
    design that stands there twice the first.
    """
    found: dict[str, Floats] = {}
    seeds = board.seed_list(board.seeds)
    for entry in entries.all_of(board.folder):
        told: Mapping[str, Any] | None = entry.about["tasks"].get(task)
        if told is None or entry.kind == "control":
            continue
        by = {run["seed"]: run["quality"] for run in told["runs"]}
        values = [by.get(seed) for seed in seeds]
        if all(v is not None for v in values):
            found.setdefault(told["design_hash"], np.array(values, dtype=np.float64))
    return found


def between(first: Board, second: Board) -> dict[str, Transfer]:
    """Task -> transfer, of the tasks that both boards have; raises UserError if none has five designs on both."""
    common = [task for task in first.tasks if task in second.tasks]
    held = {task: (qualities(first, task), qualities(second, task)) for task in common}
    found = {task: transfer(*pair) for task, pair in held.items() if len(set(pair[0]) & set(pair[1])) >= LEAST}
    if not found:
        counts = ", ".join(f"{task}: {len(set(a) & set(b))}" for task, (a, b) in held.items()) or "no task in common"
        raise UserError(
            f"boards {first.name} and {second.name}: no task on which {LEAST} designs stand on both ({counts})"
        )
    return found


def sentence(task: str, found: Transfer, first: str, second: str) -> str:
    """One task's figures in words."""
    agree = "none is told apart by both"
    if found.share is not None:
        share = f"{found.share:.2f} [{found.share_low:.2f}, {found.share_high:.2f}]"
        agree = f"of {found.resolved} pairs that both tell apart {found.same} point the same way: {share}"
    return (
        f"{task}: tau {found.tau:+.2f} [{found.low:+.2f}, {found.high:+.2f}] over {found.designs} designs; {agree}; "
        f"{found.only_first} pairs are told apart by {first} alone, {found.only_second} by {second} alone"
    )
