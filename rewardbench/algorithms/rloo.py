"""RLOO: each completion's baseline is the mean of its siblings; the whole completion is one action.

Ahmadian et al. 2024 (arXiv 2402.14740), with the sequence-level ratio and clip that TRL gives it.
Left out: the KL penalty inside the reward, which here would be a part of the design's own making.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rewardbench.advantage import left_out_one
from rewardbench.types import Algorithm, Batch, Floats, NotNegative, Now, State

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Rloo(Algorithm):
    """Leave-one-out baseline, clipped ratio of whole completions."""

    least_k: ClassVar[int] = 2
    clip: NotNegative = 0.2

    def advantages(self, batch: Batch, state: State) -> Floats:
        """Reward to come minus the mean over the other siblings, [P, K, T]."""
        return left_out_one(batch)

    def loss(self, now: Now, batch: Batch, advantages: Tensor, state: State) -> Tensor:
        """Clipped surrogate with one ratio a completion, a mean over completions."""
        if batch.credit is not None:  # credit differs by token, so the token-level gradient is taken
            surrogate: Tensor = (now.logp * advantages * batch.mine).sum(-1)
        else:
            ratio = ((now.logp - batch.logp) * batch.mine).sum(-1).exp()
            gain = advantages[..., 0]
            surrogate = (ratio * gain).minimum(ratio.clamp(1 - self.clip, 1 + self.clip) * gain)
        return -surrogate.sum() / now.sequences
