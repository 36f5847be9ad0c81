"""Does gold rise when the best-paid of n completions is taken?"""

from __future__ import annotations

from math import comb, log, sqrt

import numpy as np

from rewardbench.audit import _limits
from rewardbench.audit._found import Finding, Measured, bounded, interval
from rewardbench.audit._scene import Scene
from rewardbench.audit._without import composed, weakest
from rewardbench.metrics.overoptimisation import fit, law_peak
from rewardbench.types import Floats, Ints

EVERY = 0.9
"""Of the prompts that must have so many paid completions."""
MUST = "Of 16 completions the best-paid has a better gold than any one: a quarter of what choosing by gold would gain."


def measure(scene: Scene) -> Measured:
    """Gold and reward of the best-paid of n = 1, 2, 4 … samples, by the unbiased estimator; and the law's fit."""
    paid = scene.samples
    most, at = enough(paid.reward)
    counts = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= most]
    reward, gold = paid.reward[at], paid.gold[at]
    if not counts or not len(at):
        return Measured("best_of_n", "samples", note="too few completions of any prompt are paid")
    chosen = np.stack([best_of(reward, gold, n) for n in counts])
    ideal = np.stack([best_of(np.where(np.isfinite(reward), gold, np.nan), gold, n) for n in counts])
    pays = np.stack([best_of(reward, reward, n) for n in counts])
    curve = {"n": [float(n) for n in counts]}
    for name, rows in (("gold", chosen), ("ideal", ideal), ("reward", pays)):
        curve[name] = [float(np.nanmean(r)) if np.isfinite(r).any() else 0.0 for r in rows]
    could, gain = ideal[-1] - ideal[0], chosen[-1] - chosen[0]
    numbers: dict[str, float | None] = {"n": counts[-1], "gold_1": curve["gold"][0], "gold_n": curve["gold"][-1]}
    numbers |= _law(curve["gold"], counts, float(paid.gold.std()))
    room = float(np.nanmean(could)) if np.isfinite(could).any() else 0.0
    if room < 0.01 or len(counts) < 2:
        return Measured("best_of_n", "samples", numbers, "choosing could gain nothing here", curve=curve)
    sure = interval(gain - _limits.CHOICE * could)
    numbers |= {"gain": float(np.nanmean(gain)), "possible": room, "share": float(np.nanmean(gain)) / room}
    numbers["falls"] = float(interval(gain).high < 0)
    if sure.high >= 0:
        return Measured("best_of_n", "samples", numbers, curve=curve)
    share = float(np.nanmean(gain)) / room
    move = "falls" if interval(gain).high < 0 else "hardly rises"
    told = f"Gold {move} when the best-paid of {counts[-1]} completions is taken: "
    told += f"{curve['gold'][0]:.2f} → {curve['gold'][-1]:.2f}; the best by gold would have {curve['ideal'][-1]:.2f}."

    def gained(m: int) -> float:
        other = composed(scene, paid.parts, m)[at]
        return float(np.nanmean(best_of(other, gold, counts[-1]) - best_of(other, gold, 1)))

    part = weakest(scene, gained, float(np.nanmean(gain)))
    severity = bounded((_limits.CHOICE - share) / (2 * _limits.CHOICE))
    found = Finding("best_of_n", part, severity, share, _limits.CHOICE, told, scene.inversion())
    return Measured("best_of_n", "samples", numbers, finding=found, curve=curve)


def enough(reward: Floats) -> tuple[int, Ints]:
    """(the most completions that are paid on nine of ten prompts, those prompts): every n is read on the same ones.

    >>> enough(np.array([[1.0, 2.0], [1.0, np.nan]]))
    (1, array([0, 1]))
    """
    told = np.isfinite(reward).sum(1)
    most = int(np.quantile(told, 1 - EVERY, method="lower"))
    return most, np.flatnonzero(told >= max(most, 1))


def best_of(score: Floats, value: Floats, n: int) -> Floats:
    """[P] expected value of the completion with the highest score among n drawn without replacement from K.

    Equal scores share their chance; a completion without a score is never drawn. NaN where fewer than n have one.

    >>> best_of(np.array([[0.0, 1.0, 2.0]]), np.array([[5.0, 7.0, 1.0]]), 2).round(6)
    array([3.])
    """
    return np.array([_best(s[np.isfinite(s)], v[np.isfinite(s)], n) for s, v in zip(score, value, strict=True)])


def _best(score: Floats, value: Floats, n: int) -> float:
    """One prompt's: a group of equal scores wins unless all n are below it or one is above it."""
    if len(score) < n:
        return float("nan")
    total, everything = 0.0, comb(len(score), n)
    for level in np.unique(score):
        up_to, below = int((score <= level).sum()), int((score < level).sum())
        chance = (comb(up_to, n) - comb(below, n)) / everything
        total += chance * float(value[score == level].mean())
    return total


def _law(gold: list[float], counts: list[int], spread: float) -> dict[str, float | None]:
    """alpha, beta of R = d (alpha - beta d), gold gain in standard deviations, d = sqrt(log n - (n - 1) / n)."""
    d = [sqrt(max(0.0, log(n) - (n - 1) / n)) for n in counts]
    if len(counts) < 3 or spread < 1e-9:
        return {"alpha": None, "beta": None, "peak": None}
    law = fit(d, [(g - gold[0]) / spread for g in gold], best_of_n=True, least=0.1)
    peak = law_peak(law, best_of_n=True)[0] if law.beta > 0 else None
    return {"alpha": law.alpha, "beta": law.beta, "peak": peak if peak is not None and 0 < peak <= d[-1] else None}
