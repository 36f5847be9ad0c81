"""Did the warning come true? Flags and scores given before training, held against what training did with the design."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from rewardbench.measures.agreement import kendall_tau_b, spearman
from rewardbench.seeds import generator
from rewardbench.stats.intervals import wilson
from rewardbench.types import Bools, Floats, Ints, UserError

RESAMPLES = 2000
CORRELATIONS: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {"spearman": spearman, "kendall": kendall_tau_b}

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


@dataclass(frozen=True)
class Classification:
    """Flags against outcomes."""

    precision: Estimate
    """Of the flagged, the share to which it happened."""
    recall: Estimate
    """Of those to which it happened, the share that was flagged."""
    f1: Estimate
    hits: int
    false_alarms: int
    misses: int
    rows: int
    clusters: int


def classify(
    flagged: ArrayLike, happened: ArrayLike, groups: Sequence[Hashable] | None = None, stream: str = "classify"
) -> Classification:
    """Precision, recall and F1 of flags against outcomes, [n] each; `groups` [n] names each row's cluster (its design).

    Formula: hits / flagged, hits / happened, 2 hits / (flagged + happened). Wilson's interval of the two shares where
    every row is its own cluster; else, and for F1, a bootstrap that draws whole clusters.
    Read: several runs of one design are not several warnings: always name the design.
    Fails: under about 20 clusters a bootstrap is too narrow.
    Source: Wilson 1927; the cluster bootstrap of Davison & Hinkley 1997, "Bootstrap Methods and their Application".

    >>> found = classify([1, 1, 0, 0], [1, 0, 1, 0])
    >>> found.precision.value, found.recall.value, found.f1.value
    (0.5, 0.5, 0.5)
    """
    said, true = (np.asarray(v, dtype=bool) for v in (flagged, happened))
    _rows(said, true)
    clusters = _clusters(groups, len(said))
    hits, alarms, events = int((said & true).sum()), int(said.sum()), int(true.sum())

    def estimate(statistic: Statistic, of: int) -> Estimate:
        if len(clusters) < len(said):
            return cluster_bootstrap(statistic, clusters, said, true, stream=stream)
        return share(hits, of)

    return Classification(
        estimate(_precision, alarms),
        estimate(_recall, events),
        cluster_bootstrap(_f1, clusters, said, true, stream=stream),
        hits,
        alarms - hits,
        events - hits,
        len(said),
        len(clusters),
    )


def share(hits: int, of: int) -> Estimate:
    """A share in [0, 1] with Wilson's interval; of none it is not known.

    >>> share(0, 0).value, share(1, 2).value
    (None, 0.5)
    """
    return Estimate(hits / of, *wilson(hits, of), "wilson") if of else Estimate(None, None, None, "wilson")


def caught_by(flagged: ArrayLike, happened: ArrayLike) -> dict[str, Any]:
    """Precision and recall [n] with Wilson's intervals over rows, and the counts behind them, as JSON has it.

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


def _precision(said: Bools, true: Bools) -> float | None:
    return among(true, said)


def _recall(said: Bools, true: Bools) -> float | None:
    return among(said, true)


def _f1(said: Bools, true: Bools) -> float | None:
    of = int(said.sum() + true.sum())
    return 2 * int((said & true).sum()) / of if of else None


def rank_agreement(
    forecast: ArrayLike,
    outcome: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    kind: str = "spearman",
    stream: str = "rank",
) -> Estimate:
    """The rank correlation (spearman or kendall) of forecasts and outcomes [n], with a bootstrap over clusters.

    >>> rank_agreement([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]).value.__round__(6)
    0.8
    """
    first, second = (np.asarray(v, dtype=np.float64) for v in (forecast, outcome))
    _rows(first, second)
    return cluster_bootstrap(CORRELATIONS[kind], _clusters(groups, len(first)), first, second, stream=stream)


def auc(scores: ArrayLike, happened: ArrayLike) -> float | None:
    """The chance that a row to which it happened is scored above one to which it did not, ties half; or None.

    Source: the area under the ROC curve as Mann and Whitney's U (Hanley & McNeil 1982).

    >>> auc([.9, .8, .3, .1], [1, 0, 1, 0])
    0.75
    """
    score, true = np.asarray(scores, dtype=np.float64), np.asarray(happened, dtype=bool)
    _rows(score, true)
    events, others = int(true.sum()), int((~true).sum())
    if not events or not others:
        return None
    above = float(scipy_stats.rankdata(score)[true].sum()) - events * (events + 1) / 2
    return above / (events * others)


def cluster_bootstrap(
    statistic: Statistic,
    clusters: Sequence[Ints],
    *arrays: Floats | Bools,
    resamples: int = RESAMPLES,
    stream: str = "forecast",
) -> Estimate:
    """A statistic of arrays [n, ...] with its percentile interval, whole clusters of rows being drawn again.

    Draws in which it is not defined are left out; None where it is not defined on the rows themselves.

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

    >>> without_each(spearman, "aab", [1, 2, 3], [1, 2, 0])
    {'a': 0.0, 'b': 0.9999999999999999}
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


def held_out(scores: ArrayLike, happened: ArrayLike, groups: Sequence[Hashable]) -> Bools:
    """Whether each row [n] is flagged by the threshold that was best on all groups but its own: what to `classify`.

    Read: a threshold chosen and judged on the same rows flatters itself; this one never saw the row's group.

    >>> held_out([.9, .1, .8, .2], [1, 0, 1, 0], "aabb").tolist()
    [True, False, False, False]
    """
    return np.asarray(np.asarray(scores, dtype=np.float64) >= held_out_thresholds(scores, happened, groups))


def held_out_thresholds(scores: ArrayLike, happened: ArrayLike, groups: Sequence[Hashable]) -> Floats:
    """The threshold [n] that each row is judged by: the best on all groups but its own (`best_threshold`).

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


def _clusters(groups: Sequence[Hashable] | None, rows: int) -> list[Ints]:
    """The rows of each cluster; each row its own without groups."""
    names: Sequence[Hashable] = range(rows) if groups is None else groups
    if len(names) != rows:
        raise UserError(f"{len(names)} groups do not name {rows} rows")
    found: dict[Hashable, list[int]] = {}
    for i, name in enumerate(names):
        found.setdefault(name, []).append(i)
    return [np.array(own) for own in found.values()]
