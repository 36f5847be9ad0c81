"""GDPO: parts standardised one by one among siblings, summed, then one scale for the whole batch.

Liu et al. 2026 (arXiv 2601.05242), TRL's `normalize_then_sum`. The first half is the design's `normalise = "group"`;
the second is here: rewards are centred among siblings and divided by the batch's standard deviation, so that a group
whose completions hardly differ is not blown up to the size of the others. The loss is GRPO's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rewardbench.advantage import centred
from rewardbench.algorithms.grpo import Grpo
from rewardbench.types import Batch, Floats, State


@dataclass(frozen=True)
class Gdpo(Grpo):
    """Group reward-decoupled policy optimisation; meant for designs with `normalise = "group"`."""

    def advantages(self, batch: Batch, state: State) -> Floats:
        """Centred reward to come over the standard deviation of all rewards of the batch, [P, K, T]."""
        reward = np.asarray(batch.reward, dtype=np.float64)
        known = reward[np.isfinite(reward)]
        spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
        return np.asarray(centred(batch) / (spread + self.epsilon))
