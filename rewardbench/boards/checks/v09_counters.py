"""Tokens charged add up: each step adds what its completions are long, each evaluation has what was charged until then.

Why: efficiency is measured in tokens. A curve whose tokens were scaled would look as if it had been learnt from less.
Mend: pack the entry from its run folders.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, Piece, listed, place
from rewardbench.boards.finding import Finding

CODE = "V09"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06",)


def check(case: Case) -> list[Finding]:
    """Steps and evaluations whose counters do not add up."""
    return [f for piece in case.all for seed in piece.seeds for f in _run(piece, seed)]


def _run(piece: Piece, seed: int) -> list[Finding]:
    steps, scores = piece.of("steps", seed), piece.of("scores", seed)
    charged = steps.get("charged", np.zeros(0, dtype=np.int64))
    found = []
    if len(charged):
        added = np.diff(charged, prepend=0)
        said = steps["length"].astype(np.float64) * steps["completions"]
        wrong = np.flatnonzero(~(np.abs(added - said) <= 0.5 + 1e-6 * np.abs(said)))
        places = [f"{piece.where}, seed {seed}, training step {steps['step'][i]}" for i in wrong]
        found += listed(CODE, "what was charged is not what the step's completions are long", places)
    until = np.concatenate([[0], charged])
    at = np.clip(scores["step"], 0, len(charged))
    wrong = np.flatnonzero(scores["charged"] != until[at])
    places = [place(piece.where, scores, int(i)) for i in wrong]
    return found + listed(CODE, "an evaluation has other tokens charged than the steps before it", places)
