"""How sure are we? Intervals over seeds, paired comparisons, verdicts and rank intervals.

Layout everywhere: scores are `[tasks, seeds]` (or `[seeds]` for one task), every cell filled. Intervals cover
*new seeds on the same tasks* (a seed draws its own prompts), not new tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.seeds import generator
from rewardbench.types import Bools, Floats, Ints, UserError

MARGIN = 0.03
"""Differences below it are of no practical weight, in units of y'."""
BOOTSTRAP_FROM = 20
"""Seeds from which the percentile bootstrap covers well enough to be the interval."""
RESAMPLES = 10_000
TINY = 1e-12
"""Standard errors below it are rounding, not variance."""


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


@dataclass(frozen=True)
class Comparison:
    """A paired difference a - b. Interval and p are unadjusted; `verdicts` adjusts over a family."""

    difference: float
    low: float
    high: float
    n: int
    """Pairs (seeds) a task."""
    p: float
    """Two-sided, of the t test, unadjusted."""
    interval_kind: str
    se: float
    df: float


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
    mean, se, df = _welch(cells)
    n = cells.shape[1]
    t = float(scipy_stats.t.ppf((1 + level) / 2, df))
    if n >= BOOTSTRAP_FROM and se:
        # plain percentiles are too narrow: 91% on one task at 20 seeds; so ask for the level that t would
        wider = 2 * float(scipy_stats.norm.cdf(t * sqrt(n / (n - 1)))) - 1
        low, high = bootstrap(cells, task_mean, name, wider)
        return Interval(mean, low, high, se, df, n, "bootstrap")
    half = t * se
    return Interval(mean, mean - half, mean + half, se, df, n, "t")


def _welch(cells: Floats) -> tuple[float, float, float]:
    """Mean, standard error and Welch-Satterthwaite degrees of freedom of [tasks, seeds]."""
    tasks, n = cells.shape
    variance = cells.var(axis=1, ddof=1) / n
    total = float(variance.sum())
    se = sqrt(total) / tasks
    if se < TINY:
        return float(cells.mean()), 0.0, float(tasks * (n - 1))
    share = variance / total  # ratios first: squares of tiny variances underflow
    return float(cells.mean()), se, float((n - 1) / (share**2).sum())


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


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95, name: str = "pair") -> Comparison:
    """a - b, paired by task and seed, with the unadjusted interval and two-sided p.

    Equal differences everywhere have no variance: zero width, and p is 0 (or 1 if the difference is 0).

    >>> paired_difference([.5, .6], [.4, .5]).p
    0.0
    """
    first, second = table(a), table(b)
    if first.shape != second.shape:
        raise UserError(f"pairs need the same tasks and seeds: {first.shape} against {second.shape}")
    gap = first - second
    gap[np.abs(gap) < TINY] = 0.0
    interval = mean_interval(gap, level, name)
    if interval.se:
        p = 2 * float(scipy_stats.t.sf(abs(interval.mean) / interval.se, interval.df))
    else:
        p = float(abs(interval.mean) < TINY)
    return Comparison(
        interval.mean, interval.low, interval.high, interval.n, p, interval.kind, interval.se, interval.df
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p of each, in the order given.

    >>> [round(x, 9) for x in holm([.01, .02, .03, .2])]
    [0.04, 0.06, 0.06, 0.2]
    """
    order = np.argsort(p, kind="stable")
    raised = np.asarray(p, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return [float(x) for x in adjusted]


def tost(comparison: Comparison, eps: float = MARGIN) -> float:
    """p of the two one-sided tests that |difference| < eps; below .05 is "equivalent".

    >>> round(tost(paired_difference([.01, -.02, .015, 0, .005], [0] * 5), .02), 6)
    0.020382
    """
    room = eps - abs(comparison.difference)
    if not comparison.se:
        return float(room <= 0)
    return float(scipy_stats.t.sf(room / comparison.se, comparison.df))


def verdict(comparison: Comparison, eps: float = MARGIN, p: float | None = None, alike: float | None = None) -> str:
    """`better`, `worse`, `equivalent` or `unresolved`, from the (adjusted) p's; `equivalent` is judged first.

    A difference that is real but negligible is a tie. No significant difference is never called a tie.

    >>> verdict(paired_difference([.5, .6], [.4, .5]))
    'better'
    """
    if (tost(comparison, eps) if alike is None else alike) < 0.05:
        return "equivalent"
    if (comparison.p if p is None else p) < 0.05:
        return "better" if comparison.difference > 0 else "worse"
    return "unresolved"


def verdicts(family: Sequence[Comparison], eps: float = MARGIN) -> list[str]:
    """The verdict of each comparison, both of its p's adjusted by Holm over the whole family.

    >>> verdicts([paired_difference([.5, .6], [.4, .5]), paired_difference([.5, .6], [.5, .6])])
    ['better', 'equivalent']
    """
    apart, alike = holm([c.p for c in family]), holm([tost(c, eps) for c in family])
    return [verdict(c, eps, p, same) for c, p, same in zip(family, apart, alike, strict=True)]


def significantly_better(scores: Sequence[ArrayLike]) -> Bools:
    """[D, D]: row beats column, Holm-adjusted over all pairs of scores [designs, tasks, seeds].

    >>> significantly_better([[[.5, .6, .5]], [[.1, .1, .1]]]).tolist()
    [[False, True], [False, False]]
    """
    cells = [table(s) for s in scores]
    pairs = list(combinations(range(len(cells)), 2))
    family = [paired_difference(cells[i], cells[j]) for i, j in pairs]
    beats = np.zeros((len(cells), len(cells)), dtype=bool)
    for (i, j), c, p in zip(pairs, family, holm([c.p for c in family]), strict=True):
        if p < 0.05:
            beats[(i, j) if c.difference > 0 else (j, i)] = True
    return beats


def rank_intervals(scores: Sequence[ArrayLike]) -> Ints:
    """[D, 2]: best and worst rank that each design may hold; scores are [designs, tasks, seeds].

    1 + the number significantly better than it, to D - the number significantly worse: marginal, not joint.

    >>> rank_intervals([[[.5, .6, .5]], [[.1, .1, .1]]]).tolist()
    [[1, 1], [2, 2]]
    """
    beats = significantly_better(scores)
    return np.stack([1 + beats.sum(axis=0), len(beats) - beats.sum(axis=1)], axis=1)


def minimum_detectable_difference(comparison: Comparison, power: float = 0.8) -> float:
    """The true difference that a test with this standard error finds with the given power.

    >>> minimum_detectable_difference(paired_difference([1, 1], [0, 0]))
    0.0
    """
    quantiles = scipy_stats.t.ppf([0.975, power], comparison.df)
    return float(quantiles.sum() * comparison.se)


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """The chance that a random run of a beats one of b on the same task, ties half; unpaired by construction.

    >>> probability_of_improvement([1, 2], [0, 2])
    0.625
    """
    first, second = table(a), table(b)
    if len(first) != len(second):
        raise UserError("both sides need the same tasks")
    gap: Any = np.sign(first[:, :, None] - second[:, None, :])
    return float((gap + 1).mean() / 2)


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
