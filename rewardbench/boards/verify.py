"""How far may an entry be believed? Every check of a level, in order; the level reached in a word.

The words are those of `pages.board_marks.EVIDENCE`; *reproduced* is on seeds that nobody could have chosen.

What no level below *reproduced* can see: rows that begin as the untrained policy does and are invented from there on,
words and all; and what is told of training steps beside their counts (loss, norm, shares), of which no number is made.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from rewardbench import disk
from rewardbench.boards import bundle, checks, definition, entries, freezing
from rewardbench.boards.checks import LEVELS
from rewardbench.boards.checks._case import Case, NotChecked
from rewardbench.boards.definition import Board
from rewardbench.boards.finding import SEVERITIES, Finding, Refused, shown
from rewardbench.design import nearest
from rewardbench.types import UserError

SCHEMA = 1
ASKED = LEVELS[1:]
SAMPLED = ("regenerated", "reproduced")
"""Levels whose checks are tests of what chance gives: what they flag is not reached, though it is not rejected."""
MOST = 50
"""Findings of one check that are told."""
NEEDS = "it needs what"
"""How it begins why a check waits for others."""


@dataclass(frozen=True)
class Verdict:
    """What was found, and how far the bundle got."""

    entry: str | None
    board: Board | None
    asked: str
    level: str
    findings: tuple[Finding, ...]
    unchecked: tuple[tuple[str, str], ...] = ()
    """(code, why it was not checked)."""

    @property
    def accepted(self) -> bool:
        """Whether no check rejects it."""
        return not any(f.severity == "reject" for f in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The verdict as `schemas/verdict.json` has it."""
        board = self.board
        found: dict[str, Any] = disk.finite(
            {
                "schema_version": SCHEMA,
                "entry": self.entry,
                "board": board and {"name": board.name, "version": board.version, "digest": board.digest},
                "asked": self.asked,
                "level": self.level,
                "accepted": self.accepted,
                "findings": [
                    {"code": f.code, "severity": f.severity, "message": f.message, "evidence": dict(f.evidence)}
                    for f in self.findings
                ],
                "unchecked": [{"code": code, "why": why} for code, why in self.unchecked],
            }
        )
        return found


def verify(path: Path, board: Board | str | Path | None = None, level: str = "rescored", challenge: int = 3) -> Verdict:
    """The verdict on a bundle; `board` is by default the shipped one that it names.

    Raises UserError where there is no bundle or no such board, or where the board was frozen with another version.
    """
    if level not in ASKED:
        raise UserError(f"level {level!r}{nearest(level, ASKED)} (there is: {', '.join(ASKED)})")
    known = None if board is None else board if isinstance(board, Board) else definition.read(board)
    try:
        with bundle.opened(path) as folder:
            about = _about(folder)
            known = known or shipped(about, path)
            same_measure(known)
            return judge(Case(folder, known, about, challenge), level)
    except Refused as refused:
        return Verdict(None, known, level, "reported", (refused.finding,))


def _about(folder: Path) -> dict[str, Any]:
    """`entry.json`, whose form was checked."""
    import json

    found: dict[str, Any] = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
    return found


def shipped(about: Mapping[str, Any], path: Path) -> Board:
    """The shipped board that an entry at a path names; that of a clone, where the entry lies in it and what ships has
    no entries of its own."""
    name = str(about["board"]["name"])
    known = definition.boards()
    if name not in known:
        there = ", ".join(known) or "none"
        raise UserError(
            f"the bundle is of board {shown(name)}, which does not ship ({there}); give its folder: --board", 5
        )
    found, around = definition.read(name), path.resolve().parent.parent
    if entries.places(found.folder) or not (around / "board.toml").is_file():
        return found
    here = definition.read(around)
    return here if here.digest == found.digest else found


def same_measure(board: Board) -> None:
    """Raise UserError (code 4) where this version measures otherwise than the board's: no verdict of it would hold."""
    other = freezing.changed(board) if board.hashes else []
    if other:
        which = f"board {board.name} version {board.version} was frozen with other code ({', '.join(other)})"
        raise UserError(f"{which}: verify with the version of rewardbench-suite that it was made with", 4)


