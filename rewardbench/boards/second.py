"""Would another gold say the same? Each task's second gold, written from its card alone, on the kept words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import find
from rewardbench.boards.kept import Kept, kept
from rewardbench.measures.agreement import kendall_tau_b
from rewardbench.measures.forecast import cluster_bootstrap
from rewardbench.types import Floats

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

AIM = 0.8
"""Kendall's tau-b that two golds of one card should agree by."""


@dataclass(frozen=True)
class Judged:
    """An entry's kept words under both golds, [P, K] each."""

    first: Floats
    second: Floats


def agreement(task: str, scored: Sequence[Scored]) -> dict[str, Any] | None:
    """How far the two golds agree: on the untrained policy's words, on trained ones, and on the order of designs.

    None where the task has no second gold. Intervals: bootstrap over prompts (words) or over designs (order).
    """
    score = find.second_gold(task)
    if score is None:
        return None
    judged: Mapping[str, Judged] = {s.name: _judged(score, kept(task, s)) for s in scored}
    base = judged["untrained"]
    trained = [judged[s.name] for s in scored if s.contestant]
    ends = {n: (float(j.first.mean()), float(j.second.mean())) for n, j in judged.items()}
    contest = [ends[s.name] for s in scored if s.contestant]
    return {
        "aim": AIM,
        "untrained": _words([base]),
        "trained": _words(trained) if trained else None,
        "order": _order(contest),
        "entries": [{"entry": n, "gold": a, "second": b} for n, (a, b) in ends.items()],
    }


def _judged(score: Any, words: Kept) -> Judged:
    """Both golds of an entry's kept words."""
    second = [[float(score(p, said)) for said in row] for p, row in zip(words.prompts, words.said, strict=True)]
    return Judged(words.gold, np.array(second))


def _words(judged: Sequence[Judged]) -> dict[str, Any]:
    """Tau-b of the two golds over completions, and the share on which they differ by less than .1.

    One entry's prompts are drawn again for the interval; of several entries, whole entries.
    """
    first, second = (np.concatenate([getattr(j, n).ravel() for j in judged]) for n in ("first", "second"))
    sizes = [j.first.size for j in judged] if len(judged) > 1 else [judged[0].first.shape[1]] * len(judged[0].first)
    rows = [np.arange(a, b) for a, b in pairwise(np.cumsum([0, *sizes]))]
    found = cluster_bootstrap(_tau, rows, first, second, resamples=200, stream="second gold")
    near = float((np.abs(first - second) < 0.1).mean())
    return {"tau": found.value, "low": found.low, "high": found.high, "completions": int(first.size), "near": near}


def _tau(first: Floats, second: Floats) -> float | None:
    """Tau-b of two judgements [P, K], flattened; None where one of them tells nothing apart."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return kendall_tau_b(first.ravel(), second.ravel())


def _order(ends: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """Tau-b of the order of designs under both golds, with a bootstrap over designs; None with fewer than five."""
    if len(ends) < 5:
        return None
    first, second = (np.array(x)[:, None] for x in zip(*ends, strict=True))
    rows = [np.array([i]) for i in range(len(first))]
    found = cluster_bootstrap(_tau, rows, first, second, resamples=500, stream="second order")
    return {"tau": found.value, "low": found.low, "high": found.high, "designs": len(first)}
