"""Every number of entry.json is what its rows give, to the last digit.

Why: the numbers are claims; the rows are the record. Runs, means, intervals, flags and failures are computed again
from the rows, the `untrained` runs and the board's scale. A difference beyond 1e-9 of the value is rejected; one
below that is flagged: another version of a library may round otherwise, and nobody gains by it.
Mend: never edit entry.json; `rbench submit pack` computes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rewardbench import disk
from rewardbench.boards import numbers
from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding, shown

CODE = "V05"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08", "V12", "V14", "V15", "V16")


SAME = 1e-9
"""Relative difference that rounding in another library may make."""


def check(case: Case) -> list[Finding]:
    """Numbers that differ, with what is claimed and what the rows give."""
    found = []
    for piece in case.pieces:
        results = numbers.score(case.board, piece.runs, case.base(piece))
        case.memory[piece.where] = results
        told = json.loads(json.dumps(disk.finite(numbers.told(case.board, piece.specs[0], results))))
        claimed = case.about["tasks"][piece.task]
        for where, mine, theirs in differences(told, claimed):
            close = _close(mine, theirs)
            run = _run(claimed, where)
            line = f"{piece.where}: {where}{run} is {shown(theirs)}, and the rows give {shown(mine)}"
            told_more = {"task": piece.task, "place": where, "claimed": theirs, "computed": mine}
            found.append(Finding(CODE, line, told_more, "flag" if close else ""))
    return found


def differences(mine: Any, theirs: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(place, computed, claimed) of every value that differs.

    >>> list(differences({"a": [1, 2]}, {"a": [1, 3]}))
    [('a/1', 2, 3)]
    """
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted(mine.keys() | theirs.keys()):
            yield from differences(mine.get(key), theirs.get(key), f"{where}/{key}".lstrip("/"))
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            yield from differences(a, b, f"{where}/{i}".lstrip("/"))
    elif (type(mine) is not type(theirs) and not {type(mine), type(theirs)} <= {int, float}) or mine != theirs:
        yield where, mine, theirs


def _close(mine: Any, theirs: Any) -> bool:
    """Whether two numbers differ in the last digits alone."""
    numbers_ = all(isinstance(v, float) for v in (mine, theirs))
    return numbers_ and abs(mine - theirs) <= SAME * max(abs(mine), abs(theirs), SAME)


def _run(claimed: Any, where: str) -> str:
    """The seed of the run that a place is in."""
    words = where.split("/")
    if words[0] != "runs" or len(words) < 2 or int(words[1]) >= len(claimed["runs"]):
        return ""
    return f" (seed {claimed['runs'][int(words[1])]['seed']})"