def judge(case: Case, level: str) -> Verdict:
    """Every check up to a level, on a bundle that is safe to read."""
    wanted = LEVELS[: LEVELS.index(level) + 1]
    there = {code: import_module(f"rewardbench.boards.checks.{path.stem}") for code, path in checks.files().items()}
    there = {code: module for code, module in there.items() if module.LEVEL in wanted}
    findings: list[Finding] = []
    unchecked: list[tuple[str, str]] = []
    silent: set[str] = set()
    stopping: set[str] = set()
    for code in _order({c: [a for a in m.AFTER if a in there] for c, m in there.items()}):
        blocked = [a for a in there[code].AFTER if a in silent]
        if blocked:
            unchecked.append((code, f"{NEEDS} {', '.join(blocked)} found wrong or could not see"))
            silent.add(code)
            continue
        found, why = _asked(there[code], case)
        findings += found
        if why:
            unchecked.append((code, why))
        if any(f.severity == "reject" or (f.severity == "flag" and there[code].LEVEL in SAMPLED) for f in found):
            stopping.add(code)
        if why or code in stopping:
            silent.add(code)
    reached = _reached({c: m.LEVEL for c, m in there.items()}, stopping, {c for c, _ in unchecked}, wanted)
    return Verdict(case.name, case.board, level, reached, tuple(findings), tuple(unchecked))


def _asked(module: Any, case: Case) -> tuple[list[Finding], str]:
    """(what one check found, why it was not made)."""
    try:
        found = list(module.check(case))
    except NotChecked as error:
        return [], str(error)
    except Refused as refused:
        found = [refused.finding]
    except UserError as error:  # a table that cannot be what it should be
        found = [Finding(module.CODE, shown(str(error), 300))]
    except Exception as error:  # anybody's bundle must not crash its check: what it cannot read, it refuses
        found = [Finding(module.CODE, f"the check broke on it ({type(error).__name__}: {shown(str(error), 200)})",
                         severity="reject")]  # fmt: skip
    if len(found) > MOST:
        found[MOST - 1 :] = [Finding(module.CODE, f"and {len(found) - MOST + 1} more of this kind")]
    return [replace(f, severity=f.severity or module.SEVERITY) for f in found], ""


def _order(after: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """The codes, each behind those that it comes after, else as they are numbered."""
    sorter = graphlib.TopologicalSorter(after)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        yield from ready
        sorter.done(*ready)


def _reached(level: Mapping[str, str], stopping: set[str], unmade: set[str], wanted: Sequence[str]) -> str:
    """The highest level up to which no check stops it, and whose first check was made.

    Training anew says more than sampling anew: *reproduced* does not wait for *regenerated*.

    >>> _reached({"V05": "consistent", "V20": "rescored"}, {"V20"}, set(), LEVELS[:3])
    'consistent'
    """
    reached = "reported"
    for name in wanted[1:]:
        mine = sorted(code for code, of in level.items() if of == name)
        if stopping & set(mine):
            return reached
        if mine and mine[0] not in unmade:
            reached = name
    return reached


def lines(verdict: Verdict) -> list[str]:
    """The verdict as a terminal shows it: the level, then what was found, the worst first."""
    about = verdict.board and f"board {verdict.board.name} version {verdict.board.version}"
    name = shown(verdict.entry) if verdict.entry else "the bundle"
    said = [f"{name}: {verdict.level}" + (f" ({about})" if about else "")]
    for severity in SEVERITIES:
        said += [f"{severity:<6} {f.code}  {f.message}" for f in verdict.findings if f.severity == severity]
    codes: dict[str, list[str]] = {}
    for code, why in sorted(verdict.unchecked, key=lambda told: told[1].startswith(NEEDS)):
        waits = why.startswith(NEEDS)
        codes.setdefault("they need what others found wrong or could not see" if waits else why, []).append(code)
    pieces = [f"{', '.join(those)} ({why})" for why, those in codes.items()]
    if pieces:
        said.append(f"not checked: {'; '.join(pieces)}")
    if verdict.findings:
        worst = min(verdict.findings, key=lambda f: (SEVERITIES.index(f.severity), f.code))
        said.append(f"rbench explain {worst.code} says what that check asks and how to mend it")
    return said
