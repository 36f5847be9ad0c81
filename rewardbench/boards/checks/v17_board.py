"""The entry is of this board: its name, its version and its digest.

Why: another version has other seeds, another scale, another budget; numbers of two versions do not compare.
Mend: run the design on this version of the board.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding, shown

CODE = "V17"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """What of the board that the entry names is not this one's."""
    mine = {"name": case.board.name, "version": case.board.version, "digest": case.board.digest}
    theirs = case.about["board"]
    return [
        Finding(CODE, f"the entry is of a board whose {k} is {shown(theirs[k], 70)}; this one's is {shown(v, 70)}")
        for k, v in mine.items()
        if theirs[k] != v
    ][:1]
