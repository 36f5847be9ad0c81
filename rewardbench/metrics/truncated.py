"""Did completions run into the length limit, or vanish?"""

from __future__ import annotations

import numpy as np

from rewardbench.metrics.collapsed import longest_run, patience
from rewardbench.types import Curve, Floats

SAID = "cut at the length limit"
"""The flag in words: a design is … on some of its seeds."""


def truncated(curve: Curve, share: float = 0.9) -> bool:
    """True when at least 90% of completions were cut at the length limit or empty, for 3 evaluations running.

    Formula: share over prompts and samples of `not ended or no token of its own`. Of three evaluations, as at `quick`,
    2 are enough, and the start may be one of them.
    Read: the policy forgot to stop, or says nothing; gold then measures the limit, not the policy.
    Fails: a limit too small for the task flags every design: look at `untrained` first.
    Source: ours; trainers log the same share (TRL: completions/clipped_ratio).
    """
    return longest_run(_shares(curve) >= share) >= patience(curve)


def evidence(curve: Curve) -> dict[str, float]:
    """The share of cut or empty completions at the start and at the end."""
    shares = _shares(curve)
    return {"start": float(shares[0]), "end": float(shares[-1])}


def _shares(curve: Curve) -> Floats:
    """Share of cut or empty completions at each evaluation, [E]."""
    return np.asarray((~curve.ended | (curve.length <= 0)).mean(axis=(1, 2)))
