"""Does the reward pay for length?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.types import Floats, Numbers, Told, UserError


@dataclass(frozen=True)
class Length:
    """What length has to do with a reward, within prompts."""

    slope: float
    """Reward a token more."""
    correlation: float
    """Of reward and length."""
    partial: float
    """Of reward and gold at equal length."""


def length_reliance(reward: ArrayLike, length: ArrayLike, gold: ArrayLike) -> Length:
    """How reward goes with length, and with gold once length is held equal; from [P, K] each, within prompts.

    Formula: all three centred within their prompt; slope = least squares of reward on length; partial correlation =
    (r_rg - r_rl r_gl) / sqrt((1 - r_rl^2) (1 - r_gl^2)).
    Range: slope unbounded, in reward a token; correlations -1 to 1, 0 where something does not vary.
    Read: a high correlation with a partial one near 0 = the reward sees length and little else that gold sees.
    Fails: where gold itself is about length, there is nothing wrong with it. Completions cut at the limit hide it.
    Source: partial correlation of Yule 1897; length as the commonest shortcut: Singhal et al. 2023 (arXiv 2310.03716).

    >>> length_reliance([[1, 2, 3]], [[10, 20, 30]], [[0, 1, 0]]).slope.__round__(6)
    0.1
    """
    r, n, g = (_centred(v) for v in (reward, length, gold))
    if not r.shape == n.shape == g.shape:
        raise UserError("reward, length and gold must have one shape: prompts x samples")
    along, rg, gl = _cosine(r, n), _cosine(r, g), _cosine(g, n)
    left = (1 - along**2) * (1 - gl**2)
    squares = float((n**2).sum())
    slope = float((r * n).sum()) / squares if squares else 0.0
    return Length(slope, along, (rg - along * gl) / sqrt(left) if left > 1e-12 else 0.0)


def of_run(told: Told) -> Numbers:
    """What a run's reward has to do with length in the end; raises UserError where completions were not paid."""
    curve = told.curve
    return asdict(length_reliance(curve.reward[-1], curve.length[-1], curve.gold[-1]))


def _centred(values: ArrayLike) -> Floats:
    """Less their prompt's mean, flat; a sample that is not paid (NaN) is refused."""
    v = np.asarray(values, dtype=np.float64)
    if v.ndim != 2 or not v.size or not np.isfinite(v).all():
        raise UserError("length reliance needs full tables of prompts x samples: leave out what abstained")
    return np.ravel(v - v.mean(axis=1, keepdims=True))


def _cosine(a: Floats, b: Floats) -> float:
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / scale if scale > 1e-12 else 0.0
