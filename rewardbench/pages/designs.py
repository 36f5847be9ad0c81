"""How did each design do? Rows of the table of one task, its verdicts, and what each design pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench import comparing, find
from rewardbench.pages.meanings import meaning
from rewardbench.pages.numbers import bracket, fixed
from rewardbench.results import Result, by_design
from rewardbench.tables import interval, summary
from rewardbench.types import Design

GOLD = "What the task reports and no design sees, 0 to 1: mean of the last two evaluations; a failed run counts 0."
LETTERS = {"quality": "Q", "stability": "S", "efficiency": "E", "diversity": "D"}
UNRANKED = ("stability", "efficiency", "diversity")
"""Axes on which a design that did not learn has no rank: standing still is stable."""
Span = tuple[float, float | None, float | None]


@dataclass(frozen=True)
class Column:
    """One number of a design."""

    key: str
    letter: str
    word: str
    means: str


@dataclass(frozen=True)
class Cell:
    """A mean with its interval over seeds, or why there is none."""

    value: float | None
    shown: str
    between: str
    reason: str
    ranked: bool


@dataclass(frozen=True)
class Row:
    """One design."""

    number: int
    """Its place among the task's designs, as the samples count them."""
    design: str
    says: str
    arm: bool
    baseline: bool
    harmful: bool
    seeds: int
    cells: tuple[Cell, ...]
    flags: tuple[tuple[str, int], ...]


def columns(one_answer: bool) -> list[Column]:
    """Gold and the four axes; where one answer is right the pass@k area stands for diversity."""
    axes = [Column(k, letter, k, meaning(k).short) for k, letter in LETTERS.items()]
    if one_answer:
        axes[-1] = Column("pass_at_k", "pass@k", "area", meaning("diversity", "pass_at_k_area").says)
    return [Column("gold", "gold", "0 to 1", GOLD), *axes]


def rows(task: str, results: Sequence[Result], compared: Sequence[Mapping[str, Any]]) -> list[Row]:
    """A row a design, by gold from the highest, unknown ones last."""
    groups = {d: g for (t, d), g in by_design(results).items() if t == task}
    means = {r["design"]: r for r in summary(results) if r["task"] == task}
    wanted = columns(find.task(task).one_answer)
    base, says = comparing.baseline(list(groups)), summaries(task)
    harm = (task, "gold", "untrained", "worse")
    harmful = {c["a"] for c in compared if (c["task"], c["metric"], c["b"], c["verdict"]) == harm}
    found = []
    for number, (design, group) in enumerate(groups.items()):
        ranked = comparing.learns(group, groups.get("untrained", ()))
        found.append(
            Row(
                number=number,
                design=design,
                says=says.get(design, ""),
                arm=design in find.arms(),
                baseline=design == base,
                harmful=design in harmful,
                seeds=len(group),
                cells=tuple(_cell(c.key, group, means[design], ranked) for c in wanted),
                flags=tuple(means[design]["flags"].items()),
            )
        )
    return sorted(found, key=lambda r: -1.0 if r.cells[0].value is None else r.cells[0].value, reverse=True)


def _cell(key: str, group: Sequence[Result], means: Mapping[str, Any], ranked: bool) -> Cell:
    span = _area(group) if key == "pass_at_k" else means[key]
    if span is None:
        left = sum(r.run.status["status"] == "partial" for r in group)
        reasons = [r.reasons[key] for r in group if key in r.reasons]
        reason = reasons[0] if reasons else "no temperatures were sampled at the end"
        return Cell(None, "–", "", f"{left} of {len(group)} runs are not done" if left else reason, ranked)
    mean, low, high = span
    return Cell(mean, fixed(mean), bracket(low, high), "", ranked or key not in UNRANKED)


def missing(wanted: Sequence[Column], found: Sequence[Row]) -> list[tuple[list[str], str]]:
    """(columns, reason) of what the table does not know: why, once, and where."""
    why: dict[str, list[str]] = {}
    for n, column in enumerate(wanted):
        for reason in dict.fromkeys(row.cells[n].reason for row in found):
            if reason:
                why.setdefault(reason, []).append(column.letter)
    return [(letters, reason) for reason, letters in why.items()]


def _area(group: Sequence[Result]) -> Span | None:
    """The pass@k area over seeds, if every seed has one."""
    values = [v for r in group if (v := r.values.get("pass_at_k")) is not None]
    return interval(values) if len(values) == len(group) else None


def summaries(task: str) -> dict[str, str]:
    """Name -> what a design of the task, or an arm, is."""
    own = find.listing("designs")
    prefix = f"{task}/"
    return {**{k.removeprefix(prefix): v for k, v in own.items() if k.startswith(prefix)}, **find.arms()}


@dataclass(frozen=True)
class Verdicts:
    """The paired comparisons on one metric."""

    metric: str
    letter: str
    rows: tuple[Mapping[str, Any], ...]


def verdicts(task: str, compared: Sequence[Mapping[str, Any]]) -> list[Verdicts]:
    """Comparisons of a task by metric, gold first, the largest difference first; empty metrics left out."""
    found = []
    for metric in ("gold", *LETTERS):
        mine = comparing.once([c for c in compared if (c["task"], c["metric"]) == (task, metric)])
        mine.sort(key=lambda c: (c["b"] == "untrained", -c["difference"]))
        if mine:
            found.append(Verdicts(metric, LETTERS.get(metric, metric), tuple(mine)))
    return found


def said(design: Design, says: Mapping[str, str]) -> str:
    """What a design is, in its author's words, or how its parts combine."""
    if says.get(design.name):
        return says[design.name]
    if not design.trains:
        return "is never taught"
    return "one part" if len(design.parts) == 1 else f"{design.combine} of {len(design.parts)} parts"


def parts_known() -> dict[str, str]:
    """Name -> first line of every shipped part, and the oracle's."""
    return {**find.parts(), "oracle": find.arms()["oracle"]}


def task_summary(task: str) -> str:
    """The task in a sentence: its module's first line."""
    return find.listing("tasks").get(task, "")
