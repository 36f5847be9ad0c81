"""Which design did better? Paired by seed, adjusted within a task and a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewardbench import stats
from rewardbench.design import nearest
from rewardbench.metrics.diversity import volume
from rewardbench.results import AXES, Result, anchor_of, by_design, gains
from rewardbench.types import Anchor, UserError


def baseline(designs: Sequence[str], asked: str | None = None) -> str | None:
    """What the others are compared with: what was asked for, `reference`, or `untrained`, the first that was run."""
    return next((n for n in (asked, "reference", "untrained") if n in designs), None)


def compare(results: Sequence[Result], against: str | None = None) -> list[dict[str, Any]]:
    """Paired verdicts: on each task and metric the family is everything against the baseline and `untrained`.

    `against` names another baseline; raises UserError where no task has it.
    """
    found = []
    named = {r.run.spec.design.name for r in results}
    if against is not None and against not in named:
        there = ", ".join(sorted(named))
        raise UserError(f"baseline {against!r} was not run{nearest(against, named)} (there is: {there})")
    for task in dict.fromkeys(r.task for r in results):
        groups = {d: g for (t, d), g in by_design(results).items() if t == task}
        pinned = baseline(list(groups), against)
        pairs = [(a, pinned) for a in groups if pinned is not None and a != pinned]
        if "untrained" in groups and pinned != "untrained":
            pairs += [(a, "untrained") for a in groups if a != "untrained"]
        ranked = {d for d, g in groups.items() if learns(g, groups.get("untrained", ()))}
        for metric in ("gold", *AXES):
            open_to = [p for p in pairs if metric in ("gold", "quality") or set(p) <= ranked]
            margin = margin_of(metric, [r for g in groups.values() for r in g])
            found += _family(task, metric, groups, [(a, b) for a, b in open_to if b is not None], margin)
    return found


def once(comparisons: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The comparisons without those that say an earlier one the other way round.

    >>> once([{"a": "x", "b": "y"}, {"a": "y", "b": "x"}])
    [{'a': 'x', 'b': 'y'}]
    """
    return list({frozenset((c["a"], c["b"])): c for c in reversed(comparisons)}.values())[::-1]


def learns(group: Sequence[Result], untrained: Sequence[Result]) -> bool:
    """Whether the interval of the gain in Q lies above 0, so that S, E and D may be ranked."""
    gained = gains(group, untrained)
    return len(gained) == len(group) > 1 and stats.paired_difference(gained, [0.0] * len(gained)).low > 0


def _family(
    task: str, metric: str, groups: Mapping[str, Sequence[Result]], pairs: Sequence[tuple[str, str]], margin: float
) -> list[dict[str, Any]]:
    """The comparisons of one metric on one task, adjusted together; intervals are unadjusted, verdicts adjusted.

    Two designs are one comparison, whichever is named first: it counts once where the others are allowed for.
    """
    done = []
    for a, b in pairs:
        first = {r.run.spec.seed: r.counted(metric) for r in groups[a]}
        second = {r.run.spec.seed: r.counted(metric) for r in groups[b]}
        paired = [(x, y) for s, x in first.items() if x is not None and (y := second.get(s)) is not None]
        if len(paired) >= 2:
            done.append((a, b, stats.paired_difference([x for x, _ in paired], [y for _, y in paired])))
    distinct = {frozenset((a, b)): (a, c) for a, b, c in reversed(done)}
    family = [c for _, c in distinct.values()]
    judged = dict(zip(distinct, stats.verdicts(family, margin), strict=True))
    adjusted = dict(zip(distinct, stats.holm([c.p for c in family]), strict=True))
    return [
        {
            "task": task,
            "metric": metric,
            "a": a,
            "b": b,
            "difference": c.difference,
            "low": c.low,
            "high": c.high,
            "n": c.n,
            "interval_kind": c.interval_kind,
            "p": c.p,
            "p_adjusted": adjusted[frozenset((a, b))],
            "margin": margin,
            "verdict": _seen_from(a, distinct[frozenset((a, b))][0], judged[frozenset((a, b))]),
        }
        for a, b, c in done
    ]


def _seen_from(a: str, first: str, verdict: str) -> str:
    """A verdict on `first` said of `a`, which may be the other of the two."""
    return verdict if a == first else {"better": "worse", "worse": "better"}.get(verdict, verdict)


def margin_of(metric: str, results: Sequence[Result]) -> float:
    """What is of no practical weight: .03 of the scale that a metric lives on, whoever else is entered.

    For raw gold that is the distance of the task's anchors, for D the area that the untrained policy's samples span.
    """
    if metric == "gold" and isinstance(anchor := anchor_of(results[0].run.spec), Anchor):
        return stats.MARGIN * (anchor.high - anchor.low)
    if metric == "diversity":
        banks = [r.run.bank for r in results if not r.run.spec.design.trains and r.run.bank is not None]
        return stats.MARGIN * (float(np.mean([volume(bank) for bank in banks])) if banks else 1.0)
    return stats.MARGIN
