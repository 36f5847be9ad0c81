"""How does somebody enter a board? Runs as the board has them, gathered whole, packed with all words in one bundle."""

from __future__ import annotations

import hashlib
import io
import shlex
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rewardbench import disk, find, trace
from rewardbench.boards import definition, entries, numbers, packing, secrets
from rewardbench.boards.definition import Board
from rewardbench.boards.packing import About, Found
from rewardbench.find.names import unknown
from rewardbench.plan import RunSpec, read_run
from rewardbench.spec import Spec
from rewardbench.types import UserError

FIXED = ("policy", "algorithm", "options", "budget", "seeds", "split")
"""What a board says of a run, and nobody else."""
BASE = "untrained"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a bundle: the least that a zip archive can say."""


# --- running -------------------------------------------------------------------------------------


def asked(name: str, found: Spec, given: Mapping[str, Any]) -> Spec:
    """What is run for a board: its own spec with the designs that were asked for, and `untrained`.

    `found` is a spec file's, `given` are flags. Raises UserError where one says what the board fixes.
    """
    board = definition.read(name)
    _check_free(board, found, given)
    tasks = tuple(given.get("tasks") or found.tasks or board.tasks)
    for task in tasks:
        if task not in board.tasks:
            raise unknown(f"task of board {board.name}", task, board.tasks)
    designs = tuple(given.get("designs") or found.designs)
    if board.algorithms and (other := [d for d in designs if d != board.baseline]):
        taught = f"each is taught by the design {board.baseline!r}, so leave out --design and name it with --algorithm"
        raise UserError(f"board {board.name} ranks algorithms, not designs such as {other[0]!r}: {taught}")
    count = _count(board, given["seeds"]) if "seeds" in given else board.seeds
    algorithm = _algorithm(board, given)
    made = definition.spec(board, tasks, (*designs, BASE) if designs else (), count, alone=True, algorithm=algorithm)
    return replace(made, **{k: given.get(k, getattr(found, k)) for k in ("ablate", "sweep", "reward_timeout")})


def _check_free(board: Board, found: Spec, given: Mapping[str, Any]) -> None:
    """Raise UserError where flags or a spec file say what the board says already."""
    free = ("seeds", "algorithm") if board.algorithms else ("seeds",)
    flags = [f"--{k}" for k in FIXED if k in given and k not in free]
    keys = [f"{k} in the spec file" for k in FIXED if getattr(found, k) != getattr(Spec(), k)]
    if flags or keys:
        fixed = f"policy {board.policy}, algorithm {board.algorithm}, budget {board.budget}, {board.seeds} seeds"
        raise UserError(f"board {board.name} fixes {fixed} and its options; leave out {', '.join(flags + keys)}")


def _algorithm(board: Board, given: Mapping[str, Any]) -> str:
    """The board's algorithm, or, of a board that ranks them, the one that was asked for."""
    asked = str(given.get("algorithm", board.algorithm))
    if asked not in (board.algorithms or (asked,)):
        raise unknown(f"algorithm of board {board.name}", asked, board.algorithms)
    return asked


def _count(board: Board, text: str) -> int:
    """How many of the board's seeds `--seeds` asks for."""
    if not text.isdigit() or not 1 <= int(text) <= board.control_seeds:
        told = f"give a count from 1 to {board.control_seeds}, for the first of its own"
        raise UserError(f"seeds {text!r}: board {board.name} has seeds of its own, which nobody picks; {told}")
    return int(text)


# --- gathering -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """A run's folder, the spec in it, how it stands, and the sweep that it is of."""

    spec: RunSpec
    folder: Path
    state: str
    sweep: Path


@dataclass(frozen=True)
class Entered:
    """What is handed in: a design on some tasks, and the `untrained` runs that its numbers are relative to."""

    design: tuple[Found, ...]
    control: tuple[Found, ...]

    @property
    def failed(self) -> int:
        """How many of the design's runs failed; they count."""
        return sum(trace.status(run)["status"] == "failed" for one in self.design for run in one.runs)


def gather(board: Board, folders: Sequence[Path], design: str | None = None) -> Entered:
    """The runs of one design, and of `untrained`, on the board's seeds, of every task that the sweeps have it on.

    Failed runs are runs. Raises UserError where something is missing, not over (code 8), changed (code 5), not the
    board's, or where it is not clear which design is meant.
    """
    if board.algorithms:
        raise UserError(f"board {board.name} ranks the algorithms that ship, not designs: nothing is handed in there")
    runs = [run for folder in folders for run in _recorded(folder)]
    name = _chosen(runs, design)
    tasks = [t for t in board.tasks if any(r.spec.task == t and r.spec.design.name == name for r in runs)]
    others = sorted({r.spec.task for r in runs if r.spec.design.name == name} - set(board.tasks))
    if others:
        raise UserError(f"board {board.name} has no task {others[0]!r} (it has: {', '.join(board.tasks)})")
    both = [tuple(_whole(board, task, n, runs) for task in tasks) for n in (name, BASE)]
    return Entered(*both)


