"""Would another gold say the same? Each task's second gold, written from its card alone, on the kept words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import find
from rewardbench.boards.kept import Kept, kept
from rewardbench.measures.agreement import kendall_tau_b, no_narrower, rank_interval
from rewardbench.measures.forecast import cluster_bootstrap
from rewardbench.types import Floats

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

RESAMPLES = 200
NEAR = 0.1
"""Two scores closer than this are called near."""
LEAST = 8
"""Designs that learnt, from which the order of these alone is told."""
AIM = 0.8
"""Kendall's tau-b that two golds of one card should agree by."""


@dataclass(frozen=True)
class Judged:
    """An entry's kept words under both golds, [P, K] each."""

    first: Floats
    second: Floats


def agreement(task: str, scored: Sequence[Scored], learnt: Set[str]) -> dict[str, Any] | None:
    """How far the two golds agree: on the untrained policy's words, on trained ones, and on the order of designs, of
    all and of those alone that learnt.

    None where the task has no second gold. Intervals: bootstrap over prompts (the untrained policy's words) or whole
    entries (trained words); Fisher's z over designs (order).
    """
    score = find.second_gold(task)
    if score is None:
        return None
    words = {s.name: kept(task, s) for s in scored}
    base = _judged(score, words["untrained"])
    judged: Mapping[str, Judged] = {
        n: base if n == "untrained" else _judged(score, _one_each(k)) for n, k in words.items()
    }
    return figures({s.name: (s.entry.kind, judged[s.name]) for s in scored}, learnt)


def figures(judged: Mapping[str, tuple[str, Judged]], learnt: Set[str] = frozenset()) -> dict[str, Any]:
    """The figures of entries (name -> kind, judgements), `untrained` among them.

    Designs on the floor lie far from those that learnt under any gold: they alone make an order agree. So it is told of
    those above the floor too, as for seeds.
    """
    trained = {n: j for n, (kind, j) in judged.items() if kind != "control"}
    ends = {n: (float(j.first.mean()), float(j.second.mean())) for n, (_, j) in judged.items()}
    above = [n for n in trained if n in learnt]
    return {
        "aim": AIM,
        "untrained": _words([judged["untrained"][1]]),
        "trained": _words(list(trained.values())) if trained else None,
        "order": _order([ends[n] for n in trained]),
        "least": LEAST,
        "above": len(above),
        "learnt": _order([ends[n] for n in above]) if len(above) >= LEAST else None,
        "entries": [{"entry": n, "kind": judged[n][0], "gold": a, "second": b} for n, (a, b) in ends.items()],
    }


def _judged(score: Any, words: Kept) -> Judged:
    """Both golds of all of an entry's kept words."""
    second = [[float(score(p, said)) for said in row] for p, row in zip(words.prompts, words.said, strict=True)]
    return Judged(words.gold, np.array(second))


def _one_each(words: Kept) -> Kept:
    """One completion a prompt, [P, 1]: the first of one prompt, the second of the next, over both evaluations.

    A second gold costs up to a millisecond, and sixty entries keep forty thousand completions.
    """
    K = words.gold.shape[1]
    picked = [i % K for i in range(len(words.prompts))]
    said = [[row[k]] for row, k in zip(words.said, picked, strict=True)]
    return Kept(words.prompts, said, words.gold[np.arange(len(picked)), picked][:, None])


def _words(judged: Sequence[Judged]) -> dict[str, Any]:
    """Tau-b of the two golds over completions, and the share on which they differ by less than .1.

    One entry's prompts are drawn again for the interval; of several entries, whole entries.
    """
    first, second = (np.concatenate([getattr(j, n).ravel() for j in judged]) for n in ("first", "second"))
    sizes = [j.first.size for j in judged] if len(judged) > 1 else [judged[0].first.shape[1]] * len(judged[0].first)
    rows = [np.arange(a, b) for a, b in pairwise(np.cumsum([0, *sizes]))]
    found = cluster_bootstrap(_tau, rows, first, second, resamples=RESAMPLES, stream="second gold")
    near = float((np.abs(first - second) < NEAR - 1e-9).mean())
    return {"tau": found.value, "low": found.low, "high": found.high, "completions": int(first.size), "near": near}


def _tau(first: Floats, second: Floats) -> float | None:
    """Tau-b of two judgements [P, K], flattened; None where one of them tells nothing apart."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return kendall_tau_b(first.ravel(), second.ravel())


def _order(ends: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """Tau-b of the order of designs under both golds; None with fewer than five.

    Fisher's z over designs: the same order twice has tau 1, and a bootstrap would give it no interval at all.
    """
    if len(ends) < 5:
        return None
    tau = _tau(*np.array(ends).T)
    if tau is None:
        return {"tau": None, "low": None, "high": None, "designs": len(ends)}
    low, high = no_narrower(rank_interval(tau, len(ends), "kendall"), lambda x: kendall_tau_b(*x.T), ends)
    return {"tau": tau, "low": low, "high": high, "designs": len(ends)}
