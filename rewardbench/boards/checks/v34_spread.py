"""The seeds spread as much as seeds do: not far less than those of the other entries of the task.

Why: the best five of twenty seeds spread half as much as five honest ones (0.46 to 0.94 standard deviations in 40,000
draws of normal seeds). An F test of gold's variance over seeds against that of the other designs that are ranked,
pooled; flagged below p = 0.01, so one honest entry in a hundred is flagged where variances are equal, and more where
a design is steadier than the others: at the top of the scale it has to be.
Mend: nothing; a person looks, and may ask for challenge seeds (V41).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from rewardbench import find
from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.checks._gold import gold_at_end
from rewardbench.boards.finding import Finding

CODE = "V34"
LEVEL = "consistent"
SEVERITY = "flag"
AFTER: tuple[str, ...] = ("V06",)


LEVEL_P = 0.01


def check(case: Case) -> list[Finding]:
    """Tasks whose seeds spread too little."""
    found = []
    for piece in case.pieces:
        if not piece.design.trains or case.about["kind"] == "control":
            continue
        pooled, freedom = _pooled(case, piece)
        ends = gold_at_end(piece)
        if freedom < 2 or len(ends) < 3 or pooled <= 0:
            continue
        ratio = float(np.var(ends, ddof=1)) / pooled
        p = float(stats.f.cdf(ratio, len(ends) - 1, freedom))
        if p < LEVEL_P:
            line = f"{piece.where}: seeds spread {ratio**0.5:.2f} times as much as those of other designs (p = {p:.2g})"
            found.append(Finding(CODE, line, {"ratio": ratio, "p": p, "n": len(ends), "freedom": freedom}))
    return found


def _pooled(case: Case, piece: Piece) -> tuple[float, int]:
    """(pooled variance of gold over seeds, degrees of freedom) of the other designs that are ranked."""
    others = [gold_at_end(o) for o in case.others(piece.task) if o.design.name not in find.arms()]
    others = [o for o in others if len(o) > 1]
    freedom = sum(len(o) - 1 for o in others)
    squares = sum(float(np.var(o, ddof=1)) * (len(o) - 1) for o in others)
    return (squares / freedom if freedom else 0.0), freedom
