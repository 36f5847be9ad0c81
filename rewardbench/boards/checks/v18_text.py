"""JSON, TOML and sources are plain UTF-8 that every reader understands alike.

Why: readers differ on NaN, on a key that stands twice, on integers above 2**63 and on numbers that no double holds,
and deep nesting wears them out. So a file could say one thing to the check and another to the page.
Mend: write the file with an ordinary JSON or TOML writer, without NaN or infinity.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V18"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Nothing: a bundle that fails here was refused when it was opened, and there is no case."""
    return []
