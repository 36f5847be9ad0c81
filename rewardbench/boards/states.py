"""What became of an entry? Challenged, corrected, withdrawn, removed: `states.json`, each change with date and reason.

It lies beside the entries and not in them: what was handed in stays as it was, a pull request of an entry, which may
touch that entry's folder alone, cannot say it, and the tombstone stays when a removed entry's files have to go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from rewardbench.boards import entries, recorded
from rewardbench.boards.definition import Board
from rewardbench.design import nearest
from rewardbench.find.names import unknown
from rewardbench.pages.board_words import changed
from rewardbench.types import UserError

FILE = "states.json"
GONE = ("corrected", "withdrawn", "removed")
"""States of an entry whose row left: a tombstone stands for it, unranked and without numbers."""
STATES = ("listed", "challenged", *GONE)
"""What can be recorded; *pending* is a pull request, of which a board knows nothing."""
LONGEST = 400
"""Characters of a reason."""


@dataclass(frozen=True)
class Change:
    """One change of an entry's state."""

    state: str
    date: str
    """The day on which it was recorded, ISO 8601: no clock is read when a board is built."""
    reason: str
    by: str | None = None
    """Of a corrected entry: the entry that took its place."""
    link: str | None = None
    """Where the evidence stands."""


@dataclass(frozen=True)
class Told:
    """All changes of an entry, first to last, with who and what it is: its folder may be gone."""

    kind: str
    tasks: tuple[str, ...]
    authors: tuple[str, ...]
    digest: str | None
    changes: tuple[Change, ...]

    @property
    def last(self) -> Change:
        """How it stands now."""
        return self.changes[-1]

    @property
    def gone(self) -> bool:
        """Whether a tombstone stands for it."""
        return self.last.state in GONE


Known = dict[str, Told]


def read(board: Board) -> Known:
    """Entry -> its changes, of those that have any. Raises UserError (code 5) where the file is damaged, or tells of an
    entry that is neither there nor said to be gone."""
    return recorded.read(board, FILE, _told)


def _told(row: Mapping[str, Any]) -> Told:
    """What the file says of one entry; raises ValueError, KeyError or TypeError where that is no such thing."""
    changes = tuple(Change(**c) for c in row["changes"])
    plain = all(isinstance(v, str | None) for c in changes for v in asdict(c).values())
    if not changes or not plain or any(c.state not in STATES or not _is_day(c.date) for c in changes):
        raise ValueError(f"{changes!r} are no changes of state")
    return Told(row["kind"], tuple(row["tasks"]), tuple(row["authors"]), row["digest"], changes)


def check_there(board: Board, known: Known, there: Sequence[str]) -> None:
    """Raise UserError (code 5) where an entry that is not said to be gone has no folder."""
    for name, told in known.items():
        if not told.gone and name not in there:
            what = f"{FILE} says that {name} is {told.last.state}, and entries/{name} is not there"
            raise UserError(f"board {board.name}: {what}: say why it left with `rbench board state`", 5)


def staying(known: Known, there: Iterable[entries.Entry]) -> list[entries.Entry]:
    """The entries for which no tombstone stands, in the order given."""
    return [e for e in there if not (e.name in known and known[e.name].gone)]


def of(known: Known, name: str) -> dict[str, Any]:
    """What `board.json` says of the state of an entry that is there."""
    told = known.get(name)
    if told is None:
        return {"state": STATES[0], "changes": []}
    return {"state": told.last.state, "changes": [asdict(c) for c in told.changes], "date": told.last.date}


def tombstones(known: Known) -> list[dict[str, Any]]:
    """What stands for the entries that left, by name: how they stand, and how they came to."""
    rows = {name: told for name, told in known.items() if told.gone}
    return [{"entry": n, **_row(told), **asdict(told.last)} for n, told in rows.items()]


def _row(told: Told) -> dict[str, Any]:
    """An entry's changes as plain values."""
    shown: dict[str, Any] = json.loads(json.dumps(asdict(told)))
    return shown


