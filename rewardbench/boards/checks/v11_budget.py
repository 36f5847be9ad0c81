"""No step took more completions or tokens than the board's budget gives it.

Why: the budget is what makes designs comparable: steps × P × K completions, each of at most max_tokens.
Mend: run with the board's policy and budget. An algorithm that asks for more is another board.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, listed, overrides
from rewardbench.boards.finding import Finding

CODE = "V11"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V15",)


def check(case: Case) -> list[Finding]:
    """Training steps that took more than they have."""
    found = []
    for piece in case.all:
        s, spec = piece.steps, piece.specs[0]
        if not s:
            continue
        own = overrides(spec.algorithm, "ask")
        wrong = (s["length"] > spec.max_tokens) | (~own & (s["completions"] != spec.P * spec.K))
        places = [f"{piece.where}, seed {s['seed'][i]}, training step {s['step'][i]}" for i in np.flatnonzero(wrong)]
        found += listed(CODE, f"a step has other than {spec.P} x {spec.K} completions, or longer ones", places)
    return found
