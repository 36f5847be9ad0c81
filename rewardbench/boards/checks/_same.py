"""Are completions the very same ones? Asked where another entry shows which they have to be, on any machine."""

from __future__ import annotations

import numpy as np

from rewardbench.boards.rows import Columns
from rewardbench.types import Bools

FEW = 0.02
"""Share of completions that another machine's rounding may change: flagged; beyond it rejected."""
COMPARED = ("gold", "class", "tokens", "ended")


def same(mine: Columns, theirs: Columns) -> Bools:
    """Which rows [rows] of two tables of scores agree in all that a completion's words decide."""
    return np.asarray(np.all([mine[n] == theirs[n] for n in COMPARED], axis=0))
