"""Does one measurement of some designs foretell another, such as that with a larger policy?

Two questions. Is the order the same? Kendall's tau of mean quality, which seeds alone keep below 1: beside it
stands what tau could reach, and the correlation that is left once the seeds' noise is taken out. Do decisions hold? Of
the pairs of designs that both boards tell apart, how many point the same way?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from rewardbench import stats
from rewardbench.measures.agreement import attenuated, disattenuated, rank_interval, spearman_brown
from rewardbench.measures.retest import halves
from rewardbench.seeds import generator
from rewardbench.types import Bools, Floats, Ints, UserError

LEAST = 5
"""Designs from which anything is told."""
LEAST_INTERVAL = 10
"""Designs from which the order has an interval: of fewer it would be that of one or two designs."""
LEAST_TAKING_PART = 5
"""Designs among the pairs told apart by both, from which their share has an interval."""
RESAMPLES = 2000
Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Transfer:
    """How far the order and the decisions on one board are those on another; what cannot be told is None."""

    designs: int
    pairs: int
    tau: float | None
    """Kendall's tau-b of mean quality; None where a board has all designs alike."""
    low: float | None
    high: float | None
    """Over designs and seeds."""
    first_again: float | None
    """The tau that the first board would have with itself on as many other seeds."""
    second_again: float | None
    ceiling: float | None
    """The tau to expect of two boards with these seeds whose true orders are one and the same."""
    true: float | None
    """The correlation of the two orders with the seeds' noise taken out; sampling may carry it beyond 1."""
    true_low: float | None
    true_high: float | None
    first_resolved: int
    """Pairs that the first board tells apart, adjusted over all pairs of the designs."""
    second_resolved: int
    resolved: int
    """Pairs that both tell apart."""
    same: int
    """Of these, the pairs that point the same way."""
    taking_part: int
    """Designs that stand in one of these pairs at least."""
    share: float | None
    """same / resolved."""
    share_low: float | None
    share_high: float | None
    alike: int
    """Pairs told apart by both of designs that on each board both learnt, or both did not."""
    alike_same: int


def transfer(first: Mapping[str, Floats], second: Mapping[str, Floats], paired: bool = False) -> Transfer:
    """From quality by design, [seeds] each (seeds of a board are the same for all its designs); `paired` says that both
    boards have the same seeds.

    Formula: tau-b of means. Its standard error, on Fisher's z, adds the jackknife over designs to that over the seeds
    of each board (of both at once where paired), and is never below Fieller's. A board's tau with itself: halves of its
    seeds, stepped up from half to whole length by Spearman and Brown on r = sin(pi tau / 2) (Greiner). `true` is r
    over the root of both reliabilities (Spearman 1904), its interval by the same jackknife, and never inside what
    Fieller's interval of tau would give. Share: a bootstrap over designs, to which one more was added that was told
    apart from all and went the other way: many pairs that hang on one design are one decision.
    Read: tau against `ceiling`, not against 1; `share` beside `taking_part`; `alike` for whether agreement is more than
    the split into designs that learnt and designs that did not.
    Fails: intervals are wide rather than narrow (noise counts in the jackknife over designs and in that over seeds);
    of designs in clusters the ceiling is too high and `true` too low, inside its interval: where 70 % of twenty lie on
    one floor by .13 and .16 in simulations, with the means and spreads of the cpu board not at all.
    Raises UserError where fewer than five designs stand on both.

    >>> one = {str(i): np.array([i / 10, i / 10 + .01, i / 10 - .01, i / 10]) for i in range(6)}
    >>> found = transfer(one, {d: 1 - q for d, q in one.items()})
    >>> found.designs, found.tau, found.low, found.resolved, found.same, found.taking_part
    (6, -1.0, None, 15, 0, 6)
    """
    names = [d for d in first if d in second]
    if len(names) < LEAST:
        raise UserError(f"{len(names)} designs stand on both boards; a rank correlation needs at least {LEAST}")
    one, other = (np.array([side[d] for d in names], dtype=np.float64) for side in (first, second))
    order = _order(one, other, paired)
    i, j = np.triu_indices(len(names), 1)
    a, b = _told_apart(one), _told_apart(other)
    both = (a != 0) & (b != 0)
    agree = (a == b)[both]
    inside = np.all([s[i] == s[j] for s in (_learnt(one), _learnt(other))], axis=0)[both]
    ends = _share_interval(i[both], j[both], agree)
    return Transfer(
        **order,
        designs=len(names),
        pairs=len(i),
        first_resolved=int(np.count_nonzero(a)),
        second_resolved=int(np.count_nonzero(b)),
        resolved=len(agree),
        same=int(agree.sum()),
        taking_part=len(np.unique([*i[both], *j[both]])),
        share=float(agree.mean()) if len(agree) else None,
        share_low=ends[0],
        share_high=ends[1],
        alike=int(inside.sum()),
        alike_same=int(agree[inside].sum()),
    )


