"""Do two designs differ? Paired differences, adjusted p's, and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats
from scipy.special import nctdtr, nctdtrinc

from rewardbench.stats.intervals import FLOOR, TINY, mean_interval, table
from rewardbench.types import Floats, UserError

MARGIN = 0.03
"""Differences below it are of no practical weight, in units of y'."""
MOST_SEEDS = 10_000


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
    unseen: int = 0
    """All pairs, where most of them lie on both sides at the same end of the scale, 0 or 1; else 0."""


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95, name: str = "pair") -> Comparison:
    """a - b, paired by task and seed, with the unadjusted interval and two-sided p.

    Where all differences are equal and not 0, their standard deviation is taken to be `FLOOR`; where all are 0, there
    is no width and p is 1.

    >>> round(paired_difference([.5, .6], [.4, .5]).p, 4), paired_difference([.5, .6], [.5, .6]).p
    (0.0449, 1.0)
    """
    first, second = table(a), table(b)
    if first.shape != second.shape:
        raise UserError(f"pairs need the same tasks and seeds: {first.shape} against {second.shape}")
    gap = first - second
    gap[np.abs(gap) < TINY] = 0.0
    interval = mean_interval(gap, level, name)
    if not interval.se and interval.mean:
        se = FLOOR / sqrt(gap.size)
        half = se * float(scipy_stats.t.ppf((1 + level) / 2, interval.df))
        interval = replace(interval, se=se, low=interval.mean - half, high=interval.mean + half)
    p = 2 * float(scipy_stats.t.sf(abs(interval.mean) / interval.se, interval.df)) if interval.se else 1.0
    stuck = any(2 * np.sum((gap == 0) & (np.abs(first - end) < TINY)) > gap.size for end in (0, 1))
    unseen = gap.size if stuck else 0
    return Comparison(
        interval.mean, interval.low, interval.high, interval.n, p, interval.kind, interval.se, interval.df, unseen
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p of each, in the order given.

    >>> [round(x, 9) for x in holm([.01, .02, .03, .2])]
    [0.04, 0.06, 0.06, 0.2]
    """
    return [float(x) for x in adjusted(np.asarray(p, dtype=np.float64))]


def adjusted(p: Floats) -> Floats:
    """Holm's adjusted p of an array [M]: the i-th smallest (from 0) times M - i, made to rise, at most 1.

    >>> adjusted(np.array([.03, .01])).tolist()
    [0.03, 0.02]
    """
    order = np.argsort(p, kind="stable")
    raised = p[order] * np.arange(len(order), 0, -1)
    values = np.empty(len(order))
    values[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return values


def tost(comparison: Comparison, eps: float = MARGIN) -> float:
    """p of the two one-sided tests that |difference| < eps; below .05 is "equivalent".

    Where most pairs are stuck at an end of the scale, their spread says nothing of the one in a hundred that is not: p
    is then at least that of seeing none of it in n pairs, (1 - eps)^n, if a share eps lay at the other end. So five
    seeds that never fell are no tie, a hundred are.

    >>> round(tost(paired_difference([.01, -.02, .015, 0, .005], [0] * 5), .02), 6)
    0.020382
    """
    room = eps - abs(comparison.difference)
    rare = (1 - eps) ** comparison.unseen if comparison.unseen else 0.0
    if not comparison.se:
        return max(float(room <= 0), rare)
    return max(float(scipy_stats.t.sf(room / comparison.se, comparison.df)), rare)


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

    >>> verdicts([paired_difference([.5, .6, .7], [.2, .2, .3]), paired_difference([.5, .6, .7], [.5, .6, .7])])
    ['better', 'equivalent']
    """
    apart, alike = holm([c.p for c in family]), holm([tost(c, eps) for c in family])
    return [verdict(c, eps, p, same) for c, p, same in zip(family, apart, alike, strict=True)]


def minimum_detectable_difference(comparison: Comparison, power: float = 0.8) -> float:
    """The true difference that a test with this standard error finds with the given power.

    >>> round(minimum_detectable_difference(paired_difference([.5, .7, .6], [.4, .4, .4])), 3)
    0.31
    """
    quantiles = scipy_stats.t.ppf([0.975, power], comparison.df)
    return float(quantiles.sum() * comparison.se)


def detectable_difference(
    se: ArrayLike, df: ArrayLike, comparisons: int = 1, power: float = 0.8, level: float = 0.05
) -> Floats:
    """The true difference that a comparison finds with the given power, though adjusted for a family; as `se` [...].

    Formula: se times the noncentrality at which a t test on `df` degrees of freedom, at the two-sided level that the
    hardest comparison of a family must pass (level / comparisons, Holm's first step), rejects with this power. n paired
    seeds on one task have df = n - 1; `se` is that of the paired difference.
    Read: at one comparison it is `minimum_detectable_difference` within 1.5% from 5 seeds on. In a large family the
    sum of two quantiles falls short: at 5 seeds and 28 pairs such a difference is found 71 times in 100, not 80.
    Source: power of the t test from the noncentral t distribution (Johnson & Welch 1940).

    >>> detectable_difference([.01, .02], 4, comparisons=28).round(4).tolist()
    [0.0921, 0.1841]
    """
    freedom, place = np.unique(np.asarray(df, dtype=np.float64), return_inverse=True)
    critical = scipy_stats.t.isf(level / (2 * comparisons), freedom)
    needed = nctdtrinc(freedom, 1 - power, critical)
    return np.asarray(needed[place].reshape(np.shape(df)) * np.asarray(se, dtype=np.float64))


def seeds_needed(
    effect: float, paired: bool = False, comparisons: int = 1, power: float = 0.8, level: float = 0.05
) -> int:
    """Seeds (of each design) that find an effect, in seed standard deviations, with the given power on one task.

    Formula: the least n at which the noncentral t test has that power at the two-sided level / comparisons. Unpaired:
    2 n - 2 degrees of freedom. Paired: n - 1, the effect being in standard deviations of the paired difference.
    Read: averaging over T tasks of independent noise divides it by about T.

    >>> [seeds_needed(effect) for effect in (.5, 1, 1.5, 2)]
    [64, 17, 9, 6]
    """
    if effect <= 0:
        raise UserError("seeds are counted for an effect above 0")
    for n in range(2, MOST_SEEDS):
        df, centre = (n - 1, effect * sqrt(n)) if paired else (2 * n - 2, effect * sqrt(n / 2))
        if nctdtr(df, centre, scipy_stats.t.isf(level / (2 * comparisons), df)) <= 1 - power:
            return n
    raise UserError(f"an effect of {effect} needs {MOST_SEEDS} seeds or more")


def pairing(a: ArrayLike, b: ArrayLike) -> float:
    """How far seeds go together: the correlation of two designs' scores [tasks, seeds] within tasks, in [-1, 1].

    Read: pairing by seed narrows the interval of a difference by about the root of 1 - it; at 0 it costs next to
    nothing. 0 where a side does not vary.

    >>> round(pairing([[1, 2, 3], [9, 8, 7]], [[2, 3, 4], [5, 4, 3]]), 6)
    1.0
    """
    first, second = table(a), table(b)
    if first.shape != second.shape:
        raise UserError(f"pairs need the same tasks and seeds: {first.shape} against {second.shape}")
    x, y = (v - v.mean(axis=1, keepdims=True) for v in (first, second))
    scale = sqrt(float((x**2).sum()) * float((y**2).sum()))
    return float((x * y).sum()) / scale if scale > TINY else 0.0


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
