"""Does a board put its controls where they belong? If not, nothing else that it says counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from rewardbench.stats.comparisons import paired_difference, verdicts
from rewardbench.stats.intervals import mean_interval
from rewardbench.stats.ranks import rank_intervals
from rewardbench.types import UserError

NULLS = ("random", "constant")
"""Arms whose reward says nothing."""


def broken(scores: Mapping[str, ArrayLike], nulls: Sequence[str] = NULLS) -> list[str]:
    """Why an axis is broken, one line a reason; none if it holds. `scores`: name -> [tasks, seeds] on that axis.

    Formula: a null arm significantly above `untrained`; `exploit`, the planted one, not significantly below
    `reference`; `oracle` not significantly above `untrained`. Verdicts are adjusted over these comparisons; a control
    that was not run cannot hold, but for the null arms, of which one is enough.
    Read: a benchmark that ranks a planted exploit, or a constant, among the good ones measures something else.
    Source: ours; known-bad controls as negative controls in an experiment.

    >>> low, high = [.1, .12, .11], [.8, .82, .81]
    >>> broken({"untrained": low, "constant": low, "oracle": high, "reference": high, "exploit": high})
    ['exploit is not significantly below reference (equivalent)']
    """
    missing = [n for n in ("untrained", "reference", "exploit", "oracle") if n not in scores]
    missing += [] if any(n in scores for n in nulls) else [" or ".join(nulls)]
    there = [n for n in nulls if n in scores]
    asked = [*((n, "untrained") for n in there), ("exploit", "reference"), ("oracle", "untrained")]
    pairs = [pair for pair in asked if set(pair) <= set(scores)]
    family = [paired_difference(scores[a], scores[b]) for a, b in pairs]
    found = [f"{name} was not run" for name in missing]
    for (a, b), said in zip(pairs, verdicts(family), strict=True):
        if a in there and said == "better":
            found.append(f"{a} is significantly above {b}")
        if a == "exploit" and said != "worse":
            found.append(f"{a} is not significantly below {b} ({said})")
        if a == "oracle" and said != "better":
            found.append(f"{a} is not significantly above {b} ({said})")
    return found


def ranks_of_learners(scores: Sequence[ArrayLike], gains: Sequence[ArrayLike]) -> list[tuple[int, int] | None]:
    """Each design's rank interval on S, E or D, among those that learn alone; None for the others.

    A design learns where the interval of its gain in Q over `untrained`, gains [designs, tasks, seeds], lies above 0:
    standing still is stable, and must not be ranked for it. Scores [designs, tasks, seeds].

    >>> up, still = [.5, .6, .5], [-.1, .1, 0]
    >>> ranks_of_learners([[.9, .8, .9], [1, 1, 1], [.8, .9, .9]], [up, still, up])
    [(1, 2), None, (1, 2)]
    """
    if len(scores) != len(gains):
        raise UserError(f"{len(scores)} designs have scores, {len(gains)} have gains")
    learners = [i for i, gain in enumerate(gains) if mean_interval(gain).low > 0]
    ranks = rank_intervals([scores[i] for i in learners]).tolist() if learners else []
    found = {i: (int(best), int(worst)) for i, (best, worst) in zip(learners, ranks, strict=True)}
    return [found.get(i) for i in range(len(scores))]
