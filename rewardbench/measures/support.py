"""Do two sets of points, or two histograms, cover the same ground? Precision, recall, density, coverage, a frontier.

Points are features of texts (embeddings, say): which features, how many points and which k are part of the measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from scipy.special import rel_entr

from rewardbench.types import Floats, UserError


@dataclass(frozen=True)
class Support:
    """How a generated set lies in the support of a real one, balls to the k-th nearest neighbour."""

    precision: float
    """Share of the generated within some ball of the real, in [0, 1]."""
    recall: float
    """Share of the real within some ball of the generated, in [0, 1]; two outliers can make it 1."""
    density: float
    """Balls of the real that a generated point lies in, over k: above 0, 1 for equal sets on average."""
    coverage: float
    """Share of the real whose own ball holds a generated point, in [0, 1]."""


def support(real: ArrayLike, generated: ArrayLike, k: int = 5) -> Support:
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020) of points [n, d].

    Raises UserError where a set has no k-th neighbour.

    >>> found = support([[0], [1], [2], [10], [11], [12]], [[0.5], [1.5], [1.2], [0.8], [30], [31]], k=1)
    >>> round(found.precision, 4), round(found.recall, 4), round(found.density, 4), found.coverage
    (0.6667, 0.1667, 1.3333, 0.5)
    """
    ours, theirs = (np.atleast_2d(np.asarray(points, dtype=np.float64)) for points in (real, generated))
    if ours.shape[1] != theirs.shape[1] or k < 1 or min(len(ours), len(theirs)) <= k:
        raise UserError(f"two sets of points of one dimension are needed, each of more than k = {k}")
    between = cdist(ours, theirs)
    within, around = between < _radii(ours, k)[:, None], between < _radii(theirs, k)[None]
    return Support(
        precision=float(within.any(0).mean()),
        recall=float(around.any(1).mean()),
        density=float(within.sum(0).mean() / k),
        coverage=float(within.any(1).mean()),
    )


def _radii(points: Floats, k: int) -> Floats:
    """Distance of each point to its k-th nearest neighbour, [n]."""
    return np.asarray(np.sort(cdist(points, points), axis=1)[:, k])


def frontier_area(p: ArrayLike, q: ArrayLike, scale: float = 5.0, weights: int = 25) -> float:
    """Area under the divergence frontier of two histograms [b], in (0, 1]; 1 where they are equal.

    The curve of exp(-scale KL(q, m)) against exp(-scale KL(p, m)) over mixtures m of both (MAUVE without its features,
    Pillutla et al. 2021, arXiv 2102.01454). Points are taken in the order of the mixtures, so that equal histograms,
    whose points coincide, keep their corners.

    >>> round(frontier_area([1, 0], [0, 1]), 6), round(frontier_area([.5, .5], [.9, .1]), 6)
    (0.004072, 0.671096)
    >>> frontier_area([.5, .5], [.5, .5])
    1.0
    """
    a, b = (np.asarray(h, dtype=np.float64) for h in (p, q))
    if a.shape != b.shape or a.ndim != 1 or (a < 0).any() or (b < 0).any() or not a.sum() or not b.sum():
        raise UserError("two histograms of one length are needed, none of them empty")
    a, b = a / a.sum(), b / b.sum()
    mixed = np.linspace(1e-6, 1 - 1e-6, weights)[:, None]
    middle = mixed * a + (1 - mixed) * b
    x = np.exp(-scale * rel_entr(b, middle).sum(1))
    y = np.exp(-scale * rel_entr(a, middle).sum(1))
    x, y = np.r_[1.0, x, 0.0], np.r_[0.0, y, 1.0]
    return float(abs(np.trapezoid(y, x)))
