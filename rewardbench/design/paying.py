"""What does a design pay for the scores of its parts? They are scaled, clipped, normalised and combined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rewardbench.advantage import group_mean, group_spread
from rewardbench.types import Design, Floats, RewardError


@dataclass(frozen=True)
class Running:
    """Mean and variance of each part so far (Welford), for `normalise = running`; [M] each."""

    count: Floats
    mean: Floats
    square: Floats


def no_history(design: Design) -> Running:
    """The running statistics before the first score."""
    return Running(*(np.zeros(len(design.parts)) for _ in range(3)))


def observe(running: Running, scores: Floats) -> Running:
    """The statistics after scores [P, K, M] (NaN: abstained) have been seen (Chan et al. 1979)."""
    flat = scores.reshape(-1, scores.shape[-1])
    seen = np.isfinite(flat)
    n = seen.sum(0)
    mean = np.where(n > 0, np.nansum(flat, axis=0) / np.maximum(n, 1), 0.0)
    square = np.nansum((flat - mean) ** 2, axis=0)
    count = running.count + n
    gap = mean - running.mean
    share = n / np.maximum(count, 1)
    return Running(count, running.mean + gap * share, running.square + square + gap**2 * running.count * share)


def prepared(design: Design, scores: Floats, running: Running | None = None) -> Floats:
    """Scores [P, K, M] scaled, clipped and normalised as the design says."""
    values: Floats = scores.astype(np.float64)
    for m, part in enumerate(design.parts):
        values[..., m] *= part.scale
        if part.clip is not None:
            values[..., m] = np.clip(values[..., m], *part.clip)
    if design.normalise == "group":  # GDPO, Liu et al. 2026 (arXiv 2601.05242)
        values = (values - group_mean(values)) / (group_spread(values) + 1e-4)
    if design.normalise == "running" and running is not None:
        spread = np.sqrt(running.square / np.maximum(running.count - 1, 1))
        values = (values - running.mean) / np.where(spread > 0, spread, 1.0)
    return values


def weights(design: Design, fraction: float = 1.0) -> Floats:
    """The weight of each part [M] after a fraction of the run: its own, times what its schedule says.

    >>> from rewardbench.types import Part
    >>> faded = Design("d", (Part("a", "x.a", 2.0, schedule=((0.0, 1.0), (0.5, 0.0))), Part("b", "x.b")))
    >>> weights(faded, 0.25), weights(faded)
    (array([1., 1.]), array([0., 1.]))
    """
    found = [p.weight for p in design.parts]
    for m, part in enumerate(design.parts):
        if part.schedule is not None:
            at, factors = np.array(part.schedule, dtype=np.float64).T
            found[m] *= float(np.interp(fraction, at, factors))
    return np.array(found, dtype=np.float64)


def compose(design: Design, scores: Floats, running: Running | None = None, fraction: float = 1.0) -> Floats:
    """Reward [P, K] from raw scores [P, K, M]; NaN scores abstain, a row of nothing else is NaN.

    `fraction` of the run is over, for schedules. A part that abstains is left out and the weights of those present
    are scaled up to the same total, so that a row is not paid less only because less was said of it.

    >>> from rewardbench.types import Part
    >>> two = Design("d", (Part("a", "x.a", 1.0), Part("b", "x.b", 3.0)))
    >>> compose(two, np.array([[[1.0, 0.0], [1.0, np.nan]]]))
    array([[1., 4.]])
    """
    values, now = prepared(design, scores, running), weights(design, fraction)
    present = np.isfinite(values)
    paying = np.array([p.gate is None for p in design.parts]) & (now != 0)
    if paying.any():  # a part that a schedule has faded out is left out, as if the design had none
        present &= paying | np.array([p.gate is not None for p in design.parts])
    reward: Floats = _COMBINED[design.combine](design, values, now, present)
    return reward


def shares(design: Design, scores: Floats, running: Running | None = None, fraction: float = 1.0) -> Floats:
    """How much of the rewards' variance among siblings each part explains, [M]; NaN where all are paid alike.

    The covariance of the reward with what a part adds to it, over the reward's variance, both among siblings; what it
    adds is the reward less the reward had it said the same (its mean) of all siblings. Of a weighted sum whose
    parts never abstain the shares sum to 1; one below 0 pulls against the rest.

    >>> from rewardbench.types import Part
    >>> two = Design("d", (Part("a", "x.a", 3.0), Part("b", "x.b", 1.0)))
    >>> shares(two, np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]]))
    array([0.9, 0.1])
    """
    reward = compose(design, scores, running, fraction)
    deviation = reward - group_mean(reward)
    variance = np.nansum(deviation**2)
    found = np.full(len(design.parts), np.nan)
    for m in range(len(design.parts) if variance > 0 else 0):
        told = np.isfinite(scores[..., m])
        count = np.maximum(told.sum(1, keepdims=True), 1)
        alike = scores.copy()
        mean = np.nansum(scores[..., m], axis=1, keepdims=True) / count
        alike[..., m] = np.where(told, mean, np.nan)
        added = reward - compose(design, alike, running, fraction)
        found[m] = np.nansum((added - group_mean(added)) * deviation) / variance
    return found


def _sum(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The weighted sum."""
    return np.where(present.any(-1), _weighted(values, weights, present), np.nan)


