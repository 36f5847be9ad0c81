"""Which design did better? Paired by seed, adjusted within a task and a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewardbench import stats
from rewardbench.results import AXES, Result, by_design, gains


def baseline(designs: Sequence[str]) -> str | None:
    """What the others are compared with: `reference` if present, else `untrained`."""
    return next((n for n in ("reference", "untrained") if n in designs), None)


def compare(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Paired verdicts: on each task and metric the family is everything against the baseline and `untrained`."""
    found = []
    for task in dict.fromkeys(r.task for r in results):
        groups = {d: g for (t, d), g in by_design(results).items() if t == task}
        pinned = baseline(list(groups))
        pairs = [(a, pinned) for a in groups if pinned is not None and a != pinned]
        if "untrained" in groups and pinned != "untrained":
            pairs += [(a, "untrained") for a in groups if a != "untrained"]
        ranked = {d for d, g in groups.items() if learns(g, groups.get("untrained", ()))}
        for metric in ("gold", *AXES):
            open_to = [p for p in pairs if metric in ("gold", "quality") or set(p) <= ranked]
            found += _family(task, metric, groups, [(a, b) for a, b in open_to if b is not None])
    return found


def learns(group: Sequence[Result], untrained: Sequence[Result]) -> bool:
    """Whether the interval of the gain in Q lies above 0, so that S, E and D may be ranked."""
    gained = gains(group, untrained)
    return len(gained) == len(group) > 1 and stats.mean_interval(gained).low > 0


def _family(
    task: str, metric: str, groups: Mapping[str, Sequence[Result]], pairs: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """The comparisons of one metric on one task, adjusted together."""
    done = []
    for a, b in pairs:
        first = {r.run.spec.seed: r.counted(metric) for r in groups[a]}
        second = {r.run.spec.seed: r.counted(metric) for r in groups[b]}
        paired = [(x, y) for s, x in first.items() if x is not None and (y := second.get(s)) is not None]
        if len(paired) >= 2:
            done.append((a, b, stats.paired_difference([x for x, _ in paired], [y for _, y in paired])))
    judged = stats.verdicts([c for _, _, c in done])
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
            "verdict": verdict,
        }
        for (a, b, c), verdict in zip(done, judged, strict=True)
    ]
