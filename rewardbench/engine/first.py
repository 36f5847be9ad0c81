"""What does a policy say before any training? The completions of an evaluation at its start, outside of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import load, unknown_share
from rewardbench.policies.settings import Folder
from rewardbench.types import Batch, Prompt, Task, Want


@dataclass(frozen=True)
class First:
    """What was said, and how well the policy could read what was asked."""

    batch: Batch
    unknown: float
    """Share of the prompts' tokens that the vocabulary lacks."""


def first(folder: Folder, task: Task, prompts: Sequence[Prompt], samples: int, seed: int) -> First:
    """[P, samples] completions at temperature 1, under the noise that evaluations of that seed use."""
    with one_thread():
        policy = load(folder)
        s = policy.settings
        stacked = stack(policy.model, [seed], s.kind, s.rank, s.alpha, s.targets)
        limit = s.max_tokens(task.name, task.max_tokens)
        want = Want(list(prompts), samples)
        batch = sample(policy, stacked, task, [want], [f"dev/{seed}/1"], limit)[0]
        assert batch is not None
        return First(batch, unknown_share(policy, list(prompts)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it torch uses one thread, as the workers of a sweep do: sums come out the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
