"""What is asked of a bundle? One file a check, named by its code and its meaning: the folder is the registry.

A check's docstring says what it checks, then why that is asked and how to mend it (`rbench explain CODE` prints it).
It defines `CODE`; `LEVEL`, the level that it belongs to; `SEVERITY`, what a finding of it does to the bundle; `AFTER`,
the codes whose rejection makes it pointless; and `check(case) -> list[Finding]`. It may raise NotChecked. Up to the
level *rescored* nothing of a bundle is executed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rewardbench.pages.board_marks import EVIDENCE

HERE = Path(__file__).parent
LEVELS = tuple(EVIDENCE)


@cache
def files() -> dict[str, Path]:
    """Code -> file of every check, in order, without importing one.

    >>> files()["V05"].stem
    'v05_aggregates'
    """
    return {p.stem.partition("_")[0].upper(): p for p in sorted(HERE.glob("v*.py"))}
