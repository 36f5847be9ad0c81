"""The spec is the board's: policy, algorithm, options, budget, evaluation, task and engine; the design alone is free.

Why: only the reward may differ between entries. The board has frozen the hash of everything else of a run.
Mend: run with the board's settings; `rbench board run`, or a spec as `rewardbench.boards.definition.spec` makes it.
"""

from __future__ import annotations

from rewardbench.boards import definition
from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding, shown
from rewardbench.design import canonical

CODE = "V15"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V17",)


def check(case: Case) -> list[Finding]:
    """Tasks whose runs have another setting than the board's."""
    found = []
    for piece in case.all:
        if piece.task not in case.board.tasks:
            found.append(Finding(CODE, f"{shown(piece.task)} is no task of board {case.board.name}"))
        elif wrong := _wrong(case, piece):
            found.append(Finding(CODE, f"{piece.where}: {wrong}", {"task": piece.task}))
    return found


def _wrong(case: Case, piece: Piece) -> str | None:
    """What is not as the board froze it; where it froze nothing, not as the installed version would run it."""
    spec, board = piece.specs[0], case.board
    taught = {"algorithm": board.algorithm} if spec.algorithm in board.algorithms else {}  # there it is what is entered
    frozen = board.hashes.get("tasks", {}).get(piece.task, {}).get("run")
    if frozen is not None and canonical(definition.shape(spec) | taught) == frozen:
        return None
    named = definition.unlike(spec, definition.fixed(board, piece.task, spec.algorithm))
    return named or (None if frozen is None else "a setting is not what the board froze")
