"""Gold does not rise faster than when gold itself is the reward.

Why: no design can be expected to teach gold better than gold does, and a curve that does, early on, may have seen the
answers or been taught outside of the budget. A t test against the `oracle` arm at each evaluation of the first half,
one-sided, flagged below 0.01 over all of them together.
Mend: nothing; a person looks at it, and at what the design reads.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.checks._gold import gold_curves
from rewardbench.boards.finding import Finding
from rewardbench.types import Floats

CODE = "V35"
LEVEL = "consistent"
SEVERITY = "flag"
AFTER: tuple[str, ...] = ("V06", "V08")


LEVEL_P = 0.01


def check(case: Case) -> list[Finding]:
    """Tasks on which an early evaluation is too good."""
    found, missing = [], []
    for piece in case.pieces:
        oracle = case.listed("oracle", piece.task)
        if case.name == "oracle" or not piece.design.trains:
            continue
        if oracle is None:
            missing.append(piece.task)
            continue
        found += _task(piece, gold_curves(piece), gold_curves(oracle))
    if missing and not found:
        raise case.lacking("oracle", missing)
    return found


def _task(piece: Piece, mine: Floats, best: Floats) -> list[Finding]:
    points = piece.specs[0].points
    early = [i for i, p in enumerate(points) if 0 < p <= piece.specs[0].steps / 2]
    if min(len(mine), len(best)) < 2 or not early:
        return []
    with np.errstate(invalid="ignore", divide="ignore"):
        p = stats.ttest_ind(mine[:, early], best[:, early], equal_var=False, alternative="greater").pvalue
    first = int(np.nanargmin(np.append(p, 1.0)))
    if first == len(early) or p[first] * len(early) >= LEVEL_P:
        return []
    at = early[first]
    ours, theirs = float(mine[:, at].mean()), float(best[:, at].mean())
    line = f"{piece.where}: gold at step {points[at]} is {ours:.3f}, with gold as the reward {theirs:.3f}"
    return [Finding(CODE, line, {"step": points[at], "p": float(p[first] * len(early))})]
