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
from rewardbench.boards.finding import Finding, shown
from rewardbench.design import compose
from rewardbench.types import Bools, RewardError

CODE = "V23"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08", "V16")


SAME = 1e-5


def check(case: Case) -> list[Finding]:
    """Completions that are paid otherwise."""
    found = []
    for piece in case.all:
        try:
            wrong = np.flatnonzero(~_follows(piece))
        except RewardError as error:  # a score that the operator cannot take: no run could have gone on with it
            found.append(Finding(CODE, f"{piece.where}: {shown(str(error), 200)}"))
            continue
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
    nudged = [np.where(parts == 0, parts, np.nextafter(parts, np.float32(to))) for to in (np.inf, -np.inf)]
    ways = [wide, wide.round(6), *nudged]  # 0 is exact, and below it a product would be none
    found: Bools = np.zeros(len(parts), dtype=bool)
    for way in ways:
        near = np.where(wide >= 0, np.maximum(way, 0.0), way)  # a product has no value just below 0
        paid = compose(ended, near.astype(np.float64)[:, None, :])[:, 0]
        with np.errstate(invalid="ignore"):
            found |= np.abs(paid - s["reward"]) <= SAME * np.maximum(1.0, np.abs(paid))
        found |= np.isnan(paid) & np.isnan(s["reward"])
    return np.asarray(found)
