"""How far was each entry of a board checked, and what was found? `evidence.json`, bound to the entries' files.

An entry that changed since has no evidence: its row says the first of LEVELS until it is checked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from rewardbench.boards import checks, entries, recorded, states
from rewardbench.boards.checks import LEVELS
from rewardbench.boards.definition import Board
from rewardbench.boards.verify import SAMPLED, Verdict, verify
from rewardbench.find.names import unknown

FILE = "evidence.json"
Known = dict[str, dict[str, Any]]


def read(board: Board) -> Known:
    """Entry -> `level`, `digest` of its files, `flags` (codes), `accepted`; nothing where no entry was checked.

    Raises UserError (code 5) where the file is damaged.
    """
    return recorded.read(board, FILE, _known, "delete it, and `rbench board check` writes it anew")


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as a check wrote it; raises ValueError, KeyError or TypeError where none did."""
    if row["level"] not in LEVELS or not {"digest", "flags", "accepted"} <= set(row):
        raise ValueError("a row that no check wrote")
    return dict(row)


def of(known: Mapping[str, Mapping[str, Any]], entry: entries.Entry) -> dict[str, Any]:
    """What is known of an entry as its files are now: `evidence` (a word), codes `found`, whether it is `accepted`."""
    row = known.get(entry.name)
    if row is None or row["digest"] != entries.computed(entry.folder):
        return {"evidence": LEVELS[0], "found": [], "accepted": None}
    return {"evidence": row["level"], "found": list(row["flags"]), "accepted": bool(row["accepted"])}


def check(board: Board, level: str, challenge: int = 3, only: Sequence[str] = ()) -> Iterator[tuple[str, Verdict]]:
    """Check every entry, or only some, up to a level, one after another; what was found is written after each.

    An entry that was checked further before, and has not changed, keeps its word, and what was found there, unless a
    check of a higher level now says otherwise. Entries that left are not checked.
    """
    known, there = read(board), states.staying(states.read(board), entries.all_of(board.folder))
    for name in only:
        if name not in {e.name for e in there}:
            raise unknown(f"entry of board {board.name}", name, [e.name for e in there])
    found = {e.name: known[e.name] for e in there if e.name in known}
    for entry in there:
        if only and entry.name not in only:
            continue
        verdict = verify(entry.folder, board, level, challenge)
        yield entry.name, verdict
        found[entry.name] = _row(of(known, entry), verdict) | {"digest": entries.computed(entry.folder)}
        recorded.write(board, FILE, found)


def _row(before: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """What is kept of a verdict: `level`, `flags`, `accepted`, with what was known of the same files before."""
    flags = {f.code for f in verdict.findings}
    kept = {c for c in before["found"] if LEVELS.index(_level(c)) > LEVELS.index(verdict.asked)}
    denied = not verdict.accepted or any(_level(c) in SAMPLED for c in flags)
    best = verdict.level if denied else max(before["evidence"], verdict.level, key=LEVELS.index)
    return {"level": best, "flags": sorted(flags | kept), "accepted": verdict.accepted}


def _level(code: str) -> str:
    """The level that a check belongs to; the lowest of one that is no more."""
    path = checks.files().get(code)
    return str(import_module(f"rewardbench.boards.checks.{path.stem}").LEVEL) if path else LEVELS[0]
