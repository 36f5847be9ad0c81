"""What does a board show of which nothing was run? What it will be, and nothing that reads like a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardbench import __version__
from rewardbench.pages.board_entries import word
from rewardbench.pages.report import render
from rewardbench.pages.safe import code

Json = Mapping[str, Any]


def page(told: Json, none: str) -> str:
    """The page of a board without a row: what it will be; no table, no rank, nothing to cite."""
    return render(
        "board_empty.html",
        ("page.css", "board.css"),
        ("theme.js",),
        board=told["board"],
        empty=none,
        word=word,
        truth=bool(told.get("truth")),
        by=__version__,
    )


def digest(board: Json) -> str:
    """The digest in words, and whether it stands: without hashes nothing was frozen."""
    if board["hashes"]:
        return f"Digest of what is fixed: `{board['digest']}`."
    return f"Digest of the definition, not frozen: it will change: `{board['digest']}`."


def lines(board: Json) -> list[str]:
    """The rest of its README: what the board will be."""
    what, by = ("a reward design", f"`{code(board['algorithm'])}`")
    if board["algorithms"]:
        what, by = "an algorithm, given one reward", "its own rule"
    return [
        f"Each entry will be {what}. Each will teach the policy `{code(board['policy'])}` by {by} at budget "
        f"`{code(board['budget'])}` on {len(board['seeds'])} seeds; gold, a score that no reward sees, will tell what "
        "comes of it. What is fixed so far: [index.html](index.html); what will be asked of it: "
        "[truth.html](truth.html).",
        "",
        digest(board),
        "",
        "Built by `rbench board build`; do not edit this page.",
    ]
