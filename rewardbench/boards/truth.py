"""Does the board tell the truth? Audits against outcomes, seeds against seeds, gold against gold, trainer against
trainer: each with its interval, whatever it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats as scipy_stats

from rewardbench import disk, stats
from rewardbench.boards import foretold, second, standing, studies
from rewardbench.boards.challenged import challenge
from rewardbench.boards.definition import Board
from rewardbench.measures.agreement import (
    icc,
    icc_interval,
    kendall_p_value,
    kendall_tau_b,
    no_narrower,
    rank_interval,
    spearman_brown,
)
from rewardbench.measures.retest import RELIABLE, retest
from rewardbench.types import Floats

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

LEAST_RANKED = 5
"""Designs from which a correlation has an interval."""
ROUND = 1e-9
"""Differences below it are rounding."""
DIGITS = 12
"""Significant ones of every figure here: the last three or four are the processor's."""


def truth(
    board: Board,
    tasks: Mapping[str, Sequence[Scored]],
    harmful: Mapping[str, set[str]],
    learnt: Mapping[str, set[str]],
) -> dict[str, Any]:
    """The standing figures: `audit`, `retest`, `second_gold`, `sensitivity`, `challenge`; a part that lacks its runs
    is null, and its page names the command that makes them."""
    told = {
        "audit": foretold.audit(foretold.cases(board, tasks, harmful)),
        "retest": {t: _retest(board, _own(scored), learnt[t]) for t, scored in tasks.items() if scored},
        "second_gold": {t: second.agreement(t, _own(scored), learnt[t]) for t, scored in tasks.items() if scored},
        "sensitivity": _sensitivity(board),
        "challenge": challenge(board, studies.read(board, "challenge")),
        "predictors": foretold.PREDICTORS,
        "outcomes": foretold.OUTCOMES,
    }
    found: dict[str, Any] = settled(disk.finite(told))
    return found


