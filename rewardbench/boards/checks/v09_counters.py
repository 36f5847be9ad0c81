"""Tokens charged add up: each step adds what its completions are long, each evaluation has what was charged until then.

Why: efficiency is measured in tokens. A curve whose tokens were scaled would look as if it had been learnt from less.
So the steps' lengths are held against those of the evaluations between which they lie: the same policy spoke, to other
prompts. What was charged until an evaluation may lie a fifth of the whole below that, and a quarter above, on the mean
over seeds: of the whole alone, a curve could be charged when all is learnt. On the shipped boards the whole of a run
lay between .88 and 1.24 of what is expected, and an entry nowhere beyond -.04 and +.08 of it.
Mend: pack the entry from its run folders.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, Piece, listed, overrides, place
from rewardbench.boards.finding import Finding
from rewardbench.boards.rows import where
from rewardbench.types import Floats

CODE = "V09"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06",)

NEAR = (-0.2, 0.25)
"""Training tokens above what the evaluations let expect, as a share of all of that."""


def check(case: Case) -> list[Finding]:
    """Steps and evaluations whose counters do not add up, or that tell of other lengths."""
    counted = [f for piece in case.all for seed in piece.seeds for f in _run(piece, seed)]
    return counted + [f for piece in case.pieces for f in _lengths(piece)]


def _lengths(piece: Piece) -> list[Finding]:
    if overrides(piece.specs[0].algorithm, "pick"):  # an evaluation has the chosen ones, training has all
        return []
    drifts = [d for seed in piece.seeds if (d := _drift(piece, seed)) is not None]
    if not drifts:
        return []
    low, high = (float(np.mean([end(d) for d in drifts])) for end in (np.min, np.max))
    if NEAR[0] <= low and high <= NEAR[1]:
        return []
    off = low if low < NEAR[0] else high
    more = "more" if off > 0 else "less"
    told = f"{piece.where}: training is charged {abs(off):.0%} of the whole {more} than the evaluations' lengths tell"
    return [Finding(CODE, told, {"least": low, "most": high}, "flag")]


def _drift(piece: Piece, seed: int) -> Floats | None:
    """What training was charged until each evaluation less what the lengths of the evaluations, drawn out between them,
    let expect, as shares of all that is expected, [evaluations]."""
    steps, scores = piece.of("steps", seed), piece.of("scores", seed)
    dev = where(scores, scores["split"] == "dev")
    at = np.unique(dev["step"])
    if not len(steps.get("length", ())) or not len(at):
        return None
    means = [float(dev["tokens"][dev["step"] == a].mean()) for a in at]
    expected = np.cumsum(np.interp(steps["step"], at, means))
    above = np.concatenate([[0.0], np.cumsum(steps["length"], dtype=np.float64) - expected])
    until = np.append(np.clip(at, 0, len(expected)), len(expected))
    return np.asarray(above[until] / expected[-1]) if expected[-1] else None


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
