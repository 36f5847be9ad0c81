"""How much does the design say nothing about?"""

from __future__ import annotations

import numpy as np

from rewardbench.audit import _limits
from rewardbench.audit._found import Finding, Measured
from rewardbench.audit._scene import Scene

MUST = "Not more than half of the policy's completions are left unpaid because every part abstains."


def measure(scene: Scene) -> Measured:
    """Share of the policy's completions on which every part abstains; and each part's own share."""
    share = float((~np.isfinite(scene.samples.reward)).mean())
    silent = (~np.isfinite(scene.samples.parts)).mean((0, 1))
    names = [p.name for p in scene.contestant.design.parts]
    numbers: dict[str, float | None] = {"share": share}
    numbers |= {f"part.{name}": float(s) for name, s in zip(names, silent, strict=True)}
    if share <= _limits.UNHEARD:
        return Measured("unheard", "samples", numbers)
    told = f"Every part abstains on {share:.0%} of the policy's completions: whatever is said there is not judged."
    found = Finding("unheard", "", share / 2, share, _limits.UNHEARD, told, None)
    return Measured("unheard", "samples", numbers, finding=found)
