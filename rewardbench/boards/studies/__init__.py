"""What else is run to ask whether a board tells the truth? One file a study: `collect(board, out, tell)` -> rows, and
`NEEDED`, what of a row figures are computed from (the rest is for people).

The rows of a study lie in `<board>/studies/<name>.jsonl`: numbers alone, in a fixed order, so that they can be
committed and made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rewardbench import disk, find
from rewardbench.boards.definition import Board
from rewardbench.find.names import unknown
from rewardbench.types import UserError

Row = dict[str, Any]
Tell = Callable[[str], None]


def names() -> dict[str, str]:
    """Name -> question of every study: the files of this folder."""
    return find.files("boards/studies")


def collect(name: str, board: Board, out: Path, tell: Tell) -> list[Row]:
    """Do a study (what is finished in `out` is not done again) and write its rows; returns them."""
    if name not in names():
        raise unknown("study", name, names())
    if board.algorithms:
        raise UserError(f"board {board.name} ranks algorithms; the study {name} is of designs, and it has one alone")
    found: list[Row] = import_module(f"rewardbench.boards.studies.{name}").collect(board, out, tell)
    write(board, name, found)
    return found


def write(board: Board, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a study's rows beside the board."""
    lines = "".join(disk.dumps(row) + "\n" for row in rows)
    disk.write_whole(board.folder / "studies" / f"{name}.jsonl", lines.encode())


def write_so_far(board: Board, name: str, rows: Sequence[Row], key: str) -> None:
    """Write the rows of a study that is not over yet, and behind them the earlier rows of what it has not come to:
    of a study of days that is done anew, nothing is lost when it is broken off. `key` names what is done at a time."""
    done = {row[key] for row in rows}
    write(board, name, [*rows, *(row for row in read(board, name) if row[key] not in done)])


def read(board: Board, name: str) -> list[Row]:
    """The rows of a study; none where it was not done. Raises UserError (code 5) where its file is damaged."""
    path = board.folder / "studies" / f"{name}.jsonl"
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
        needed = set(import_module(f"rewardbench.boards.studies.{name}").NEEDED) if rows else set()
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict) or not needed <= set(row):
                raise ValueError(f"line {number} is no row of this study")
    except (OSError, ValueError) as error:
        raise UserError(f"{board.folder.name}/studies/{name}.jsonl is damaged: {error}", 5) from error
    return rows
