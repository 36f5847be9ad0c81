"""Two kept completions of a prompt have one class exactly where the task calls them one kind.

Why: diversity counts classes. Numbers that tell apart what is one answer make variety out of nothing.
Mend: pack the entry from its run folders.
"""

from __future__ import annotations

from rewardbench import find
from rewardbench.boards.checks._case import Case, Piece, listed
from rewardbench.boards.finding import Finding

CODE = "V21"
LEVEL = "rescored"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08", "V24")


def check(case: Case) -> list[Finding]:
    """Kept completions whose class belongs to another kind of their prompt, or whose kind has another class."""
    return [f for piece in case.all for f in _of(piece)]


def _of(piece: Piece) -> list[Finding]:
    kind = find.gold(piece.task).kind
    of_kind: dict[tuple[int, str, str], int] = {}
    of_class: dict[tuple[int, str, int], str] = {}
    known: dict[tuple[str, str], str] = {}
    wrong = []
    for i, prompt, said in piece.words():
        seed, number = int(piece.scores["seed"][i]), int(piece.scores["class"][i])
        key = (prompt.id, repr(said))
        if key not in known:
            known[key] = str(kind(prompt, said))
        found = known[key]
        same = of_kind.setdefault((seed, prompt.id, found), number) == number
        if not same or of_class.setdefault((seed, prompt.id, number), found) != found:
            wrong.append(piece.at(i))
    return listed(CODE, "the class is not that of the words' kind", wrong, task=piece.task)
