"""Best-of-n: no training; of n completions the one that the design pays most is shown.

What a design selects is the first thing it does to a policy, before any gradient (its KL to the start
policy is at most log n - (n - 1)/n nats: Beirami et al. 2024, arXiv 2401.01879).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rewardbench.types import Algorithm, Batch, Bools, Count, Draw, Floats, Now, State, Want

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class BestOfN(Algorithm):
    """Selection by the design's reward at evaluation time."""

    n: Count = 4

    def ask(self, state: State, draw: Draw) -> Generator[Want, Batch, Batch | None]:
        """Nothing is sampled for training, nothing is learnt."""
        yield from ()
        return None

    def advantages(self, batch: Batch, state: State) -> Floats:
        """Zero everywhere, [P, K, T]."""
        return np.zeros(np.shape(batch.mine))

    def loss(self, now: Now, batch: Batch, advantages: Tensor, state: State) -> Tensor:
        """Zero."""
        return now.logp.sum() * 0.0

    def pick(self, batch: Batch) -> Bools:
        """The first best-paid completion of every n siblings, [P, K]."""
        reward = np.nan_to_num(np.asarray(batch.reward, dtype=np.float64), nan=-np.inf)
        chosen = np.zeros(reward.shape, dtype=bool)
        for start in range(0, reward.shape[1], self.n):
            best = reward[:, start : start + self.n].argmax(1) + start
            chosen[np.arange(len(reward)), best] = True
        return chosen
