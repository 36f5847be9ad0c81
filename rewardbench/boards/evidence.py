"""How far was each entry of a board checked, and what was found? `evidence.json`, bound to the entries' files.

An entry that changed since has no evidence: its row says `reported` until it is checked again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rewardbench import trace
from rewardbench.boards import entries
from rewardbench.boards.checks import LEVELS
from rewardbench.boards.definition import Board
from rewardbench.boards.verify import Verdict, verify

Known = dict[str, dict[str, Any]]


def read(board: Board) -> Known:
    """Entry -> `level`, `digest` of its files, `flags` (codes), `accepted`; nothing where no entry was checked."""
    path = board.folder / "evidence.json"
    found: Known = json.loads(path.read_text())["entries"] if path.is_file() else {}
    return found


def of(known: Mapping[str, Mapping[str, Any]], entry: entries.Entry) -> dict[str, Any]:
    """What is known of an entry as its files are now: `evidence` (a word), codes `found`, whether it is `accepted`."""
    row = known.get(entry.name)
    if row is None or row["digest"] != entries.computed(entry.folder):
        return {"evidence": LEVELS[0], "found": [], "accepted": None}
    return {"evidence": row["level"], "found": list(row["flags"]), "accepted": bool(row["accepted"])}


def check(board: Board, level: str) -> Iterator[tuple[str, Verdict]]:
    """Check every entry up to a level, one after another; what was found is written after each.

    An entry that was checked further before, and has not changed, keeps its word.
    """
    known = read(board)
    there = entries.all_of(board.folder)
    found = {e.name: known[e.name] for e in there if e.name in known}
    for entry in there:
        verdict = verify(entry.folder, board, level)
        yield entry.name, verdict
        before = of(known, entry)["evidence"]
        best = max(before, verdict.level, key=LEVELS.index) if verdict.accepted else verdict.level
        flags = sorted({f.code for f in verdict.findings})
        digest = entries.computed(entry.folder)
        found[entry.name] = {"level": best, "digest": digest, "flags": flags, "accepted": verdict.accepted}
        text = json.dumps({"schema_version": 1, "entries": found}, indent=1, sort_keys=True) + "\n"
        trace.write_whole(board.folder / "evidence.json", text.encode())
