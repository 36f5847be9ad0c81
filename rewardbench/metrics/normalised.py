"""Where does gold stand on the task's frozen scale?"""

from __future__ import annotations

import numpy as np

from rewardbench.types import Anchor, Curve, Floats, UserError


def normalised(curve: Curve, anchor: Anchor | None) -> Floats:
    """y', the mean gold of each evaluation on the task's scale, [E], unclipped.

    Formula: y' = (gold - low) / (high - low); low = the untrained policy, high = the oracle arm, both frozen.
    Range: unbounded.
    Read: 0 is the start, 1 is what training on gold itself reached; below 0 is below the start.
    Fails: where low and high lie within five standard errors of each other, which is refused. Without
    anchors (None) it is raw gold.
    Source: ours; Chan et al. 2020 (arXiv 1912.05663) scale by the curve's own range, which has no meaning
    for a run that declines.

    >>> float(rescaled(np.array([.5]), Anchor(.25, .75, .01, .01))[0])
    0.5
    """
    return rescaled(curve.gold.mean(axis=(1, 2)), anchor)


def halves(curve: Curve, anchor: Anchor | None) -> tuple[Floats, Floats]:
    """y' [E, N / 2] by prompt, on every other dev prompt and on the rest: one chooses, one is read."""
    values = rescaled(curve.gold.mean(axis=2), anchor)
    if values.shape[1] < 2:
        raise UserError("split halves need at least 2 dev prompts")
    return values[:, 0::2], values[:, 1::2]


def rescaled(gold: Floats, anchor: Anchor | None) -> Floats:
    """Gold of any shape on the anchors' scale; refuses a scale that noise could have made."""
    if anchor is None:
        return gold
    width = anchor.high - anchor.low
    if not width > 5 * float(np.hypot(anchor.low_se, anchor.high_se)):
        raise UserError(
            f"anchors {anchor.low:.3f} and {anchor.high:.3f} lie within five standard errors: no scale",
            code=5,
        )
    return np.asarray((gold - anchor.low) / width)


def last_two(values: Floats) -> Floats:
    """Mean of the last two evaluations after the start, [E, ...] -> [...]; the start itself if it is alone.

    >>> float(last_two(np.array([9., 1., 3.])))
    2.0
    """
    after = values[1:] if len(values) > 1 else values
    return np.asarray(after[-2:].mean(axis=0))
