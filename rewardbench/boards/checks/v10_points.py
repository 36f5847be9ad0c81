"""Evaluations stand only where the board has them: its steps, splits and temperatures.

Why: who may choose when to look chooses the best look.
Mend: run with the board's budget; `rbench board run` and `rbench submit pack` show how.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, listed
from rewardbench.boards.finding import Finding

CODE = "V10"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V15",)


def check(case: Case) -> list[Finding]:
    """Rows of evaluations that the board does not have."""
    found = []
    for piece in case.all:
        s, spec = piece.scores, piece.specs[0]
        dev, test = s["split"] == "dev", s["split"] == "test"
        right = dev & np.isin(s["step"], spec.points) & (s["temperature"] == 1.0)
        right |= test & (s["step"] == spec.steps) & np.isin(s["temperature"], spec.temperatures)
        found += listed(
            CODE, "an evaluation that the board does not have", [piece.at(int(i)) for i in np.flatnonzero(~right)]
        )
    return found
