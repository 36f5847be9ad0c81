"""How good did the policy get?"""

from __future__ import annotations

from rewardbench.metrics.normalised import last_two, normalised
from rewardbench.types import Anchor, Curve


def quality(curve: Curve, anchor: Anchor) -> float:
    """Q: the gold score at the end, on the task's frozen scale; unclipped.

    Formula: mean of y' over the last two evaluations (never the start); a failed run is 0.
    Range: unbounded; 0 to 1 for designs between untrained and oracle.
    Read: 0 = no better than untrained, 1 = as good as training on gold itself; below 0 = below untrained,
    which is called harmful only where the paired verdict shows it.
    Fails: the last evaluations' noise is in it (read the interval over seeds), and a failed run that had
    done harm looks better for having failed (read the flag `failed`).
    Source: ours; the mean of the last evaluations because single checkpoints are noisy (Heineman et al. 2025,
    arXiv 2508.13144).
    """
    return 0.0 if curve.failed else float(last_two(normalised(curve, anchor)))
