"""How is what was used here cited? The suite, a task, a board or an entry, as BibTeX, CFF or plain words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rewardbench import find
from rewardbench.boards import definition, entries, states
from rewardbench.find.names import PACKAGE, unknown
from rewardbench.pages import bibtex as bib
from rewardbench.pages.board_words import changed
from rewardbench.types import UserError

SUITE = "suite"


@dataclass(frozen=True)
class Work:
    """One thing that is cited."""

    key: str
    kind: str
    """`software` or `dataset`, as in CFF; `article` for a paper."""
    title: str
    authors: tuple[str, ...]
    year: int
    version: str = ""
    url: str = ""
    note: str = ""
    licence: str = ""
    released: str = ""
    """The day, where it is known."""
    digest: str = ""
    """SHA-256 of what is cited."""
    digest_of: str = ""
    """What that is."""
    version_of: str = "Version"
    """What the version is of, before its number."""

    @property
    def said(self) -> list[str]:
        """Version, digest and note in words, those that there are."""
        version = f"{self.version_of} {self.version}" if self.version else ""
        digest = f"SHA-256 of {self.digest_of} {self.digest}" if self.digest else ""
        return [t for t in (version, digest, self.note) if t]


# --- what there is -------------------------------------------------------------------------------


def works(asked: str) -> list[Work]:
    """The thing of that name, then what it stands on. Raises UserError with the nearest name."""
    if asked in ("", SUITE):
        return [suite()]
    if asked in find.task_folders():
        return [_task(asked), suite(), *_sources(asked)]
    boards = definition.boards()
    if asked in boards or (Path(asked) / "board.toml").is_file():
        return [_board(asked), suite()]
    place, name = entries.parted(asked)
    if place in boards or (place and (Path(place) / "board.toml").is_file()):
        return [_entry(place, name), _board(place), suite()]
    if lost := next((p for p in (asked, place) if Path(p).name in boards), ""):
        return [_board(lost)]  # which says where the folder of that name is
    theirs = [f"{board}/{name}" for board, folder in boards.items() for name in entries.places(folder)]
    raise unknown("thing to cite", asked, [SUITE, *find.task_folders(), *boards, *theirs])


def citation() -> Path:
    """The suite's own CITATION.cff: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / "CITATION.cff"
    return inside if inside.is_file() else PACKAGE.parent / "CITATION.cff"


def _cff() -> dict[str, Any]:
    """What CITATION.cff says. Raises UserError (code 5) where it is not there."""
    import yaml

    try:
        found: dict[str, Any] = yaml.safe_load(citation().read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"CITATION.cff cannot be read: {error}", 5) from error
    return found


def suite() -> Work:
    """The suite, of the version that is installed."""
    told = _cff()
    authors = tuple(_author(a) for a in told["authors"])
    address = str(told.get("url") or told.get("repository-code") or "")
    day, version, licence = told["date-released"], str(told["version"]), told["license"]
    head = ("rewardbench_suite", "software", told["title"], authors, day.year, version, address)
    return Work(*head, licence=licence, released=str(day))


def _author(told: Mapping[str, Any]) -> str:
    """An author of a CFF file: a group's name, or a person's in the order of speech."""
    return str(told.get("name") or " ".join(told[k] for k in ("given-names", "family-names") if k in told))


def _task(name: str) -> Work:
    """A task, by its version and the hash of its code."""
    one, digest = find.task(name), find.task_digest(name)
    whole = suite()
    title = f"The rewardbench-suite task {name}: {one.summary.rstrip('.')}"
    head = (bib.key(name), "dataset", title, whole.authors, whole.year, str(one.version))
    return Work(*head, licence=whole.licence, released=whole.released, digest=digest, digest_of="the task's code")


def _sources(name: str) -> list[Work]:
    """What a task's data is of, as the `sources.toml` beside its card says."""
    path = find.task_folder(name) / "sources.toml"
    if not path.is_file():
        return []
    found = []
    for told in tomllib.loads(path.read_text(encoding="utf-8"))["source"]:
        key = f"{told['authors'][0].rpartition(' ')[2].lower()}{told['year']}{told['title'].split()[0].lower()}"
        found.append(Work(key, "article", told["title"], tuple(told["authors"]), told["year"], url=told["url"]))
    return found


def _board(asked: str) -> Work:
    """A board, by its version and digest."""
    board, whole = definition.read(asked), suite()
    title = f"The rewardbench-suite board {board.name}: {board.summary.rstrip('.')}"
    head = (bib.key(board.name, f"v{board.version}"), "dataset", title, whole.authors, whole.year, str(board.version))
    return Work(*head, released=whole.released, digest=board.digest, digest_of="the board's definition")


