"""Do fresh seeds bear an entry's score out? The test on challenge seeds, and what grinding seeds gains against it.

A flag asks for more seeds; it accuses nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.seeds import generator
from rewardbench.stats.intervals import RESAMPLES, TINY, table, welch
from rewardbench.types import Bools, Floats, UserError

LEVEL = 0.05
"""Honest entries that the test flags."""


@dataclass(frozen=True)
class Challenge:
    """What challenge seeds say of an entry."""

    mean: float
    """Of the challenge seeds."""
    threshold: float
    """Below it the entry is flagged."""
    p: float
    """Of a mean this low or lower, were the entry's seeds and the challenge seeds drawn alike; one-sided."""
    flag: bool


@dataclass(frozen=True)
class Spread:
    """Whether an entry's seeds lie closer together than seeds do."""

    ratio: float
    """The entry's variance over the pooled one."""
    p: float
    """Of a ratio this small or smaller; one-sided, F test."""


@dataclass(frozen=True)
class Ground:
    """What a submitter who picks gains, and how often challenge seeds catch it. Units: seed standard deviations."""

    inflation: float
    """Mean of what is reported above the truth."""
    shown: float
    """Mean standard deviation of the reported seeds: below the honest one where seeds were picked."""
    caught: tuple[float, ...]
    """Share flagged with each number of challenge seeds."""
    spread_caught: float
    """Share whose spread is too small at the 5% level, against a spread that is known."""


def challenge(submitted: ArrayLike, fresh: ArrayLike, level: float = LEVEL) -> Challenge:
    """The test of an entry's scores [tasks, k] (or [k]) against challenge seeds [tasks, c] (or [c], c may be 1).

    Formula: with mean m and standard deviation s of the k submitted seeds, mean x of c challenge seeds, flagged where
    x < m - t(1 - level, k - 1) s sqrt(1 / c + 1 / k). Over several tasks: standard errors and degrees of freedom by
    Welch and Satterthwaite, as in `mean_interval`.
    Read: honest entries are flagged 5 times in 100, whatever c is; the more seeds were picked from, the more.
    Give it `angle`s of gold. One test of several tasks flags as many honest entries as one of one task does.
    Fails: on seeds far from normal: where one run in ten collapses, honest entries are flagged at another rate, which
    `catch_rate` tells from real ones.
    Source: the prediction interval of the mean of future draws from a normal distribution (Hahn & Meeker 1991).

    >>> challenge([.5, .6, .7], [.3]).flag, round(challenge([.5, .6, .7], [.3]).threshold, 4)
    (False, 0.2628)
    """
    own, other = table(submitted), np.atleast_2d(np.asarray(fresh, dtype=np.float64))
    if len(own) != len(other) or not other.shape[1] or not np.isfinite(other).all():
        raise UserError(f"challenge seeds need the entry's tasks, every cell filled: {own.shape} against {other.shape}")
    mean, se, df = welch(own)
    wide = se * sqrt(1 + own.shape[1] / other.shape[1])
    x = float(other.mean())
    if not wide:
        return Challenge(x, mean, float(x >= mean - TINY), x < mean - TINY)
    threshold = mean - float(scipy_stats.t.isf(level, df)) * wide
    return Challenge(x, threshold, float(scipy_stats.t.cdf((x - mean) / wide, df)), x < threshold)


def angle(share: ArrayLike) -> Floats:
    """Shares in [0, 1] as angles in [0, pi / 2], of the same shape: arcsin of the root.

    Formula: arcsin(sqrt(x)), values beyond the ends counted as these.
    Read: the spread over seeds of a mean of shares shrinks towards 0 and 1, and leans to the middle; that of its angle
    hardly does, so that a t interval fits seeds near the floor and near the ceiling too.
    Source: Bartlett 1936; Anscombe 1948.

    >>> angle([0.0, 0.5, 1.0]).round(4).tolist()
    [0.0, 0.7854, 1.5708]
    """
    return np.asarray(np.arcsin(np.sqrt(np.clip(np.asarray(share, dtype=np.float64), 0, 1))))


def share(angle: float) -> float:
    """The share in [0, 1] that has an angle; angles beyond [0, pi / 2] count as its ends.

    >>> round(share(0.7854), 4), share(-1.0)
    (0.5, 0.0)
    """
    return float(np.sin(np.clip(angle, 0, np.pi / 2)) ** 2)


def pooled_spread(groups: Sequence[ArrayLike]) -> tuple[float, int]:
    """Standard deviation over seeds pooled over groups of scores [seeds], such as a task's baselines; and its df.

    >>> pooled_spread([[0, 2], [10, 14, 12]])[1]
    3
    """
    rows = [table(g)[0] for g in groups]
    df = sum(len(r) - 1 for r in rows)
    if not df:
        raise UserError("a pooled spread needs at least one group of seeds")
    return sqrt(sum(float(r.var(ddof=1)) * (len(r) - 1) for r in rows) / df), df


