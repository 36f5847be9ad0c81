"""Where does a design stand among all of a board? Every pair compared, the ranks left open, what can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.stats.comparisons import adjusted, detectable_difference
from rewardbench.stats.intervals import FLOOR, TINY, table
from rewardbench.types import Bools, Floats, Ints, UserError


@dataclass(frozen=True)
class Pairs:
    """Every pair of a board's designs compared, M = D (D - 1) / 2 of them: (0, 1), (0, 2) .. (1, 2) .."""

    first: Ints
    """[M]."""
    second: Ints
    """[M]."""
    difference: Floats
    """first - second, paired by task and seed, [M]."""
    se: Floats
    """[M]."""
    df: Floats
    """Welch-Satterthwaite, [M]."""
    p: Floats
    """Two-sided, of the t test, unadjusted, [M]."""


@dataclass(frozen=True)
class Resolution:
    """The smallest true difference that a board finds with a power of .8, all its pairs adjusted for."""

    median: float
    """Over the pairs: half of them tell that much apart, or less."""
    worst: float
    """Every pair tells that much apart."""
    pairs: int


def all_pairs(scores: Sequence[ArrayLike]) -> Pairs:
    """Every pair of scores [designs, tasks, seeds] (or [designs, seeds]) compared as `paired_difference` does it.

    A row of designs at a time: a thousand designs, half a million pairs, are done within a second.

    >>> all_pairs([[.5, .6], [.4, .5], [.1, .2]]).difference.round(6).tolist()
    [0.1, 0.4, 0.3]
    """
    cells = _board(scores)
    first, second = np.triu_indices(len(cells), 1)
    rows = [_against(a, cells[i + 1 :]) for i, a in enumerate(cells[:-1])]
    difference, se, df = (np.concatenate(column) for column in zip(*rows, strict=True)) if rows else np.empty((3, 0))
    some = se > 0
    p = np.ones(len(difference))
    p[some] = 2 * scipy_stats.t.sf(np.abs(difference[some]) / se[some], df[some])
    return Pairs(first, second, difference, se, df, p)


def _board(scores: Sequence[ArrayLike]) -> Floats:
    """Scores as [designs, tasks, seeds]; every design must have the same cells."""
    tables = [table(s) for s in scores]
    for other in tables[1:]:
        if other.shape != tables[0].shape:
            raise UserError(f"pairs need the same tasks and seeds: {tables[0].shape} against {other.shape}")
    return np.stack(tables) if tables else np.empty((0, 1, 2))


def _against(one: Floats, others: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean difference, standard error and degrees of freedom of one [T, n] minus each of others [D, T, n]; [D] each."""
    gap = one - others
    gap[np.abs(gap) < TINY] = 0.0
    _, tasks, n = gap.shape
    variance = gap.var(axis=2, ddof=1) / n
    total = variance.sum(axis=1)
    se = np.sqrt(total) / tasks
    se[se < TINY] = 0.0
    share = variance / np.where(se > 0, total, 1.0)[:, None]
    squares = np.where(se > 0, (share**2).sum(axis=1), 1 / tasks)
    difference = gap.mean(axis=(1, 2))
    se[(se == 0) & (difference != 0)] = FLOOR / np.sqrt(tasks * n)
    return difference, se, (n - 1) / squares


def significantly_better(scores: Sequence[ArrayLike]) -> Bools:
    """[D, D]: row beats column, Holm-adjusted over all pairs of scores [designs, tasks, seeds].

    >>> significantly_better([[[.5, .6, .5]], [[.1, .1, .1]]]).tolist()
    [[False, True], [False, False]]
    """
    pairs = all_pairs(scores)
    beats = np.zeros((len(scores), len(scores)), dtype=bool)
    apart = adjusted(pairs.p) < 0.05
    up = pairs.difference > 0
    beats[pairs.first, pairs.second] = apart & up
    beats[pairs.second, pairs.first] = apart & ~up
    return beats


def rank_intervals(scores: Sequence[ArrayLike]) -> Ints:
    """[D, 2]: best and worst rank that each design may hold; scores are [designs, tasks, seeds].

    1 + the number significantly better than it, to D - the number significantly worse. Holm over all pairs of one call
    lets no false difference in with 95%, so its intervals hold at once with that, as far as t tests of these seeds do:
    not where a design's seeds fall into two kinds.

    >>> rank_intervals([[[.5, .6, .5]], [[.1, .1, .1]]]).tolist()
    [[1, 1], [2, 2]]
    """
    beats = significantly_better(scores)
    return np.stack([1 + beats.sum(axis=0), len(beats) - beats.sum(axis=1)], axis=1)


def resolution(scores: Sequence[ArrayLike], power: float = 0.8) -> Resolution:
    """The smallest difference that a board of scores [designs, tasks, seeds] can resolve: median and worst pair.

    Formula: `detectable_difference` of each pair's standard error, with as many comparisons as there are pairs.
    Read: a difference on the board below the median is one that the board would mostly miss.

    >>> resolution([[.5, .6, .5], [.1, .1, .2], [.9, .8, .9]]).pairs
    3
    """
    pairs = all_pairs(scores)
    if not len(pairs.p):
        raise UserError("a board of one design resolves nothing: at least 2 are needed")
    needed = detectable_difference(pairs.se, np.round(pairs.df, 2), len(pairs.p), power)
    return Resolution(float(np.median(needed)), float(needed.max()), len(pairs.p))
