"""Do algorithms have a seam? Three that no shipped file knows of: each needs a hook that GRPO does not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from rewardbench.advantage import centred
from rewardbench.algorithms.grpo import Grpo
from rewardbench.types import Algorithm, Batch, State, Want


@dataclass(frozen=True)
class AdaptiveKl(Algorithm):
    """A KL charge whose coefficient doubles above a target and halves below it (Ziegler et al. 2019).

    `kept["seen"]` is filled by the loss, which alone meets the start policy's log-probabilities.
    """

    start_at: float = 0.05
    target: float = 0.1

    @property
    def needs(self):
        return frozenset({"ref_logp"})

    def start(self, policy):
        return State(kept={"coefficient": np.array([self.start_at]), "seen": np.zeros(1)})

    def advantages(self, batch, state):
        return centred(batch)

    def loss(self, now, batch, advantages, state):
        kl = (now.logp - now.ref_logp) * batch.mine
        state.kept["seen"][0] += float(kl.detach().sum() / now.sequences)
        charged = advantages - float(state.kept["coefficient"][0]) * kl.detach()
        return -(now.logp * charged * batch.mine).sum() / now.sequences

    def end(self, batch, state):
        factor = 2.0 if state.kept["seen"][0] > self.target else 0.5
        return replace(state, kept={"coefficient": state.kept["coefficient"] * factor, "seen": np.zeros(1)})


@dataclass(frozen=True)
class Resample(Grpo):
    """GRPO that asks once more for the prompts whose completions were all paid alike (cf. DAPO)."""

    tries: int = 1

    def start(self, policy):
        return State(kept={"asked_again": np.zeros(1)})

    def ask(self, state, draw):
        batch = yield Want(draw.take(draw.P), draw.K)
        for _ in range(self.tries):
            dead = [p for p in range(draw.P) if np.nanmax(batch.reward[p]) <= np.nanmin(batch.reward[p])]
            if not dead:
                break
            state.kept["asked_again"][0] += len(dead)
            fresh = yield Want(draw.take(len(dead)), draw.K)
            batch = _put(batch, fresh, dead)
        return batch


def _put(batch: Batch, fresh: Batch, places: list[int]) -> Batch:
    """The batch with the groups at some places replaced."""
    values = {}
    for name in ("ids", "logp", "mine", "turn", "ended", "entropy", "parts", "reward"):
        values[name] = getattr(batch, name).copy()
        values[name][places] = getattr(fresh, name)
    for name in ("prompts", "context", "text", "messages", "spans"):
        kept = list(getattr(batch, name))
        for place, new in zip(places, getattr(fresh, name), strict=True):
            kept[place] = new
        values[name] = tuple(kept)
    return replace(batch, **values)


@dataclass(frozen=True)
class Critic(Algorithm):
    """A learnt baseline: one number, optimised with the policy."""

    weight: float = 0.5
    shape: tuple[int, ...] = field(default=(1,))

    def start(self, policy):
        return State(learned={"value": torch.zeros(self.shape)}, kept={"values": np.zeros(1)})

    def advantages(self, batch, state):
        spread = np.asarray(batch.reward, dtype=np.float64)[..., None] * np.ones(batch.mine.shape)
        return np.nan_to_num(spread)

    def loss(self, now, batch, advantages, state):
        value = state.learned["value"][0]
        state.kept["values"][0] = float(value.detach())
        gain = advantages - value.detach()
        taught = -(now.logp * gain * batch.mine).sum() / now.sequences
        return taught + self.weight * (value - advantages[..., 0]).square().sum() / now.sequences
