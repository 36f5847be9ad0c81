"""What would a design pay without one of its parts?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rewardbench.audit._scene import Scene, mean
from rewardbench.design import compose
from rewardbench.types import Floats


def composed(scene: Scene, parts: Floats, without: int) -> Floats:
    """Reward [P, K] from raw scores [P, K, M] with one part paid alike everywhere (its mean)."""
    design = replace(scene.contestant.design, normalise="none")
    rows = parts.astype(np.float64).copy()
    rows[..., without] = mean(rows[..., without].ravel())
    return compose(design, rows)


def weakest(scene: Scene, value: Callable[[int], float], whole: float) -> str:
    """The part whose leaving out raises a value most; the only part of a design of one; `` where none helps."""
    names = [p.name for p in scene.contestant.design.parts]
    if len(names) == 1:
        return names[0]
    gains = {name: value(m) - whole for m, name in enumerate(names)}
    best = max(gains, key=lambda name: gains[name] if gains[name] == gains[name] else -np.inf)
    return best if gains[best] > 0 else ""