# --- the order -----------------------------------------------------------------------------------


def _order(one: Floats, other: Floats, paired: bool) -> dict[str, float | None]:
    """The figures of the order of designs on two boards, [D, seeds] each."""
    n = len(one)
    i, j = np.triu_indices(n, 1)
    without = [(i != d) & (j != d) for d in range(n)]  # each design left out in turn
    whole = _figures(one, other, np.array([np.ones(len(i), dtype=bool), *without], dtype=np.float64))
    tau, r1, r2, true = (float(x[0]) for x in whole)
    reliable = r1 > 0 and r2 > 0
    root = attenuated(1.0, min(r1, 1.0), min(r2, 1.0)) if reliable else np.nan
    known: dict[str, float | None] = {
        "tau": tau,
        "first_again": _tau_of(r1),
        "second_again": _tau_of(r2),
        "ceiling": _tau_of(root),
        "true": true,
        **dict.fromkeys(("low", "high", "true_low", "true_high")),
    }
    if n >= LEAST_INTERVAL and np.isfinite(whole[0]).all():
        fewer = [_figures(a, b, np.ones((1, len(i)))) for a, b in _seeds_left_out(one, other, paired)]
        seeds = [np.array([f[k][0] for f in fewer]) for k in (0, 3)]
        groups = [len(fewer)] if paired else [one.shape[1], other.shape[1]]
        known["low"], known["high"] = _tau_interval(tau, whole[0][1:], seeds[0], groups, n)
        half = _half(whole[3][1:], seeds[1], groups, n)
        if np.isfinite(half) and np.isfinite(root):
            ends = [_pearson(t) / root for t in rank_interval(tau, n, "kendall")]
            known["true_low"], known["true_high"] = min(true - half, ends[0]), max(true + half, ends[1])
    return {k: None if v is None or not np.isfinite(v) else float(v) for k, v in known.items()}


