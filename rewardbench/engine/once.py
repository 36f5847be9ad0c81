"""Can an algorithm teach at all? One update of a shipped policy, on completions that nobody sampled."""

from __future__ import annotations

from dataclasses import replace

import torch

from rewardbench.engine.learn import Learnt, learn
from rewardbench.engine.optimise import adam
from rewardbench.engine.stack import stack
from rewardbench.policies.load import Policy, load
from rewardbench.policies.settings import HERE, open_folder
from rewardbench.types import Algorithm, Batch, Floats, State


def policy(name: str = "tiny") -> Policy:
    """A shipped policy."""
    return load(open_folder(name, HERE / name))


def taught(policy: Policy, algorithm: Algorithm, batch: Batch, gains: Floats, state: State) -> Learnt:
    """What a step of learning from a batch [P, K, T] looked like. Its tokens become ones that the policy knows; the
    rate is 0, so that no weight moves.
    """
    s, words = policy.settings, policy.words
    context = tuple(tuple(token % words for token in one) for one in batch.context)
    stacked = stack(policy.model, [1], s.kind, s.rank, s.alpha, s.targets)
    stacked.adopt([state])
    opt = adam({n: p for n, (p, _) in stacked.moved().items()}, 1, s.betas, s.clip)
    known = replace(batch, ids=batch.ids % words, context=context)
    return learn(policy, stacked, opt, algorithm, [known], [gains], [state], torch.zeros(1, device=policy.device))
