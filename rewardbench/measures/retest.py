"""Would the same board come out again? Test-retest over seeds, signal against noise, and prompts that measure amiss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.measures.agreement import Icc, icc, kendall_tau_b, no_narrower, rank_interval, spearman, spearman_brown
from rewardbench.seeds import generator
from rewardbench.types import Floats, Ints, UserError

RELIABLE = 0.8
"""ICC(2,k) from which a board is no longer provisional."""


@dataclass(frozen=True)
class Correlation:
    """A rank correlation with its interval over designs."""

    r: float
    low: float
    high: float


@dataclass(frozen=True)
class Retest:
    """How well one half of the seeds tells what the other says. D designs."""

    spearman: Correlation
    """Between halves: mean over the splits."""
    kendall: Correlation
    whole: Correlation
    """Spearman's of all the seeds: stepped up by Spearman and Brown from half to whole length; below 0 it is taken for
    0, since stepping up would make -8 of -.8."""
    range: tuple[float, float]
    """The middle 95% of Spearman's over the splits: how much the choice of halves matters."""
    splits: int
    every: bool
    """All possible splits, not a sample of them."""
    icc: Icc
    """Of the scores themselves, seeds being the raters."""

    @property
    def reliable(self) -> bool:
        """Whether the mean over all seeds passes the gate: ICC(2,k) of at least .8."""
        return self.icc.mean_agreement >= RELIABLE


def retest(scores: ArrayLike, splits: int = 1000, stream: str = "retest") -> Retest:
    """Split-half reliability of the ranking of scores [designs, seeds], at least 5 designs and 2 seeds.

    Formula: the seeds are split into two equal halves (of an odd number one is left out), designs are ranked by their
    means in each, and the correlations averaged over all splits, or over `splits` seeded ones where there are more.
    Intervals: Fisher's z with the standard error of Bonett and Wright, over designs, or wider (`no_narrower`).
    Read: `whole` is what another set of as many seeds would agree by; `reliable` is the gate.
    Fails: it knows the designs given: near-equal designs rank badly on any benchmark, far apart ones well.
    Source: Spearman 1910 and Brown 1910; Shrout & Fleiss 1979.

    >>> found = retest(np.arange(6.0)[:, None] + [0, .1, -.1, 0])
    >>> found.splits, round(found.spearman.r, 6), round(found.icc.agreement, 3)
    (3, 1.0, 0.998)
    """
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 5 or x.shape[1] < 2 or not np.isfinite(x).all():
        raise UserError("a retest needs a full table of at least 5 designs x 2 seeds")
    seeds = x.shape[1]
    half = seeds // 2
    cuts, every = halves(seeds, splits, stream)
    means = np.array([[x[:, side].mean(axis=1) for side in cut] for cut in cuts]).T  # [designs, 2, splits]
    rhos = _each(spearman, means)
    rho, tau = _correlation(spearman, means, "spearman"), _correlation(kendall_tau_b, means, "kendall")
    whole = Correlation(*(spearman_brown(max(r, 0.0), seeds / half) for r in (rho.r, rho.low, rho.high)))
    low, high = np.quantile(rhos, [0.025, 0.975])
    return Retest(rho, tau, whole, (float(low), float(high)), len(cuts), every, icc(x))


def halves(seeds: int, splits: int = 1000, stream: str = "retest") -> tuple[list[tuple[Ints, Ints]], bool]:
    """(pairs of disjoint halves, whether they are all that there are); of more than `splits`, as many seeded ones.

    >>> len(halves(5)[0]), halves(20, 7)[1]
    (15, False)
    """
    half = seeds // 2
    every = comb(seeds, half) * comb(seeds - half, half) // 2 <= splits
    return list(_every_split(seeds, half) if every else _some_splits(seeds, half, splits, stream)), every


