"""Which files does a board show itself in? One build, several forms; each a function of `board.json` alone."""

from __future__ import annotations

import json
from pathlib import Path

from rewardbench import trace
from rewardbench.boards.build import build
from rewardbench.boards.definition import Board


def write(board: Board) -> list[Path]:
    """Build the board and write `board.json`; returns the files."""
    told = build(board)
    path = board.folder / "board.json"
    trace.write_whole(path, (json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())
    return [path]
