"""Which files does a board show itself in? One build, several forms; each a function of `board.json` alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rewardbench import disk
from rewardbench.boards import entries, numbers, rows
from rewardbench.boards.build import build
from rewardbench.boards.definition import Board
from rewardbench.boards.entries import Entry
from rewardbench.pages import board as page
from rewardbench.pages import board_entry
from rewardbench.pages import board_texts as texts
from rewardbench.pages import truth as truth_page
from rewardbench.pages.board_entries import word
from rewardbench.results import Result


def _json(told: Mapping[str, Any]) -> str:
    """`board.json`: keys as the build has them, since pages show tasks in that order; a row of a task is one line."""
    return _lines(told, 5) + "\n"


def _lines(value: Any, depth: int, pad: str = "") -> str:
    """JSON whose outer levels are spread over lines.

    >>> _lines({"b": [{"x": 1}], "a": []}, 2)
    '{\\n "b": [\\n  {"x": 1}\\n ],\\n "a": []\\n}'
    """
    if not depth or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    inner = pad + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(k, ensure_ascii=False)}: {_lines(v, depth - 1, inner)}" for k, v in value.items()]
    else:
        items = [_lines(v, depth - 1, inner) for v in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}\n" + ",\n".join(inner + item for item in items) + f"\n{pad}{end}"


FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "board.json": _json,
    "index.html": page.page,
    "truth.html": truth_page.page,
    "board.csv": texts.table,
    "README.md": texts.readme,
    "badge.svg": texts.badge_svg,
    "feed.xml": texts.feed,
}
"""File -> what makes it."""


def forms(told: Mapping[str, Any]) -> dict[str, bytes]:
    """File -> its bytes, of a built board."""
    return {name: make(told).encode() for name, make in FORMS.items()}


def write(board: Board, out: Path | None = None) -> list[Path]:
    """Build the board and write every form into its folder, and a page an entry into `out`; returns the files."""
    told = build(board)
    made = {board.folder / name: data for name, data in forms(told).items()}
    for path, data in made.items():
        disk.write_whole(path, data)
    return [*made, *(pages(board, told, out) if out is not None else ())]


# --- a page an entry -----------------------------------------------------------------------------


def pages(board: Board, told: Mapping[str, Any], out: Path) -> list[Path]:
    """Write a page an entry, with curves and completions, into a folder of the reader's; returns the files."""
    shown = {e["entry"] for e in told["entries"]}  # no page for one that a tombstone stands for
    every = [e for e in entries.all_of(board.folder) if e.name in shown]
    base = [e for e in every if e.name == "untrained"]  # none on a board without entries
    starts = {task: numbers.score(board, e.runs(task), []) for e in base for task in e.tasks}
    written = []
    for entry in every:
        on = [_on(board, entry, task, starts[task]) for task in board.tasks if task in entry.tasks and task in starts]
        path = out / f"{word(entry.name)}.html"
        disk.write_whole(path, board_entry.page(told, entry.name, on).encode())
        written.append(path)
    return written


def _on(board: Board, entry: Entry, task: str, start: Sequence[Result]) -> board_entry.On:
    """An entry's runs on a task and the words that it kept."""
    found = start if entry.name == "untrained" else numbers.beside(board, entry.runs(task), start)
    folder = entry.folder / entries.slug(task)
    words, scores = rows.read(folder / "texts.parquet"), rows.read(folder / "scores.parquet")
    return board_entry.On(task, found, start, [_kept(r.run.spec.seed, words, scores) for r in found])


def _kept(seed: int, words: rows.Columns, scores: rows.Columns) -> list[rows.Columns]:
    """The kept words of a run's dev prompts with what was measured of them, a table an evaluation."""
    own = rows.where(scores, (scores["seed"] == seed) & (scores["split"] == "dev"))
    said = rows.where(words, (words["seed"] == seed) & (words["split"] == "dev"))
    place = {key: i for i, key in enumerate(rows.keys(own))}
    there = np.array([place[key] for key in rows.keys(said)], dtype=int)
    found = []
    for step in sorted(set(said["step"].tolist())):
        here = np.flatnonzero(said["step"] == step)
        measured = {n: v[there[here]] for n, v in own.items()}
        told = {n: said[n][here] for n in ("prompt_text", "text", "messages") if n in said}
        found.append(measured | {"kind": measured["class"]} | told)
    return found
