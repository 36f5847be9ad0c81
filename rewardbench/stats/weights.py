"""Does the order depend on the weights? A composite's rank range over drawn weights, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.seeds import generator
from rewardbench.stats.intervals import TINY
from rewardbench.types import Floats, Ints, UserError

DRAWS = 1000
SPREAD = 8.0
"""Concentration of the drawn weights: the axis that weighs .4 is drawn with a standard deviation of .16."""


@dataclass(frozen=True)
class Sensitivity:
    """Ranks of each design's composite over drawn weights; equal composites share the better rank."""

    best: Ints
    """[D]."""
    worst: Ints
    """[D]."""
    front: Floats
    """Share of the draws in which the design has rank 1, [D]; ties count for each."""


def sensitivity(
    means: ArrayLike, weights: Sequence[float], draws: int = DRAWS, stream: str = "weights"
) -> Sensitivity:
    """How each design's rank moves when the weights do, from the means [designs, axes] of the axes as they are counted.

    Formula: weights from Dirichlet(8 w), whose mean is w; the composite is linear in them, so that means suffice.
    Read: a design whose rank range is wide owes its place to the weights; one in front in every draw does not.
    Fails: a mean that is not known has no composite: leave its axis, or its design, out first.

    >>> found = sensitivity([[.9, .9], [.8, .1], [.1, .8]], [.5, .5])
    >>> found.best.tolist(), found.worst.tolist(), found.front.tolist()
    ([1, 2, 2], [1, 3, 3], [1.0, 0.0, 0.0])
    """
    x, w = np.asarray(means, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != len(w) or not np.isfinite(x).all() or not (w > 0).all():
        raise UserError("sensitivity needs a full table of designs x axes, and a weight above 0 for each axis")
    drawn = generator(f"weights/{stream}").dirichlet(SPREAD * w / w.sum(), size=draws)
    ranks = np.stack([_ranks((x * one).sum(axis=1)) for one in drawn])
    return Sensitivity(ranks.min(axis=0), ranks.max(axis=0), (ranks == 1).mean(axis=0))


def _ranks(values: Floats) -> Ints:
    """1 + the number above each, [D]; what differs by rounding alone is equal."""
    tidy = np.round(values / TINY) * TINY
    return np.asarray(1 + len(tidy) - np.searchsorted(np.sort(tidy), tidy, side="right"))


def pareto(points: ArrayLike) -> list[bool | None]:
    """Whether each design [designs, axes] is on the Pareto front: no other is as good on every axis and better on one.

    A design with an unknown axis (None or NaN) is None: nobody can say, and it dominates nobody.

    >>> pareto([[.9, .1], [.5, .5], [.4, .4], [.1, None]])
    [True, True, False, None]
    """
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2:
        raise UserError("a Pareto front needs a table of designs x axes")
    known = np.asarray(np.isfinite(x).all(axis=1))
    rivals = x[known]
    beaten = [bool(((rivals >= p).all(axis=1) & (rivals > p).any(axis=1)).any()) for p in x]
    return [not lost if there else None for lost, there in zip(beaten, known.tolist(), strict=True)]
