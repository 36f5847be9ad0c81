"""When did a run reach a threshold, and how long does it take on average?"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.types import Bools, Floats


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
