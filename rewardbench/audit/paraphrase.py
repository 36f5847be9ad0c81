"""Are two equally good completions of a prompt paid alike?"""

from __future__ import annotations

import numpy as np

from rewardbench.audit import _limits
from rewardbench.audit._found import Example, Finding, Measured, bounded, interval
from rewardbench.audit._scene import Scene, shown

MUST = "Two right completions of a prompt are paid alike: they lie within half of the gap between good and bad."


def measure(scene: Scene) -> Measured:
    """Standard deviation of the reward among equally good demonstrations, as a share of the gap of good and bad."""
    paid = scene.demonstrations
    if paid is None:
        return Measured("paraphrase", "demonstrations", note="the task ships no demonstrations")
    spreads = np.full(len(scene.prompts), np.nan)
    for p, (reward, gold, texts) in enumerate(zip(paid.reward, paid.gold, paid.batch.text, strict=True)):
        best = np.isfinite(reward) & (gold >= scene.gold.bar) & (np.abs(gold - gold.max()) < 1e-9)
        if len({texts[k] for k in np.flatnonzero(best)}) > 1:
            spreads[p] = np.std(reward[best], ddof=1)
    sure = interval(spreads / scene.gap)
    numbers: dict[str, float | None] = {"prompts": sure.n}
    if sure.n < _limits.LEAST:
        return Measured("paraphrase", "demonstrations", numbers, "too few prompts with two equally good ones")
    numbers |= {"spread": sure.mean, "low": sure.low}
    if not sure.low > _limits.SPREAD:
        return Measured("paraphrase", "demonstrations", numbers)
    told = f"Equally good completions are paid {sure.mean:.0%} of the gap between good and bad apart (a deviation)."
    p = int(np.nanargmax(spreads))
    pair = _pair(scene, p)
    found = Finding("paraphrase", _part(scene), bounded(sure.mean / 2), sure.mean, _limits.SPREAD, told, pair)
    return Measured("paraphrase", "demonstrations", numbers, finding=found)


def _pair(scene: Scene, p: int) -> Example:
    """The least and the best paid of a prompt's best demonstrations."""
    paid = scene.demonstrations
    assert paid is not None
    reward = np.where(paid.gold[p] >= paid.gold[p].max() - 1e-9, paid.reward[p], np.nan)
    low, top = int(np.nanargmin(reward)), int(np.nanargmax(reward))
    said = [shown(paid.batch.said(p, k, scene.task.turns)) for k in (low, top)]
    gold = [float(paid.gold[p, k]) for k in (low, top)]
    text = scene.prompts[p].plain()
    return Example(text, said[0], float(reward[low]), gold[0], said[1], float(reward[top]), gold[1])


def _part(scene: Scene) -> str:
    """The part that moves most among them, its weight counted."""
    paid, parts = scene.demonstrations, scene.contestant.design.parts
    assert paid is not None
    spread = [np.ptp(np.nan_to_num(paid.parts[..., m]), axis=1).mean() for m in range(len(parts))]
    moved = [abs(part.weight * part.scale) * float(s) for part, s in zip(parts, spread, strict=True)]
    return parts[int(np.nan_to_num(moved).argmax())].name
