"""How far may a board's order be trusted? Weights, front, resolution, variance, and whether the task tells at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import stats
from rewardbench.boards.definition import Board
from rewardbench.results import AXES
from rewardbench.stats.weights import DRAWS
from rewardbench.types import Floats

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

NOT_ABOVE = "not be above"
NULLS = ("random", "constant")
"""Arms that teach nothing: no design that does may stand above the untrained policy."""


def whole(contest: Sequence[Scored], axis: str, seeds: Sequence[int]) -> dict[str, list[float]]:
    """Name -> the axis on each of the seeds, in their order, of those that have it on every one."""
    held = {s.name: s.values(axis, seeds) for s in contest}
    return {n: [float(v) for v in values if v is not None] for n, values in held.items() if None not in values}


def ranked_on(axis: str, contest: Sequence[Scored], learnt: set[str]) -> list[Scored]:
    """Those that an axis ranks: on all but Q only who learnt, since who stands still is stable."""
    return [s for s in contest if axis == "quality" or s.name in learnt]


def _means(
    board: Board, task: str, contest: Sequence[Scored], seeds: Sequence[int], prefix: str = ""
) -> tuple[list[str], Floats]:
    """(names, means over seeds [designs, axes]) of the designs that have every axis the task asks for."""
    held = [whole(contest, prefix + axis, seeds) for axis in board.asked(task)]
    full = [s.name for s in contest if all(s.name in axis for axis in held)]
    return full, np.array([[np.mean(axis[n]) for axis in held] for n in full]).reshape(len(full), len(held))


def front(board: Board, task: str, contest: Sequence[Scored], seeds: Sequence[int]) -> set[str]:
    """Designs with Q above 0 that no other beats on one axis without being beaten on another (means over seeds)."""
    names, table = _means(board, task, contest, seeds)
    if not names:
        return set()
    return {n for n, best, q in zip(names, stats.pareto(table), table[:, 0], strict=True) if best and q > 0}


def sensitivity(board: Board, task: str, contest: Sequence[Scored], seeds: Sequence[int]) -> dict[str, Any]:
    """How the order in `overall` depends on its weights: 1,000 draws of Dirichlet(8 w) on its counted axes."""
    names, table = _means(board, task, contest, seeds, "counted_")
    if not names:
        return {"draws": DRAWS, "rows": []}
    found = stats.sensitivity(table, [board.weights[a] for a in board.asked(task)])
    rows = [
        {"entry": n, "best": int(a), "worst": int(b), "first": float(f)}
        for n, a, b, f in zip(names, found.best, found.worst, found.front, strict=True)
    ]
    return {"draws": DRAWS, "rows": rows}


def resolution(ranked: Sequence[Scored], seeds: Sequence[int], learnt: set[str]) -> dict[str, Any]:
    """The smallest true difference that the ranks resolve with power .8, by axis: of the median and the worst pair.

    The strictest step of Holm's method, whose later ones ask for less; on all axes but Q among those that learnt.
    """
    found: dict[str, Any] = {}
    for axis in AXES:
        cells = list(whole(ranked_on(axis, ranked, learnt), axis, seeds).values())
        told = stats.resolution(cells) if len(cells) > 1 else None
        found[axis] = {"median": told.median, "worst": told.worst, "pairs": told.pairs} if told else None
    return found


def components(contest: Sequence[Scored], seeds: Sequence[int]) -> dict[str, Any] | None:
    """Where the variance of one seed's final gold comes from, as shares of it, pooled over designs: the seed, its
    prompts, and sampling."""
    parts = []
    for one in contest:
        runs = [r.run.curve for r in one.results if r.run.spec.seed in seeds]
        last = [c.gold[-1] for c in runs if c is not None and not c.failed]
        if len(last) == len(seeds):
            parts.append(stats.components(np.stack(last)).of_mean)
    total = float(np.sum(parts)) if parts else 0.0
    if not total:
        return None
    shares = np.sum(parts, axis=0) / total
    return {**dict(zip(("seed", "prompt", "sample"), map(float, shares), strict=True)), "designs": len(parts)}


def broken(board: Board, scored: Sequence[Scored]) -> dict[str, Any]:
    """Whether the task still tells good from bad, by axis: each condition with its numbers, and those that failed.

    A null arm must not be above `untrained` in Q; the planted exploit must be below the baseline; the oracle above
    `untrained`. One-sided t tests paired by seed. What must be shown is adjusted within its axis (Holm); what must not
    is not, so that a null arm is caught as soon as a single test would.
    """
    there = {s.name: s for s in scored}
    found = {}
    for axis in AXES:
        told = [t for a, b, must in _asked(board, axis) if (t := _condition(there, axis, a, b, must)) is not None]
        shown = [t for t in told if t["must"] != NOT_ABOVE]
        adjusted = dict(zip(map(id, shown), stats.holm([t["p"] for t in shown]), strict=True))
        for one in told:
            one["p_adjusted"] = adjusted.get(id(one), one["p"])
            one["holds"] = (one["p_adjusted"] < 0.05) == (one["must"] != NOT_ABOVE)
        failed = [f"{t['a']} must {t['must']} {t['b']}" for t in told if not t["holds"]]
        found[axis] = {"conditions": told, "broken": failed}
    return found


def _asked(board: Board, axis: str) -> list[tuple[str, str, str]]:
    """(entry, entry, what the first must be to the second) of an axis; a policy that stands still is stable."""
    nulls = [(n, "untrained", NOT_ABOVE) for n in NULLS] if axis == "quality" else []
    oracle = [("oracle", "untrained", "be above")] if axis != "stability" else []
    return [*nulls, ("exploit", board.pinned, "be below"), *oracle]


def _condition(there: Mapping[str, Scored], axis: str, a: str, b: str, must: str) -> dict[str, Any] | None:
    """The one-sided comparison behind a condition, on the seeds that both have; None where one of them is missing."""
    if a not in there or b not in there:
        return None
    shared = sorted({r.run.spec.seed for r in there[a].results} & {r.run.spec.seed for r in there[b].results})
    pairs = list(zip(there[a].values(axis, shared), there[b].values(axis, shared), strict=True))
    known = [(x, y) for x, y in pairs if x is not None and y is not None]
    if len(known) < 2:
        return None
    gap = stats.paired_difference([x for x, _ in known], [y for _, y in known])
    above = gap.p / 2 if gap.difference > 0 else 1 - gap.p / 2
    p = 1 - above if must == "be below" else above
    told = {name: getattr(gap, name) for name in ("difference", "low", "high", "n")}
    return {"a": a, "b": b, "must": must, **told, "p": p}
