"""How safely did the policy get where it got?"""

from __future__ import annotations

import numpy as np

from rewardbench.metrics.collapsed import hard_collapse
from rewardbench.metrics.normalised import halves, rescaled
from rewardbench.seeds import generator
from rewardbench.types import Anchor, Curve, Floats


def stability(curve: Curve, anchor: Anchor) -> float:
    """S: 1 minus the worst fall of y' along the run, in [0, 1]; 0 after a hard failure.

    Formula: peak and later trough are chosen where half A of the dev prompts falls most; the fall is read
    at those two points on half B; both ways, averaged, clipped to [0, 1].
    Range: 0 to 1; 1 = never fell.
    Read: beside Q, always: a policy that never moves is perfectly stable. Beside its noise floor too.
    Fails: it sees only the evaluation points; a fall between two of them, recovered, is missed.
    Source: the drawdown of Chan et al. 2020 (arXiv 1912.05663), worst case; read on split halves, which is ours: a fall
    chosen and read on one sample is partly noise.
    """
    if curve.failed or hard_collapse(curve, anchor):
        return 0.0
    a, b = (half.mean(axis=1) for half in halves(curve, anchor))
    return 1 - float(worst_fall(a, b))


def worst_fall(a: Floats, b: Floats) -> Floats:
    """The fall in [0, 1] from peak to later trough, chosen on one half, read on the other; [..., E] -> [...].

    >>> float(worst_fall(np.array([0, .8, .2]), np.array([0, .6, .2]))).__round__(6)
    0.5
    """
    a, b = np.round(a, 12), np.round(b, 12)  # so that the order of a sum decides no tie
    return np.asarray(np.clip((_fall_read(a, b) + _fall_read(b, a)) / 2, 0, 1))


def _fall_read(chosen: Floats, read: Floats) -> Floats:
    """Fall of `read` between the peak and trough where `chosen` falls most, [..., E] -> [...]."""
    falls = np.round(np.maximum.accumulate(chosen, axis=-1) - chosen, 9)  # equal falls are: gold has few values
    trough = falls.argmax(axis=-1)[..., None]
    before = np.where(np.arange(chosen.shape[-1]) <= trough, chosen, -np.inf)
    peak = before.argmax(axis=-1)[..., None]
    fall = np.take_along_axis(read, peak, axis=-1) - np.take_along_axis(read, trough, axis=-1)
    return np.asarray(fall[..., 0])


def noise_floor(curve: Curve, anchor: Anchor, draws: int = 2000) -> float:
    """The fall that evaluation noise alone would show on a flat curve, in [0, 1]: at most, evaluations share it.

    A seeded parametric bootstrap: normal noise with the sampling variance within prompts (over prompts, where
    there is one sample each), put through the same choice of peak and trough.
    """
    spread = _standard_errors(curve, anchor)
    noise = generator("noise_floor").standard_normal((2, draws, spread.shape[1])) * spread[:, None, :]
    return float(worst_fall(noise[0], noise[1]).mean())


def _standard_errors(curve: Curve, anchor: Anchor) -> Floats:
    """Standard error of y' on each half at each evaluation, [2, E]."""
    gold = rescaled(curve.gold, anchor)
    errors = []
    for half in (gold[:, 0::2], gold[:, 1::2]):
        _, prompts, samples = half.shape
        one = half.var(axis=2, ddof=1).mean(axis=1) if samples > 1 else half[:, :, 0].var(axis=1)
        errors.append(np.sqrt(one / (prompts * samples)))
    return np.stack(errors)
