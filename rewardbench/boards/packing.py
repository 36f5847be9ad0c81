"""How do finished runs become an entry? Read from sweeps, held against the board, written as rows and numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rewardbench import disk, find, trace
from rewardbench.boards import definition, entries, numbers, rows
from rewardbench.boards.definition import Board
from rewardbench.design import design_hash
from rewardbench.find.names import unknown
from rewardbench.plan import RunSpec, read_run
from rewardbench.results import Loaded
from rewardbench.types import UserError


@dataclass(frozen=True)
class Found:
    """The finished runs of one design on one task, seeds in the board's order."""

    task: str
    design: str
    design_hash: str
    algorithm: str
    """Empty where nothing was taught."""
    runs: tuple[Path, ...]
    sources: Path
    """Where the sweep keeps copies of a user's own files."""


@dataclass(frozen=True)
class About:
    """What an entry says of itself beside its numbers."""

    name: str
    kind: str = "submitted"
    summary: str = ""
    authors: tuple[str, ...] = ()
    relationship: str = "author"
    """Of who ran it to the design: `author`, `third party` or `maintainers`."""
    licence: str = "CC-BY-4.0"
    links: tuple[str, ...] = ()
    specs_tried: int | None = None
    """How many designs were tried, this one included; None: not stated, and shown as such."""
    more: Mapping[str, Any] = field(default_factory=dict)


def finished(board: Board, folders: Sequence[Path]) -> tuple[list[Found], list[str]]:
    """(designs that have all of the board's seeds on a task, what is wrong with the others), from sweep folders."""
    groups: dict[tuple[str, str, str, str], dict[int, tuple[Path, Path]]] = {}
    known: dict[tuple[str, str], RunSpec] = {}
    wrong: list[str] = []
    for folder in folders:
        for run in sorted((folder / "runs").glob("*/spec.toml")):
            spec, state = read_run(run.parent), trace.status(run.parent)["status"]
            if (fault := _fault(board, spec, known)) is not None:
                wrong.append(f"{spec.task} {spec.design.name}: {fault}")
            elif state in ("done", "failed"):
                taught = spec.algorithm if spec.design.trains else ""
                key = (spec.task, spec.design.name, spec.design_hash, taught)
                groups.setdefault(key, {})[spec.seed] = (run.parent, folder)
    found = []
    for (task, name, digest, taught), runs in groups.items():
        wanted = board.seed_list(seeds_of(board, name))
        lacking = [s for s in wanted if s not in runs]
        if lacking:
            wrong.append(f"{task} {name}: {len(lacking)} of its {len(wanted)} seeds are not finished")
            continue
        places = [runs[s] for s in wanted]
        found.append(Found(task, name, digest, taught, tuple(p for p, _ in places), places[0][1] / "sources"))
    return found, list(dict.fromkeys(wrong))


def seeds_of(board: Board, design: str) -> int:
    """How many seeds a design has on a board: arms and the baseline have more."""
    more = board.controls if board.algorithms else (*board.controls, board.baseline)
    return board.control_seeds if design in more else board.seeds


def _fault(board: Board, spec: RunSpec, known: dict[tuple[str, str], RunSpec]) -> str | None:
    """What of a run is not the board's, its seed included; `known` keeps what the board runs, by task and algorithm."""
    if spec.task not in board.tasks:
        return f"it is no task of board {board.name}"
    if spec.seed not in board.seed_list(board.control_seeds):
        return f"its seed {spec.seed} is not the board's"
    key = (spec.task, spec.algorithm)
    if key not in known:
        known[key] = definition.fixed(board, *key)
    return definition.unlike(spec, known[key])


def kind_of(board: Board, one: Found) -> tuple[str, str]:
    """(kind, entry name) of a design that a board ships: an arm, a task's own, or one that the generator drew."""
    if one.design in find.arms() and design_hash(find.design(one.design, one.task)) == one.design_hash:
        return "control", one.design
    if board.algorithms:
        same = one.design_hash == design_hash(find.design(board.baseline, one.task))
        return ("handmade" if same else "submitted"), one.algorithm
    drawn = board.folder / "designs" / one.task / f"{one.design}.toml"
    if drawn.is_file() and design_hash(find.design(str(drawn), one.task)) == one.design_hash:
        return "generated", f"{entries.slug(one.task)}-{one.design}"
    if one.design in find.task_designs(one.task) and design_hash(find.design(one.design, one.task)) == one.design_hash:
        return "handmade", one.design
    return "submitted", one.design


def summary_of(board: Board, design: str, algorithm: str, task: str) -> str:
    """The summary that a shipped design's file has; of an arm what it is, of an algorithm's entry what that is."""
    if design in find.arms():
        return find.arms()[design]
    if board.algorithms:
        return find.listing("algorithms").get(algorithm, "")
    return find.listing("designs").get(f"{task}/{design}", "")


def joined(said: Mapping[str, str]) -> str:
    """One summary of those of each task (task -> summary): the one that all have, or each after its task's name.

    >>> joined({"qa/lookup": "Pays.", "writing/story": "Pays."})
    'Pays.'
    >>> joined({"qa/lookup": "Pays.", "writing/story": "Asks."})
    'qa/lookup: Pays; writing/story: Asks'
    """
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{task}: {text.rstrip('.')}" for task, text in said.items() if text)


