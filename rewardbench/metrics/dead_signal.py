"""Did the reward stop telling completions apart?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.metrics.collapsed import longest_run

SHARE = 0.8
"""Of a step's prompts, above which it counts as dead."""
PATIENCE = 10
"""Dead steps running that raise the flag."""

SAID = "without a learning signal"
"""The flag in words: a design is … on some of its seeds."""


def dead_signal(dead_share: ArrayLike, share: float = SHARE, patience: int = PATIENCE) -> bool:
    """True when more than .8 of the prompts paid all their completions alike, for 10 steps running.

    Formula: dead_share [steps] = share of a step's prompts whose rewards have no spread; NaN (every part
    abstained) counts as dead.
    Read: nothing is taught there; the run's tokens are spent for nothing.
    Fails: noise in the reward breaks ties and looks alive: read it beside the agreement with gold. REINFORCE, whose
    baseline is the batch's mean, learns from prompts that differ in pay even so.
    Source: ours; trainers log the same share (TRL: frac_reward_zero_std), the thresholds are conventions.

    >>> dead_signal([1.0] * 10), dead_signal([1.0] * 9 + [.5])
    (True, False)
    """
    return evidence(dead_share, share)["longest_run"] >= patience


def evidence(dead_share: ArrayLike, share: float = SHARE) -> dict[str, float]:
    """The longest stretch of dead steps, and the mean share of dead prompts."""
    dead = np.nan_to_num(np.asarray(dead_share, dtype=np.float64), nan=1.0)
    return {"longest_run": longest_run(dead > share), "mean_share": float(dead.mean()) if dead.size else 0.0}
