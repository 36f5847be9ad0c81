"""What does a board look like? One self-contained page, a function of `board.json` alone: nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench import __version__, find
from rewardbench.pages import board_empty, board_entries, board_marks, board_rows, board_words, designs
from rewardbench.pages.board_chart import TITLE, draw
from rewardbench.pages.board_rows import Column, Row
from rewardbench.pages.report import render
from rewardbench.results import AXES

STYLES = ("page.css", "board.css")
SCRIPTS = ("theme.js", "sort.js", "board.js")
FEW = 3
"""Contestants over all tasks from which on those are the view that opens; below, the first task is."""
Json = Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """One table with what belongs to it: a task, or all of them."""

    key: str
    name: str
    summary: str
    columns: tuple[Column, ...]
    contest: tuple[Row, ...]
    arms: tuple[Row, ...]
    picture: str
    task: Json | None
    """The task's part of `board.json`; None for all tasks."""
    conditions: tuple[board_words.Condition, ...] = ()
    resolution: tuple[str, ...] = ()
    variance: tuple[board_words.Share, ...] = ()


def page(told: Json) -> str:
    """The page of a built board."""
    if none := board_words.empty(told):
        return board_empty.page(told, none)
    views = views_of(told)
    return render(
        "board.html",
        STYLES,
        SCRIPTS,
        board=told["board"],
        provisional=told["provisional"],
        broken=board_words.broken(told),
        views=views,
        first=opened(views),
        facets=board_rows.choices(r for v in views for r in (*v.contest, *v.arms)),
        sections=board_entries.sections(told),
        keys=board_entries.key_of(told),
        tombstones=board_entries.tombstones(told),
        bibtex=board_entries.board_bibtex(told),
        marks=board_marks.MARKS,
        verdicts=board_marks.VERDICTS,
        evidence=board_marks.EVIDENCE,
        ranked=board_rows.RANKED,
        axes=AXES,
        badge=board_rows.badge,
        rank_text=board_rows.rank_text,
        word=board_entries.word,
        task="/".join(map(board_entries.word, told["tasks"][0]["task"].split("/"))) if told["tasks"] else "",
        heat=board_words.heat,
        seeds={s: n for n, s in enumerate(told["board"]["control_seeds"], 1)},
        truth=bool(told.get("truth")),
        title=TITLE,
        says=find.arms(),
        by=__version__,
    )


def views_of(told: Json) -> list[View]:
    """All tasks together (where there are several), then each."""
    found = [_task(told, n, task) for n, task in enumerate(told["tasks"])]
    if len(found) < 2 or not told["overall"]["rows"]:
        return found
    rows = board_rows.of_all(told)
    says = "Only entries that have every task. Each number: the mean over tasks of the means over seeds."
    contest, arms = parted(rows)
    whole = tuple(board_rows.columns(False, True))
    picture = draw("all tasks", told["overall"]["rows"], told["board"]["baseline"], True)
    return [View("all", "All tasks", says, whole, contest, arms, picture, None), *found]


def _task(told: Json, number: int, task: Json) -> View:
    contest, arms = parted(board_rows.of_task(told, task))
    return View(
        key=f"t{number}",
        name=task["task"],
        summary=designs.task_summary(task["task"]),
        columns=tuple(board_rows.columns(task["one_answer"], False)),
        contest=contest,
        arms=arms,
        picture=draw(task["task"], task["rows"], told["board"]["baseline"], not task["one_answer"]),
        task=task,
        conditions=tuple(board_words.conditions(task)),
        resolution=tuple(board_words.resolution(task)),
        variance=tuple(board_words.variance(task)),
    )


def parted(rows: Sequence[Row]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """(contestants, arms), each in the order given."""
    return tuple(r for r in rows if r.kind != "control"), tuple(r for r in rows if r.kind == "control")


def opened(views: Sequence[View]) -> str:
    """The view that opens: all tasks if enough entries have them all, else the first task."""
    whole = next((v for v in views if v.task is None), None)
    if whole is not None and len(whole.contest) >= FEW:
        return whole.key
    return next((v.key for v in views if v.task is not None), "")