def settled(value: Any) -> Any:
    """Plain values whose numbers are the same from every processor: sines and sums of products round as its kind does.

    >>> settled({"a": [0.1 + 0.2, 3, "b", None]})
    {'a': [0.3, 3, 'b', None]}
    """
    if isinstance(value, dict):
        return {k: settled(v) for k, v in value.items()}
    if isinstance(value, list):
        return [settled(v) for v in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _own(scored: Sequence[Scored]) -> list[Scored]:
    """The board's own entries: nothing that was handed in is asked whether the board tells the truth."""
    return [s for s in scored if s.entry.kind != "submitted"]


# --- the same again ------------------------------------------------------------------------------


def _retest(board: Board, scored: Sequence[Scored], learnt: set[str]) -> dict[str, Any] | None:
    """Whether other seeds would give the same order in Q: of all designs, and of those alone that learnt.

    Designs that end on the floor of the scale are alike on every seed, and far from those that learn: they alone make
    a reliability high. So it is told of those above the floor too: whose interval of the gain in Q over `untrained`
    lies above 0.
    """
    seeds = board.seed_list(board.seeds)
    contest = [one for one in scored if one.contestant]
    whole = standing.whole(contest, "quality", seeds)
    found = _repeated(list(whole.values()))
    if found is None:
        return None
    above = [r for name, r in whole.items() if name in learnt]
    return {
        **found,
        "left_out": len(contest) - len(whole),
        "least": foretold.LEAST,
        "above": len(above),
        "learnt": _repeated(above),
    }


def _repeated(rows: Sequence[Sequence[float]]) -> dict[str, Any] | None:
    """Split halves and ICC of Q [designs, seeds], and what seeds do to all designs alike; None of too few designs."""
    if len(rows) < foretold.LEAST:
        return None
    table = np.array(rows)
    found, seeds = retest(table), table.shape[1]
    low, high = no_narrower(icc_interval(table), lambda x: icc(x).agreement, table)
    whole = found.icc.mean_agreement
    steps = [spearman_brown(max(r, 0.0), seeds) for r in (low, high)]  # a reliability below 0 is none
    return {
        "designs": len(table),
        "seeds": seeds,
        "splits": found.splits,
        "half_spearman": asdict(found.spearman),
        "half_kendall": asdict(found.kendall),
        "whole_spearman": asdict(found.whole),
        "range": list(found.range),
        "icc_2_1": {"r": found.icc.agreement, "low": low, "high": high},
        "icc_2_k": {"r": whole, "low": min(whole, steps[0]), "high": max(whole, steps[1])},
        "gate": RELIABLE,
        "reliable": found.reliable,
        "seed_correlation": _alike(table),
    }


def _alike(table: Floats) -> dict[str, float] | None:
    """How far a seed lifts or lowers all designs [designs, seeds] together; None where fewer than two ever move.

    The correlation between designs over seeds as an intraclass one, ICC(3,1) with seeds for targets, and its exact
    interval by F (Shrout & Fleiss 1979): it knows that there are few seeds, however many designs.
    """
    moving = table[np.ptp(table, axis=1) > ROUND]
    n, k = moving.shape
    if n < 2:
        return None
    r = icc(moving.T).consistency
    if r >= 1 - ROUND:
        return {"r": 1.0, "low": 1.0, "high": 1.0}
    f = (1 + (n - 1) * r) / (1 - r)
    tails = scipy_stats.f.ppf(0.975, k - 1, (k - 1) * (n - 1)), 1 / scipy_stats.f.ppf(0.975, (k - 1) * (n - 1), k - 1)
    low, high = ((f / q - 1) / (f / q + n - 1) for q in tails)
    return {"r": r, "low": float(low), "high": float(high)}


# --- another trainer -----------------------------------------------------------------------------


def _sensitivity(board: Board) -> dict[str, Any] | None:
    """Rank correlation of the designs' order under every trainer with that under the board's, and flipped verdicts."""
    rows = studies.read(board, "sensitivity")
    found = {task: sensitivity(board, [r for r in rows if r["task"] == task]) for task in board.tasks}
    known = {task: told for task, told in found.items() if told is not None}
    return known or None


def sensitivity(board: Board, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """One task's; None where the board's own trainer, or its baseline, is not among its rows.

    Only seeds that every design has under every trainer count, so that all are compared on the same ones.
    """
    gold: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for r in rows:
        if r["gold"] is not None:
            gold.setdefault((r["rate"], r["algorithm"]), {}).setdefault(r["design"], {})[r["seed"]] = r["gold"]
    own = ("same", board.algorithm)
    designs = [d for d in dict.fromkeys(r["design"] for r in rows) if all(d in g for g in gold.values())]
    seeds = sorted(set.intersection(*(set(g[d]) for g in gold.values() for d in designs))) if designs else []
    if own not in gold or board.baseline not in designs or len(designs) < 2 or len(seeds) < 2:
        return None
    golds = {t: {d: [g[d][s] for s in seeds] for d in designs} for t, g in gold.items()}
    margin = stats.MARGIN * _width(board, rows[0]["task"])
    told = [_trainer(t, golds[t], golds[own], designs, board.baseline, margin) for t in golds]
    verdicts = {d: {t["verdicts"][d] for t in told} for d in designs if d != board.baseline}
    return {
        "own": {"rate": own[0], "algorithm": own[1]},
        "baseline": board.baseline,
        "designs": designs,
        "seeds": len(seeds),
        "trainers": told,
        "dependent": sorted(d for d, v in verdicts.items() if {"better", "worse"} <= v),
        "unsettled": sorted(d for d, v in verdicts.items() if len(v) > 1),
    }


def _trainer(
    trainer: tuple[str, str], golds: Mapping[str, list[float]], own: Mapping[str, list[float]], designs: list[str],
    baseline: str, margin: float,
) -> dict[str, Any]:  # fmt: skip
    """One trainer's order, the pairs that it turns over, and verdicts against the baseline.

    `p` is the exact one of tau: of a few designs Fisher's interval may leave 0 out where the exact test does not
    (six designs: .73 [.02, .95], p .056). A pair is turned over only if both trainers tell it apart, each adjusted over
    all pairs of its own (Holm): tau counts the order of designs that lie together on the floor too, which is luck.
    """
    means = {d: float(np.mean(golds[d])) for d in designs}
    ends = [float(np.mean(own[d])) for d in designs]
    tau = kendall_tau_b(ends, [means[d] for d in designs])
    low, high = None, None
    if len(designs) >= LEAST_RANKED:
        both = np.array([ends, [means[d] for d in designs]]).T
        low, high = no_narrower(rank_interval(tau, len(designs), "kendall"), lambda x: kendall_tau_b(*x.T), both)
    others = [d for d in designs if d != baseline]
    family = [stats.paired_difference(golds[d], golds[baseline]) for d in others]
    ours, theirs = (stats.significantly_better([x[d] for d in designs]) for x in (own, golds))
    turned = sorted([designs[a], designs[b]] for a, b in zip(*np.nonzero(ours & theirs.T), strict=True))
    return {
        "rate": trainer[0],
        "algorithm": trainer[1],
        "gold": means,
        "tau": tau,
        "low": low,
        "high": high,
        "p": kendall_p_value(ends, [means[d] for d in designs]),
        "told_apart": int(theirs.sum()),
        "both_told_apart": int((ours & (theirs | theirs.T)).sum()),
        "turned": turned,
        "verdicts": dict(zip(others, stats.verdicts(family, margin), strict=True)),
    }


def _width(board: Board, task: str) -> float:
    """The distance of a task's anchors in gold, so that a margin of y' may be asked of raw gold; 1 without a scale."""
    found = board.scale.get(task)
    return float(found["high"] - found["low"]) if found else 1.0
