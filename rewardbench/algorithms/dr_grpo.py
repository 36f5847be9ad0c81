"""Dr. GRPO: GRPO without the two divisions that favour long wrong and short right completions.

Liu et al. 2025 (arXiv 2503.20783): no division by the group's spread, and one constant length for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rewardbench.advantage import centred
from rewardbench.algorithms.grpo import clipped_surrogate
from rewardbench.types import Algorithm, Batch, Floats, NotNegative, Now, State

if TYPE_CHECKING:
    from torch import Tensor

TINY = 1e-8
"""A spread below it is rounding: rewards that are all alike teach nothing, however they are divided."""


@dataclass(frozen=True)
class DrGrpo(Algorithm):
    """GRPO done right: centred rewards, tokens weighted alike whatever the completion's length."""

    least_k: ClassVar[int] = 2
    clip: NotNegative = 0.2
    whiten: bool = False
    """Divide by the spread of the rewards of the whole batch, so that a design's own scale does not set the size of
    its updates."""

    def advantages(self, batch: Batch, state: State) -> Floats:
        """Reward to come minus the siblings' mean, [P, K, T]."""
        gain = centred(batch)
        if not self.whiten:
            return gain
        known = np.asarray(batch.reward, dtype=np.float64)
        spread = float(np.nanstd(known)) if np.isfinite(known).any() else 0.0
        return gain / spread if spread > TINY else gain

    def loss(self, now: Now, batch: Batch, advantages: Tensor, state: State) -> Tensor:
        """Clipped surrogate summed over tokens, divided by completions times the length limit."""
        surrogate = clipped_surrogate(now, batch, advantages, self.clip)
        return -surrogate.sum() / (now.sequences * batch.limit)
