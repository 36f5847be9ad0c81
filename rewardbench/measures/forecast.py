"""Did the warning come true? Flags and scores given before training, held against what training did with the design."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.seeds import generator
from rewardbench.stats.intervals import wilson
from rewardbench.types import Bools, Floats, Ints, UserError

RESAMPLES = 2000

Statistic = Callable[..., float | None]
"""Arrays of the same rows -> a number, or None where those rows do not define it."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval; None where it is not defined, such as the precision of no flag at all."""

    value: float | None
    low: float | None
    high: float | None
    kind: str
    """`wilson`, or `bootstrap` over clusters."""


def share(hits: int, of: int) -> Estimate:
    """A share in [0, 1] with Wilson's interval; of none it is not known.

    >>> share(0, 0).value, share(1, 2).value
    (None, 0.5)
    """
    return Estimate(hits / of, *wilson(hits, of), "wilson") if of else Estimate(None, None, None, "wilson")


def caught_by(flagged: ArrayLike, happened: ArrayLike) -> dict[str, Any]:
    """Precision and recall of flags against outcomes [n] with Wilson's intervals over rows, and the counts behind
    them, as JSON has it.

    Read: several runs of one design are not several warnings: a row is a design.
    Source: Wilson 1927.

    >>> found = caught_by([1, 1, 0], [1, 0, 0])
    >>> found["precision"]["value"], found["recall"]["value"], found["false_alarms"]
    (0.5, 1.0, 1)
    """
    said, true = (np.asarray(v, dtype=bool) for v in (flagged, happened))
    hits, alarms, events = int((said & true).sum()), int(said.sum()), int(true.sum())
    return {
        "precision": asdict(share(hits, alarms)),
        "recall": asdict(share(hits, events)),
        "hits": hits,
        "false_alarms": alarms - hits,
        "misses": events - hits,
        "designs": len(said),
    }


def among(of: Bools, rows: Bools) -> float | None:
    """The share of some [n] that is true among other rows [n]; None of none.

    >>> among(np.array([True, False]), np.array([True, True])), among(np.array([True]), np.array([False]))
    (0.5, None)
    """
    return float(of[rows].mean()) if rows.any() else None


def _f1(said: Bools, true: Bools) -> float | None:
    of = int(said.sum() + true.sum())
    return 2 * int((said & true).sum()) / of if of else None


def cluster_bootstrap(
    statistic: Statistic,
    clusters: Sequence[Ints],
    *arrays: Floats | Bools,
    resamples: int = RESAMPLES,
    stream: str = "forecast",
) -> Estimate:
    """A statistic of arrays [n, ...] with its percentile interval, whole clusters of rows being drawn again.

    Draws in which it is not defined are left out; None where it is not defined on the rows themselves.
    Fails: under about 20 clusters it is too narrow.
    Source: the cluster bootstrap of Davison & Hinkley 1997, "Bootstrap Methods and their Application".

    >>> rows = [np.array([0]), np.array([1]), np.array([2])]
    >>> cluster_bootstrap(lambda x: float(x.mean()), rows, np.ones(3)).low
    1.0
    """
    value = statistic(*arrays)
    if value is None:
        return Estimate(None, None, None, "bootstrap")
    rng, drawn = generator(f"forecast/{stream}"), []
    for _ in range(resamples):
        rows = np.concatenate([clusters[i] for i in rng.integers(0, len(clusters), size=len(clusters))])
        drawn.append(statistic(*(a[rows] for a in arrays)))
    low, high = np.quantile([d for d in drawn if d is not None], [0.025, 0.975])
    return Estimate(value, float(low), float(high), "bootstrap")


def without_each(statistic: Statistic, groups: Sequence[Hashable], *arrays: ArrayLike) -> dict[Hashable, float | None]:
    """Group -> the statistic of all rows but its own: whether one task, part or design carries the result.

    >>> without_each(lambda x: float(x.mean()), "aab", [1, 2, 3])
    {'a': 3.0, 'b': 1.5}
    """
    columns = [np.asarray(a) for a in arrays]
    _rows(np.asarray([str(g) for g in groups]), *columns)
    names = list(dict.fromkeys(groups))
    kept = {g: np.array([other != g for other in groups]) for g in names}
    return {g: statistic(*(c[rows] for c in columns)) for g, rows in kept.items()}


def best_threshold(scores: ArrayLike, happened: ArrayLike) -> float:
    """The score from which flagging has the highest F1, the highest such one; infinity (never) where nothing happened.

    >>> best_threshold([.9, .8, .3, .1], [1, 1, 0, 0])
    0.8
    """
    score, true = np.asarray(scores, dtype=np.float64), np.asarray(happened, dtype=bool)
    _rows(score, true)
    if not true.any():
        return inf
    tried = np.unique(score)[::-1]
    return float(tried[int(np.argmax([_f1(score >= t, true) or 0.0 for t in tried]))])


def held_out_thresholds(scores: ArrayLike, happened: ArrayLike, groups: Sequence[Hashable]) -> Floats:
    """The threshold [n] that each row is judged by: the best on all groups but its own (`best_threshold`).

    Read: a threshold chosen and judged on the same rows flatters itself; this one never saw the row's group.

    >>> held_out_thresholds([.9, .1, .8, .2], [1, 0, 1, 0], "aabb").tolist()
    [0.8, 0.8, 0.9, 0.9]
    """
    score, true = np.asarray(scores, dtype=np.float64), np.asarray(happened, dtype=bool)
    _rows(score, true, np.asarray([str(g) for g in groups]))
    if len(set(groups)) < 2:
        raise UserError("leaving a group out needs at least 2 groups")
    found = np.zeros(len(score))
    for group in dict.fromkeys(groups):
        own = np.array([g == group for g in groups])
        found[own] = best_threshold(score[~own], true[~own])
    return found


def _rows(first: Floats | Bools, *others: Floats | Bools) -> None:
    """Refuse columns that are not equally long lists of known values."""
    if first.ndim != 1 or not first.size or any(o.shape != first.shape for o in others):
        raise UserError("one value a row is needed in each column, and at least one row")
    if any(c.dtype.kind == "f" and not np.isfinite(c).all() for c in (first, *others)):
        raise UserError("a forecast or an outcome is NaN or infinite: leave such rows out, and say so")
