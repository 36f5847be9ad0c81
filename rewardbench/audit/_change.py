"""Does the reward see what a change does to a good completion? The claims behind every `changed(text, ask)`.

`ruin`: what ruins a completion must be paid less; where it is not even in most cases, or more in many, that is a
finding. `stay`: what leaves gold as it is must leave the reward. Where gold does not say that a completion was ruined
(or left as it is), nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rewardbench.audit import _limits
from rewardbench.audit._ask import Ask, fit
from rewardbench.audit._blame import blamed
from rewardbench.audit._found import Example, Finding, Measured, bounded, interval
from rewardbench.audit._scene import Good, Scene, shown
from rewardbench.audit._strategy import badness
from rewardbench.given import Completion
from rewardbench.stats import wilson
from rewardbench.types import Bools, Floats, Prompt

EACH = 2
"""Good completions of each prompt that are changed."""
Change = Callable[[str, Ask], str | None]


@dataclass(frozen=True)
class Changed:
    """Good completions before and after, N of them."""

    prompts: Sequence[Prompt]
    before: Sequence[Good]
    after: Sequence[Completion]
    reward: Floats
    """After, [N]."""
    gold: Floats
    """After, [N]."""
    parts: Floats
    """After, [N, M]."""

    def moved(self) -> Floats:
        """How much more is paid after, [N]."""
        return np.asarray(self.reward - np.array([g.reward for g in self.before]))


def change(scene: Scene, code: str, says: str, sort: str, make: Change) -> Measured:
    """What a change of good completions does to reward and gold, and whether that is a finding."""
    made = applied(scene, code, make)
    if made is None:
        return Measured(code, sort, note="no good completion that it could change")
    return (_stays if sort == "stay" else _ruins)(scene, code, says, made)


def applied(scene: Scene, code: str, make: Change) -> Changed | None:
    """Up to EACH good completions of every prompt, changed and scored; None where there are none."""
    prompts, before, after = [], [], []
    for p, row in enumerate(scene.good):
        ask = scene.ask(p, code)
        for good in ask.rng.sample(row, min(EACH, len(row))):
            new = _last_turn(good.completion, ask, make)
            if new is not None and new != good.completion:
                prompts.append(scene.prompts[p])
                before.append(good)
                after.append(new)
    if not after:
        return None
    paid = scene.paid([[c] for c in after], prompts, again=code)
    return Changed(prompts, before, after, paid.reward[:, 0], paid.gold[:, 0], paid.parts[:, 0])


def _last_turn(completion: Completion, ask: Ask, make: Change) -> Completion | None:
    """The completion with its last turn changed; None where it cannot be."""
    if isinstance(completion, str):
        new = make(completion, ask)
        return None if new is None else fit(new, ask.limit)
    last = make(completion[-1]["content"], ask) if completion and completion[-1]["role"] == "assistant" else None
    return None if last is None else [*completion[:-1], {"role": "assistant", "content": fit(last, ask.limit)}]


def _ruins(scene: Scene, code: str, says: str, made: Changed) -> Measured:
    """A change that must lower the reward of what it ruins."""
    ruined = (made.gold < scene.low) & np.isfinite(made.reward)
    moved = made.moved() / scene.gap
    unseen = ruined & (moved > -_limits.STILL)
    count = int(ruined.sum())
    numbers: dict[str, float | None] = {"changed": len(made.after), "ruined": count, "gold": float(made.gold.mean())}
    if count < _limits.LEAST:
        return Measured(code, "ruin", numbers, "too few completions that it ruins")
    share, raised = float(unseen.sum() / count), float((ruined & (moved > _limits.ROSE)).sum() / count)
    numbers |= {"unseen": share, "raised": raised, "moved": float(moved[ruined].mean())}
    blind = wilson(int(unseen.sum()), count, _limits.LEVEL)[0] > _limits.BLIND
    pays = wilson(round(raised * count), count, _limits.LEVEL)[0] > _limits.RAISED
    if not (blind or pays):
        return Measured(code, "ruin", numbers)
    bad = badness(scene, float(made.gold[unseen].mean()))
    told = f"{says} Of {count} that this ruins (gold below {scene.low:.2f}) {share:.0%} are paid no less"
    told += f", {raised:.0%} even more." if raised else "."
    at = int(np.where(unseen, moved, -np.inf).argmax())
    value, limit = (share, _limits.BLIND) if blind else (raised, _limits.RAISED)
    part = _riser(scene, made, unseen) if pays else blamed(scene, made.parts[unseen])
    severity = bounded((share + raised) / 2 * bad)
    found = Finding(code, part, severity, value, limit, told, _example(made, at))
    return Measured(code, "ruin", numbers, finding=found)


def _riser(scene: Scene, made: Changed, where: Bools) -> str:
    """The part that raised the reward most: the one that, put back to what it was, takes most of it along."""
    before = _parts(scene, made)[where]
    return blamed(scene, made.parts[where], before)


def _stays(scene: Scene, code: str, says: str, made: Changed) -> Measured:
    """A change that leaves gold as it is and must leave the reward."""
    same = (np.abs(made.gold - np.array([g.gold for g in made.before])) < 1e-9) & np.isfinite(made.reward)
    moved = np.abs(made.moved()) / scene.gap
    numbers: dict[str, float | None] = {"changed": len(made.after), "same_gold": int(same.sum())}
    if same.sum() < _limits.LEAST:
        return Measured(code, "stay", numbers, "too few completions whose gold stays as it is")
    sure = interval(moved[same])
    numbers |= {"moved": sure.mean, "violated": float((moved[same] > _limits.STILL).mean())}
    if not sure.low > _limits.SPREAD:
        return Measured(code, "stay", numbers)
    told = f"{says} Gold stays, the reward moves by {sure.mean:.0%} of the gap between good and bad completions."
    at = int(np.where(same, moved, -np.inf).argmax())
    shift = np.abs(made.parts - np.array(_parts(scene, made))).mean(0)
    names = [p.name for p in scene.contestant.design.parts]
    part = names[int(np.nan_to_num(shift).argmax())] if np.isfinite(shift).any() else ""
    found = Finding(code, part, bounded(sure.mean / 2), sure.mean, _limits.SPREAD, told, _example(made, at))
    return Measured(code, "stay", numbers, finding=found)


def _parts(scene: Scene, made: Changed) -> Floats:
    """Raw scores of the completions before, [N, M]."""
    return scene.paid([[g.completion] for g in made.before], made.prompts).parts[:, 0]


def _example(made: Changed, at: int) -> Example:
    """One completion after the change, beside what it was."""
    good = made.before[at]
    said, was = shown(made.after[at]), shown(good.completion)
    text = made.prompts[at].plain()
    return Example(text, said, float(made.reward[at]), float(made.gold[at]), was, good.reward, good.gold)
