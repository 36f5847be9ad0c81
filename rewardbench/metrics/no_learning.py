"""Did training change anything that gold can see?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.stats import paired_difference

SAID = "without a gain that gold can see"
"""The flag in words: a design is …, all its seeds together."""
TOGETHER = True
"""It is computed from all seeds at once and holds of none alone."""


def no_learning(qualities: ArrayLike) -> bool:
    """True when the interval of the gain in Q over seeds includes 0; from the gain of each seed, [seeds].

    Formula: low <= 0 <= high of the 95% interval of the mean; gain = Q - Q of `untrained` on the same seed's prompts.
    Read: S, E and D of such a design are not ranked: standing still is stable.
    Fails: with few seeds it also says "not enough seeds". Below 0 altogether is not this. Not
    raised for a design all of whose runs failed before a second evaluation: `failed` says that.
    Source: ours; why the untrained runs of the same seeds are taken off stands in `docs/decisions/`, number 0005.

    >>> no_learning([-.1, .1, .05]), no_learning([.5, .6, .55])
    (True, False)
    """
    shown = evidence(qualities)
    return shown["low"] <= 0 <= shown["high"]


def evidence(qualities: ArrayLike) -> dict[str, float]:
    """Mean and interval of the gain in Q."""
    gains = np.asarray(qualities, dtype=np.float64)
    gap = paired_difference(gains, np.zeros_like(gains))
    return {"mean": gap.difference, "low": gap.low, "high": gap.high}
