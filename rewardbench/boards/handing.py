"""How does a bundle get into a pull request? The board's small form of it in a checkout, and the words around it.

Nothing here asks the network or runs git: whoever hands in does both, with the commands that are printed.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rewardbench.boards import definition, entries, numbers, packing, rows, states, submitting
from rewardbench.boards.definition import Board
from rewardbench.boards.entries import Entry
from rewardbench.pages.board_words import changed
from rewardbench.policies.settings import file_digest
from rewardbench.types import UserError

PLEDGE = (
    "I made this design, or name in the summary whose it is.",
    "Every run on the board's seeds is in the bundle, failed ones too; none was repeated or picked.",
    "No part reads gold, a truth, or a test prompt, or was fitted to any of them.",
    "The number of designs that I tried, this one included, is stated, or left as not stated.",
    "The rows and the design may be published under the licence that the entry names.",
)
"""What whoever hands in says, one box each."""
CHECKS = (
    "`rbench submit check BUNDLE` reached *rescored*",
    "the full bundle can be fetched from the address above",
    "only files under this entry's folder are changed",
)
"""What a reader looks for first."""


@dataclass(frozen=True)
class Request:
    """A pull request in words."""

    title: str
    body: str
    steps: tuple[str, ...]


def sha256(bundle: Path, folder: Path) -> str:
    """SHA-256 of the archive: of the file itself, or of what `rbench submit pack` would make of a folder."""
    return file_digest(bundle) if bundle.is_file() else hashlib.sha256(submitting.archive(folder)).hexdigest()


def place_of(entry: Entry, root: Path = Path()) -> Path:
    """Where an entry lies in a checkout of the boards' repository."""
    return root / "leaderboards" / str(entry.about["board"]["name"]) / "entries" / entry.name


def request(entry: Entry, bundle: Path, digest: str) -> Request:
    """Title, body and steps of the pull request that hands an entry in."""
    about, place = entry.about, place_of(entry)
    board = about["board"]
    title = f"{board['name']} {board['version']}: entry {entry.name}"
    branch, file = shlex.quote(f"entry-{board['name']}-{entry.name}"), shlex.quote(str(bundle))
    steps = (
        "Fork the repository that the board lies in (leaderboards/), clone the fork, and go into the clone.",
        f"git switch -c {branch}",
        f"rbench submit open {file} --into .",
        f"git add {shlex.quote(str(place))}",
        f"git commit -m {shlex.quote(title)}",
        f"git push -u origin {branch}",
        "Put the full bundle where it can be fetched, and its address into the text below.",
        "Open a pull request with this title and text:",
    )
    return Request(title, _body(entry, digest), steps)


def _body(entry: Entry, digest: str) -> str:
    """The text of the pull request."""
    about = entry.about
    tried = about["disclosure"]["specs_tried"]
    lines = [
        f"Entry `{entry.name}` on board `{about['board']['name']}` version {about['board']['version']} "
        f"(`{about['board']['digest'][:16]}`), {about['division']} division.",
        "",
        f"- tasks: {', '.join(entry.tasks)}",
        f"- designs tried: {tried if tried is not None else 'not stated'}",
        f"- full bundle: (address), SHA-256 `{digest}`",
        "",
        "Pledge:",
        "",
        *(f"- [ ] {line}" for line in PLEDGE),
        "",
        "Checked:",
        "",
        *(f"- [ ] {line}" for line in CHECKS),
    ]
    return "\n".join(lines)


def put(entry: Entry, digest: str, checkout: Path) -> Path:
    """Write the small form of an entry into a checkout, ready to commit: its numbers computed against that board.

    Returns its folder. Raises UserError where the checkout has no such board, another version of it, or that name.
    """
    board = _board_in(checkout, entry)
    folder = place_of(entry, checkout)
    if folder.exists():
        raise UserError(f"{place_of(entry)} is there already; take another --name, or delete that folder first")
    if (left := states.read(board).get(entry.name)) is not None:
        why = f"an entry {entry.name} was {changed(asdict(left.last))}"
        raise UserError(f"{why}: its name stays its own, take another --name")
    part = folder.with_name(f".{folder.name}.part")  # a folder that counts only once all of it is there
    shutil.rmtree(part, ignore_errors=True)
    try:
        _thin(board, entry, digest, part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _thin(board: Board, entry: Entry, digest: str, out: Path) -> None:
    """An entry's rows with the words of the seeded few, its sources, and its numbers computed again."""
    told = {}
    for task in entry.tasks:
        rows.thin(entry.folder / entries.slug(task), out / entries.slug(task))
        runs = rows.load(out / entries.slug(task))
        told[task] = numbers.of_task(board, runs, packing.base_of(board, out, task, runs))
    if (entry.folder / "sources").is_dir():
        shutil.copytree(entry.folder / "sources", out / "sources")
    entries.write(out, {**entry.about, "tasks": told}, digest)


def _board_in(checkout: Path, entry: Entry) -> Board:
    """The board of an entry in a checkout, which must be the one that the entry was made for."""
    asked = entry.about["board"]
    place = checkout / "leaderboards" / str(asked["name"])
    if not (place / "board.toml").is_file():
        raise UserError(f"{checkout} has no leaderboards/{asked['name']}: give a checkout of the boards' repository", 5)
    board = definition.read(place)
    if board.digest != asked["digest"]:
        there = f"version {board.version} ({board.digest[:12]})"
        mine = f"version {asked['version']} ({asked['digest'][:12]})"
        raise UserError(f"the bundle is for board {board.name} {mine}, the checkout has {there}: run it on that one")
    return board


def as_json(told: Request, entry: Entry, written: Path | None) -> dict[str, Any]:
    """What `rbench submit open --json` prints; `written` is the entry's folder in a checkout."""
    there = entries.files(written) if written is not None else ()
    files = [(place_of(entry) / p.relative_to(written)).as_posix() for p in there if written is not None]
    files += [(place_of(entry) / "manifest.json").as_posix()] * bool(files)
    steps = list(told.steps)
    return {"schema_version": 1, "title": told.title, "body": told.body, "steps": steps, "files": sorted(files)}
