"""Did the warning come true within each group? Flags, scores and ranks against outcomes, groups (tasks) kept apart.

Pooled over tasks, a warning that only tells a hard task from an easy one would look like foresight.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.measures.agreement import rank_interval
from rewardbench.measures.forecast import Estimate
from rewardbench.seeds import generator
from rewardbench.types import Bools, Floats, Ints, UserError

RESAMPLES = 1000
Z = float(scipy_stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Luck:
    """How many hits as many flags would have had that knew nothing but each group's number of flags."""

    expected: float
    low: float
    high: float
    """The middle 95% of that number."""
    p: float
    """Of as many hits or more, or as few or fewer, by such flags; two-sided, exact."""


def luck(flagged: ArrayLike, happened: ArrayLike, groups: Sequence[Hashable]) -> Luck:
    """Hits that flags [n] dealt out at random within each group would have.

    Formula: the hits of a group follow the hypergeometric law; those of all groups its convolution.
    Read: flags that are everywhere hit everything and tell nothing: p is then 1.
    Source: Fisher's exact test; over groups, the exact test of a common odds ratio (Cox 1970; Mehta et al. 1985).

    >>> found = luck([1, 1, 0, 0], [1, 1, 0, 0], "aaaa")
    >>> found.expected, round(found.p, 4)
    (1.0, 0.3333)
    """
    said, true = (np.asarray(v, dtype=bool) for v in (flagged, happened))
    law: Floats = np.ones(1)
    for own in _rows_of(groups, len(said)):
        size, events, flags = len(own), int(true[own].sum()), int(said[own].sum())
        law = _together(law, scipy_stats.hypergeom.pmf(np.arange(min(events, flags) + 1), size, events, flags))
    hits, total = int((said & true).sum()), np.cumsum(law)
    low, high = (int(np.searchsorted(total, q)) for q in (0.025, 0.975 - 1e-12))
    tail = min(float(law[hits:].sum()), float(law[: hits + 1].sum()))
    expected = float((law * np.arange(len(law))).sum())
    return Luck(expected, float(low), float(min(high, len(law) - 1)), min(1.0, 2 * tail))


def _together(one: Floats, other: Floats) -> Floats:
    """The law of the sum of two counts, from the law of each: their convolution."""
    law: Floats = np.zeros(len(one) + len(other) - 1)
    for n, share in enumerate(other):
        law[n : n + len(one)] += share * one
    return law


def agreement(before: ArrayLike, after: ArrayLike, groups: Sequence[Hashable]) -> float | None:
    """Spearman's correlation [-1, 1] of columns [n] within groups; None where either is constant in each.

    Formula: values are ranked within their group, ranks scaled by its size and centred; Pearson's over all rows.
    Read: of one group it is Spearman's; of several, no level of a group enters.

    >>> agreement([1, 2, 3, 10, 20, 30], [3, 2, 1, 0, -1, -2], "aaabbb")
    -1.0
    """
    first, second = (np.asarray(v, dtype=np.float64) for v in (before, after))
    u, v = (_ranked(x, _rows_of(groups, len(first))) for x in (first, second))
    # sums of products, here and elsewhere on boards: `@` rounds otherwise on another kind of processor
    scale = float((u * u).sum() * (v * v).sum())
    return float(np.clip((u * v).sum() / sqrt(scale), -1, 1)) if scale > 0 else None


