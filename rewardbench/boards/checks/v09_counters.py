"""Tokens charged add up: each step adds what its completions are long, each evaluation has what was charged until then.

Why: efficiency is measured in tokens. A curve whose tokens were scaled would look as if it had been learnt from less.
So the steps' lengths are held against those of the evaluations between which they lie: the same policy spoke, to other
prompts. Over a run of the shipped boards their ratio lay between .88 and 1.24; flagged if its mean over seeds is beyond
.8 or 1.25.
Mend: pack the entry from its run folders.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, Piece, listed, overrides, place
from rewardbench.boards.finding import Finding
from rewardbench.boards.rows import where

CODE = "V09"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06",)

NEAR = (0.8, 1.25)
"""Training tokens over what the evaluations let expect."""


def check(case: Case) -> list[Finding]:
    """Steps and evaluations whose counters do not add up, or that tell of other lengths."""
    counted = [f for piece in case.all for seed in piece.seeds for f in _run(piece, seed)]
    return counted + [f for piece in case.pieces for f in _lengths(piece)]


def _lengths(piece: Piece) -> list[Finding]:
    if overrides(piece.specs[0].algorithm, "pick"):  # an evaluation has the chosen ones, training has all
        return []
    ratios = [r for seed in piece.seeds if (r := _ratio(piece, seed)) is not None]
    if not ratios or NEAR[0] <= np.mean(ratios) <= NEAR[1]:
        return []
    told = f"{piece.where}: training completions are {np.mean(ratios):.2f} times as long as the evaluations'"
    return [Finding(CODE, told, {"ratios": ratios}, "flag")]


def _ratio(piece: Piece, seed: int) -> float | None:
    """Mean length of training completions over that of the evaluations, drawn out between them."""
    steps, scores = piece.of("steps", seed), piece.of("scores", seed)
    dev = where(scores, scores["split"] == "dev")
    at = np.unique(dev["step"])
    if not len(steps.get("length", ())) or not len(at):
        return None
    means = [float(dev["tokens"][dev["step"] == a].mean()) for a in at]
    expected = float(np.interp(steps["step"], at, means).mean())
    return float(steps["length"].mean()) / expected if expected else None


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
