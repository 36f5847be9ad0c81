"""No completion stands twice in a table.

Why: a row that is doubled counts twice in every mean.
Mend: pack the entry from its run folders; do not join tables by hand.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case, keys, listed, place
from rewardbench.boards.finding import Finding

CODE = "V07"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Rows of `scores`, `texts` or `steps` whose key stood there before."""
    found = []
    for piece in case.all:
        for name in ("scores", "texts"):
            table = getattr(piece, name)
            seen: set[tuple[object, ...]] = set()
            again = [i for i, key in enumerate(keys(table)) if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
            found += listed(CODE, f"{name}.parquet has rows twice", [place(piece.where, table, i) for i in again])
        steps = list(zip(*(piece.steps[n].tolist() for n in ("seed", "step")), strict=True)) if piece.steps else []
        again = [i for i, key in enumerate(steps) if key in steps[:i]]
        places = [f"{piece.where}, seed {steps[i][0]}, step {steps[i][1]}" for i in again]
        found += listed(CODE, "steps.parquet has rows twice", places)
    return found
