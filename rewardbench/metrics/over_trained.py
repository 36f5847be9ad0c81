"""Would stopping earlier have been better?"""

from __future__ import annotations

from math import sqrt

import numpy as np

from rewardbench.metrics.normalised import halves
from rewardbench.types import Anchor, Curve, Floats

SAID = "over-trained"
"""The flag in words: a design is … on some of its seeds."""


def over_trained(curve: Curve, anchor: Anchor | None, regret: float = 0.1, errors: float = 2.0) -> bool:
    """True when the end lies clearly below the best point of the run: by .1 in y' and two standard errors.

    Formula: the curve is smoothed by 3; the peak is chosen on half A of the dev prompts, peak - final is read
    on half B; both ways, averaged. Final = mean of the last two evaluations. Without anchors: raw gold.
    Read: the regret is what early stopping would have saved.
    Fails: it needs the peak to last about as long as an evaluation; a run that only ever fell counts too.
    Source: ours; reading on one half what was chosen on the other takes out the luck of the highest of many points.
    """
    shown = evidence(curve, anchor)
    return shown["regret"] > max(regret, errors * shown["se"])


def evidence(curve: Curve, anchor: Anchor | None) -> dict[str, float]:
    """The split-half regret and its standard error over prompts."""
    a, b = (smoothed(half) for half in halves(curve, anchor))
    read = [_regret(a, b), _regret(b, a)]
    return {
        "regret": float(np.mean([value for value, _ in read])),
        "se": sqrt(sum(se**2 for _, se in read)) / 2,
    }


def _regret(chosen: Floats, read: Floats) -> tuple[float, float]:
    """Peak minus final on `read` [E, N], the peak chosen on `chosen`, and its standard error over prompts."""
    levels = np.round(chosen.mean(axis=1), 9)  # the order of a sum decides no tie
    gap = read[int(levels.argmax())] - read[-1]
    return float(gap.mean()), float(gap.std(ddof=1)) / sqrt(len(gap)) if len(gap) > 1 else float("inf")


def smoothed(values: Floats) -> Floats:
    """Running mean over three evaluations (two at the ends), [E, ...] -> [E, ...].

    >>> smoothed(np.array([0., 3., 6., 6.])).tolist()
    [1.5, 3.0, 5.0, 6.0]
    """
    return np.stack([values[max(0, i - 1) : i + 2].mean(axis=0) for i in range(len(values))])