def _recorded(folder: Path) -> list[Recorded]:
    """The runs of a sweep's folder."""
    places = [folder / "runs" / str(name) for name in trace.head(folder)["runs"]]
    return [Recorded(read_run(p), p, trace.status(p)["status"], folder) for p in places]


def _chosen(runs: Sequence[Recorded], asked: str | None) -> str:
    """The name of the one design that is handed in."""
    there = list(dict.fromkeys(r.spec.design.name for r in runs if r.spec.design.name not in find.arms()))
    if asked is not None and asked in find.arms():
        raise UserError(f"{asked!r} is a reference entry that every board has; hand in a design")
    if asked is not None and asked not in there:
        raise unknown("design of these runs", asked, there)
    if asked is None and len(there) != 1:
        named = f"several designs: {', '.join(there)}; say which with --design" if there else "no design but arms"
        raise UserError(f"these runs have {named}")
    return asked or there[0]


def _whole(board: Board, task: str, name: str, runs: Sequence[Recorded]) -> Found:
    """All of the board's seeds of a design on a task."""
    mine = [r for r in runs if r.spec.task == task and r.spec.design.name == name]
    if len({r.spec.design_hash for r in mine}) > 1:
        raise UserError(f"{task}: these runs have two designs that are called {name!r}; give the runs of one")
    wanted = definition.fixed(board, task)
    for run in mine:
        if (fault := definition.unlike(run.spec, wanted)) is not None:
            raise UserError(f"{task} {name}: {fault}; run it with `rbench run --board {board.name}`")
        if any(p.use == "oracle" for p in run.spec.design.parts):
            raise UserError(f"{task} {name}: it is paid in gold, which teaches nobody on a board")
    found = [_one(board, task, name, seed, mine) for seed in board.seed_list(board.seeds)]
    if not any(trace.evaluations(r.folder) for r in found):
        raise UserError(f"{task} {name}: every run failed before anything was measured; there is nothing to show")
    first = found[0]
    taught = first.spec.algorithm if first.spec.design.trains else ""
    folders = tuple(r.folder for r in found)
    return Found(task, name, first.spec.design_hash, taught, folders, first.sweep / "sources")


def _one(board: Board, task: str, name: str, seed: int, runs: Sequence[Recorded]) -> Recorded:
    """The finished run on a seed."""
    mine = [r for r in runs if r.spec.seed == seed]
    if not mine:
        there = len({r.spec.seed for r in runs} & set(board.seed_list(board.seeds)))
        told = f"{task} {name}: {there} of the board's {board.seeds} seeds are there"
        raise UserError(f"{told}; `{_whole_again(board, task, name, runs)}` runs all of them: pack that folder too")
    over = [r for r in mine if r.state != "partial"]
    if not over:
        left = sum(r.state == "partial" for r in runs)
        raise UserError(f"{task} {name}: {left} runs are not over; `rbench resume {mine[0].sweep}` goes on", 8)
    contents = {trace.status(r.folder).get("content") for r in over}
    if len(contents) > 1:
        which = f"{task} {name}, seed {seed}: run {over[0].spec.id}"
        raise UserError(f"{which} is there twice and differs; give one of them")
    if over[0].spec.id != over[0].folder.name or trace.content_hash(over[0].folder) not in contents:
        what = ", ".join(trace.changed(over[0].folder) or ()) or "its record"
        raise UserError(f"{over[0].folder.name}: {what} changed since the run was over", 5)
    return over[0]


def _whole_again(board: Board, task: str, name: str, runs: Sequence[Recorded]) -> str:
    """The command that runs all of the board's seeds of a design on a task."""
    shipped = definition.boards().get(board.name) == board.folder
    place = board.name if shipped else str(board.folder)
    out = runs[0].sweep.with_name(f"{runs[0].sweep.name}-whole") if runs else Path("runs") / f"{name}-whole"
    words = ["--board", place, "--task", task, "--design", _given(task, name, runs), "--out", str(out)]
    return f"rbench run {shlex.join(words)}"


