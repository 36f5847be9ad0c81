"""REINFORCE: raise the log-probability of completions that paid more than the batch's mean.

Williams 1992, with the batch mean as baseline. Left out: a learnt baseline, a discount.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rewardbench.advantage import to_go
from rewardbench.types import Algorithm, Batch, Floats, Now, State

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Reinforce(Algorithm):
    """The plain policy gradient of sequences."""

    def advantages(self, batch: Batch, state: State) -> Floats:
        """Reward to come minus the mean reward of the whole batch, [P, K, T]."""
        reward = np.asarray(batch.reward, dtype=np.float64)
        mean = float(np.nanmean(reward)) if np.isfinite(reward).any() else 0.0
        return np.asarray(np.nan_to_num(to_go(batch) - mean))

    def loss(self, now: Now, batch: Batch, advantages: Tensor, state: State) -> Tensor:
        """-sum over tokens of advantage times log-probability, a mean over completions."""
        loss: Tensor = -(now.logp * advantages * batch.mine).sum() / now.sequences
        return loss
