"""No name in the bundle leaves its folder, hides a character, or is another name to some file systems.

Why: `../`, absolute paths, drive letters, backslashes and names that differ by case or by how a letter is composed
put a file where nobody expects one. Names are judged before anything is unpacked.
Mend: pack the entry with `rbench submit pack`, which gives the names.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V04"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Nothing: a bundle that fails here was refused when it was opened, and there is no case."""
    return []
