"""No completion stands twice in a table.

Why: a row that is doubled counts twice in every mean.
Mend: pack the entry from its run folders; do not join tables by hand.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from rewardbench.boards.checks._case import Case, listed, place
from rewardbench.boards.finding import Finding
from rewardbench.boards.rows import keys, numbered

CODE = "V07"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V12", "V15")


def check(case: Case) -> list[Finding]:
    """Rows of `scores`, `texts` or `steps` whose key stood there before, more often than the seed draws the prompt."""
    found = []
    for piece in case.all:
        splits = {"dev": "dev", "test": piece.specs[0].grid_split or "dev"}
        for name in ("scores", "texts"):
            table = getattr(piece, name)
            times = {
                (s, n): Counter(p.id for p in piece.prompts(of, s)) for s in piece.seeds for n, of in splits.items()
            }
            again = [i for i, key in enumerate(keys(table)) if key[6] >= max(_times(times, key), 1)]
            found += listed(CODE, f"{name}.parquet has rows twice", [place(piece.where, table, i) for i in again])
        steps = numbered(zip(*(piece.steps[n].tolist() for n in ("seed", "step")), strict=True)) if piece.steps else []
        places = [f"{piece.where}, seed {seed}, step {step}" for seed, step, n in steps if n]
        found += listed(CODE, "steps.parquet has rows twice", places)
    return found


def _times(times: dict[tuple[int, str], Counter[str]], key: tuple[Any, ...]) -> int:
    """How often a seed draws the prompt of a key."""
    return times.get((key[0], key[1]), Counter())[key[4]]
