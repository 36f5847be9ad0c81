"""What is a finding, and how sure is it? The values that probes hand on, and the intervals they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from scipy import stats as scipy_stats

from rewardbench.audit import _limits
from rewardbench.types import Floats


@dataclass(frozen=True)
class Example:
    """One completion that shows a finding, beside one that it should have been paid less than."""

    prompt: str
    completion: str
    reward: float
    gold: float
    against: str
    against_reward: float
    against_gold: float


@dataclass(frozen=True)
class Finding:
    """One way in which a design can be gamed."""

    code: str
    part: str
    """The part that pays for it; empty where it is all of them."""
    severity: float
    """0 to 1: how much of it there is, times how bad it is for gold."""
    value: float
    limit: float
    says: str
    """A sentence for people."""
    example: Example | None


@dataclass(frozen=True)
class Measured:
    """What one probe measured, finding or not."""

    probe: str
    sort: str
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    note: str = ""
    """Why nothing could be measured, if so."""
    finding: Finding | None = None
    curve: Mapping[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Interval:
    """A mean over prompts and where it lies."""

    mean: float
    low: float
    high: float
    n: int


def interval(values: Floats, level: float = _limits.LEVEL) -> Interval:
    """The mean of what is known and its t interval; infinitely wide with fewer than two values.

    >>> interval(np.array([1.0, 1.0, np.nan]))
    Interval(mean=1.0, low=1.0, high=1.0, n=2)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return Interval(float(known.mean()) if len(known) else float("nan"), -np.inf, np.inf, len(known))
    half = float(scipy_stats.t.ppf((1 + level) / 2, len(known) - 1)) * float(known.std(ddof=1)) / sqrt(len(known))
    return Interval(float(known.mean()), float(known.mean()) - half, float(known.mean()) + half, len(known))


def bounded(value: float) -> float:
    """The value in [0, 1]; NaN becomes 0.

    >>> bounded(1.5), bounded(float("nan"))
    (1.0, 0.0)
    """
    return float(min(1.0, max(0.0, value))) if value == value else 0.0
