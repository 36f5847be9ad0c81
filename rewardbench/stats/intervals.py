"""How sure is one number? Its interval over seeds, or that of a share.

Layout everywhere: scores are `[tasks, seeds]` (or `[seeds]` for one task), every cell filled. Intervals cover
*new seeds on the same tasks* (a seed draws its own prompts), not new tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from scipy import stats as scipy_stats

from rewardbench.seeds import generator
from rewardbench.types import Floats, UserError

BOOTSTRAP_FROM = 20
"""Seeds from which the percentile bootstrap covers well enough to be the interval."""
RESAMPLES = 10_000
TINY = 1e-12
"""Standard errors below it are rounding, not variance."""
FLOOR = 0.01
"""Standard deviation over seeds, in units of Q, that stands for none. Scores move in steps (the mean of two evaluations
of 128 completions that are right or wrong, by 1/256), and two seeds fall on one step by chance: where differences have
a standard deviation of .04, once in 36. So seeds that agree to the last digit say little of the next one."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95% interval over seeds."""

    mean: float
    low: float
    high: float
    se: float
    df: float
    n: int
    """Seeds a task."""
    kind: str
    """`t` (Welch-Satterthwaite where there are several tasks) or `bootstrap`."""


def table(scores: ArrayLike) -> Floats:
    """Scores as float64 [tasks, seeds]; refuses a missing cell, NaN, and a single seed.

    >>> table([.5, .7]).shape
    (1, 2)
    """
    try:
        cells = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UserError("scores must be a full table of numbers, tasks x seeds: a cell is missing") from error
    if cells.ndim != 2 or not cells.size:
        raise UserError(f"scores must be a table of tasks x seeds, not of shape {cells.shape}")
    if not np.isfinite(cells).all():
        raise UserError("scores hold NaN or infinity: every run counts, a failed one as its defined score")
    if cells.shape[1] < 2:
        raise UserError("one seed has no interval: run at least 2 seeds (5 to rank, 10 to claim)")
    return cells


def mean_interval(scores: ArrayLike, level: float = 0.95, name: str = "mean") -> Interval:
    """The mean over tasks of the mean over seeds, with its interval: t below 20 seeds, else bootstrap.

    >>> mean_interval([[.6, .7, .65], [.4, .5, .3]]).df.__round__(6)
    2.941176
    """
    cells = table(scores)
    mean, se, df = welch(cells)
    n = cells.shape[1]
    t = float(special.stdtrit(df, (1 + level) / 2))  # Student's quantile; what `t.ppf` calls, a board asks for 17,000
    if n >= BOOTSTRAP_FROM and se:
        # plain percentiles are too narrow: 91% on one task at 20 seeds; so ask for the level that t would
        wider = 2 * float(scipy_stats.norm.cdf(t * sqrt(n / (n - 1)))) - 1
        low, high = bootstrap(cells, task_mean, name, wider)
        return Interval(mean, low, high, se, df, n, "bootstrap")
    half = t * se
    return Interval(mean, mean - half, mean + half, se, df, n, "t")


def welch(cells: Floats) -> tuple[float, float, float]:
    """Mean, standard error and Welch-Satterthwaite degrees of freedom of [tasks, seeds]."""
    tasks, n = cells.shape
    variance = cells.var(axis=1, ddof=1) / n
    total = float(variance.sum())
    se = sqrt(total) / tasks
    if se < TINY:
        return float(cells.mean()), 0.0, float(tasks * (n - 1))
    share = variance / total  # ratios first: squares of tiny variances underflow
    return float(cells.mean()), se, float((n - 1) / (share**2).sum())


def satterthwaite(se: Sequence[float], df: Sequence[float]) -> tuple[float, float]:
    """Standard error and degrees of freedom of a sum of independent parts, each with its own.

    >>> satterthwaite([3., 4.], [4, 4])[0], round(satterthwaite([3., 4.], [4, 4])[1], 2)
    (5.0, 7.42)
    """
    whole = hypot(*se)
    if whole < TINY:
        return 0.0, float(sum(df))
    shares = [(error / whole) * (error / whole) for error in se]  # processors differ in NumPy's own powers
    return whole, 1 / sum(share * share / n for share, n in zip(shares, df, strict=True))


def task_mean(cells: Floats) -> Floats:
    """The mean over the last two axes [..., tasks, seeds] -> [...]."""
    return np.asarray(cells.mean(axis=(-2, -1)))


def bootstrap(
    scores: ArrayLike,
    statistic: Callable[[Floats], Floats] = task_mean,
    name: str = "bootstrap",
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """The percentile interval of a statistic; seeds are resampled within each task, by a named stream.

    `statistic` maps [B, tasks, seeds] to [B]. Approximate below 10 seeds: say so beside it.

    >>> bootstrap([1., 1., 1.])
    (1.0, 1.0)
    """
    cells = table(scores)
    tasks, n = cells.shape
    picks = generator(f"bootstrap/{name}").integers(0, n, size=(resamples, tasks, n))
    values = statistic(np.take_along_axis(cells[None], picks, axis=2))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def iqm(scores: ArrayLike) -> float:
    """The mean of the middle half of all scores (a quarter cut from each end, rounded down).

    >>> iqm([0, 1, 2, 3, 100])
    2.0
    """
    return float(scipy_stats.trim_mean(np.ravel(np.asarray(scores, dtype=np.float64)), 0.25))


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share, e.g. of failed runs; (0, 1) when nothing was tried.

    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if not n:
        return 0.0, 1.0
    z = float(scipy_stats.norm.ppf((1 + level) / 2))
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(hits * (n - hits) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def exact_share(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share, which never covers less than it says; (0, 1) when nothing was tried.

    >>> tuple(round(x, 6) for x in exact_share(0, 10))
    (0.0, 0.308497)
    """
    tail = (1 - level) / 2
    low = float(scipy_stats.beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(scipy_stats.beta.isf(tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def profile(scores: ArrayLike, thresholds: ArrayLike) -> Floats:
    """The share of runs above each threshold [G], tasks weighing alike: a performance profile of [tasks, seeds].

    The area under it over [0, 1] is the mean of scores clipped to [0, 1]. A picture, not a rank.
    Source: score distributions of Agarwal et al. 2021 (arXiv 2108.13264).

    >>> profile([.2, .6, .9], [.5, .6]).round(3).tolist()
    [0.667, 0.333]
    """
    cells, at = table(scores), np.asarray(thresholds, dtype=np.float64)
    return np.asarray((cells[..., None] > at).mean(axis=(0, 1)))


def clustered(values: Sequence[float], clusters: Sequence[Hashable]) -> tuple[float, float]:
    """A mean and its standard error where the values of one cluster (the problems of one scene) go together.

    Fails: under about 20 clusters it is too small.

    >>> [tuple(round(x, 3) for x in clustered([1, 1, 0, 0], drawn)) for drawn in ("aabb", "abcd")]
    [(0.5, 0.5), (0.5, 0.289)]
    """
    mean, off = float(np.mean(values)), dict.fromkeys(clusters, 0.0)
    for value, cluster in zip(values, clusters, strict=True):
        off[cluster] += value - mean
    if len(off) < 2:
        return mean, float("nan")
    return mean, sqrt(sum(one * one for one in off.values()) * len(off) / (len(off) - 1)) / len(values)
