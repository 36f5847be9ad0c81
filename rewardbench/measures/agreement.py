"""Do two rankings, or several raters, agree? Kendall's tau-b, intraclass correlations, Spearman-Brown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.types import UserError


@dataclass(frozen=True)
class Icc:
    """Intraclass correlations of Shrout & Fleiss (1979): of one rater, and of the mean of all k."""

    one: float
    """ICC(1,1): every target has its own raters."""
    agreement: float
    """ICC(2,1): raters are a sample; their offsets count as error."""
    consistency: float
    """ICC(3,1): raters are fixed; offsets do not count."""
    mean_agreement: float
    """ICC(2,k)."""
    mean_consistency: float
    """ICC(3,k)."""


def icc(ratings: ArrayLike) -> Icc:
    """The intraclass correlations of ratings [targets, raters] (designs x seeds, for a test-retest).

    >>> icc([[1, 1], [2, 2], [3, 3]]).agreement
    1.0
    """
    x = np.asarray(ratings, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2 or not np.isfinite(x).all():
        raise UserError("ratings must be a full table of at least 2 targets x 2 raters")
    n, k = x.shape
    rows, columns, centre = x.mean(axis=1), x.mean(axis=0), x.mean()
    between = k * ((rows - centre) ** 2).sum() / (n - 1)
    raters = n * ((columns - centre) ** 2).sum() / (k - 1)
    error = ((x - rows[:, None] - columns + centre) ** 2).sum() / ((n - 1) * (k - 1))
    within = ((x - rows[:, None]) ** 2).sum() / (n * (k - 1))
    return Icc(
        _ratio(between - within, between + (k - 1) * within),
        _ratio(between - error, between + (k - 1) * error + k * (raters - error) / n),
        _ratio(between - error, between + (k - 1) * error),
        _ratio(between - error, between + (raters - error) / n),
        _ratio(between - error, between),
    )


def _ratio(above: float, below: float) -> float:
    """0 where nothing varies: targets that cannot be told apart are not told apart reliably."""
    return float(above / below) if below > 0 else 0.0


def kendall_tau_b(a: ArrayLike, b: ArrayLike) -> float:
    """Rank agreement in [-1, 1], corrected for ties; 0 where one side is constant.

    >>> round(kendall_tau_b([1, 1, 2, 3], [1, 2, 2, 3]), 6)
    0.8
    """
    first, second = np.ravel(np.asarray(a, dtype=np.float64)), np.ravel(np.asarray(b, dtype=np.float64))
    if first.shape != second.shape or not np.isfinite([first, second]).all():
        raise UserError("two equally long lists of finite numbers are needed")
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(scipy_stats.kendalltau(first, second, variant="b").statistic)


def spearman_brown(r: float, length: float = 2.0) -> float:
    """The reliability of a test made `length` times as long.

    >>> round(spearman_brown(.7), 3)
    0.824
    """
    return length * r / (1 + (length - 1) * r)
