"""What is an entry? A folder with what is claimed, a design a task, and the rows that every number is computed from.

```
<entry>/
  entry.json      who, what, and the numbers, none of which is a clock's
  manifest.json   bytes and SHA-256 of every other file
  <family>-<task>/  spec.toml  runs.json  scores.parquet  texts.parquet  steps.parquet
  sources/        the code of a design's own parts (open division)
  control/        a bundle brings the runs of `untrained` along; a board has them already
```
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardbench import disk, trace
from rewardbench.boards import rows, shapes
from rewardbench.design import canonical
from rewardbench.pages.safe import safe_link
from rewardbench.policies.settings import file_digest
from rewardbench.results import Loaded
from rewardbench.types import UserError

SCHEMA = 1
NAME = re.compile(r"[a-z0-9][a-z0-9._@=-]{0,63}")
CONTROL = "control"
FILES = ("spec.toml", "runs.json", *(f"{t}.parquet" for t in rows.TABLES))


@dataclass(frozen=True)
class Entry:
    """An entry as its folder has it; the numbers in `about` are claims until they are computed again."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, and that of its folder."""
        return str(self.about["entry"])

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return str(self.about["kind"])

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it has runs of."""
        return tuple(self.about["tasks"])

    @property
    def digest(self) -> str | None:
        """What its manifest says that all of its files hash to; None where it has no readable manifest."""
        try:
            return str(json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def runs(self, task: str) -> list[Loaded]:
        """Its runs on a task, seeds in the order of the board."""
        return rows.load(self.folder / slug(task))

    def control(self, task: str) -> list[Loaded]:
        """The runs of `untrained` that a bundle brings along; none in a board's folder."""
        place = self.folder / CONTROL / slug(task)
        return rows.load(place) if place.is_dir() else []


def slug(task: str) -> str:
    """A task's name as a folder's.

    >>> slug("qa/lookup")
    'qa-lookup'
    """
    return task.replace("/", "-")


def parted(asked: str) -> tuple[str, str]:
    """(board, entry) of `<board>/<entry>`, or of the entry's folder in that of its board.

    >>> parted("cpu/mine"), parted("leaderboards/cpu/entries/mine/")
    (('cpu', 'mine'), ('leaderboards/cpu', 'mine'))
    """
    board, _, name = asked.rstrip("/").rpartition("/")
    return board.removesuffix("/entries"), name


def read(folder: Path) -> Entry:
    """An entry's folder; raises UserError (code 5) where it is none, or damaged."""
    path = folder / "entry.json"
    if not path.is_file():
        raise UserError(f"{folder} is no entry: it has no entry.json", 5)
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder.name}/entry.json is damaged: {error}", 5) from error
    trace.readable(about, f"{folder.name}/entry.json")
    if why := shapes.fault(about, "entry"):
        raise UserError(f"{folder.name}/entry.json is damaged: {why}", 5)
    return Entry(folder, about)


def places(board: Path) -> dict[str, Path]:
    """Name -> folder of the entries in a board's folder."""
    return {p.parent.name: p.parent for p in sorted((board / "entries").glob("[!.]*/entry.json"))}


def at_hand(board: Path) -> dict[str, Path]:
    """The same; raises UserError (code 5) where the board was built from entries that are not there: a wheel carries
    boards without them, since rows are twenty times all else.
    """
    found, built = places(board), board / "board.json"
    if not found and built.is_file() and json.loads(built.read_text(encoding="utf-8"))["entries"]:
        where = f"clone the repository, and name its folder leaderboards/{board.name}"
        raise UserError(f"board {board.name} is here without its entries, which a wheel does not carry: {where}", 5)
    return found


def all_of(board: Path) -> list[Entry]:
    """The entries of a board's folder, by name. Raises UserError (code 5) where one calls itself otherwise than its
    folder: it would take the place of another."""
    found = [read(folder) for folder in at_hand(board).values()]
    for entry in found:
        if entry.name != entry.folder.name:
            where = f"entries/{entry.folder.name}"
            raise UserError(f"{where} calls itself {entry.name!r}: an entry has its folder's name", 5)
    return found


def computed(folder: Path) -> str:
    """What all files of an entry hash to, whatever its manifest says."""
    return canonical(_listed(folder))


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    """File -> bytes and SHA-256."""
    there = {p.relative_to(folder).as_posix(): p for p in files(folder)}
    return {name: {"bytes": p.stat().st_size, "sha256": file_digest(p)} for name, p in there.items()}


def files(folder: Path) -> Iterator[Path]:
    """Every file of an entry that its manifest covers, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / "manifest.json":
            yield path


def write_manifest(folder: Path, bundle: str | None = None) -> str:
    """Write `manifest.json`: bytes and SHA-256 of every file; returns the digest of the whole.

    `bundle` is the SHA-256 of the archive that has all words, which a board does not keep.
    """
    listed = _listed(folder)
    digest = canonical(listed)
    told = {"schema_version": SCHEMA, "digest": digest, "files": listed} | ({"bundle": bundle} if bundle else {})
    text = json.dumps(told, indent=1, sort_keys=True)
    disk.write_whole(folder / "manifest.json", (text + "\n").encode())
    return digest


def write(folder: Path, about: Mapping[str, Any], bundle: str | None = None) -> str:
    """Write what an entry says of itself, then its manifest; returns the digest."""
    text = json.dumps(disk.finite(about), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    disk.write_whole(folder / "entry.json", (text + "\n").encode())
    return write_manifest(folder, bundle)


def check_link(url: str) -> None:
    """Raise UserError for an address that no page would show as a link."""
    if not (url.startswith("https://") and safe_link(url)):
        raise UserError(f"link {url!r}: only https:// addresses are shown on a board")


def check_name(name: str, known: Sequence[str] = ()) -> None:
    """Raise UserError for a name that no folder, page or citation should have to carry."""
    if not NAME.fullmatch(name):
        what = "lower-case letters, digits, dots, dashes and underscores, at most 64, a letter or digit first"
        raise UserError(f"entry name {name!r}: use {what}")
    if name in known:
        raise UserError(f"an entry {name!r} is on the board already; choose another name")
