"""Do two rankings, or several raters, agree? Rank correlations with intervals, intraclass correlations, attenuation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from math import atanh, copysign, sqrt, tanh
from statistics import pvariance

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.types import Bools, Floats, UserError


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


def icc_interval(ratings: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """The interval of ICC(2,1) of ratings [targets, raters]; that of ICC(2,k) is its `spearman_brown(.., k)`.

    Formula: F quantiles with Satterthwaite's degrees of freedom, both targets and raters being samples.
    Fails: where some targets are rated with more noise than others: `no_narrower` allows for that.
    Source: McGraw & Wong 1996, "Forming inferences about some intraclass correlation coefficients", table 7.

    >>> six = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> tuple(round(x, 2) for x in icc_interval(six))
    (0.02, 0.76)
    """
    x = np.asarray(ratings, dtype=np.float64)
    r = icc(x).agreement
    n, k = x.shape
    rows, columns, centre = x.mean(axis=1), x.mean(axis=0), x.mean()
    between = k * ((rows - centre) ** 2).sum() / (n - 1)
    raters = n * ((columns - centre) ** 2).sum() / (k - 1)
    error = ((x - rows[:, None] - columns + centre) ** 2).sum() / ((n - 1) * (k - 1))
    if r >= 1 or error <= 0:
        return (r, r)
    a = k * r / (n * (1 - r))
    b = 1 + k * r * (n - 1) / (n * (1 - r))
    df = (a * raters + b * error) ** 2 / ((a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    tail = (1 + level) / 2
    f, g = float(scipy_stats.f.ppf(tail, n - 1, df)), float(scipy_stats.f.ppf(tail, df, n - 1))
    rest = k * raters + (k * n - k - n) * error
    low = n * (between - f * error) / (f * rest + n * between)
    high = n * (g * between - error) / (rest + n * g * between)
    return float(max(-1 / (k - 1), min(low, r))), float(min(1.0, max(high, r)))


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


def kendall_p_value(a: ArrayLike, b: ArrayLike) -> float:
    """The two-sided p of Kendall's tau of two lists, were their orders unrelated; 1 where one side is constant.

    Formula: exact, over all orders of the second, up to eight entries, ties included; beyond, exact without ties and by
    the normal approximation with them.
    Source: Kendall 1938, "A new measure of rank correlation".

    >>> round(kendall_p_value([1, 2, 3, 4, 5, 6], [1, 2, 4, 3, 6, 5]), 4)
    0.0556
    """
    first, second = np.ravel(np.asarray(a, dtype=np.float64)), np.ravel(np.asarray(b, dtype=np.float64))
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 1.0
    if first.size > 8:
        return float(scipy_stats.kendalltau(first, second).pvalue)
    pairs = np.triu_indices(first.size, 1)
    ours, theirs = (np.sign(x[:, None] - x) for x in (first, second))
    orders = np.array(list(permutations(range(first.size))))
    score = (ours[pairs] * theirs[orders[:, pairs[0]], orders[:, pairs[1]]]).sum(axis=1)
    return float((np.abs(score) >= abs((ours[pairs] * theirs[pairs]).sum())).mean())


def spearman_brown(r: float, length: float = 2.0) -> float:
    """The reliability of a test made `length` times as long.

    >>> round(spearman_brown(.7), 3)
    0.824
    """
    return length * r / (1 + (length - 1) * r)


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation in [-1, 1], tied ranks averaged; 0 where one side is constant.

    >>> round(spearman([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]), 6)
    0.8
    """
    first, second = np.ravel(np.asarray(a, dtype=np.float64)), np.ravel(np.asarray(b, dtype=np.float64))
    if first.shape != second.shape or not np.isfinite([first, second]).all():
        raise UserError("two equally long lists of finite numbers are needed")
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    u, v = (x - x.mean() for x in (scipy_stats.rankdata(first), scipy_stats.rankdata(second)))
    return float(np.clip((u * v).sum() / np.sqrt((u * u).sum() * (v * v).sum()), -1, 1))


