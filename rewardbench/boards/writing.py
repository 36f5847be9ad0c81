"""Which files does a board show itself in? One build, several forms; each a function of `board.json` alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rewardbench import trace
from rewardbench.boards.build import build
from rewardbench.boards.definition import Board
from rewardbench.pages import board as page
from rewardbench.pages import board_texts as texts


def _json(told: Mapping[str, Any]) -> str:
    """`board.json`: keys sorted, so that the same numbers are the same bytes."""
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "board.json": _json,
    "index.html": page.page,
    "board.csv": texts.table,
    "README.md": texts.readme,
    "badge.svg": texts.badge_svg,
    "feed.xml": texts.feed,
}
"""File -> what makes it."""


def forms(told: Mapping[str, Any]) -> dict[str, bytes]:
    """File -> its bytes, of a built board."""
    return {name: make(told).encode() for name, make in FORMS.items()}


def write(board: Board) -> list[Path]:
    """Build the board and write every form into its folder; returns the files."""
    made = forms(build(board))
    for name, data in made.items():
        trace.write_whole(board.folder / name, data)
    return [board.folder / name for name in made]
