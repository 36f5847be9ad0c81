"""Trained anew on challenge seeds, the design does not come out worse than its own seeds can explain.

Why: it is the one check that whoever invents rows, or picks the best of many runs, does not pass. Challenge seeds are
named by board, entry and merge commit, so that nobody could try them first. One test in twenty flags an honest entry.
Mend: hand in the board's seeds as they came out; ask for more challenge seeds (`--challenge-seeds`).
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V41"
LEVEL = "reproduced"
SEVERITY = "flag"
AFTER: tuple[str, ...] = ("V20",)


def check(case: Case) -> list[Finding]:
    """What training anew found."""
    from rewardbench.boards import reproduce  # the one check that trains: no other pays for loading that

    return reproduce.check(case, case.challenge)