def rank_interval(r: float, n: int, kind: str = "spearman", level: float = 0.95) -> tuple[float, float]:
    """The interval of a rank correlation of n designs, by Fisher's z; `kind` is spearman or kendall.

    Formula: tanh(atanh(r) -+ z se), se^2 = (1 + r^2 / 2) / (n - 3) for Spearman, .437 / (n - 4) for Kendall.
    Read: a few designs say little: .9 of 8 designs is anything from .41 to .99.
    Fails: at r = 1 or -1, where it has no width: r is then taken as one swap of neighbours away from it, and the end
    itself stays inside. Beyond about .9 it is too narrow (of 45 normal designs with tau .95 it holds the truth in 88 of
    100, of a board's own designs in 65 to 69): take `no_narrower` there. With heavy ties use a bootstrap.
    Source: Bonett & Wright 2000, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations";
    Kendall's variance from Fieller, Hartley & Pearson 1957.

    >>> tuple(round(x, 2) for x in rank_interval(.9, 8))
    (0.41, 0.99)
    """
    if kind not in ("spearman", "kendall") or not -1 <= r <= 1:
        raise UserError(f"{r} of kind {kind!r} is no rank correlation: spearman or kendall in [-1, 1]")
    if n < 5:
        raise UserError(f"a rank correlation of {n} designs has no interval: at least 5 are needed")
    swap = 12 / (n**3 - n) if kind == "spearman" else 4 / (n**2 - n)
    inner = copysign(min(abs(r), 1 - swap), r)
    se = sqrt((1 + inner**2 / 2) / (n - 3) if kind == "spearman" else 0.437 / (n - 4))
    half = float(scipy_stats.norm.ppf((1 + level) / 2)) * se
    return min(r, tanh(atanh(inner) - half)), max(r, tanh(atanh(inner) + half))


def no_narrower(
    interval: tuple[float, float], statistic: Callable[[Floats], float], rows: ArrayLike
) -> tuple[float, float]:
    """An interval of a correlation of designs [n, ...], at least as wide as the jackknife over them says.

    Formula: Fisher's z of the statistic without each design in turn, Student's t at n - 1.
    Read: formulas take designs for draws of one normal distribution, equally noisy; those of a board lie on a floor, or
    learn, and some are much noisier than others.
    Source: the jackknife is Tukey's; of Fisher's z, as Arvesen 1969.

    >>> rows = np.array([[1, 1], [2, 2], [3, 3], [4, 5], [5, 4], [9, 6]])
    >>> tuple(round(x, 2) for x in no_narrower((.8, .9), lambda x: kendall_tau_b(*x.T), rows))
    (0.62, 0.96)
    """
    x = np.asarray(rows, dtype=np.float64)
    n = len(x)
    values = [statistic(x), *(statistic(np.delete(x, i, axis=0)) for i in range(n))]
    most = 1 - 4 / (n**2 - n)  # one swap of neighbours from the end, where z is infinite
    z = [atanh(min(max(value, -most), most)) for value in values]
    half = float(scipy_stats.t.ppf(0.975, n - 1)) * sqrt((n - 1) * pvariance(z[1:]))
    return min(interval[0], tanh(z[0] - half)), max(interval[1], tanh(z[0] + half))


def attenuated(r: float, reliability_a: float, reliability_b: float) -> float:
    """The correlation that two measurements show whose true values correlate by r (Spearman 1904).

    >>> round(attenuated(.95, .8, .9), 2)
    0.81
    """
    if not (0 < reliability_a <= 1 and 0 < reliability_b <= 1):
        raise UserError("attenuation needs reliabilities above 0 and at most 1")
    return r * sqrt(reliability_a * reliability_b)


def disattenuated(r: float, reliability_a: float, reliability_b: float) -> float:
    """The correlation of true values behind an observed one; sampling may carry it beyond 1, which is not hidden.

    >>> round(disattenuated(attenuated(.95, .8, .9), .8, .9), 6)
    0.95
    """
    return r / attenuated(1.0, reliability_a, reliability_b)


def decision_accuracy(small: ArrayLike, resolved: Bools) -> float | None:
    """The share of pairs, resolved in a large tier, that scores of a small tier [D] order alike; a tie is half.

    `resolved` [D, D]: row beats column there (`significantly_better`). None where it resolves no pair.
    Source: the decision accuracy of Heineman et al. 2025 (arXiv 2508.13144), here on resolved pairs only.

    >>> decision_accuracy([3, 2, 2], np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool))
    0.8333333333333334
    """
    scores = np.asarray(small, dtype=np.float64)
    if scores.ndim != 1 or resolved.shape != (len(scores), len(scores)):
        raise UserError("one score a design, and a square table of what beats what, are needed")
    won = (np.sign(scores[:, None] - scores) + 1) / 2
    return float(won[resolved].mean()) if resolved.any() else None
