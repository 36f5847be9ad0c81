"""How did each design do? Rows of the table of one task, its verdicts, and what each design pays."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardbench import comparing, find
from rewardbench.pages import svg
from rewardbench.pages.meanings import meaning
from rewardbench.pages.numbers import bracket, fixed
from rewardbench.results import Result, by_design
from rewardbench.tables import summary
from rewardbench.types import Design, Part

GOLD = "What the task reports and no design sees, 0 to 1: mean of the last two evaluations; a failed run counts 0. "
GOLD += "Its interval is Student's t over seeds and is not cut: of few seeds it may reach beyond 0 and 1."
HARMFUL = (
    "Significantly below `untrained` in the adjusted paired verdict: in Q, or in gold where the task has no scale for "
    "the policy. An interval of Q below 0 is not enough. A failed run counts Q = 0, the untrained level: a design "
    "that only fails is `failed` and no more; where gold is read a failed run counts 0."
)
"""What the mark says of a design; it is no flag, which a single run raises."""
LONGEST = 300
"""Characters of a design's summary that are shown."""
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
    base, says = comparing.baseline(list(groups)), summaries(task, results)
    harmed = harmful(task, compared)
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
                harmful=design in harmed,
                seeds=len(group),
                cells=tuple(_cell(c.key, group, means[design], ranked) for c in wanted),
                flags=tuple(means[design]["flags"].items()),
            )
        )
    return sorted(found, key=lambda r: -1.0 if r.cells[0].value is None else r.cells[0].value, reverse=True)


def harmful(task: str, compared: Sequence[Mapping[str, Any]]) -> set[str]:
    """The designs that ended significantly below `untrained`: in Q where it is known, else in gold.

    >>> gold = {"task": "t", "metric": "gold", "a": "d", "b": "untrained", "verdict": "worse"}
    >>> harmful("t", [gold]), harmful("t", [gold, gold | {"metric": "quality", "verdict": "unresolved"}])
    ({'d'}, set())
    """
    against = [c for c in compared if c["task"] == task and c["b"] == "untrained"]
    read = "quality" if any(c["metric"] == "quality" for c in against) else "gold"
    return {c["a"] for c in against if (c["metric"], c["verdict"]) == (read, "worse")}


def _cell(key: str, group: Sequence[Result], means: Mapping[str, Any], ranked: bool) -> Cell:
    span = means[key]
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


def summaries(task: str, results: Sequence[Result] = ()) -> dict[str, str]:
    """Name -> what a design of the task, an arm, or a user's own `.toml` in the results' sweep folders is."""
    shipped = find.listing("designs")
    prefix = f"{task}/"
    there = {k.removeprefix(prefix): v for k, v in shipped.items() if k.startswith(prefix)}
    mine = {(r.design, r.run.folder.parent.parent) for r in results if r.task == task}
    own = {design: says for design, sweep in sorted(mine) if (says := _own_summary(sweep, design)) is not None}
    return {**there, **find.arms(), **own}


def _own_summary(sweep: Path, design: str) -> str | None:
    """What a user says of a design in the copy of its file; None where there is no copy, or none that can be read."""
    copy = sweep / "sources" / "designs" / f"{design}.toml"
    try:
        return str(tomllib.loads(copy.read_text(encoding="utf-8")).get("summary", ""))
    except (OSError, ValueError):  # a page of results does not fail for the lack of a sentence
        return None


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


ALONE = "one part"


def said(design: Design, says: Mapping[str, str]) -> str:
    """What a design is, in its author's words, and how its parts combine."""
    words, how = svg.cut(says.get(design.name, ""), LONGEST), _combined(design)
    return f"{words} ({how})" if words and how not in ("", ALONE) else words or how or "is never taught"


def _combined(design: Design) -> str:
    """How the parts become one number, and all that is done to them together; nothing where nothing is paid.

    >>> _combined(Design("d", (Part("a", "a"), Part("b", "b")), "ensemble", "group", penalty=0.5))
    'ensemble of 2 parts, penalty 0.5, normalise group'
    """
    if not design.trains:
        return ""
    count = ALONE if len(design.parts) == 1 else f"{len(design.parts)} parts"
    words = [count if (design.combine, count) == ("sum", ALONE) else f"{design.combine} of {count}"]
    words += [f"penalty {_plain(design.penalty)}"] if design.penalty is not None else []
    words += [f"normalise {design.normalise}"] if design.normalise != "none" else []
    words += [f"credit {design.credit}"] if design.credit is not None else []
    return ", ".join(words)


def terms(part: Part) -> str:
    """All that a design does to the score of a part, in the order in which it is done.

    >>> terms(Part("a", "a", 0.3, {"low": 1}, 2.0, schedule=((0.0, 1.0), (0.5, 0.0)), level="sentence"))
    'low = 1, a sentence at a time, scaled × 2, weight × 0.3, moving: × 1 at 0 %, × 0 at 50 % of the run'
    """
    words = [f"{k} = {v}" for k, v in part.params.items()]
    words += [f"a {part.level} at a time"] if part.level is not None else []
    words += [f"form {part.form}"] if part.form != "text" else []
    words += [f"convention {part.convention}"] if part.convention is not None else []
    words += [f"scaled × {_plain(part.scale)}"] if part.scale != 1 else []
    words += [f"clipped to {_plain(part.clip[0])}–{_plain(part.clip[1])}"] if part.clip is not None else []
    words += [f"gate at {_plain(part.gate)}"] if part.gate is not None else []
    words.append(f"weight × {_plain(part.weight)}")
    points = ", ".join(f"× {_plain(f)} at {_plain(100 * at)} %" for at, f in part.schedule or ())
    return ", ".join([*words, *([f"moving: {points} of the run"] if points else [])])


def _plain(value: float) -> str:
    """A setting as its author wrote it."""
    return f"{value:.12g}".replace("-", "−")


def parts_known() -> dict[str, str]:
    """Name -> first line of every shipped part, and the oracle's."""
    return {**find.parts(), "oracle": find.arms()["oracle"]}


def task_summary(task: str) -> str:
    """The task in a sentence: its module's first line."""
    return find.listing("tasks").get(task, "")
