"""Is there anything to learn from: does the reward tell siblings apart?"""

from __future__ import annotations

from math import comb

import numpy as np

from rewardbench.audit import _limits
from rewardbench.audit._found import Finding, Measured
from rewardbench.audit._scene import Scene
from rewardbench.types import Floats

MUST = "Not more than four groups in five are paid all alike."


def measure(scene: Scene) -> Measured:
    """Expected share of training groups without any spread of reward, and the spread within prompts."""
    reward = scene.samples.reward
    share = float(alike(reward, min(scene.K, reward.shape[1])).mean())
    spread = [float(np.std(row[np.isfinite(row)])) for row in reward if np.isfinite(row).any()]
    numbers: dict[str, float | None] = {
        "share": share,
        "K": scene.K,
        "spread": float(np.mean(spread)) if spread else None,
    }
    if share <= _limits.DEAD:
        return Measured("dead", "samples", numbers)
    told = f"{share:.0%} of the groups of {scene.K} completions would be paid all alike: next to nothing is taught."
    found = Finding("dead", "", share, share, _limits.DEAD, told, None)
    return Measured("dead", "samples", numbers, finding=found)


def alike(reward: Floats, K: int) -> Floats:
    """[P] chance that K of a prompt's completions, drawn without replacement, are all paid alike (or not at all).

    >>> alike(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]), 2).round(3)
    array([0.333, 1.   ])
    """
    found = []
    for row in reward:
        known = row[np.isfinite(row)]
        nothing = len(row) - len(known)
        # completions that abstain are left out: a group with one payment has no spread either
        counts = np.unique(known, return_counts=True)[1]
        same = sum(comb(int(c) + nothing, K) - comb(nothing, K) for c in counts) + comb(nothing, K)
        found.append(same / comb(len(row), K))
    return np.array(found)
