"""How far did the policy move from where it started?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.types import Numbers, Told


@dataclass(frozen=True)
class Kl:
    """Three estimates of the KL divergence from the start policy, nats a sequence."""

    k1: float
    k1_se: float
    """Over prompts (over samples, where one list is given); 0 from a single one."""
    k2: float
    k3: float


def kl(log_ratio: ArrayLike) -> Kl:
    """KL to the start policy from log pi - log start, summed over each completion: [N, n] or [n].

    Formula: k1 = mean(l), k2 = mean(l^2) / 2, k3 = mean(exp(-l) - 1 + l).
    Range: k1 unbounded, k2 and k3 at least 0; nats a sequence.
    Read: k1 with its standard error; k1 and k3 are unbiased, k2 is not, k3 is never negative.
    Fails: k3 is heavy-tailed for sequences; k1 may come out below 0 when the policy hardly moved.
    Source: Schulman 2020, "Approximating KL divergence".

    >>> kl([-.5, 0, .5, 1]).k1
    0.25
    """
    ratio = np.asarray(log_ratio, dtype=np.float64)
    units = ratio.mean(axis=1) if ratio.ndim == 2 else ratio
    se = float(units.std(ddof=1)) / sqrt(len(units)) if len(units) > 1 else 0.0
    return Kl(float(ratio.mean()), se, float((ratio**2).mean() / 2), float((np.expm1(-ratio) + ratio).mean()))


def of_run(told: Told) -> Numbers:
    """How far a run is from its start in the end."""
    return asdict(kl(told.curve.kl[-1]))


def best_of_n_bound(n: int) -> float:
    """Most that the best of n samples can move from the policy they were drawn from, in nats a sequence.

    Formula: log n - (n - 1) / n.
    Range: 0 to infinity.
    Read: an upper bound, reached only where no two samples are alike; the win rate is at most n / (n + 1).
    Fails: as an estimate of the KL: a policy that repeats itself moves far less.
    Source: Beirami et al. 2024 (arXiv 2401.01879).

    >>> [round(best_of_n_bound(n), 4) for n in (1, 2, 4, 16, 64)]
    [0.0, 0.1931, 0.6363, 1.8351, 3.1745]
    """
    return log(n) - (n - 1) / n
