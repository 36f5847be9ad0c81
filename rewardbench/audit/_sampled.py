"""What does the untrained policy say? The completions of an evaluation at its start, through the engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rewardbench.policies.settings import Folder
from rewardbench.types import Batch, Prompt, Task, Want

MOST_UNKNOWN = 0.02


def sampled(folder: Folder, task: Task, prompts: Sequence[Prompt], samples: int, seed: int) -> Batch:
    """[P, samples] completions at temperature 1, under the noise that evaluations of that seed use.

    A policy that lacks many of the prompts' words is told of and used: what it says is then worth little.
    """
    import warnings

    from rewardbench.engine.sample import sample
    from rewardbench.engine.stack import stack
    from rewardbench.policies.load import load, unknown_share

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=FutureWarning)
        policy = load(folder)
    missing = unknown_share(policy, list(prompts))
    if missing > MOST_UNKNOWN:
        told = f"policy {folder.name!r} lacks {missing:.0%} of the prompts' tokens: what it says there tells little"
        print(f"{told} (--policy takes another)", file=sys.stderr)
    s = policy.settings
    stacked = stack(policy.model, [seed], s.kind, s.rank, s.alpha, s.targets)
    limit = s.max_tokens(task.name, task.max_tokens)
    batch = sample(policy, stacked, task, [Want(list(prompts), samples)], [f"dev/{seed}/1"], limit)[0]
    assert batch is not None
    return batch
