"""The reward of every completion is what the design makes of its parts' scores, as evaluations do: nothing normalised.

Why: a reward that does not follow from the parts is not the design's. Parts are kept as 32-bit floats, so equal means
within 1e-5 of the value (or of 1) for the scores as they stand, rounded to six digits, or the next float up or down
(a gate at 0.7 must not hang on how 0.7 was rounded).
Mend: pack the entry from its run folders.
"""

from __future__ import annotations

import numpy as np

from rewardbench import scoring
from rewardbench.boards.checks._case import Case, Piece, listed
from rewardbench.boards.finding import Finding
from rewardbench.design import compose
from rewardbench.types import Bools

CODE = "V23"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08", "V16")


SAME = 1e-5


def check(case: Case) -> list[Finding]:
    """Completions that are paid otherwise."""
    found = []
    for piece in case.all:
        wrong = np.flatnonzero(~_follows(piece))
        found += listed(CODE, "the reward is not that of the parts", [piece.at(int(i)) for i in wrong], task=piece.task)
    return found


def _follows(piece: Piece) -> Bools:
    """Of each row of `scores`, whether its reward follows from its parts."""
    s, design = piece.scores, piece.design
    if not design.parts:
        return np.asarray(np.isnan(s["reward"]))
    parts = np.stack([s[f"part/{p.name}"] for p in design.parts], axis=-1)
    if [p.use for p in design.parts] == ["oracle"]:
        return np.asarray((parts[:, 0] == s["gold"].astype(np.float32)) & (s["reward"] == parts[:, 0]))
    ended = scoring.raw(scoring.Contestant(design)).design
    wide = parts.astype(np.float64)
    ways = [wide, wide.round(6), np.nextafter(parts, np.float32(np.inf)), np.nextafter(parts, np.float32(-np.inf))]
    found: Bools = np.zeros(len(parts), dtype=bool)
    for way in ways:
        paid = compose(ended, np.asarray(way, dtype=np.float64)[:, None, :])[:, 0]
        with np.errstate(invalid="ignore"):
            found |= np.abs(paid - s["reward"]) <= SAME * np.maximum(1.0, np.abs(paid))
        found |= np.isnan(paid) & np.isnan(s["reward"])
    return np.asarray(found)