def too_alike(submitted: ArrayLike, spread: float, df: float) -> Spread:
    """Whether k submitted seeds [k] spread less than a pooled standard deviation (on `df` degrees of freedom) allows.

    Formula: F = s^2 / spread^2, p = P(F(k - 1, df) <= F). Nothing is too alike where seeds never spread.
    Read: picking the best of many leaves them close together; so does a design that is stable indeed: a second signal.

    >>> round(too_alike([.50, .51, .50, .51, .50], .1, 40).p, 4)
    0.0
    """
    own = table(submitted)[0]
    if spread < TINY:
        return Spread(1.0, 1.0)
    ratio = float(own.var(ddof=1)) / spread**2
    return Spread(ratio, float(scipy_stats.f.cdf(ratio, len(own) - 1, df)))


def simulate(
    pick: tuple[int, int], c: Sequence[int] = (1, 2, 3, 5), draws: int = 40_000, stream: str = "simulate"
) -> Ground:
    """What picking (k, n), the best k of n normal seeds, gains, and how often each c catches it; k of k is honest.

    >>> round(simulate((5, 20)).inflation, 1)
    1.2
    """
    k, n = _checked(pick)
    rng = generator(f"challenge/{stream}")
    values = rng.standard_normal((draws, n))
    return _ground(np.sort(values, axis=1)[:, -k:], rng.standard_normal((draws, max(c))), c, 0.0, 1.0)


def catch_rate(
    scores: ArrayLike,
    pick: tuple[int, int] = (5, 20),
    c: Sequence[int] = (1, 2, 3, 5),
    resamples: int = RESAMPLES,
    stream: str = "catch",
) -> Ground:
    """What picking (k, n) gains, resampled from one design's real seed scores [pool]; k of k is honest.

    A submitter draws n of the pool without replacement and reports the best k; challenge seeds come from those not
    drawn. Inflation is measured from the pool's mean, in its standard deviations.

    >>> round(catch_rate(np.arange(60.0), (5, 20)).inflation, 1)
    1.2
    """
    pool, (k, n) = table(scores)[0], _checked(pick)
    if n + max(c) > len(pool):
        raise UserError(f"{n} seeds drawn and {max(c)} challenged do not fit into a pool of {len(pool)}")
    order = generator(f"challenge/{stream}").random((resamples, len(pool))).argsort(axis=1)
    shuffled = pool[order[:, : n + max(c)]]
    best = np.sort(shuffled[:, :n], axis=1)[:, -k:]
    return _ground(best, shuffled[:, n:], c, pool.mean(), float(pool.std(ddof=1)))


def grind_rate(
    scores: ArrayLike,
    k: int = 5,
    tries: int = 20,
    c: Sequence[int] = (1, 2, 3, 5),
    resamples: int = RESAMPLES,
    stream: str = "grind",
) -> Ground:
    """What trying designs on a board's public seeds gains, the best looking one being submitted; from [designs, seeds].

    The first k seeds are the board's, the others fresh. Each time `tries` designs are drawn without replacement, the
    one with the best board mean is reported, and challenge seeds are drawn from its fresh ones. Inflation is its board
    mean above its fresh mean. Units: the standard deviation over seeds, pooled over designs.

    >>> found = grind_rate(np.tile(np.arange(10.0), (30, 1)))
    >>> round(found.inflation, 2)  # equal designs: the fresh seeds are better, whoever is picked
    -1.65
    """
    cells = table(scores)
    designs, seeds = cells.shape
    if not 2 <= k <= seeds - max(c) or not 1 <= tries <= designs:
        raise UserError(f"{tries} designs on {k} board seeds and {max(c)} fresh ones do not fit into {cells.shape}")
    rng = generator(f"challenge/{stream}")
    tried = rng.random((resamples, designs)).argsort(axis=1)[:, :tries]
    chosen = tried[np.arange(resamples), cells[:, :k].mean(axis=1)[tried].argmax(axis=1)]
    order = rng.random((resamples, seeds - k)).argsort(axis=1)[:, : max(c)]
    fresh = np.take_along_axis(cells[chosen, k:], order, axis=1)
    return _ground(cells[chosen, :k], fresh, c, cells[chosen, k:].mean(axis=1), pooled_spread(list(cells))[0])


def _checked(pick: tuple[int, int]) -> tuple[int, int]:
    k, n = pick
    if not 2 <= k <= n:
        raise UserError(f"the best {k} of {n} is no pick: 2 <= k <= n is needed")
    return k, n


def _ground(reported: Floats, fresh: Floats, c: Sequence[int], truth: Floats | float, spread: float) -> Ground:
    """Inflation, spread and catches of reported [B, k] against challenge seeds [B, max(c)]."""
    k, unit = reported.shape[1], spread if spread > TINY else 1.0
    s = reported.std(axis=1, ddof=1)
    close = scipy_stats.chi2.cdf((k - 1) * (s / unit) ** 2, k - 1) < LEVEL
    return Ground(
        float((reported.mean(axis=1) - truth).mean() / unit),
        float(s.mean() / unit),
        tuple(float(_flagged(reported, s, fresh[:, :n]).mean()) for n in c),
        float(close.mean()) if spread > TINY else 0.0,
    )


def _flagged(reported: Floats, s: Floats, fresh: Floats) -> Bools:
    """Whether each of reported [B, k], with standard deviations s [B], is flagged by fresh [B, c]."""
    k, c = reported.shape[1], fresh.shape[1]
    room = float(scipy_stats.t.isf(LEVEL, k - 1)) * s * sqrt(1 / c + 1 / k)
    return np.asarray(fresh.mean(axis=1) < reported.mean(axis=1) - room - TINY)
