"""The spec is the board's: policy, algorithm, options, budget, evaluation, task and engine; the design alone is free.

Why: only the reward may differ between entries. The board has frozen the hash of everything else of a run.
Mend: run with the board's settings; `rbench board run`, or a spec as `rewardbench.boards.definition.spec` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rewardbench import find
from rewardbench.boards import definition, packing
from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding, shown
from rewardbench.design import canonical
from rewardbench.plan import plan

CODE = "V15"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V17",)


FREE = ("design", "design_hash", "seed")


def check(case: Case) -> list[Finding]:
    """Tasks whose runs have another setting than the board's."""
    found = []
    for piece in case.all:
        if piece.task not in case.board.tasks:
            found.append(Finding(CODE, f"{shown(piece.task)} is no task of board {case.board.name}"))
            continue
        wrong = packing.unlike(case.board, piece.specs[0]) if case.own or piece in case.controls else None
        wrong = packing.unlike(case.board, replace(piece.specs[0], seed=case.board.seed(0))) or wrong
        shape = {k: v for k, v in piece.specs[0].as_dict().items() if k not in FREE}
        frozen = case.board.hashes.get("tasks", {}).get(piece.task, {}).get("run")
        if wrong is None and frozen is not None and canonical(shape) != frozen:
            wrong = _named(case, piece, shape) or "a setting is not the board's"
        if wrong is None and frozen is None:
            wrong = _named(case, piece, shape)
        if wrong is not None:
            found.append(Finding(CODE, f"{piece.where}: {wrong}", {"task": piece.task}))
    return found


def _named(case: Case, piece: Piece, shape: Mapping[str, Any]) -> str | None:
    """Which setting differs from what the installed version would run; None if none does."""
    asked = definition.spec(case.board, (piece.task,), ("untrained",), alone=True)
    planned = plan(asked, find.policy(case.board.policy))[0][0].as_dict()
    wanted = {k: v for k, v in planned.items() if k not in FREE}
    names = [k for k in sorted(wanted.keys() | shape.keys()) if wanted.get(k) != shape.get(k)]
    if not names:
        return None
    return f"its {names[0]} {shown(shape.get(names[0]))} is not the board's {shown(wanted.get(names[0]))}"
