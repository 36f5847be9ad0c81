"""Gold of every kept completion is what the task's gold says of its words, exactly.

Why: gold is what the board ranks by. It is a program, so the same words get the same score; a gold that was edited,
with every mean computed again to match, is seen here. Only completions whose words are kept can be scored again: all
of a bundle's, two of each prompt at the last two evaluations in a board's thin entries.
Mend: pack the entry from its run folders. If the row is as the run wrote it, the task's version has changed.
"""

from __future__ import annotations

from rewardbench import find
from rewardbench.boards.checks._case import Case, NotChecked, Piece, listed
from rewardbench.boards.finding import Finding

CODE = "V20"
LEVEL = "rescored"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08", "V24")


def check(case: Case) -> list[Finding]:
    """Kept completions whose gold is another."""
    if not any(len(p.texts["text"]) for p in case.all):
        raise NotChecked("no completion's words are kept")
    return [f for piece in case.all for f in _of(piece)]


def _of(piece: Piece) -> list[Finding]:
    gold = find.gold(piece.task)
    known: dict[tuple[str, str], float] = {}
    wrong, broken = [], []
    for i, prompt, said in piece.words():
        key = (prompt.id, repr(said))
        if key not in known:
            try:
                known[key] = float(gold.score(prompt, said))
            except Exception as error:  # words of anybody's: that gold breaks on them is a finding, not a crash
                broken.append(f"{piece.at(i)} ({type(error).__name__})")
                continue
        claimed = float(piece.scores["gold"][i])
        if known[key] != claimed:
            wrong.append(f"{piece.at(i)}: gold is {claimed:.6g}, its words get {known[key]:.6g}")
    return [
        *listed(CODE, "gold is not that of the words", wrong, task=piece.task),
        *listed(CODE, "gold cannot read the words", broken, task=piece.task),
    ]