def write(
    board: Board, about: About, found: Sequence[Found], folder: Path, thin: bool, control: Sequence[Found] = ()
) -> str:
    """Write an entry's folder (or another task of it), numbers and manifest; returns its digest.

    `control` are the finished `untrained` runs that a bundle brings along; without them the board's own are used.
    """
    for one in found:
        rows.pack(one.runs, folder / entries.slug(one.task), thin)
    for one in control:
        rows.pack(one.runs[: board.seeds], folder / entries.CONTROL / entries.slug(one.task), thin)
    _sources(found, folder)
    tasks = [t for t in board.tasks if (folder / entries.slug(t) / "spec.toml").is_file()]
    told = {}
    for task in tasks:
        runs = rows.load(folder / entries.slug(task))
        told[task] = numbers.of_task(board, runs, base_of(board, folder, task, runs))
    return entries.write(folder, _about(board, about, folder, told))


def base_of(board: Board, folder: Path, task: str, runs: Sequence[Loaded]) -> list[Loaded]:
    """The `untrained` runs that an entry's numbers are relative to: its own, a bundle's, or the board's.

    Raises UserError (code 5) where there is none.
    """
    if not runs[0].spec.design.trains:
        return list(runs)
    for place in (folder / entries.CONTROL, board.folder / "entries" / "untrained"):
        if (place / entries.slug(task) / "spec.toml").is_file():
            return rows.load(place / entries.slug(task))
    entries.at_hand(board.folder)  # a wheel's board has them, elsewhere
    raise UserError(f"board {board.name} has no `untrained` runs of {task}: add those first", 5)


def _sources(found: Sequence[Found], folder: Path) -> None:
    """Copy the user's own files that the designs need."""
    for one in found:
        for part in read_run(one.runs[0]).design.parts:
            if find.is_copied(part):
                place, _ = find.copy_of(part)
                disk.write_whole(folder / "sources" / place, (one.sources / place).read_bytes())


def _about(board: Board, about: About, folder: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """What `entry.json` holds."""
    own = any(":" in p.use for t in told for p in rows.load(folder / entries.slug(t))[0].spec.design.parts)
    return {
        "schema_version": entries.SCHEMA,
        "entry": about.name,
        "kind": about.kind,
        "division": "open" if own else "closed",
        "summary": about.summary,
        "board": {"name": board.name, "version": board.version, "digest": board.digest},
        "authors": list(about.authors),
        "relationship": about.relationship,
        "licence": about.licence,
        "links": list(about.links),
        "disclosure": {"specs_tried": about.specs_tried},
        **about.more,
        "tasks": dict(told),
    }


@dataclass(frozen=True)
class Added:
    """What became of finished runs."""

    written: tuple[str, ...]
    """Entries whose numbers were written."""
    wrong: tuple[str, ...]
    """What is not finished, or not the board's to ship."""
    kept: tuple[str, ...] = ()
    """Entries that hold other runs already, and were left as they are; why, in a line each."""


def add_own(board: Board, folders: Sequence[Path], over: Sequence[str] = ()) -> Added:
    """Put the finished designs that a board ships into its folder.

    `untrained` goes first: the other numbers are relative to it. An entry that has other runs of a task keeps them,
    unless it is named in `over`. Raises UserError where a name in `over` is none of theirs.
    """
    found, wrong = finished(board, folders)
    named: dict[str, list[tuple[str, Found]]] = {}
    for one in found:
        kind, name = kind_of(board, one)
        named.setdefault(name, []).append((kind, one))
    for name in over:
        if name not in named:
            raise unknown("entry of these runs", name, named)
    written, kept = [], []
    for name in sorted(named, key=lambda n: (n != "untrained", n)):
        kind, first = named[name][0]
        if kind == "submitted":
            wrong.append(f"{first.task} {name}: no design that the board ships; hand it in with `rbench submit`")
            continue
        folder = board.folder / "entries" / name
        if reason := _otherwise(folder, kind, [one for _, one in named[name]], name in over):
            kept.append(f"{name}: {reason}")
            continue
        there = {one.task for _, one in named[name]} | {
            t for t in board.tasks if (folder / entries.slug(t) / "spec.toml").is_file()
        }
        said = {t: summary_of(board, first.design, first.algorithm, t) for t in board.tasks if t in there}
        about = About(name, kind, joined(said), ("rewardbench-suite",), "maintainers")
        write(board, about, [one for _, one in named[name]], folder, thin=True)
        written.append(name)
    return Added(tuple(written), tuple(wrong), tuple(kept))


def _otherwise(folder: Path, kind: str, found: Sequence[Found], over: bool) -> str:
    """Why an entry's folder is not to be written: it is somebody's, or has other runs of a task; else nothing."""
    if not (folder / "entry.json").is_file():
        return ""
    there = entries.read(folder).kind
    if there == "submitted" != kind:
        return "an entry of that name was handed in, and stays as it is"
    if over:
        return ""
    for one in found:
        if difference := _changed(folder / entries.slug(one.task), one):
            return f"its runs of {one.task} are others ({difference}); --replace {folder.name} writes it anew"
    return ""


def _changed(old: Path, one: Found) -> str:
    """How the finished runs of a design differ from those that an entry has of the task, in words; else nothing.

    A run is what its id and the hash of its content say: what an older version kept of the same run is no difference.
    """
    if not (old / "spec.toml").is_file():
        return ""
    then, now = ({r["seed"]: r for r in told} for told in (rows.endings_of(old), rows.endings(one.runs)))
    if then == now:
        return ""
    with tempfile.TemporaryDirectory(prefix="rbench-") as place:
        rows.pack(one.runs, Path(place), thin=True)
        there = {n: (old / n).read_bytes() for n in entries.FILES if (old / n).is_file()}
        files = [n for n in entries.FILES if there.get(n) != (Path(place) / n).read_bytes()]
    seeds = [s for s in {**then, **now} if then.get(s) != now.get(s)]
    return f"{', '.join(files)}: {len(seeds)} of {len(now)} seeds, the first is {seeds[0]}"
