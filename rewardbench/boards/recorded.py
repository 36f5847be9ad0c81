"""What does a board record of its entries outside of their folders? Files of rows, each under its entry's name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rewardbench import disk, trace
from rewardbench.boards.definition import Board
from rewardbench.types import UserError

SCHEMA = 1
Row = TypeVar("Row")


def read(board: Board, file: str, made: Callable[[Mapping[str, Any]], Row], mend: str = "") -> dict[str, Row]:
    """Entry -> what is `made` of its row, by name; nothing where the file is not there.

    Raises UserError (code 5) where it is damaged, or `made` finds a row to be none (by ValueError, KeyError or
    TypeError); `mend` says what to do then.
    """
    path = board.folder / file
    if not path.is_file():
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        trace.readable(raw, file)
        return {name: made(row) for name, row in sorted(raw["entries"].items())}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{board.folder.name}/{file} is damaged ({error!r}){mend and ': '}{mend}", 5) from error


def write(board: Board, file: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the rows (entry -> row), whole or not at all."""
    told = {"schema_version": SCHEMA, "entries": rows}
    text = json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    disk.write_whole(board.folder / file, text.encode())