def _every_split(seeds: int, half: int) -> Iterator[tuple[Ints, Ints]]:
    """Every pair of disjoint halves, each once.

    >>> len(list(_every_split(5, 2)))
    15
    """
    for a in combinations(range(seeds), half):
        for b in combinations([s for s in range(seeds) if s not in a], half):
            if a < b:
                yield np.array(a), np.array(b)


def _some_splits(seeds: int, half: int, splits: int, stream: str) -> Iterator[tuple[Ints, Ints]]:
    rng = generator(f"retest/{stream}")
    for _ in range(splits):
        order = rng.permutation(seeds)
        yield order[:half], order[half : 2 * half]


def _each(measure: Callable[[Floats, Floats], float], means: Floats) -> Floats:
    """A correlation of the halves [designs, 2, splits] of each split."""
    return np.array([measure(a, b) for a, b in means.T])


def _correlation(measure: Callable[[Floats, Floats], float], means: Floats, kind: str) -> Correlation:
    """Its mean over the splits, with its interval over designs."""

    def mean(some: Floats) -> float:
        return float(np.clip(_each(measure, some).mean(), -1, 1))

    r = mean(means)
    return Correlation(r, *no_narrower(rank_interval(r, len(means), kind), mean, means))


def signal_to_noise(curves: ArrayLike) -> float:
    """Spread between designs over the noise of their last checkpoints, from gold [designs, last checkpoints].

    Formula: standard deviation over designs of their means / root of the mean variance over a design's checkpoints.
    Infinity where nothing trembles. Averaging checkpoints helps as averaging seeds does.
    Source: Heineman et al. 2025 (arXiv 2508.13144), who take the range of the designs as signal.

    >>> round(signal_to_noise([[0, .2], [1, 1.2]]), 3)
    5.0
    """
    x = np.asarray(curves, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2 or not np.isfinite(x).all():
        raise UserError("signal and noise need a full table of at least 2 designs x 2 checkpoints")
    signal, noise = x.mean(axis=1).std(ddof=1), np.sqrt(x.var(axis=1, ddof=1).mean())
    return float(signal / noise) if noise > 0 else float("inf")


def item_total(scores: ArrayLike) -> Floats:
    """How each prompt's gold goes with that of all other prompts over designs, [N], from [designs, N]; NaN if constant.

    Formula: Pearson correlation of a prompt's scores with the designs' means over the other prompts (corrected
    item-total correlation).
    Read: below 0 the prompt ranks designs against all the others: look at it, its truth may be wrong. NaN: every design
    scores alike there, it tells nothing.
    Fails: with few designs it is noisy: .3 of 20 designs may be 0. It flags prompts to read, and drops none.
    Source: Nunnally 1978, "Psychometric Theory"; why no item response model: too few designs (arXiv 2406.10229).

    >>> item_total([[0, .2, .1, 1, .5], [.5, .3, .4, .5, .5], [1, 1, .9, 0, .5]]).round(2).tolist()
    [0.79, 0.97, 0.97, -0.98, nan]
    """
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 3 or x.shape[1] < 2 or not np.isfinite(x).all():
        raise UserError("item-total correlations need a full table of at least 3 designs x 2 prompts")
    rest = (x.sum(axis=1, keepdims=True) - x) / (x.shape[1] - 1)
    a, b = x - x.mean(axis=0), rest - rest.mean(axis=0)
    scale = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    flat = scale < 1e-12
    return np.where(flat, np.nan, (a * b).sum(axis=0) / np.where(flat, 1.0, scale))


def amiss(scores: ArrayLike) -> Ints:
    """The prompts [n] whose item-total correlation is below 0, worst first: to be read by a person.

    >>> amiss([[0, .1, .2, 1], [.5, .4, .5, .5], [1, 1, .9, 0]]).tolist()
    [3]
    """
    r = item_total(scores)
    below = np.flatnonzero(r < 0)
    return np.asarray(below[np.argsort(r[below], kind="stable")])