def _entry(asked: str, name: str) -> Work:
    """An entry of a board, by its authors and digest."""
    board, whole = definition.read(asked), suite()
    there = entries.at_hand(board.folder)
    if name not in there:
        raise unknown(f"entry of board {board.name}", name, there)
    entry = entries.read(there[name])
    about = entry.about
    stands = states.read(board).get(name)
    title = f"{_called(board, name, about)}, on the rewardbench-suite board {board.name}"
    ours = about["kind"] != "submitted"
    authors = whole.authors if ours else tuple(about["authors"]) or whole.authors
    released = whole.released if ours else stands.changes[0].date if stands else ""
    links = about.get("links") or [""]
    key, year = bib.key(board.name, f"v{board.version}", name), int(released[:4] or whole.year)
    head = (key, "dataset", title, authors, year, str(board.version), links[0], _standing(stands))
    return Work(*head, str(about["licence"]), released, entry.digest or "", "the entry's files", "Board version")


def _called(board: definition.Board, name: str, about: Mapping[str, Any]) -> str:
    """An entry in words: a design that was handed in says what it is, the board's own are another one on each task."""
    if about["kind"] == "submitted":
        return f"{name}: {about['summary'].rstrip('.') or 'a reward design'}"
    if about["kind"] == "control":
        return f"{name}: a reference arm"
    return f"{name}: {'an algorithm' if board.algorithms else 'a reward design'}"


def _standing(told: states.Told | None) -> str:
    """How an entry stands, where it is contested or left."""
    return changed(asdict(told.last)) if told and told.last.state != "listed" else ""


# --- forms ---------------------------------------------------------------------------------------


def bibtex(found: Sequence[Work]) -> str:
    """BibTeX entries, one a work; titles keep their capitals, a group's name is kept together."""
    return "\n\n".join(_bibtex(work) for work in found)


def _bibtex(work: Work) -> str:
    """One entry. Styles of old print no version: `note` has it too."""
    url = work.url.translate({ord(c): f"%{ord(c):02X}" for c in "{}\\"})
    paper = re.fullmatch(r"https://arxiv\.org/abs/(\d{4}\.\d{4,5})", url)
    fields = {
        "title": "{" + bib.tex(work.title) + "}",
        "author": bib.names(work.authors),
        "year": str(work.year),
        "version": bib.tex(work.version),
        "eprint": paper[1] if paper else "",
        "archiveprefix": "arXiv" if paper else "",
        "url": url,
        "note": bib.tex(". ".join(work.said)),
    }
    return bib.entry(work.key, fields)


def plain(found: Sequence[Work]) -> str:
    """A line a work."""
    return "\n".join(_plain(work) for work in found)


def _plain(work: Work) -> str:
    title = " ".join(work.title.split())
    said = f"{title} " if title.endswith(("?", "!")) else f"{title}. "
    rest = [*work.said, *([work.url] if work.url else [])]
    return f"{', '.join(work.authors)} ({work.year}). {said}{'. '.join(rest)}."


def cff(found: Sequence[Work]) -> str:
    """A CITATION.cff of the first work, with the others as its references; the suite's own is given as it is."""
    import yaml

    if found[0] == suite():
        return citation().read_text(encoding="utf-8").rstrip("\n")
    head = {"cff-version": "1.2.0", "message": "If you use this, please cite it as below.", **_cff_of(found[0])}
    if rest := [_referred(work) for work in found[1:]]:
        head["references"] = rest
    return str(yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=120)).rstrip("\n")


def _cff_of(work: Work) -> dict[str, Any]:
    """A work under the keys of the Citation File Format."""
    digest = {"type": "other", "value": f"sha256:{work.digest}", "description": f"SHA-256 of {work.digest_of}"}
    told = {
        "type": work.kind,
        "title": " ".join(work.title.split()),
        "authors": [_cff_author(a) for a in work.authors],
        "version": work.version,
        "license": work.licence,
        "url": work.url,
        "identifiers": [digest] if work.digest else [],
        "date-released": date.fromisoformat(work.released) if work.released else None,
        "abstract": work.note,
    }
    year = {"year": work.year} if work.kind == "article" else {}
    return {k: v for k, v in (told | year).items() if v}


def _referred(work: Work) -> dict[str, Any]:
    """A work as a reference, which the format calls `data` where the subject of a file is a `dataset`."""
    return _cff_of(work) | ({"type": "data"} if work.kind == "dataset" else {})


def _cff_author(name: str) -> dict[str, str]:
    """An author: a person by family and given names, a group by its name.

    >>> _cff_author("Ann A. Example"), _cff_author("The authors")
    ({'family-names': 'Example', 'given-names': 'Ann A.'}, {'name': 'The authors'})
    """
    if bib.group(name):
        return {"name": name}
    family, comma, given = name.partition(",")
    if not comma:
        given, _, family = name.rpartition(" ")
    return {"family-names": family.strip(), "given-names": given.strip()}


FORMS: Mapping[str, Callable[[Sequence[Work]], str]] = {"bibtex": bibtex, "cff": cff, "plain": plain}
