"""How much gold did a run gain for the distance it moved?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from rewardbench.types import Floats, Numbers, Told, UserError


def kl_efficiency(kl: ArrayLike, gain: ArrayLike, farthest: float) -> float:
    """The mean gain in gold over d = sqrt(KL), 0 to a distance that every compared run reached; in the gain's units.

    Formula: (1 / D) * integral over 0..D of gain against d, trapezoid, points [E] in the order of d, the gain measured
    from the run's start; D = `farthest`, from `common_distance`.
    Range: that of the gain.
    Read: at the same distance, a higher one learnt more of what gold asks for, and less of what it does not.
    Fails: inside one algorithm only: families spend KL differently. A run that hardly moved shortens D for all; final
    gain over final KL is no substitute: unstable near 0, and it falls with KL by itself.
    Source: distances as in Gao et al. 2023 (arXiv 2210.10760); the area up to a matched distance is ours.

    >>> round(kl_efficiency([0, 1, 4, 9, 16], [0, .8, 1.2, 1.1, .7], 4), 4)
    0.8625
    >>> round(kl_efficiency([0, 1, 4, 9, 16], [0, .8, 1.2, 1.1, .7], 2), 4)
    0.7
    """
    d, y = _path(kl, gain)
    if not 0 < farthest <= d[-1] + 1e-12:
        raise UserError(f"the run moved {d[-1]:.3g} from its start: its gain up to {farthest:.3g} is not known")
    inside = d < farthest
    return float(trapezoid([*y[inside], np.interp(farthest, d, y)], [*d[inside], farthest]) / farthest)


def of_run(told: Told) -> Numbers:
    """The mean gain on a run's way, up to where it was farthest from its start; raises UserError if it did not move."""
    moved, gold = told.curve.kl.mean(axis=(1, 2)), told.curve.gold.mean(axis=(1, 2))
    if not (farthest := common_distance([moved])) > 0:
        raise UserError("the policy did not move")
    return {"gain": kl_efficiency(moved, gold, farthest), "farthest": farthest}


def gain_at(kl: ArrayLike, gain: ArrayLike, distance: float) -> float | None:
    """The gain in gold where a run was at d = sqrt(KL), interpolated; None where it never went that far.

    >>> gain_at([0, 1, 4], [0, .8, 1.2], 1.5), gain_at([0, 1, 4], [0, .8, 1.2], 2.5)
    (1.0, None)
    """
    d, y = _path(kl, gain)
    return float(np.interp(distance, d, y)) if 0 <= distance <= d[-1] else None


def common_distance(kls: Sequence[ArrayLike]) -> float:
    """The largest d = sqrt(KL) that every run reached, from the KL of each at its evaluations.

    >>> common_distance([[0, 4], [0, 9, 1]])
    2.0
    """
    if not len(kls):
        raise UserError("no runs, no common distance")
    return float(min(np.sqrt(np.maximum(np.asarray(k, dtype=np.float64), 0)).max() for k in kls))


def _path(kl: ArrayLike, gain: ArrayLike) -> tuple[Floats, Floats]:
    """d and gain since the start, in the order of d, the start itself at 0: an estimate below 0 counts as 0."""
    k, y = np.asarray(kl, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    if k.shape != y.shape or k.ndim != 1 or not k.size or not np.isfinite([k, y]).all():
        raise UserError("one KL and one gain an evaluation are needed, all of them known")
    d = np.sqrt(np.maximum(k, 0.0))
    d[0] = 0.0
    order = np.argsort(d, kind="stable")
    return d[order], (y - y[0])[order]
