"""The bundle holds the files of an entry, all of them, nothing else, and none of them too large.

Why: a file that no check reads can carry anything; one that inflates without end stops whoever opens it. At most
2,000 files, 512 MB in all, 100 times the size of the archive; no archive inside the archive.
Mend: leave out what is no part of an entry (see `rewardbench/boards/entries.py` for the layout); pack it anew.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V03"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Nothing: a bundle that fails here was refused when it was opened, and there is no case."""
    return []
