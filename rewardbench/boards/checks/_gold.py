"""How does gold run along an entry's seeds? Means of the evaluations, straight from the rows."""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Piece
from rewardbench.metrics.normalised import last_two
from rewardbench.types import Floats


def _by_seed(piece: Piece) -> dict[int, list[float]]:
    """Seed -> mean gold on dev prompts at each evaluation, of the seeds that have every one."""
    points = piece.specs[0].points
    found = {}
    for seed in piece.seeds:
        s = piece.of("scores", seed)
        at = [s["gold"][(s["split"] == "dev") & (s["step"] == p)] for p in points]
        if all(len(a) for a in at):
            found[seed] = [float(a.mean()) for a in at]
    return found


def gold_curves(piece: Piece) -> Floats:
    """Mean gold on dev prompts [seeds that have every evaluation, points]."""
    return np.array([*_by_seed(piece).values()]).reshape(-1, len(piece.specs[0].points))


def gold_at_end(piece: Piece) -> dict[int, float]:
    """Seed -> mean gold of the last two evaluations, of the seeds that have them."""
    return {seed: float(last_two(np.array(curve))) for seed, curve in _by_seed(piece).items()}
