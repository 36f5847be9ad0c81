"""Did the run break?"""

from __future__ import annotations

from rewardbench.types import Curve

SAID = "failed"
"""The flag in words: a design is … on some of its seeds."""


def failed(curve: Curve) -> bool:
    """True when the run stopped at a hard failure: a number that is not finite, or a broken part.

    Formula: recorded by the loop when it happens; it stays.
    Read: Q = 0, S = 0, and E counts nothing after the last evaluation. The run is never dropped.
    Fails: a machine that was switched off is not a failure of the run: resume it.
    Source: ours.
    """
    return curve.failed


def evidence(curve: Curve) -> dict[str, float]:
    """The last step that was evaluated, of how many."""
    return {"last_step": float(curve.steps[-1]), "budget_steps": float(curve.budget_steps)}
