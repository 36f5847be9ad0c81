"""Who is an entry, what became of it on each task, and how is it made again and cited?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rewardbench.pages.bibtex import entry, key, names, tex
from rewardbench.pages.board_designs import against, combined, notes, part_line
from rewardbench.pages.board_rows import KINDS, LETTERS, UNSTATED, badge, ranks_of, reached
from rewardbench.pages.board_words import changed
from rewardbench.pages.numbers import bracket, fixed, signed
from rewardbench.pages.safe import label, safe_link
from rewardbench.results import AXES

Json = Mapping[str, Any]


@dataclass(frozen=True)
class On:
    """An entry on one task."""

    task: str
    parts: tuple[tuple[str, str], ...]
    """What the design pays: (a part in a line, how the baseline's differs; empty where it does not)."""
    combine: str
    against: tuple[str, ...]
    """What the baseline's design has and this one lacks, and how else it is put together."""
    runs: tuple[Json, ...]
    quality: str
    """Q with its interval, then its worst and best seed."""
    ranks: tuple[str, ...]
    quality_verdict: str
    """Q's verdict, for a page without the table; "" where there is none."""
    judged: tuple[str, ...]
    """A verdict an axis but Q, whose verdict the table has."""
    weights: Json | None
    """Where 1,000 draws of the weights place it."""
    why: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """An entry's section of the page."""

    name: str
    key: str
    kind: str
    division: str
    evidence: str
    about: Json
    facts: tuple[tuple[str, str], ...]
    links: tuple[str, ...]
    tasks: tuple[On, ...]
    reproduce: str
    bibtex: str
    """Of what was handed in; the board's own entries are cited as the board."""
    changes: tuple[tuple[str, str], ...] = ()
    """(a change of its state in words, an address or nothing), first to last."""


def sections(told: Json) -> list[Section]:
    """A section an entry, in the order of the entries' names."""
    keys = key_of(told)
    return [_section(told, about, keys[about["entry"]]) for about in told["entries"]]


def key_of(told: Json) -> dict[str, str]:
    """Entry -> the id of its section: by its place, so that no name ever becomes markup."""
    return {about["entry"]: f"e{n}" for n, about in enumerate(told["entries"])}


def _section(told: Json, about: Json, key: str) -> Section:
    rows = [(t, r) for t in told["tasks"] for r in t["rows"] if r["entry"] == about["entry"]]
    return Section(
        name=about["entry"],
        key=key,
        kind=KINDS.get(str(about["kind"]), str(about["kind"])),
        division=str(about.get("division", "closed")),
        evidence=str(about.get("evidence") or next((r["evidence"] for _, r in rows if r.get("evidence")), UNSTATED)),
        about=about,
        facts=_facts(about),
        links=tuple(u for u in about.get("links") or () if safe_link(u)),
        tasks=tuple(_on(told, task, row) for task, row in rows),
        reproduce=reproduce(told, about["entry"]),
        bibtex=bibtex(told, about) if about["kind"] == "submitted" else "",
        changes=changes(about),
    )


@dataclass(frozen=True)
class Tombstone:
    """What stands for an entry that left."""

    name: str
    tasks: str
    authors: str
    changes: tuple[tuple[str, str], ...]


def tombstones(told: Json) -> list[Tombstone]:
    """The entries that left, by name."""
    return [
        Tombstone(t["entry"], ", ".join(t["tasks"]), ", ".join(t["authors"]), changes(t))
        for t in told.get("tombstones") or ()
    ]


def changes(about: Json) -> tuple[tuple[str, str], ...]:
    """Every recorded change of an entry's state in words, with the address of the evidence where it may be a link."""
    found = about.get("changes") or ()
    return tuple((changed(c), str(c["link"]) if safe_link(c["link"]) else "") for c in found)


def _facts(about: Json) -> tuple[tuple[str, str], ...]:
    """Who handed it in, and what they say of it."""
    tried = (about.get("disclosure") or {}).get("specs_tried")
    found = [
        ("By", ", ".join(map(str, about.get("authors") or ()))),
        ("run by", str(about.get("relationship") or "")),
        ("licence", str(about.get("licence") or "")),
        ("designs tried:", "not stated" if tried is None else str(tried)),
        ("digest", str(about.get("digest") or "")[:16]),
    ]
    return tuple((k, v) for k, v in found if v)


def _on(told: Json, task: Json, row: Json) -> On:
    board = told["board"]
    base = next((r for r in task["rows"] if r["entry"] == board["baseline"]), None)
    spec, other = row.get("spec") or {}, (base or row).get("spec") or {}
    differs = notes(spec, other)
    lines = [part_line(p) for p in spec.get("parts") or ()]
    return On(
        task=task["task"],
        parts=tuple(zip(lines, differs, strict=True)),
        combine=combined(spec),
        against=against(spec, other),
        runs=tuple(row["runs"]),
        quality=_quality(row),
        ranks=tuple(f"{LETTERS[a]} {_rank(r)}" for a, r in ranks_of(row).items()),
        quality_verdict=_judged("quality", q) if (q := (row["verdicts"] or {}).get("quality")) else "",
        judged=tuple(_judged(a, v) for a in AXES[1:] if (v := (row["verdicts"] or {}).get(a))),
        weights=next((w for w in task["weights"]["rows"] if w["entry"] == row["entry"]), None),
        why=tuple(
            f"{LETTERS[a]} is not known: {w}"
            for a, w in row.get("reasons", {}).items()
            if not (task["one_answer"] and a == "diversity")
        ),
    )


def _quality(row: Json) -> str:
    """Q in a few words; empty where it is not known."""
    told = row["means"].get("quality")
    if told is None:
        return ""
    span = reached([r["quality"] for r in row["runs"]], len(row["runs"]))
    return f"Q {fixed(told['mean'])} {bracket(told['low'], told['high'])}, seeds {span.shown}"


def _judged(axis: str, told: Json) -> str:
    """A verdict in a few words."""
    gap = f"{signed(told['difference'])} {bracket(told['low'], told['high'])}"
    return f"{LETTERS[axis]} {told['verdict']} {gap}"


def _rank(ranks: tuple[int, int]) -> str:
    first, between = badge(ranks)
    return between or first


# --- again ---------------------------------------------------------------------------------------


def reproduce(told: Json, entry: str) -> str:
    """The command that makes an entry's numbers again, in a clone: what is installed has no entries.

    >>> reproduce({"board": {"name": "cpu"}}, "reference")
    'rbench reproduce leaderboards/cpu/reference'
    """
    return f"rbench reproduce leaderboards/{word(told['board']['name'])}/{word(entry)}"


def word(text: str) -> str:
    """A name as one harmless word of a command line.

    >>> word("a-b.c"), word("a; rm -rf /")
    ('a-b.c', 'a__rm_-rf__')
    """
    return "".join(c if c.isascii() and (c.isalnum() or c in "._@=-") else "_" for c in text)


def bibtex(told: Json, about: Json) -> str:
    """A BibTeX entry for a row of the board: who, which board and version, which digests; the key of `rbench cite`."""
    board = told["board"]
    fields = {
        "title": "{" + tex(label(f"{about['entry']}, on the rewardbench-suite board {board['name']}")) + "}",
        "author": names(label(str(a)) for a in about.get("authors") or ("unknown",)),
        "version": str(board["version"]),
        "note": ". ".join(_digests(board, about)),
    }
    return entry(key(board["name"], f"v{board['version']}", word(about["entry"])), fields)


def _digests(board: Json, about: Json) -> list[str]:
    """What was cited, to the bit."""
    own = [f"SHA-256 of the entry's files {about['digest']}"] if about.get("digest") else []
    return [f"Board version {board['version']}", f"SHA-256 of the board's definition {board['digest']}", *own]


def board_bibtex(told: Json) -> str:
    """A BibTeX entry for the board itself."""
    board = told["board"]
    fields = {
        "title": "{" + tex(label(f"The rewardbench-suite board {board['name']}")) + "}",
        "author": names(["The rewardbench-suite authors"]),
        "version": str(board["version"]),
        "note": ". ".join(_digests(board, {})),
    }
    return entry(key(board["name"], f"v{board['version']}"), fields)
