"""The seeds spread as much as seeds do: not far less than those of the other entries of the task.

Why: the best five of twenty seeds spread half as much as five honest ones (0.46 to 0.94 standard deviations in 40,000
draws of normal seeds). An F test of gold's variance over seeds against that of the other entries that end near it
(within 0.2 of gold), pooled; flagged below p = 0.01. One honest entry in a hundred is flagged where variances are
equal, more where a design is steadier than the others; nobody is asked within 0.1 of either end of the scale, where
there is no room to spread.
Mend: nothing; a person looks, and may ask for challenge seeds (V41).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardbench import stats
from rewardbench.boards.checks._case import Case
from rewardbench.boards.checks._gold import gold_at_end
from rewardbench.boards.finding import Finding

CODE = "V34"
LEVEL = "consistent"
SEVERITY = "flag"
AFTER: tuple[str, ...] = ("V06", "V08")


LEVEL_P = 0.01
ROOM = 0.1
"""Of gold: nearer to an end of the scale there is no room to spread, and nothing to be told."""
NEAR = 0.2
"""Of gold: entries whose means lie further apart have other room to spread."""


def check(case: Case) -> list[Finding]:
    """Tasks whose seeds spread too little."""
    found = []
    for piece in case.pieces:
        if not piece.design.trains or case.about["kind"] == "control":
            continue
        mine = [*gold_at_end(piece).values()]
        if len(mine) and not ROOM < np.mean(mine) < 1 - ROOM:
            continue
        ends = [[*gold_at_end(o).values()] for o in case.others(piece.task)] if len(mine) else []
        ratio, p = spread(mine, [e for e in ends if len(e) and abs(np.mean(e) - np.mean(mine)) < NEAR])
        if p < LEVEL_P:
            less = f"{ratio**0.5:.2f} times as much as those of entries near it, p = {p:.2g}"
            line = f"{piece.where}: seeds spread {less}"
            found.append(Finding(CODE, line, {"ratio": ratio, "p": p}))
    return found


def spread(ends: Sequence[float], others: Sequence[Sequence[float]]) -> tuple[float, float]:
    """(variance over that of the others, pooled; one-sided p of its being that small); (1, 1) where it cannot be told.

    >>> spread([0.50, 0.51, 0.49], [[0.2, 0.4, 0.6], [0.3, 0.5, 0.7]])[0].__round__(4)
    0.0025
    """
    others = [o for o in others if len(o) > 1]
    if len(ends) < 3 or not others:
        return 1.0, 1.0
    told = stats.too_alike(ends, *stats.pooled_spread(others))
    return told.ratio, told.p
