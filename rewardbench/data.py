"""Where does a task's real data lie? Under `$REWARDBENCH_DATA`, a folder or a data set of the hub; held to its hash.

A task on real data names its files in the `sources.toml` beside its card, a `[[file]]` each:

    [[file]]
    place = "qa/xquad/xquad.en.json"    # under $REWARDBENCH_DATA
    sha256 = "…"                        # of the published file; left out, any file in that layout is taken
    what = "XQuAD, English, CC BY-SA 4.0, github.com/google-deepmind/xquad"

Whoever has data of their own in the same layout copies the task's folder and names their own file there: it is another
task, with other prompts, and no number of it should stand beside the published one's.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Container, Iterable, Iterator
from functools import cache
from pathlib import Path

from rewardbench.types import UserError

VARIABLE = "REWARDBENCH_DATA"
HUB = "hub:"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""`owner/name`."""
LEFT = ("~", ".orig", ".bak", ".rej", ".swp", ".pyc")
"""How names end of what editors and interpreters leave beside a file."""


def file(task: str | Path, place: str) -> Path:
    """The local path of a file that the task's `sources.toml` names; `task` is a file of the task (`__file__`).

    Raises UserError (code 5), saying what to get and where to put it, if the file is not there or is another one.
    """
    row = _named(Path(task).with_name("sources.toml"), place)
    name = "/".join(Path(task).absolute().parts[-3:-1])
    found = _under(name, place, row["what"])
    wanted = row.get("sha256")
    if wanted and digest(found, found.stat().st_mtime_ns) != wanted:
        raise UserError(
            f"{name}: {place} is not the published file (its SHA-256 is not {wanted[:12]}…): get {row['what']} again; "
            "for data of your own, copy the task's folder and name your file in its sources.toml", 5,
        )  # fmt: skip
    return found


def held(sources: Path) -> dict[str, str]:
    """Place -> SHA-256 of each file that a `sources.toml` names: the one that is written there, else that of the file
    as it is now ("" where it is not there).

    Empty where there is no `sources.toml`, or none that can be read: whoever asks for a file is told that.
    """
    try:
        rows = tomllib.loads(sources.read_text(encoding="utf-8")).get("file", [])
    except (OSError, ValueError):
        return {}
    rows = rows if isinstance(rows, list) else []
    named = [row for row in rows if isinstance(row, dict) and {"place", "what"} <= row.keys()]
    return {row["place"]: row.get("sha256") or _now(sources, row["place"]) for row in named}


def _now(sources: Path, place: str) -> str:
    """The SHA-256 of a file as it is now; "" where it is not there."""
    try:
        found = file(sources, place)
    except UserError:
        return ""
    return digest(found, found.stat().st_mtime_ns)


def text(task: str | Path, place: str) -> str:
    """The same file's text, UTF-8; raises UserError (code 5) also where it cannot be read."""
    path = file(task, place)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place} cannot be read: {error}", 5) from error


@cache
def digest(path: Path, changed: int) -> str:
    """SHA-256 of a file that was last changed then, hexadecimal."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def files_of(folder: Path, pattern: str = "*", apart: Container[str] = ()) -> list[tuple[str, str]]:
    """(place, SHA-256) of the files in a folder and below it, sorted by place; without hidden ones, what editors and
    interpreters leave beside a file, and what is called as one of `apart` in the folder itself.
    """
    found = sorted(path.relative_to(folder) for path in _below(folder, apart) if path.match(pattern))
    kept = [p for p in found if p.parts[0] not in apart and not p.name.startswith(".") and not p.name.endswith(LEFT)]
    return [(p.as_posix(), digest(folder / p, (folder / p).stat().st_mtime_ns)) for p in kept]


def _below(folder: Path, apart: Container[str]) -> Iterator[Path]:
    """The files in a folder and below it, also through links to folders; each folder once, hidden ones and those that
    are `apart` in the folder itself not at all.
    """
    seen = {folder.resolve()}
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place)
        yield from (here / name for name in names if (here / name).is_file())
        new = {}
        for name in sorted(folders):
            real, left_out = (here / name).resolve(), name.startswith(".") or (here == folder and name in apart)
            if not left_out and real not in seen:
                new[name] = real
                seen.add(real)
        folders[:] = new


def together(files: Iterable[tuple[str, str]]) -> str:
    """One SHA-256 of files, (place, SHA-256) each, in their order; hexadecimal."""
    total = hashlib.sha256()
    for place, told in files:
        total.update(f"{place}\0{told}\n".encode())
    return total.hexdigest()


def _named(sources: Path, place: str) -> dict[str, str]:
    """The row of `sources.toml` that names a place; a task that asks for a file it does not name is ours to mend."""
    rows: list[dict[str, str]] = tomllib.loads(sources.read_text(encoding="utf-8")).get("file", [])
    return next(row for row in rows if row["place"] == place)


def _under(task: str, place: str, what: str) -> Path:
    """The path of a place under `$REWARDBENCH_DATA`."""
    root = os.environ.get(VARIABLE, "")
    if not root:
        remedy = f"set {VARIABLE} to the folder (or hub:owner/name@revision) that holds {place}"
        raise UserError(f"{task} reads {what}: {remedy}", 5)
    if root.startswith(HUB):
        try:
            found = _snapshot(root.removeprefix(HUB), place)
        except UserError as error:
            raise UserError(f"{task} reads {what}: {VARIABLE}={root}: {error}", error.code) from error
    else:
        found = Path(root).expanduser() / place
    if not found.is_file():
        raise UserError(f"{task} reads {what}: {VARIABLE}={root} holds no {place}", 5)
    return found


@cache
def _snapshot(asked: str, place: str) -> Path:
    """A file of a data set of the hub, which is asked once."""
    return of_hub(asked, "dataset", [place]) / place


def repository(asked: str) -> tuple[str, str]:
    """Name and revision ("" for the newest) of `owner/name@revision`; raises UserError (code 2) for what is none.

    >>> repository("ann/things@v1"), repository("ann/things")
    (('ann/things', 'v1'), ('ann/things', ''))
    """
    name, _, revision = asked.partition("@")
    if not NAME.fullmatch(name):
        raise UserError(f"{asked!r} is no repository of the hub (owner/name, or owner/name@revision)")
    return name, revision


def of_hub(asked: str, kind: str, patterns: list[str]) -> Path:
    """The local snapshot of a repository of the hub, with the files of those patterns, fetched if they are not there
    yet; raises UserError (code 5) with what the hub said, in one line. (A snapshot asks the hub once what there is; a
    single file would be asked for six times, with a line each.)
    """
    name, revision = repository(asked)
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        there = snapshot_download(name, repo_type=kind, revision=revision or None, allow_patterns=patterns)
        return Path(there)
    except LocalEntryNotFoundError as error:  # it was never fetched, and now it cannot be
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _first(error)
        raise UserError(f"the hub cannot be reached ({why})", 5) from error
    except Exception as error:  # the hub's client raises its own, urllib's, httpx's and ValueError
        raise UserError(f"the hub says: {_first(error)}", 5) from error


def _first(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].removeprefix("Got: ")
