"""How dispersed and how risky are the runs, within one and across seeds (Chan et al., arXiv 1912.05663)?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.metrics.normalised import normalised
from rewardbench.types import Floats, Numbers, Told, UserError

NORMAL_IQR = 1.3489795
"""Interquartile range of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Reliability:
    """The five numbers, unranked. S runs, E evaluations."""

    dispersion_across_time: Floats
    """[S]."""
    short_term_risk: Floats
    """[S]."""
    long_term_risk: Floats
    """[S]."""
    dispersion_across_runs: Floats
    """[E]."""
    risk_across_runs: Floats
    """[E]; the worst seed, when there are few."""


def reliability(x: ArrayLike, y: ArrayLike, alpha: float = 0.05) -> Reliability:
    """Dispersion (IQR) and risk (CVaR) of runs y [S, E] at x [E]; y is y' on frozen anchors, unclipped.

    Formula: across time, IQR and lower CVaR of (y_i - y_i-1) / (x_i - x_i-1); long-term, *upper* CVaR of the
    drawdown (with up to 20 points: the worst fall); across runs, IQR and lower CVaR over seeds at each point.
    Range: all at least 0 but the two risks of slopes and runs, which may be negative.
    Read: smaller dispersion and drawdown are better; risks are in the units of y'.
    Fails: an IQR over few seeds is biased and noisy (never compare unequal numbers of seeds), and
    dispersion across time depends on the evaluation interval.
    Source: Chan et al. 2020 (arXiv 1912.05663). Their example configuration averages the *smallest* drawdowns for
    long-term risk, which is 0 for nearly every run; here it is the largest.
    """
    time, runs = np.asarray(x, dtype=np.float64), np.atleast_2d(np.asarray(y, dtype=np.float64))
    if not np.isfinite(runs).all():
        raise UserError("curves hold NaN: fill a failed run with its defined score first")
    steps = differences(time, runs)
    return Reliability(
        iqr(steps, axis=1),
        np.array([lower_cvar(s, alpha) for s in steps]),
        np.array([upper_cvar(drawdown(run), alpha) for run in runs]),
        iqr(runs, axis=0),
        np.array([lower_cvar(at, alpha) for at in runs.T]),
    )


def of_run(told: Told) -> Numbers:
    """How a run swayed along its budget, gold on the task's scale (raw without one); raises UserError below three
    evaluations.
    """
    curve = told.curve
    if len(curve.steps) < 3:
        raise UserError("fewer than three evaluations were recorded")
    found = reliability(curve.steps / curve.budget_steps, normalised(curve, told.anchor))
    names = ("dispersion_across_time", "short_term_risk", "long_term_risk")
    return {name: float(getattr(found, name)[0]) for name in names}


def differences(x: ArrayLike, y: ArrayLike) -> Floats:
    """Slope between successive evaluations, [..., E] -> [..., E - 1].

    >>> differences([3, 6], [-1, 5]).tolist()
    [2.0]
    """
    return np.asarray(np.diff(np.asarray(y, dtype=np.float64)) / np.diff(np.asarray(x, dtype=np.float64)))


def dispersion_floor(x: ArrayLike, se: ArrayLike) -> float:
    """The dispersion across time (IQR of slopes) that evaluation noise alone gives a flat curve.

    From the standard error of y' at each evaluation, [E] at x [E]: a slope's variance is the sum of its two ends'
    over dx^2, and an IQR is 1.349 of the root of their mean. Print it beside the dispersion: a denser grid raises both.

    >>> round(dispersion_floor([0, 1, 2], [.1, .1, .1]), 4)
    0.1908
    """
    steps, ends = np.diff(np.asarray(x, dtype=np.float64)), np.asarray(se, dtype=np.float64) ** 2
    return float(NORMAL_IQR * np.sqrt(((ends[1:] + ends[:-1]) / steps**2).mean()))


def iqr(values: ArrayLike, axis: int = -1) -> Floats:
    """Interquartile range along an axis.

    >>> float(iqr(range(1, 21)))
    9.5
    """
    high, low = np.quantile(np.asarray(values, dtype=np.float64), [0.75, 0.25], axis=axis)
    return np.asarray(high - low)


def mad(values: ArrayLike, axis: int = -1) -> Floats:
    """Median absolute deviation from the median along an axis, not rescaled.

    >>> float(mad([1, 2, 6]))
    1.0
    """
    v = np.asarray(values, dtype=np.float64)
    return np.asarray(np.median(np.abs(v - np.median(v, axis=axis, keepdims=True)), axis=axis))


def lower_cvar(values: ArrayLike, alpha: float = 0.05) -> float:
    """Mean of the values at or below their alpha quantile: the expected bad case.

    >>> lower_cvar([-1, 2, 3.5, 5, 2, 1, 1.5, 3, 1.5, 6, 2], .3)
    0.75
    """
    v = np.ravel(np.asarray(values, dtype=np.float64))
    return float(v[v <= np.quantile(v, alpha)].mean())


def upper_cvar(values: ArrayLike, alpha: float = 0.05) -> float:
    """Mean of the values at or above their 1 - alpha quantile.

    >>> upper_cvar([-1, 2, 3.5, 5, 2, 1, 1.5, 3, 1.5, 6, 2], .1)
    5.5
    """
    return -lower_cvar(-np.ravel(np.asarray(values, dtype=np.float64)), alpha)


def drawdown(values: ArrayLike) -> Floats:
    """How far each point lies below the best so far, [..., E] -> [..., E].

    >>> drawdown([1, 5, 2, 6]).tolist()
    [0.0, 0.0, 3.0, 0.0]
    """
    v = np.asarray(values, dtype=np.float64)
    return np.asarray(np.maximum.accumulate(v, axis=-1) - v)


def robust_z(value: float, before: ArrayLike, floor: float = 0.0) -> float:
    """How unusual a logged value is after a trailing window [W], in robust standard deviations.

    `floor` keeps a window without spread from making everything unusual.

    >>> round(robust_z(.4, [.01, .012, .011, .013, .012, .011]), 3)
    524.079
    """
    window = np.asarray(before, dtype=np.float64)
    gap, spread = value - float(np.median(window)), 1.4826 * float(mad(window)) + floor
    if spread == 0:
        return 0.0 if gap == 0 else float(np.copysign(np.inf, gap))
    return gap / spread