def _product(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The product of powers; the powers of those present are scaled up to the sum of all."""
    if (values < 0).any():
        raise RewardError("combine = 'product' met a negative score; clip the part to [0, …]")
    share = np.where(present, weights, 0.0).sum(-1, keepdims=True)
    powers = weights * weights.sum() / np.where(share > 0, share, 1.0)
    reward = np.prod(np.where(present, np.abs(values), 1.0) ** powers, axis=-1)
    return np.where(present.any(-1), reward, np.nan)


def _least(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The least weighted score: the worst case of an ensemble (Coste et al. 2023, arXiv 2310.02743)."""
    reward = np.where(present, values * weights, np.inf).min(-1)
    return np.where(present.any(-1), reward, np.nan)


def _ensemble(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """Weighted mean less `penalty` weighted standard deviations over the parts present: agreement is paid.

    As the uncertainty-weighted objective of Coste et al. 2023 (arXiv 2310.02743), with the deviation in place of the
    variance, so that the penalty has the unit of the scores.
    """
    shares = np.where(present, weights, 0.0)
    total = shares.sum(-1, keepdims=True)
    shares = shares / np.where(total > 0, total, 1.0)
    known = np.where(present, values, 0.0)
    mean = (shares * known).sum(-1)
    spread = np.sqrt((shares * (known - mean[..., None]) ** 2).sum(-1))
    return np.where(total[..., 0] > 0, mean - (design.penalty or 0.0) * spread, np.nan)


def _ranked(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """Parts in their order, each up to its gate, and the next one only where it is reached (one that abstains is).

    Thresholded lexicographic ordering (Gábor et al. 1998): no amount of a later part, in [0, …), makes up for an
    earlier one that is missed, and an earlier one is worth nothing above its gate.
    """
    reward, heard = np.zeros(values.shape[:-1]), np.zeros(values.shape[:-1], dtype=bool)
    counts = np.ones(values.shape[:-1], dtype=bool)
    for m, part in enumerate(design.parts):
        score = values[..., m] if part.gate is None else np.minimum(values[..., m], part.gate)
        silent = 0.0 if part.gate is None else part.gate  # what abstains counts as reached
        reward += np.where(counts, weights[m] * np.where(present[..., m], np.nan_to_num(score), silent), 0.0)
        heard |= counts & present[..., m]
        if part.gate is not None:
            counts &= ~present[..., m] | (values[..., m] >= part.gate)
    return np.where(heard, reward, np.nan)


def _weighted(values: Floats, weights: Floats, present: Any) -> Floats:
    """Weighted sum over the parts present, scaled to the weights of all."""
    share = (np.abs(weights) * present).sum(-1)
    total = np.where(present, values * weights, 0.0).sum(-1)
    return np.asarray(total * np.abs(weights).sum() / np.where(share > 0, share, 1.0))


def _gated(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The weighted sum of the other parts where every gate present is reached, else 0."""
    bars = np.array([np.nan if p.gate is None else p.gate for p in design.parts])
    gate = np.isfinite(bars)
    is_open = np.where(present & gate, values >= np.nan_to_num(bars), True).all(-1)
    paid = _weighted(values[..., ~gate], weights[~gate], present[..., ~gate])
    heard = present[..., ~gate].any(-1)
    return np.where(heard, np.where(is_open, paid, 0.0), np.nan)


_COMBINED = {
    "sum": _sum, "product": _product, "min": _least, "gate": _gated, "lexicographic": _ranked, "ensemble": _ensemble,
}  # fmt: skip
