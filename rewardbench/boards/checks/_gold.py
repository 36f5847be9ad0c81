"""How does gold run along an entry's seeds? Means of the evaluations, straight from the rows."""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Piece
from rewardbench.metrics.normalised import last_two
from rewardbench.types import Floats


def gold_curves(piece: Piece) -> Floats:
    """Mean gold on dev prompts [seeds that have every evaluation, points]."""
    points = piece.specs[0].points
    found = []
    for seed in piece.seeds:
        s = piece.of("scores", seed)
        at = [s["gold"][(s["split"] == "dev") & (s["step"] == p)] for p in points]
        if all(len(a) for a in at):
            found.append([float(a.mean()) for a in at])
    return np.array(found).reshape(len(found), len(points))


def gold_at_end(piece: Piece) -> list[float]:
    """Mean gold of the last two evaluations of each seed that has them."""
    return [float(last_two(curve)) for curve in gold_curves(piece)]
