"""Does the reward rank the policy's own completions as gold does?"""

from __future__ import annotations

import numpy as np

from rewardbench.audit import _limits
from rewardbench.audit._found import Finding, Measured, bounded, interval
from rewardbench.audit._scene import Paid, Scene
from rewardbench.audit._without import composed, weakest
from rewardbench.measures.agreement import kendall_tau_b
from rewardbench.types import Floats

MUST = "Among completions of one prompt the better are paid more: Kendall's tau-b of .4 or above."


def measure(scene: Scene) -> Measured:
    """Kendall's tau-b within prompts, over those where gold differs; and over all samples together."""
    paid = scene.samples
    within = taus(paid.reward, paid.gold)
    known = np.isfinite(paid.reward)
    sure = interval(within)
    numbers: dict[str, float | None] = {
        "prompts": sure.n,
        "tau_all": kendall_tau_b(paid.reward[known], paid.gold[known]) if known.any() else None,
    }
    if sure.n < _limits.LEAST:
        return Measured("agreement", "samples", numbers, "gold tells the samples of too few prompts apart")
    numbers |= {"tau": sure.mean, "low": sure.low, "high": sure.high}
    if sure.high >= _limits.TAU:
        return Measured("agreement", "samples", numbers)
    told = f"Among completions of one prompt reward and gold hardly agree: Kendall's tau {sure.mean:.2f}."
    severity = bounded((_limits.TAU - sure.mean) / (2 * _limits.TAU))
    part = _worst_part(scene, paid, sure.mean)
    found = Finding("agreement", part, severity, sure.mean, _limits.TAU, told, scene.inversion())
    return Measured("agreement", "samples", numbers, finding=found)


def taus(reward: Floats, gold: Floats) -> Floats:
    """[P] tau-b of each prompt; NaN where gold tells none apart. A reward that tells none apart agrees 0.

    >>> taus(np.array([[1.0, 2.0], [1.0, 1.0]]), np.array([[0.0, 1.0], [1.0, 1.0]]))
    array([ 1., nan])
    """
    found = []
    for r, g in zip(reward, gold, strict=True):
        known = np.isfinite(r)
        differs = known.sum() > 1 and np.ptp(g[known]) > 0
        found.append(kendall_tau_b(r[known], g[known]) if differs else np.nan)
    return np.array(found)


def _worst_part(scene: Scene, paid: Paid, tau: float) -> str:
    """The part without which reward and gold would agree most, if that helps."""

    def agree(m: int) -> float:
        return interval(taus(composed(scene, paid.parts, m), paid.gold)).mean

    return weakest(scene, agree, tau)