def _figures(one: Floats, other: Floats, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(tau, reliability of each board, correlation without noise), [R] each, from weights of the pairs [R, M]; NaN
    where it cannot be told."""
    tau = _taus(_signs(one.mean(axis=1)), _signs(other.mean(axis=1)), weights)
    rel = [_reliability(x, weights) for x in (one, other)]
    known = np.isfinite(rel[0] * rel[1]) & (rel[0] > 0) & (rel[1] > 0)
    true = [
        disattenuated(_pearson(t), min(a, 1.0), min(b, 1.0)) if k else np.nan
        for t, a, b, k in zip(tau, *rel, known, strict=True)
    ]
    return tau, rel[0], rel[1], np.array(true)


def _signs(means: Floats) -> Floats:
    """Which of each pair lies higher, [.., M] of 1, 0, -1, from means [.., D]; differences of rounding are ties."""
    i, j = np.triu_indices(means.shape[-1], 1)
    gap = means[..., i] - means[..., j]
    return np.where(np.abs(gap) < stats.TINY, 0.0, np.sign(gap))


def _taus(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Tau-b, [.., R], from signs [.., M] and weights of the pairs [R, M]; NaN where a side is constant."""
    scale = np.sqrt((a**2 @ weights.T) * (b**2 @ weights.T))
    return np.asarray(np.where(scale > 0, (a * b) @ weights.T / np.where(scale > 0, scale, 1.0), np.nan))


def _reliability(table: Floats, weights: Floats) -> Floats:
    """The correlation of a board [D, seeds] with itself on as many other seeds, [R]; NaN of one seed."""
    seeds = table.shape[1]
    if seeds < 2:
        return np.full(len(weights), np.nan)
    cuts = halves(seeds)[0]
    a, b = (_signs(np.array([table[:, cut[side]].mean(axis=1) for cut in cuts])) for side in (0, 1))
    tau = _taus(a, b, weights).mean(axis=0)
    return np.array([spearman_brown(_pearson(t), seeds / (seeds // 2)) if t > 0 else t for t in tau])


def _pearson(tau: float) -> float:
    """The correlation behind a tau of normal scores (Greiner 1909)."""
    return float(np.sin(np.pi * tau / 2))


def _tau_of(r: float) -> float:
    """And back."""
    return float(2 / np.pi * np.arcsin(min(max(r, -1.0), 1.0))) if np.isfinite(r) else np.nan


def _seeds_left_out(one: Floats, other: Floats, paired: bool) -> list[tuple[Floats, Floats]]:
    """Both boards without each seed in turn, the same of both where paired."""
    fewer = [[np.delete(x, s, axis=1) for s in range(x.shape[1])] for x in (one, other)]
    if paired:
        return list(zip(*fewer, strict=True))
    return [*((x, other) for x in fewer[0]), *((one, x) for x in fewer[1])]


def _tau_interval(tau: float, designs: Floats, seeds: Floats, groups: Sequence[int], n: int) -> Ends:
    """The interval of tau of n designs from its values with a design, or a seed, left out."""
    inner = 1 - 4 / (n**2 - n)  # one swap of neighbours from the end, where z is infinite
    z = float(np.arctanh(np.clip(tau, -inner, inner)))
    others = [np.arctanh(np.clip(x, -inner, inner)) for x in (designs, seeds)]
    half = _half(others[0], others[1], groups, n)
    if not np.isfinite(half):
        return None, None
    low, high = rank_interval(tau, n, "kendall")
    return min(low, float(np.tanh(z - half))), max(high, float(np.tanh(z + half)))


def _half(designs: Floats, seeds: Floats, groups: Sequence[int], n: int) -> float:
    """Half of an interval's width: jackknives over designs, and over each group of seeds; NaN where one is not known.

    They are added as if design and seed had nothing in common, which is too much (Owen 2007): noise of a design's own
    is in both.
    """
    parts = [designs, *np.split(seeds, np.cumsum(groups)[:-1])]
    variance = sum((len(x) - 1) * float(x.var()) for x in parts)
    return float(scipy_stats.t.ppf(0.975, n - 1) * np.sqrt(variance))


# --- decisions -----------------------------------------------------------------------------------


def _told_apart(table: Floats) -> Ints:
    """Which of each pair is better, [M] of 1, -1, and 0 where a board [D, seeds] does not say; adjusted by Holm."""
    pairs = stats.all_pairs(list(table))
    se = np.maximum(pairs.se, stats.FLOOR / np.sqrt(table.shape[1]))
    p = 2 * scipy_stats.t.sf(np.abs(pairs.difference) / se, pairs.df)
    return np.where(stats.adjusted(p) < 0.05, np.sign(pairs.difference), 0).astype(int)


def _learnt(table: Floats) -> Bools:
    """Of which designs the interval of Q lies above 0, [D]."""
    return np.array([stats.mean_interval(q).low > 0 for q in table])


def _share_interval(i: Ints, j: Ints, agree: Bools) -> Ends:
    """95% interval of the share of pairs (i, j) that agree; none where few designs take part.

    Formula: designs are drawn again with replacement, with one more that is told apart from all and at the low end
    disagrees with each, at the high end agrees.
    """
    nodes, where = np.unique([i, j], return_inverse=True)
    if len(nodes) < LEAST_TAKING_PART:
        return None, None
    n, (a, b) = len(nodes), where.reshape(2, -1)
    drawn = generator("transfer/share").multinomial(n + 1, np.full(n + 1, 1 / (n + 1)), RESAMPLES)
    weight = drawn[:, a] * drawn[:, b]
    added = drawn[:, n] * drawn[:, :n].sum(axis=1)
    total, same = weight.sum(axis=1) + added, weight @ agree
    some = total > 0
    low, high = same[some] / total[some], (same + added)[some] / total[some]
    return float(np.quantile(low, 0.025)), float(np.quantile(high, 0.975))
