"""The parquet tables have exactly the columns of the entry's design, each of its type, and no cell is missing.

Why: schema and metadata are compared before any data is read; extension types can carry code, unknown columns can
carry anything, and a small dictionary can spell out to more text than memory holds.
Mend: pack the entry with `rbench submit pack`; do not rewrite its tables.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V19"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Nothing: a bundle that fails here was refused when it was opened, and there is no case."""
    return []