def agreement_interval(
    before: ArrayLike, after: ArrayLike, groups: Sequence[Hashable], stream: str = "within"
) -> Estimate:
    """`agreement` with its 95% interval: rows drawn again within their groups and ranked again.

    The interval is never narrower than Fisher's z (Bonett & Wright) gives for as many rows: a bootstrap of few rows is
    too narrow, and of a perfect order it has no width.

    >>> found = agreement_interval(range(8), range(8), "a" * 8)
    >>> found.value, round(found.low, 2), found.high
    (1.0, 0.82, 1.0)
    """
    first, second = (np.asarray(v, dtype=np.float64) for v in (before, after))
    value = agreement(first, second, groups)
    if value is None:
        return Estimate(None, None, None, "bootstrap")
    places = _rows_of(groups, len(first))
    rng, sums = generator(f"within/{stream}"), np.zeros((3, RESAMPLES))
    for own in places:
        drawn = own[rng.integers(0, len(own), size=(RESAMPLES, len(own)))]
        u, v = (_centred(x[drawn]) for x in (first, second))
        sums += np.stack([(u * v).sum(1), (u * u).sum(1), (v * v).sum(1)])
    scale = sums[1] * sums[2]
    known = scale > 0
    drawn_r = sums[0][known] / np.sqrt(scale[known])
    low, high = np.quantile(drawn_r, [0.025, 0.975]) if known.any() else (value, value)
    return Estimate(value, *_no_narrower(value, float(low), float(high), len(first) - len(places) + 1), "bootstrap")


def _no_narrower(value: float, low: float, high: float, n: int) -> tuple[float, float]:
    """An interval of a correlation of n rows, made as wide as Fisher's z at least; (-1, 1) below 5 rows."""
    least = rank_interval(value, n) if n >= 5 else (-1.0, 1.0)
    return max(-1.0, min(low, least[0], value)), min(1.0, max(high, least[1], value))


def auc_within(scores: ArrayLike, happened: ArrayLike, groups: Sequence[Hashable]) -> Estimate:
    """The chance that, of a pair in one group, the row [n] to which it happened is scored above the other; ties half.

    Formula: Mann and Whitney's U summed over groups, over the pairs of all. Interval: the areas A from which the
    one found lies no further than z standard errors at A, Hanley and McNeil's as Newcombe has them.
    Read: .5 is chance. Groups in which it happened to all or to none tell nothing and have no weight.
    Source: Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve"; Newcombe 2006, "Confidence
    intervals for an effect size measure based on the Mann-Whitney statistic", method 5.

    >>> found = auc_within([.9, .8, .3, .1], [1, 0, 1, 0], "aaaa")
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (0.75, 0.23, 0.97)
    """
    score, true = np.asarray(scores, dtype=np.float64), np.asarray(happened, dtype=bool)
    above, sizes = 0.0, []
    for own in _rows_of(groups, len(score)):
        t = true[own]
        events = int(t.sum())
        above += float(scipy_stats.rankdata(score[own])[t].sum()) - events * (events + 1) / 2
        sizes.append((events, len(t) - events))
    pairs = sum(a * b for a, b in sizes)
    if not pairs:
        return Estimate(None, None, None, "score")
    value, areas = above / pairs, np.linspace(0, 1, 2001)
    variance = sum((a * b / pairs) ** 2 * _variance(areas, a, b) for a, b in sizes if a and b)
    inside = areas[np.abs(value - areas) <= Z * np.sqrt(variance)]
    return Estimate(value, min(value, float(inside.min())), max(value, float(inside.max())), "score")


def _variance(area: Floats, events: int, others: int) -> Floats:
    """The variance of an area under the ROC curve, by its true value; with equal numbers it is Hanley and McNeil's.

    >>> _variance(np.array([.5]), 1, 1)
    array([0.25])
    """
    more = (events + others) / 2 - 1
    return area * (1 - area) / (events * others) * (1 + more * (1 - area) / (2 - area) + more * area / (1 + area))


def _rows_of(groups: Sequence[Hashable], rows: int) -> list[Ints]:
    """The rows of each group."""
    if len(groups) != rows:
        raise UserError(f"{len(groups)} groups do not name {rows} rows")
    return [np.array([i for i, g in enumerate(groups) if g == name]) for name in dict.fromkeys(groups)]


def _ranked(values: Floats | Bools, places: Sequence[Ints]) -> Floats:
    """Ranks within groups, scaled by their size, centred, [n]."""
    found = np.zeros(len(values))
    for own in places:
        found[own] = _centred(values[None, own])[0]
    return found


def _centred(values: Floats | Bools) -> Floats:
    """Ranks along the last axis [B, n], scaled to (0, 1) and centred."""
    return np.asarray((scipy_stats.rankdata(values, axis=1) - 0.5) / values.shape[1] - 0.5)
