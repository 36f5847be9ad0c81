"""A thing resolved: a task, design, part, algorithm, policy, board, sweep or run, with its hash."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from rewardbench.commands import _completing


@click.command()
@click.argument("thing", shell_complete=_completing.things)
@click.option("--task", help="The task that a design's name belongs to.", shell_complete=_completing.of("tasks"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(thing: str, task: str | None, as_json: bool) -> int:
    """Show what a name means once resolved, and its hash; of a run its scores, and what metrics tell beside them.

    THING is a task, `<task>/<design>` (or a design with --task), an arm, a part, a metric or flag, an algorithm, a
    policy, a board, a sweep folder or a run folder.

    \b
    Example:
      rbench show writing/story/reference
    """
    from rewardbench import showing
    from rewardbench.boards import definition
    from rewardbench.cli import print_json

    there = task is None and thing in definition.boards()
    found = _board(thing) if there else showing.resolve(thing, task, Path(thing))
    if as_json:
        print_json(found)
        return 0
    words = {"sweep": _in_words, "run": _of_run}.get(found["kind"], dict)
    for key, value in words(found).items():
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        click.echo(f"{key}: {text}")
    return 0


def _in_words(found: dict[str, Any]) -> dict[str, Any]:
    """What is told of a sweep in a terminal: its runs counted by state, then a line each."""
    rows = [{**row, "state": _state(row)} for row in found["table"]]
    count = Counter(row["state"] for row in rows)
    failed = f" ({count['failed']} failed)" if count["failed"] else ""
    told = f"{count['done'] + count['failed']} of {len(rows)} over{failed}"
    told += "".join(f", {count[state]} {state}" for state in ("begun", "not begun") if count[state])
    plain = {k: v for k, v in found.items() if k not in ("places", "runs", "table")}
    return {**plain, "runs": "\n  ".join([told, *_columns(rows)])}


def _of_run(found: dict[str, Any]) -> dict[str, Any]:
    """What is told of a run in a terminal: what was measured in lines, a name each."""
    told, row = dict(found), dict(found["result"] or {})
    why = row.pop("reasons", {}) | found["reasons"]
    row = {name: value for name, value in row.items() if name not in (*found["spec"], "run", "status")}
    for key, named in (("result", row), ("beside", found["beside"]), ("reasons", why)):
        width = max(map(len, named), default=0)
        told[key] = "".join(f"\n  {name:{width}}  {_number(value)}" for name, value in named.items()) or "–"
    return told


def _number(value: Any) -> str:
    """A number to four digits, several of them by name, a text as it is.

    >>> _number({"start": 0.25, "end": None})
    'start 0.25, end –'
    """
    from rewardbench.watch.words import safe

    if isinstance(value, dict):
        return ", ".join(f"{name} {_number(one)}" for name, one in value.items()) or "–"
    if isinstance(value, list):
        return ", ".join(map(_number, value)) or "–"
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else safe(str(value), 300)


def _state(row: dict[str, Any]) -> str:
    """`done`, `failed`, or whether a run that is not over was begun."""
    return str(row["status"]) if row["status"] != "partial" else "begun" if row["begun"] else "not begun"


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """The runs as lines of a table, below one of names; none where there is no run."""
    from rewardbench.watch.words import safe

    names = ("run", "task", "design", "seed", "state")
    known = [{name: "–" if row[name] is None else safe(str(row[name]), 60) for name in names} for row in rows]
    cells = [names, *(list(row.values()) for row in known)] if rows else []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _board(name: str) -> dict[str, Any]:
    """What a board fixes, its digest, and the names of its entries."""
    from rewardbench.boards import definition, entries

    board = definition.read(name)
    texts = ("name", "version", "summary", "policy", "algorithm", "budget", "baseline", "weights", "scale", "hashes")
    fixed = {key: getattr(board, key) for key in texts} | {"tasks": list(board.tasks), "hash": board.digest}
    named = {"seeds": list(board.seed_list(board.seeds)), "entries": list(entries.places(board.folder))}
    return {"schema_version": 1, "kind": "board", **fixed, **named}
