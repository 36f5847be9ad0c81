"""What do preferences between completions say? Strengths from wins, win rates, and what length has to do with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from rewardbench.types import Floats, UserError


@dataclass(frozen=True)
class WinRate:
    """How often the policy's completions are preferred to the reference's, ties half."""

    raw: float
    controlled: float
    """The same at equal length."""
    length: float
    """What a standard deviation of length more adds, in log-odds at small gaps."""


def bradley_terry(wins: ArrayLike, alpha: float = 0.0) -> Floats:
    """Strengths [n] that sum to 0 from wins [n, n] (row beat column); a beats b with chance expit(a - b).

    `alpha` draws the strengths together (a ridge), and is needed where somebody never won or never lost: without it the
    likelihood has no maximum, which is refused. A tie is half a win for each.
    Source: Bradley & Terry 1952; when a maximum exists: Ford 1957.

    >>> bradley_terry([[0, 7, 8], [3, 0, 6], [2, 4, 0]]).round(4).tolist()
    [0.7406, -0.1491, -0.5915]
    """
    won = np.asarray(wins, dtype=np.float64)
    if won.ndim != 2 or won.shape[0] != won.shape[1] or not np.isfinite(won).all() or (won < 0).any():
        raise UserError("wins must be a square table of counts")
    if not alpha and connected_components(won > 0, connection="strong")[0] > 1:
        raise UserError("somebody never won, or never lost, against the others: no strengths without alpha above 0")

    def loss(s: Floats) -> tuple[float, Floats]:
        gap = s[:, None] - s
        missed = won * expit(-gap)
        slope = missed.sum(axis=0) - missed.sum(axis=1) + 2 * alpha * s
        return float((won * np.logaddexp(0, -gap)).sum() + alpha * (s**2).sum()), slope

    found = minimize(loss, np.zeros(len(won)), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return np.asarray(found - found.mean())


def win_rate(preferred: ArrayLike, gap: ArrayLike, ridge: float = 0.01) -> WinRate:
    """Win rate over prompts [N], raw and at equal length; preferred in [0, 1], gap = policy's length - reference's.

    Formula: logistic regression of the preference on an intercept and tanh(gap / sd of gaps); controlled = the
    intercept's chance, that at gap 0. A preference is asked in both orders and averaged, a tie is .5. A small ridge on
    the length's weight keeps it finite where length decides everything.
    Read: a controlled rate far below the raw one was won by length.
    Fails: where the task's gold is about length, which must not be controlled; it knows no difficulty of prompts.
    Source: Dubois et al. 2024 (arXiv 2404.04475), without their terms for the instruction.

    >>> found = win_rate([1, 1, 0, 0], [10, 8, -9, -10])
    >>> found.raw, round(found.controlled, 1)
    (0.5, 0.5)
    """
    y, length = np.asarray(preferred, dtype=np.float64), np.asarray(gap, dtype=np.float64)
    if y.shape != length.shape or y.ndim != 1 or not y.size or not np.isfinite([y, length]).all():
        raise UserError("one preference and one length gap a prompt are needed")
    if (y < 0).any() or (y > 1).any():
        raise UserError("a preference lies in [0, 1]: 1 the policy's, 0 the reference's, .5 a tie")
    raw, spread = float(y.mean()), float(length.std())
    if raw in (0.0, 1.0) or spread == 0:
        return WinRate(raw, raw, 0.0)
    x = np.tanh(length / spread)

    def loss(b: Floats) -> tuple[float, Floats]:
        z = b[0] + b[1] * x
        miss = expit(z) - y
        slope = np.array([miss.sum(), (miss * x).sum() + 2 * ridge * b[1]])
        return float((np.logaddexp(0, z) - y * z).sum() + ridge * b[1] ** 2), slope

    level, weight = minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    return WinRate(raw, float(expit(level)), float(weight))
