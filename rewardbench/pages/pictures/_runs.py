"""What is drawn of a design's runs? Their curves a seed, and mean and band over the seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardbench.metrics.normalised import last_two
from rewardbench.results import Result, by_design
from rewardbench.stats import mean_interval
from rewardbench.types import Curve, Floats

Groups = Mapping[str, Sequence[Result]]
FEW = 6
"""So many lines still read in one panel; beyond it every design has a cell of its own."""


def of_task(task: str, results: Sequence[Result]) -> dict[str, list[Result]]:
    """The task's runs by design, each by seed, in the order in which the designs came."""
    return {design: group for (t, design), group in by_design(results).items() if t == task}


def trains(group: Sequence[Result]) -> bool:
    """Whether the design teaches: all but the arm `untrained` do."""
    return group[0].run.spec.design.trains


def taught(groups: Groups) -> list[str]:
    """The designs that teach, best mean gold at the end first; failed runs count 0, unfinished ones come last."""
    ends = {n: [v for r in g if (v := r.counted("gold")) is not None] for n, g in groups.items() if trains(g)}
    return sorted(ends, key=lambda n: -float(np.mean(ends[n])) if ends[n] else 1.0)


def seeds_of(groups: Groups) -> str:
    """How many seeds a design has, in words."""
    counts = sorted({len(g) for g in groups.values()})
    if counts == [1]:
        return "one seed a design"
    return f"{counts[0]} seeds a design" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds a design"


def per_evaluation(values: Floats) -> Floats:
    """Mean of the finite values of each evaluation, [E, N, n] -> [E]; NaN where there is none."""
    counted = np.isfinite(values).sum(axis=(1, 2))
    return np.asarray(np.nansum(values, axis=(1, 2)) / np.where(counted, counted, np.nan))


def gold(curve: Curve) -> Floats:
    """[E]."""
    return per_evaluation(curve.gold)


def reward(curve: Curve) -> Floats:
    """[E], raw; NaN where nothing is paid."""
    return per_evaluation(curve.reward)


def nats(curve: Curve) -> Floats:
    """KL from the start policy, nats a sequence, [E]."""
    return per_evaluation(curve.kl)


@dataclass(frozen=True)
class Lines:
    """A design's curves: one a seed, and over the seeds as far as every run of the design went."""

    seeds: tuple[int, ...]
    """Of the runs that were evaluated at all."""
    broke: tuple[bool, ...]
    """Whether such a run failed where its curve ends."""
    x: tuple[Floats, ...]
    y: tuple[Floats, ...]
    mean_x: Floats
    mean_y: Floats
    low: Floats
    """Of the 95% t interval over seeds; NaN with one seed."""
    high: Floats


def lines(group: Sequence[Result], x: Callable[[Curve], Floats], y: Callable[[Curve], Floats]) -> Lines:
    """The curves of a design's runs. The mean has every run in it: where one was never evaluated there is none."""
    runs = [(r, r.run.curve) for r in group if r.run.curve is not None]
    xs, ys = tuple(x(c) for _, c in runs), tuple(y(c) for _, c in runs)
    shared = min((len(v) for v in ys), default=0) if len(runs) == len(group) else 0
    table_x = np.array([v[:shared] for v in xs]).reshape(len(runs), shared)
    table_y = np.array([v[:shared] for v in ys]).reshape(len(runs), shared)
    edges = [band(column) for column in table_y.T]
    return Lines(
        tuple(r.run.spec.seed for r, _ in runs),
        tuple(r.failed for r, _ in runs),
        xs,
        ys,
        table_x.mean(axis=0) if shared else np.zeros(0),
        table_y.mean(axis=0) if shared else np.zeros(0),
        np.array([low for low, _ in edges]),
        np.array([high for _, high in edges]),
    )


def band(values: Floats) -> tuple[float, float]:
    """The 95% t interval of the mean of values [seeds]; NaN where one is missing or alone."""
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan"), float("nan")
    found = mean_interval(values)
    return found.low, found.high


def start_gold(groups: Groups) -> float | None:
    """Mean gold of the arm `untrained` over its seeds, if it ran."""
    found = [float(last_two(gold(r.run.curve))) for g in groups.values() if not trains(g) for r in g if r.run.curve]
    return float(np.mean(found)) if found else None


def furthest(places: Sequence[Floats]) -> float:
    """The end of an axis from 0: the largest known value, at least 1."""
    return max([1.0, *(float(v) for place in places for v in place if np.isfinite(v))])


def cell(value: float) -> float | None:
    """A number as tables hold it: six digits after the point, None where it is not known."""
    return round(float(value), 6) + 0.0 if np.isfinite(value) else None
