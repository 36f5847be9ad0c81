"""How far may a board's order be trusted? Weights, front, resolution, variance, and whether the task tells at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import seeds as streams
from rewardbench import stats
from rewardbench.boards.definition import AXES, Board
from rewardbench.types import Floats

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

DRAWS = 1000
NULLS = ("random", "constant")


def _means(contest: Sequence[Scored], seeds: Sequence[int]) -> tuple[list[str], list[str], Floats]:
    """(names, axes, means [designs, axes]) of the designs that have every axis which any of them has."""
    held = {s.name: {a: s.values(a, seeds) for a in AXES} for s in contest}
    axes = [a for a in AXES if any(all(v is not None for v in h[a]) for h in held.values())]
    names = [n for n, h in held.items() if all(v is not None for a in axes for v in h[a])]
    return names, axes, np.array([[np.mean(np.array(held[n][a], dtype=float)) for a in axes] for n in names])


def front(contest: Sequence[Scored], seeds: Sequence[int]) -> set[str]:
    """Designs that no other beats on one axis without being beaten on another (means; Q must be above 0)."""
    names, _, table = _means(contest, seeds)
    if not len(names):
        return set()
    above = (table[:, None] <= table[None]).all(-1) & (table[:, None] < table[None]).any(-1)
    beaten = above.sum(axis=1)
    return {n for n, by, q in zip(names, beaten, table[:, 0], strict=True) if not by and q > 0}


def sensitivity(board: Board, contest: Sequence[Scored], seeds: Sequence[int]) -> dict[str, Any]:
    """How the order in `overall` depends on its weights: 1,000 draws of Dirichlet(8 w)."""
    names, axes, table = _means(contest, seeds)
    if not names:
        return {"draws": DRAWS, "rows": []}
    table = np.clip(table, 0, 1)
    if "stability" in axes:
        table[:, axes.index("stability")] *= table[:, axes.index("quality")] > 0
    drawn = streams.generator("weights").dirichlet([8 * board.weights[a] for a in axes], DRAWS)
    order = (-(drawn @ table.T)).argsort(axis=1, kind="stable").argsort(axis=1) + 1
    low, high = np.quantile(order, [0.025, 0.975], axis=0, method="nearest")
    rows = [
        {"entry": n, "low": int(a), "high": int(b), "first": float((order[:, i] == 1).mean())}
        for i, (n, a, b) in enumerate(zip(names, low, high, strict=True))
    ]
    return {"draws": DRAWS, "rows": rows}


def resolution(contest: Sequence[Scored], seeds: Sequence[int], baseline: str) -> dict[str, Any]:
    """The smallest true difference to the baseline that the board finds with power .8, a comparison at a time: median
    and worst over entries, by axis."""
    found = {}
    pinned = next((s for s in contest if s.name == baseline), None)
    for axis in AXES:
        pairs = []
        for one in contest:
            if pinned is None or one is pinned:
                continue
            a, b = one.values(axis, seeds), pinned.values(axis, seeds)
            if all(v is not None for v in (*a, *b)):
                gap = stats.paired_difference([float(v or 0) for v in a], [float(v or 0) for v in b])
                pairs.append(stats.minimum_detectable_difference(gap))
        told = {"median": float(np.median(pairs)), "worst": float(np.max(pairs)), "n": len(pairs)} if pairs else None
        found[axis] = told
    return found


def broken(board: Board, scored: Sequence[Scored]) -> dict[str, Any]:
    """Whether the task still tells good from bad, by axis: each condition with its numbers, and those that failed.

    A null arm must not be above `untrained` in Q; the planted exploit must be below the baseline; the oracle above
    `untrained`. One-sided, the conditions of an axis adjusted together.
    """
    there = {s.name: s for s in scored}
    found = {}
    for axis in AXES:
        asked: list[tuple[str, str, bool | None]] = []
        asked += [(n, "untrained", False) for n in NULLS] if axis == "quality" else []
        asked += [("exploit", board.baseline, None)]
        asked += [("oracle", "untrained", True)] if axis in ("quality", "efficiency", "diversity") else []
        told = [t for a, b, above in asked if (t := _condition(there, axis, a, b, above)) is not None]
        for one, p in zip(told, stats.holm([t["p"] for t in told]), strict=True):
            one["p_adjusted"] = p
            one["holds"] = (p < 0.05) == one.pop("wanted")
        found[axis] = {"conditions": told, "broken": [f"{t['a']} against {t['b']}" for t in told if not t["holds"]]}
    return found


def _condition(there: dict[str, Scored], axis: str, a: str, b: str, above: bool | None) -> dict[str, Any] | None:
    """The one-sided comparison behind a condition: `above` False: a must not be above b; True: must be; None: below."""
    if a not in there or b not in there:
        return None
    shared = sorted({r.run.spec.seed for r in there[a].results} & {r.run.spec.seed for r in there[b].results})
    pairs = list(zip(there[a].values(axis, shared), there[b].values(axis, shared), strict=True))
    known = [(x, y) for x, y in pairs if x is not None and y is not None]
    if len(known) < 2:
        return None
    gap = stats.paired_difference([x for x, _ in known], [y for _, y in known])
    up = above is not None
    half = gap.p / 2
    p = half if (gap.difference > 0) == up else 1 - half
    must = {False: "not be above", True: "be above", None: "be below"}[above]
    return {
        "a": a, "b": b, "must": must, "difference": gap.difference, "low": gap.low, "high": gap.high, "n": gap.n,
        "p": p, "wanted": above is not False,
    }  # fmt: skip


def components(contest: Sequence[Scored]) -> dict[str, Any] | None:
    """Where the variance of a design's final gold comes from: seeds (with their prompts) and sampling, pooled."""
    shares = []
    for one in contest:
        last = [r.run.curve.gold[-1] for r in one.results if r.run.curve is not None]
        if len(last) < 2:
            continue
        gold = np.stack(last)  # [seeds, prompts, samples]
        shares.append(_nested(gold))
    if not shares:
        return None
    mean = np.mean(shares, axis=0)
    return {"seed": float(mean[0]), "prompt": float(mean[1]), "sample": float(mean[2]), "designs": len(shares)}


def _nested(gold: Floats) -> tuple[float, float, float]:
    """Variance of a run's mean due to the seed itself, its prompts, and sampling; negative estimates are 0."""
    _, prompts, samples = gold.shape
    within = gold.var(axis=2, ddof=1).mean()
    between = gold.mean(axis=2).var(axis=1, ddof=1).mean()
    total = gold.mean(axis=(1, 2)).var(ddof=1)
    sample = within / (prompts * samples)
    prompt = max(between - within / samples, 0.0) / prompts
    return max(float(total - sample - prompt), 0.0), float(prompt), float(sample)
