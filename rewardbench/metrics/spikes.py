"""Did a logged number jump, or drift away? Rules for KL, gradient norm, length, and sampler against trainer."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.metrics.reliability import robust_z
from rewardbench.types import Bools, Floats, Numbers, Told, UserError

WINDOW = 20
UNUSUAL = 10.0
"""Robust standard deviations."""


def spikes(values: ArrayLike, floor: float = 0.0, least: float = 0.0) -> Bools:
    """Whether each logged number [S] lies far above the 20 before it, [S]; a gradient norm's rule as it stands.

    Formula: z = (v - median) / (1.4826 MAD + floor) of the window before it (5 numbers at least), z > 10; and
    v > least * median.
    Range: true or false, a log each.
    Read: one spike may be chance, several are not: look at the learning rate and at outliers of the reward.
    Fails: where the window hardly varies everything is a spike: give a floor in the number's own units.
    Source: ours; z on median and MAD as in Hampel 1974, window and limit are conventions.

    >>> spikes([1, 1.1, .9, 1, 1.1, 9, 1]).tolist()
    [False, False, False, False, False, True, False]
    """
    v = np.asarray(values, dtype=np.float64)
    found = np.zeros(len(v), dtype=bool)
    for i in range(5, len(v)):
        before = v[max(0, i - WINDOW) : i]
        found[i] = robust_z(v[i], before, floor) > UNUSUAL and v[i] > least * np.median(before)
    return found


def of_run(told: Told) -> Numbers:
    """Steps of a run at which the gradient's norm jumped or the length had drifted away, and how far apart sampler and
    trainer were, nats a token; raises UserError where nothing was learnt.
    """
    learnt = [row for row in told.rows if "norm" in row]
    if not learnt:
        raise UserError("no step learnt anything")
    jumped, drifted = spikes([r["norm"] for r in learnt]), length_drift([r["length"] for r in learnt])
    apart = float(np.mean([r["drift"] for r in learnt]))
    return {"norm": int(jumped.sum()), "length_drift": int(drifted.sum()), "mismatch": apart}


def kl_spikes(kl: ArrayLike, floor: float = 0.01) -> Bools:
    """Whether the KL to the start policy jumped at each log [S]: z above 10 and twice the median before it, [S].

    >>> kl_spikes([.1, .11, .1, .12, .11, .5]).tolist()[-1], kl_spikes([.1, .11, .1, .12, .11, .2]).tolist()[-1]
    (True, False)
    """
    return spikes(kl, floor, least=2.0)


def length_drift(length: ArrayLike, low: float = 0.5, high: float = 2.0) -> Bools:
    """Whether the mean length of completions [S] left half to double that of the start (its first number), [S].

    Nothing drifts from a start of length 0.

    >>> length_drift([10, 12, 25, 4]).tolist()
    [False, False, True, True]
    """
    v = np.asarray(length, dtype=np.float64)
    return (v > high * v[0]) | (v < low * v[0]) if v[0] > 0 else np.zeros(len(v), dtype=bool)


def mismatch(sampled: ArrayLike, trained: ArrayLike, mine: Bools) -> float:
    """Mean |difference| of a token's log-probability when sampled and when learnt from, over `mine`, in nats.

    >>> mismatch([-1., -2., 0.], [-1.1, -2.1, -9.], np.array([True, True, False])).__round__(6)
    0.1
    """
    gap: Floats = np.abs(np.asarray(sampled, dtype=np.float64) - np.asarray(trained, dtype=np.float64))[mine]
    return float(gap.mean()) if gap.size else 0.0
