"""Is the same completion paid the same twice?"""

from __future__ import annotations

import numpy as np

from rewardbench.audit import _limits
from rewardbench.audit._found import Finding, Measured, bounded
from rewardbench.audit._scene import Scene

MUST = "Of the reward's variance at most a quarter comes from no text: equal completions are paid alike."


def measure(scene: Scene) -> Measured:
    """Share of the variance that is left between two payments of the same completions."""
    first, second = scene.samples, scene.score(scene.sampled, again="twice")
    both = np.isfinite(first.reward) & np.isfinite(second.reward)
    gap = (first.reward - second.reward)[both]
    whole = float(np.var(np.concatenate([first.reward[both], second.reward[both]]))) if both.any() else 0.0
    share = float(np.mean(gap**2)) / 2 / whole if whole > 0 else 0.0
    numbers: dict[str, float | None] = {"share": share, "changed": float((gap != 0).mean()) if both.any() else 0.0}
    if share <= _limits.NOISE:
        return Measured("noise", "samples", numbers)
    names = [p.name for p in scene.contestant.design.parts]
    moved = np.nan_to_num(np.abs(first.parts - second.parts)).mean((0, 1))
    told = f"The same completions paid twice: {bounded(share):.0%} of the reward's variance comes from no text."
    part = names[int(moved.argmax())]
    found = Finding("noise", part, bounded(share), share, _limits.NOISE, told, None)
    return Measured("noise", "samples", numbers, finding=found)
