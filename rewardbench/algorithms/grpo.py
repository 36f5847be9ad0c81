"""GRPO: standardise rewards among siblings, then a clipped ratio for every token.

Shao et al. 2024 (arXiv 2402.03300). Each completion's tokens are averaged first, then completions; the
KL term (k3 inside the loss) is off by default, as in TRL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rewardbench.advantage import centred, returns_spread
from rewardbench.types import Algorithm, Batch, Floats, NotNegative, Now, Positive, State

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Grpo(Algorithm):
    """Group-relative policy optimisation."""

    least_k: ClassVar[int] = 2
    clip: NotNegative = 0.2
    epsilon: Positive = 1e-4
    """Added to the group's standard deviation."""
    kl: NotNegative = 0.0
    """Coefficient of the k3 estimate of KL to the start policy, inside the loss."""

    @property
    def needs(self) -> frozenset[str]:
        """The start policy's log-probabilities, if KL is charged."""
        return frozenset({"ref_logp"}) if self.kl else frozenset()

    def advantages(self, batch: Batch, state: State) -> Floats:
        """Centred reward to come over the group's standard deviation, [P, K, T]; equal rewards teach nothing."""
        gain = centred(batch)
        return gain / (returns_spread(batch, gain) + self.epsilon)

    def loss(self, now: Now, batch: Batch, advantages: Tensor, state: State) -> Tensor:
        """Clipped surrogate: mean over a completion's tokens, then over completions."""
        surrogate = clipped_surrogate(now, batch, advantages, self.clip)
        if now.ref_logp is not None:
            gap = now.ref_logp - now.logp
            surrogate = surrogate - self.kl * (gap.exp() - 1 - gap) * batch.mine
        length = batch.mine.sum(-1).clamp(min=1)
        loss: Tensor = -(surrogate.sum(-1) / length).sum() / now.sequences
        return loss


def clipped_surrogate(now: Now, batch: Batch, advantages: Tensor, clip: float) -> Tensor:
    """min(ratio * A, clip(ratio) * A) of each own token, 0 elsewhere, [P, K, T]."""
    ratio = (now.logp - batch.logp).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    surrogate: Tensor = (ratio * advantages).minimum(clipped * advantages) * batch.mine
    return surrogate
