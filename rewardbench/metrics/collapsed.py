"""Did the policy fall apart: gold far below the start, or entropy gone?"""

from __future__ import annotations

import numpy as np

from rewardbench.metrics.normalised import normalised
from rewardbench.types import Anchor, Bools, Curve

SAID = "collapsed"
"""The flag in words: a design is … on some of its seeds."""


def collapsed(curve: Curve, anchor: Anchor | None, one_answer: bool = False) -> bool:
    """True when gold stayed far below the start, or entropy all but vanished, for 3 evaluations running.

    Formula: of three evaluations, as at `quick`, 2 are enough. Gold: y' <= -.5, or gold at most a quarter of the
    untrained policy's (y' may not reach -.5: its floor is -low / (high - low)), where that is known to be above 0, by
    ten standard errors. Entropy: H < .2 of the start's, or H < .05 nats and below half of the start's.
    Read: the first is a hard failure (S = 0); the second an alarm: the policy says one thing.
    Fails: entropy falls in every successful run; where one answer is right (`one_answer`) certainty is
    earned, and the entropy rule is not asked. Without anchors the gold rule is not asked.
    Source: ours, with thresholds that are conventions; that entropy falls early in runs that succeed: Cui et al. 2025
    (arXiv 2505.22617).
    """
    return hard_collapse(curve, anchor) or (
        not one_answer and evidence(curve, anchor)["entropy_run"] >= patience(curve)
    )


def hard_collapse(curve: Curve, anchor: Anchor | None) -> bool:
    """Gold far below the start for 3 successive evaluations."""
    return evidence(curve, anchor)["gold_run"] >= patience(curve)


def evidence(curve: Curve, anchor: Anchor | None) -> dict[str, float]:
    """The longest runs of evaluations that broke each rule, and the entropy at the start and the end."""
    entropy, start = np.asarray(curve.entropy, dtype=np.float64), float(curve.entropy[0])
    gone = (entropy < 0.2 * start) | ((entropy < 0.05) & (entropy < 0.5 * start))
    low = np.zeros(len(entropy), dtype=bool)
    if anchor is not None:
        quarter = -0.75 * anchor.low / (anchor.high - anchor.low) if anchor.low > 10 * anchor.low_se else -0.5
        low = normalised(curve, anchor) <= max(-0.5, quarter)
    return {
        "gold_run": longest_run(low),
        "entropy_run": longest_run(gone),
        "entropy_start": start,
        "entropy_end": float(entropy[-1]),
    }


def patience(curve: Curve, wanted: int = 3) -> int:
    """Successive evaluations that a rule must hold, the start among them: 3, or all but one where there are fewer."""
    return max(1, min(wanted, len(curve.steps) - 1))


def longest_run(hits: Bools) -> int:
    """Length of the longest stretch of True, from [E].

    >>> longest_run(np.array([True, False, True, True]))
    2
    """
    best = now = 0
    for hit in hits:
        now = now + 1 if hit else 0
        best = max(best, now)
    return best
