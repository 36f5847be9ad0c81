"""RAFT: keep the best-paid completions of each prompt and imitate them.

Dong et al. 2023 (arXiv 2304.06767). A group whose members are paid alike teaches nothing: keeping its
first would imitate noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rewardbench.types import Algorithm, Batch, Count, Floats, Now, State

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Raft(Algorithm):
    """Reward-ranked fine-tuning."""

    least_k: ClassVar[int] = 2
    keep: Count = 2
    """Completions kept of each prompt."""

    def advantages(self, batch: Batch, state: State) -> Floats:
        """1 at the tokens of the kept completions, 0 elsewhere, [P, K, T]."""
        reward = np.nan_to_num(np.asarray(batch.reward, dtype=np.float64), nan=-np.inf)
        rank = (-reward).argsort(axis=1, kind="stable").argsort(axis=1)
        alive = (reward.max(1) > reward.min(1))[:, None] & np.isfinite(reward)
        return np.asarray(((rank < self.keep) & alive)[..., None] * np.ones(np.shape(batch.mine)))

    def loss(self, now: Now, batch: Batch, advantages: Tensor, state: State) -> Tensor:
        """-log-probability of the kept completions' tokens, a mean over all the policy's tokens."""
        loss: Tensor = -(now.logp * advantages * batch.mine).sum() / now.tokens
        return loss
