"""Which of two judges is right more often? Two yes-or-no answers about each case, compared case by case."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.stats.intervals import wilson
from rewardbench.types import UserError


@dataclass(frozen=True)
class PairedShares:
    """The share of yes in the first column less that in the second, over the same cases."""

    difference: float
    low: float
    high: float
    """95%, Newcombe's."""
    first_only: int
    """Cases with a yes in the first column alone."""
    second_only: int
    p: float
    """Two-sided, exact McNemar's."""
    n: int


def paired_shares(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> PairedShares:
    """The difference of two shares over the same n cases, in [-1, 1], with its interval and exact p.

    Formula: Wilson's intervals of both shares are squared and added, less what the two columns have in common (phi,
    corrected for continuity where it is positive). p: the binomial test that the cases on which the two differ fall
    either way alike.
    Read: it has a width where both agree on every case: that they agree on these is no proof that they always would.
    Source: Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", method 10; McNemar 1947.

    >>> found = paired_shares([1, 1, 1, 1, 0], [0, 0, 0, 1, 0])
    >>> found.difference.__round__(6), found.first_only, found.second_only, found.p
    (0.6, 3, 0, 0.25)
    """
    x, y = (np.asarray(v, dtype=bool) for v in (first, second))
    if x.ndim != 1 or not x.size or x.shape != y.shape:
        raise UserError("two judges are compared on the same cases, at least one")
    n = len(x)
    table = [[int((x & y).sum()), int((x & ~y).sum())], [int((~x & y).sum()), int((~x & ~y).sum())]]
    (both, one), (other, _) = table
    shares = ((both + one) / n, (both + other) / n)
    (low1, high1), (low2, high2) = (wilson(hits, n, level) for hits in (both + one, both + other))
    gap, common = shares[0] - shares[1], _common(table)
    below = _added(shares[0] - low1, high2 - shares[1], common)
    above = _added(high1 - shares[0], shares[1] - low2, common)
    p = float(scipy_stats.binomtest(one, one + other).pvalue) if one + other else 1.0
    return PairedShares(gap, gap - below, gap + above, one, other, p, n)


def _common(table: list[list[int]]) -> float:
    """Phi of a table of two columns, corrected for continuity where it is positive; 0 where a column is constant.

    >>> _common([[5, 0], [0, 5]]), _common([[0, 5], [5, 0]]), _common([[5, 0], [5, 0]])
    (0.8, -1.0, 0.0)
    """
    (a, b), (c, d) = table
    scale = (a + b) * (c + d) * (a + c) * (b + d)
    together = float(a * d - b * c)
    if together > 0:
        together = max(0.0, together - (a + b + c + d) / 2)
    return together / sqrt(scale) if scale else 0.0


def _added(one: float, other: float, common: float) -> float:
    """Two distances, squared and added, less what they have in common.

    >>> _added(3, 4, 0), _added(3, 3, 1)
    (5.0, 0.0)
    """
    return sqrt(max(0.0, one**2 - 2 * common * one * other + other**2))
