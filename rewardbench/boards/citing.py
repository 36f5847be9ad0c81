"""How is what was used here cited? The suite, a task, a board or an entry, as BibTeX, CFF or plain words."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardbench import find
from rewardbench.boards import definition, entries
from rewardbench.find.names import PACKAGE, unknown
from rewardbench.types import UserError

SUITE = "suite"
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""Characters that TeX would not print, and what prints them."""


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
    place, _, name = asked.rpartition("/")
    if place in boards or (place and (Path(place) / "board.toml").is_file()):
        return [_entry(place, name), _board(place), suite()]
    known = [SUITE, *find.task_folders(), *boards, *(f"{b}/{e}" for b in boards for e in _names(b))]
    raise unknown("thing to cite", asked, known)


def citation() -> Path:
    """The suite's own CITATION.cff: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / "CITATION.cff"
    return inside if inside.is_file() else PACKAGE.parent / "CITATION.cff"


def _cff() -> dict[str, Any]:
    """What CITATION.cff says. Raises UserError (code 5) where it is not there."""
    import yaml

    try:
        found: dict[str, Any] = yaml.safe_load(citation().read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"CITATION.cff cannot be read: {error}", 5) from error
    return found


def suite() -> Work:
    """The suite, of the version that is installed."""
    told = _cff()
    authors = tuple(_author(a) for a in told["authors"])
    address = str(told.get("url") or told.get("repository-code") or "")
    year, version, licence = told["date-released"].year, str(told["version"]), told["license"]
    return Work("rewardbench_suite", "software", told["title"], authors, year, version, address, licence=licence)


def _author(told: Mapping[str, Any]) -> str:
    """An author of a CFF file: a group's name, or a person's in the order of speech."""
    return str(told.get("name") or " ".join(told[k] for k in ("given-names", "family-names") if k in told))


def _task(name: str) -> Work:
    """A task, by its version and the hash of its code."""
    one, digest = find.task(name), find.task_digest(name)
    whole = suite()
    note = f"Task of rewardbench-suite {whole.version}, code {digest[:16]}"
    title = f"{name}: {one.summary.rstrip('.')}"
    return Work(_key(name), "dataset", title, whole.authors, whole.year, str(one.version), note=note)


def _sources(name: str) -> list[Work]:
    """What a task's data is of, as the `sources.toml` beside its card says."""
    path = find.task_folder(name) / "sources.toml"
    if not path.is_file():
        return []
    found = []
    for told in tomllib.loads(path.read_text())["source"]:
        key = f"{told['authors'][0].rpartition(' ')[2].lower()}{told['year']}{told['title'].split()[0].lower()}"
        found.append(Work(key, "article", told["title"], tuple(told["authors"]), told["year"], url=told["url"]))
    return found


def _board(asked: str) -> Work:
    """A board, by its version and digest."""
    board, whole = definition.read(asked), suite()
    note = f"Board of rewardbench-suite, SHA-256 of its definition {board.digest}"
    title = f"{board.name}, version {board.version}: {board.summary}"
    key = _key(board.name, f"v{board.version}")
    return Work(key, "dataset", title, whole.authors, whole.year, str(board.version), note=note)


def _names(board: str) -> list[str]:
    """The entries of a board."""
    return sorted(p.parent.name for p in (definition.read(board).folder / "entries").glob("*/entry.json"))


def _entry(asked: str, name: str) -> Work:
    """An entry of a board, by its authors and digest."""
    board, whole = definition.read(asked), suite()
    if name not in _names(asked):
        raise unknown(f"entry of board {board.name}", name, _names(asked))
    folder = board.folder / "entries" / name
    about = entries.read(folder).about
    digest = json.loads((folder / "manifest.json").read_text())["digest"]
    note = f"Entry on board {board.name}, version {board.version}, of rewardbench-suite, digest {digest}"
    title = f"{name}: {about['summary'] or 'a reward design'}"
    authors = tuple(about["authors"]) or whole.authors
    links = about.get("links") or [""]
    key = _key(board.name, f"v{board.version}", name)
    return Work(key, "dataset", title, authors, whole.year, digest[:16], links[0], note, str(about["licence"]))


def _key(*words: str) -> str:
    """A BibTeX key of the suite.

    >>> _key("qa/lookup")
    'rewardbench_suite_qa_lookup'
    """
    return re.sub(r"[^a-z0-9]+", "_", "_".join(("rewardbench_suite", *words)).lower())


# --- forms ---------------------------------------------------------------------------------------


def tex(text: str) -> str:
    """The text as TeX prints it.

    >>> tex("50% of a_b & {c}")
    '50\\\\% of a\\\\_b \\\\& \\\\{c\\\\}'
    """
    return "".join(SPECIAL.get(c, c) for c in " ".join(text.split()))


def bibtex(found: Sequence[Work]) -> str:
    """BibTeX entries, one a work; a group's name is kept together."""
    return "\n\n".join(_bibtex(work) for work in found)


def _bibtex(work: Work) -> str:
    group = len(work.authors) == 1 and work.authors[0].startswith("The ")
    names = " and ".join(tex(a) for a in work.authors)
    fields = {
        "title": "{" + tex(work.title) + "}",
        "author": "{" + names + "}" if group else names,
        "year": str(work.year),
        "version": tex(work.version),
        "url": work.url,
        "note": tex(work.note),
    }
    kind = "article" if work.kind == "article" else "misc"
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{work.key},", *lines, "}"])


def plain(found: Sequence[Work]) -> str:
    """A line a work."""
    return "\n".join(_plain(work) for work in found)


def _plain(work: Work) -> str:
    version = f", version {work.version}" if work.version else ""
    rest = [t for t in (work.note, work.url) if t]
    return ". ".join([f"{', '.join(work.authors)} ({work.year}). {' '.join(work.title.split())}{version}", *rest]) + "."


def cff(found: Sequence[Work]) -> str:
    """A CITATION.cff of the first work, with the others as its references; the suite's own is given as it is."""
    import yaml

    if found[0] == suite():
        return citation().read_text().rstrip("\n")
    head = {"cff-version": "1.2.0", "message": "If you use this, please cite it as below.", **_cff_of(found[0])}
    if rest := [_cff_of(work) for work in found[1:]]:
        head["references"] = rest
    return str(yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=120)).rstrip("\n")


def _cff_of(work: Work) -> dict[str, Any]:
    """A work under the keys of the Citation File Format."""
    told = {
        "type": work.kind,
        "title": " ".join(work.title.split()),
        "authors": [{"name": a} for a in work.authors],
        "version": work.version,
        "license": work.licence,
        "url": work.url,
    }
    notes = {"abstract" if work.kind == "dataset" else "notes": work.note}
    year = {"year": work.year} if work.kind == "article" else {}
    return {k: v for k, v in (told | notes | year).items() if v}


FORMS: Mapping[str, Callable[[Sequence[Work]], str]] = {"bibtex": bibtex, "cff": cff, "plain": plain}
