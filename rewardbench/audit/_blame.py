"""Which part pays? Each part in turn is paid as on bad completions; the one that takes most of the reward along."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rewardbench.audit._scene import Scene
from rewardbench.design import compose
from rewardbench.types import Floats, RewardError


def shares(scene: Scene, parts: Floats, before: Floats | None = None) -> dict[str, float]:
    """Part -> what of the reward of completions with these raw scores [N, M] is due to it, on average.

    The reward less the reward with that part's score put to its mean on the policy's low completions (or to what it was
    `before` [N, M]): this reads a sum, a product, a minimum and a gate alike.
    """
    design = replace(scene.contestant.design, normalise="none")
    rows = parts[None].astype(np.float64)
    whole, found = compose(design, rows), {}
    for m, part in enumerate(design.parts):
        without = rows.copy()
        without[..., m] = scene.bad_parts[m] if before is None else before[..., m]
        try:
            left = compose(design, without)
        except RewardError:  # a mean below 0 in a product: nothing can be said of that part
            continue
        gaps = (whole - left)[np.isfinite(whole - left)]
        found[part.name] = float(gaps.mean()) if len(gaps) else 0.0
    return found


def blamed(scene: Scene, parts: Floats, before: Floats | None = None) -> str:
    """The part that pays most of it."""
    found = shares(scene, parts, before)
    if len(scene.contestant.design.parts) == 1:
        return scene.contestant.design.parts[0].name
    return max(found, key=lambda name: found[name]) if found and max(found.values()) > 0 else ""