# --- recording -----------------------------------------------------------------------------------


def record(board: Board, name: str, change: Change) -> Told:
    """Write a change of an entry's state into the board's folder, behind those that it had; returns all of them.

    Raises UserError where there is no such entry or state, a reason is missing, or the change is none.
    """
    check_name(board, name)
    known = read(board)
    there = {e.name: e for e in entries.all_of(board.folder)}
    before = known.get(name) or _first(there[name])
    _check(change)
    _check_from(board, name, before, change, name in there)
    if change.state == "corrected":
        _check_by(name, change.by, [e.name for e in staying(known, there.values())])
    after = replace(before, changes=(*before.changes, change))
    recorded.write(board, FILE, {n: _row(t) for n, t in {**known, name: after}.items()})
    return after


def check_name(board: Board, name: str) -> None:
    """Raise UserError where the board has, and had, no entry of that name."""
    there = {e.name for e in entries.all_of(board.folder)} | read(board).keys()
    if name not in there:
        raise unknown(f"entry of board {board.name}", name, there)


def _first(entry: entries.Entry) -> Told:
    """An entry of which nothing was recorded yet."""
    return Told(entry.kind, entry.tasks, tuple(map(str, entry.about.get("authors") or ())), entry.digest, ())


def _check(change: Change) -> None:
    """Raise UserError for a change that says nothing, or not in a form that every page can show."""
    if change.state == "pending":
        raise UserError("pending is a pull request that is open: nothing is recorded of it")
    if change.state not in STATES:
        raise UserError(f"state {change.state!r}{nearest(change.state, STATES)} (there is: {', '.join(STATES)})")
    if change.state != "listed" and not change.reason.strip():
        raise UserError(f"say why it is {change.state}: --reason, which the board shows")
    if not change.reason.isprintable() or len(change.reason) > LONGEST:
        raise UserError(f"--reason: one line of at most {LONGEST} characters")
    if change.link is not None:
        entries.check_link(change.link)
    if (change.by is not None) != (change.state == "corrected"):
        raise UserError("corrected and --by go together: which entry took its place")
    if not _is_day(change.date):
        raise UserError(f"--date {change.date!r}: write it as 2027-03-04")


def _is_day(text: str) -> bool:
    """Whether a text is a day as ISO 8601 writes it with dashes.

    >>> _is_day("2027-03-04"), _is_day("20270304"), _is_day("2027-02-30")
    (True, False, False)
    """
    try:
        return str(date.fromisoformat(text)) == text
    except ValueError:
        return False


def _check_from(board: Board, name: str, before: Told, change: Change, there: bool) -> None:
    """Raise UserError where an entry cannot come to that state from how it stands."""
    now = before.last.state if before.changes else STATES[0]
    if before.changes and change.state == now:
        raise UserError(f"{name} is {now} already, since {before.last.date}: {before.last.reason}")
    if change.state in GONE and before.kind != "submitted":
        which = f"{name} is the board's own: without it, it is another board"
        raise UserError(f"{which}; raise the version of {board.name}, or say that it is challenged")
    if change.state not in GONE and not there:
        raise UserError(f"entries/{name} is not there: it cannot be {change.state}")
    if before.changes and change.date < before.last.date:
        raise UserError(f"--date {change.date}: {name} is {now} since {before.last.date}, and that cannot come later")


def _check_by(name: str, by: str | None, there: Sequence[str]) -> None:
    """Raise UserError where what took an entry's place is not another entry of the board."""
    others = [n for n in there if n != name]
    if by not in others:
        raise unknown("entry that took its place", str(by), others)


def lines(name: str, told: Told | None) -> list[str]:
    """An entry's changes, a line each, the last one last."""
    if told is None:
        return [f"{name}: listed; no change of its state is recorded"]
    return [f"{name}: {changed(asdict(c))}" for c in told.changes]
