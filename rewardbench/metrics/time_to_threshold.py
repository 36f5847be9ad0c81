"""When did a run reach a threshold, and how long does it take on average?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.metrics.collapsed import hard_collapse
from rewardbench.metrics.normalised import normalised
from rewardbench.stats import Comparison, Interval, exact_share, mean_interval, paired_difference
from rewardbench.types import Anchor, Bools, Curve, Floats, Numbers, Told, UserError


def time_to_threshold(x: ArrayLike, y: ArrayLike, threshold: float, sustained: int = 2) -> float:
    """T: tokens until y' reaches a threshold and stays there for `sustained` evaluations; or infinity.

    Formula: linear interpolation of the crossing that leads into the first such stretch.
    Range: 0 tokens to infinity.
    Read: with its restricted mean and the share of runs that reach it; never the mean of the lucky ones.
    Fails: a run that touches and then crashes looks good; efficiency E does not.
    Source: Kaplan and Meier 1958 for the curve of arrivals; two evaluations in a row is ours.

    >>> time_to_threshold(range(5), [0, .4, .6, .7, .7], .5)
    1.5
    """
    time, value = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    above = value >= threshold
    for i in range(len(value) - sustained + 1):
        if above[i : i + sustained].all():
            return (
                float(time[0]) if i == 0 else _crossing(time[i - 1 : i + 1], value[i - 1 : i + 1], threshold)
            )
    return inf


def _crossing(x: Floats, y: Floats, threshold: float) -> float:
    return float(x[0] + (threshold - y[0]) / (y[1] - y[0]) * (x[1] - x[0]))


def survival(times: ArrayLike, reached: Bools | Sequence[bool] | None = None) -> tuple[Floats, Floats]:
    """Kaplan-Meier: the distinct times [t] and the share not yet there after each, [t].

    `reached` is False where a run was cut off (censored). A run that never gets there has time infinity.

    >>> survival([2, 4], [True, True])[1].tolist()
    [0.5, 0.0]
    """
    t = np.asarray(times, dtype=np.float64)
    hit = np.isfinite(t) & (
        np.ones(len(t), dtype=bool) if reached is None else np.asarray(reached, dtype=bool)
    )
    points = np.unique(t[np.isfinite(t)])
    left = [1 - (hit & (t == p)).sum() / (t >= p).sum() for p in points]
    return points, np.cumprod(left)


def restricted_mean(times: ArrayLike, end: float, reached: Sequence[bool] | None = None) -> float:
    """Mean time within 0..end: the area under the survival curve; without censoring mean(min(T, end)).

    >>> restricted_mean([2, 4, 6, inf], 10)
    5.5
    """
    points, share = survival(times, reached)
    inside = points < end
    edges = np.array([0.0, *points[inside], end])
    return float((np.diff(edges) * np.array([1.0, *share[inside]])).sum())


def median_time(times: ArrayLike, reached: Sequence[bool] | None = None) -> float:
    """The first time by which half have arrived; infinity if that never happens.

    >>> median_time([2, 4, 6])
    4.0
    """
    points, share = survival(times, reached)
    there = points[share <= 0.5 + 1e-12]
    return float(there[0]) if len(there) else inf


@dataclass(frozen=True)
class Arrivals:
    """How a design's runs arrive at a threshold. Times are shares of the budget."""

    mean: Interval
    """Restricted mean time, runs that never arrive counting 1, with its interval over seeds."""
    reached: int
    runs: int
    low: float
    """Of the share that arrives: the exact 95% interval."""
    high: float


def arrival(curve: Curve, anchor: Anchor, threshold: float) -> float:
    """A run's time to a threshold as a share of its budget, in [0, 1]; infinity if it never arrives within it.

    Formula: T / B, T from `time_to_threshold` on completion tokens. A crash or a hard collapse before T is a competing
    event, not a censoring: that run never arrives. Beyond the budget nothing counts.
    Range: 0 to 1, or infinity.
    Read: together with the other seeds of the design, by `arrivals`.
    Fails: a collapse after the arrival is not seen here; S and E see it.
    Source: Fine & Gray 1999: who met a competing event stays, at infinity, in their subdistribution.
    """
    t = time_to_threshold(curve.tokens, normalised(curve, anchor), threshold)
    fell = collapse_time(curve, anchor)
    return t / curve.budget_tokens if t <= curve.budget_tokens and t < fell else inf


def of_run(told: Told) -> Numbers:
    """The share of its budget after which a run had reached half of the task's scale, to stay there."""
    if told.anchor is None:
        return {"half": "the task has no scale for this policy and budget"}
    share = arrival(told.curve, told.anchor, 0.5)
    return {"half": share if np.isfinite(share) else "half of the task's scale was not reached, or not to stay"}


def collapse_time(curve: Curve, anchor: Anchor) -> float:
    """Tokens at which gold had stayed far below the start long enough for a hard failure; infinity without one."""
    for end in range(min(4, len(curve.steps)), len(curve.steps) + 1):
        if hard_collapse(_until(curve, end), anchor):
            return float(curve.tokens[end - 1])
    return inf


def _until(curve: Curve, end: int) -> Curve:
    """The run's first `end` evaluations, as far as a collapse can be read from them."""
    cut = slice(0, end)
    return replace(curve, steps=curve.steps[cut], gold=curve.gold[cut], entropy=curve.entropy[cut])


def arrivals(times: ArrayLike) -> Arrivals:
    """Restricted mean and share of arrivals, each with its interval, of a design's arrival times [seeds] / budget.

    Formula: mean of min(T, 1); without censoring it is the restricted mean of Kaplan and Meier. Exact binomial interval
    of the share.
    Range: mean 0 to 1, share 0 to 1.
    Read: a mean of 1 = nobody arrives; never the mean of the runs that do.
    Fails: with few seeds the share's interval is wide: of 5 arrivals in 5 the share may still be .48.
    Source: restricted means, Royston & Parmar 2013; Clopper & Pearson 1934.

    >>> found = arrivals([.2, .4, inf])
    >>> round(found.mean.mean, 4), found.reached, found.runs
    (0.5333, 2, 3)
    """
    t = _shares(times)
    reached = int(np.isfinite(t).sum())
    return Arrivals(mean_interval(np.minimum(t, 1.0)), reached, len(t), *exact_share(reached, len(t)))


def arrival_difference(a: ArrayLike, b: ArrayLike) -> Comparison:
    """Restricted mean time of a - that of b, paired by seed, as a share of the budget; below 0: a is sooner.

    >>> round(arrival_difference([.2, .4, .3], [.5, inf, .6]).difference, 4)
    -0.4
    """
    return paired_difference(np.minimum(_shares(a), 1.0), np.minimum(_shares(b), 1.0))


def _shares(times: ArrayLike) -> Floats:
    t = np.asarray(times, dtype=np.float64)
    if t.ndim != 1 or not ((t >= 0) & ((t <= 1) | np.isposinf(t))).all():
        raise UserError("arrival times are shares of the budget in [0, 1], or infinity: one a seed")
    return t
