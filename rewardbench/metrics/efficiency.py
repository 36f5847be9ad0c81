"""How cheaply did the policy get good?"""

from __future__ import annotations

import numpy as np
from scipy.integrate import trapezoid

from rewardbench.metrics.normalised import normalised
from rewardbench.types import Anchor, Curve, Floats, UserError


def efficiency(curve: Curve, anchor: Anchor) -> float:
    """E: the mean clipped y' over the whole budget of completion tokens, in [0, 1].

    Formula: (1 / B) * integral over 0..B of clip(y', 0, 1), trapezoid; a terse run's last value is carried
    forward to B, a run charged extra is cut at B, after a crash the rest is 0.
    Range: 0 to 1.
    Read: the share of the budget for which the policy was good; for a curve that only rises it is 1 - the
    threshold-averaged restricted mean time-to-threshold / B.
    Fails: it rewards terse designs for being terse, and cannot tell a late good run from an early bad one.
    Source: the area under the learning curve; that it averages restricted mean times to threshold is tested.
    """
    tokens = np.asarray(curve.tokens, dtype=np.float64)
    return area(tokens, normalised(curve, anchor), curve.budget_tokens, carry=not curve.failed)


def area(x: Floats, y: Floats, end: float, carry: bool = True) -> float:
    """Mean of clip(y, 0, 1) over 0..end; beyond the last x its value is carried, or counts 0.

    >>> round(area(np.arange(5.), np.array([0, .4, .6, .7, .7]), 4.), 6)
    0.5125
    """
    x, y = np.asarray(x, dtype=np.float64), np.clip(np.asarray(y, dtype=np.float64), 0, 1)
    if end <= 0 or (np.diff(x) < 0).any() or x[0] > 0:
        raise UserError("the efficiency axis starts at 0 tokens, never goes back, and has a positive end")
    inside = x < end
    stop = end if carry else min(float(x[-1]), end)
    height = np.interp(stop, x, y)  # beyond the last point: its value; inside: the cut
    return float(trapezoid([*y[inside], height], [*x[inside], stop]) / end)
