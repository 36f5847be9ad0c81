"""Can a model be sampled with runs on it at all? A few tokens say so, before a sweep opens a pack."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import chain

from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import Policy
from rewardbench.types import Prompt, Task, Want

T = 2
"""Positions: the first is said from the prompt alone, the second by way of its keys and values."""


def try_out(policy: Policy, task: Task, prompts: Sequence[Prompt]) -> None:
    """Sample two completions of each prompt as runs do, readably; whatever breaks is raised as it is.

    The model stays as it is: runs are put on other modules over the same weights, which nothing moves here, so that
    neither adapters nor what is remembered of a model outlast this. (`lora` freezes the weights, as it will again.)
    """
    s, model = policy.settings, policy.model
    same = {id(x): x for x in chain(model.parameters(), model.buffers())}
    other = replace(policy, model=deepcopy(model, same))
    R = 1 if s.kind == "full" else 2
    stacked = stack(other.model, [1] * R, s.kind, s.rank, s.alpha, s.targets)
    alone = replace(task, reply=None)  # a partner is the task's, and no matter of the policy
    sample(other, stacked, alone, [Want(prompts, 2)] * R, ["trial"] * R, T)