def _given(task: str, name: str, runs: Sequence[Recorded]) -> str:
    """A design as `--design` takes it: its name where it ships, else the file that its sweep keeps a copy of."""
    if name in find.arms() or name in find.task_designs(task):
        return name
    sources = runs[0].sweep / "sources"
    parts, kept = runs[0].spec.design.parts, sources / "designs" / f"{name}.toml"
    own = [p for p in parts if find.is_copied(p)]
    if kept.is_file():
        return f"{name}.toml" if own else str(kept)
    if len(parts) == len(own) == 1 and own[0].use.endswith(f":{name}"):
        return f"{sources / find.copy_of(own[0])[0]}:{name}"
    return f"FILE.py:{name}"  # written in Python: its parts are kept, and not where it stands


# --- packing -------------------------------------------------------------------------------------


def summary_of(board: Board, entered: Entered) -> str:
    """The summary that the design's own file has; task by task where it ships with another one on each."""
    return packing.joined({one.task: _summary(board, one) for one in entered.design})


def _summary(board: Board, one: Found) -> str:
    """That of the design on one task; "" where it has none, or a sweep of an earlier version kept no copy of it."""
    if packing.kind_of(board, one)[0] != "submitted":
        return packing.summary_of(board, one.design, one.algorithm, one.task)
    path = one.sources / "designs" / f"{one.design}.toml"
    said = tomllib.loads(path.read_text(encoding="utf-8")).get("summary", "") if path.is_file() else ""
    return " ".join(str(said).split())


@dataclass(frozen=True)
class Bundle:
    """A bundle that was written."""

    file: Path
    bytes: int
    sha256: str
    digest: str
    """Of the entry in it: SHA-256 of the canonical list of its files."""
    about: Mapping[str, Any]


def pack(board: Board, about: About, entered: Entered, out: Path, over: bool = False) -> Bundle:
    """Write an entry with all of its words, and the `untrained` runs beside it, as one archive of the same bytes.

    Raises UserError (code 3) where a file holds what looks like a key, or a path of somebody's home; (code 2) where
    `out` is a folder, or is another bundle and is not to be written `over`.
    """
    entries.check_name(about.name)
    if out.is_dir():
        raise UserError(f"{out} is a folder: -o names the file of the bundle, such as {out / about.name}.zip")
    with tempfile.TemporaryDirectory(prefix="rbench-") as fresh:
        folder = Path(fresh) / about.name
        digest = packing.write(board, about, entered.design, folder, thin=False, control=entered.control)
        secrets.check(folder)
        told = entries.read(folder).about
        data = archive(folder)
    if out.is_file() and not over and out.read_bytes() != data:
        raise UserError(f"{out} is there already and holds another bundle: give another -o, or --replace it")
    disk.write_asked(out, data)
    return Bundle(out, len(data), hashlib.sha256(data).hexdigest(), digest, told)


def archive(folder: Path) -> bytes:
    """A zip of an entry's folder: sorted names, one date, nothing deflated, so that the same files are the same bytes.

    Tables are compressed already, and another version of a library would deflate the rest to other bytes.
    """
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:
        for path in [*entries.files(folder), folder / "manifest.json"]:
            info = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", EPOCH)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            file.writestr(info, path.read_bytes())
    return sink.getvalue()


# --- telling -------------------------------------------------------------------------------------


def as_json(made: Bundle, entered: Entered) -> dict[str, Any]:
    """What `rbench submit pack --json` prints."""
    about = made.about
    return {
        "schema_version": 1,
        "file": str(made.file),
        "bytes": made.bytes,
        "sha256": made.sha256,
        "digest": made.digest,
        "entry": about["entry"],
        "division": about["division"],
        "board": dict(about["board"]),
        "tasks": {
            t: {"design_hash": v["design_hash"], "means": v["means"], "reasons": numbers.lacking(v)}
            for t, v in about["tasks"].items()
        },
        "failed": entered.failed,
    }


def lines(made: Bundle, entered: Entered) -> list[str]:
    """What is printed for a person."""
    about = made.about
    head = f"{made.file}: entry {about['entry']} ({about['division']} division) on board {about['board']['name']}"
    said = [f"{head}, {made.bytes / 1e6:.1f} MB, SHA-256 {made.sha256}"]
    for task, told in about["tasks"].items():
        mean = told["means"].get("quality")
        quality = f"Q {mean['mean']:.3f} [{mean['low']:.3f}, {mean['high']:.3f}]" if mean else "Q not known"
        said.append(f"  {task}: {quality}, {len(told['runs'])} seeds")
    summary = f"summary: {about['summary']}" if about["summary"] else "no summary: --summary S says what it pays for"
    said.append(f"  {summary}")
    if entered.failed:
        said.append(f"  {entered.failed} runs failed: they are in the bundle, and count")
    if about["disclosure"]["specs_tried"] is None:
        said.append("how many designs were tried is not stated, and is shown so: --specs-tried N says it")
    return [*said, f"next: rbench submit check {made.file}"]
