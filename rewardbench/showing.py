"""What does a name mean? A thing resolved to plain values, with its hash."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from rewardbench import find, trace
from rewardbench.beside import beside
from rewardbench.calling import needed
from rewardbench.design import design_hash, values
from rewardbench.disk import finite
from rewardbench.plan import portable, read_run
from rewardbench.policies import settings as policies
from rewardbench.results import Loaded, Result, anchor_of, load_run, score
from rewardbench.tables import as_row
from rewardbench.types import Anchor, Design, Part, UserError


def resolve(thing: str, task: str | None, path: Path) -> dict[str, Any]:
    """The thing of that name, whichever kind it is; raises UserError with the nearest name."""
    head = {"schema_version": 1}
    if task is not None:
        return head | _design(thing, task)
    if thing in find.task_folders():
        return head | _task(thing)
    family, _, last = thing.rpartition("/")
    if family in find.task_folders():
        return head | _design(last, family)
    if thing in find.files("algorithms"):
        return head | _algorithm(thing, _hash("algorithms", thing))
    if thing in find.parts():
        return head | _part(thing)
    if thing in find.files("metrics"):
        module = import_module(f"rewardbench.metrics.{thing}")
        text = inspect.getdoc(getattr(module, thing, module)) or ""
        told = {"summary": find.files("metrics")[thing], "hash": _hash("metrics", thing), "text": text}
        return head | {"kind": "metric", "name": thing} | told
    if (path / "sweep.toml").is_file() or (path / "spec.toml").is_file():
        return head | _folder(path)
    if thing in (*policies.shipped(), *policies.known()) or any(path.glob("config.json")) or any(path.glob("*.gguf")):
        return head | _policy(thing)
    if thing in find.arms():  # the same on every task
        return head | _told(find.arm(thing), None)
    if find.is_algorithm(thing):
        return head | _algorithm(thing, find.own_part(thing).source)
    owners = find.owners(thing)
    if owners or thing.endswith(".toml") or ".py:" in thing:
        like = f"--task {owners[0]}" if owners else "--task T"
        raise UserError(f"{thing!r} is a design: name its task too, such as `rbench show {thing} {like}`")
    files = [name for folder in ("metrics", "algorithms") for name in find.files(folder)]
    known = [*find.task_folders(), *files, *find.parts(), *policies.shipped(), *policies.known()]
    raise find.unknown("thing", thing, known)


def _hash(folder: str, name: str) -> str:
    """SHA-256 of the file that defines a thing of a folder of the package."""
    return policies.file_digest(Path(find.__file__).parents[1] / folder / f"{name}.py")


def _algorithm(name: str, digest: str) -> dict[str, Any]:
    """An algorithm's hyperparameters, and the hash of its source."""
    told = {"hash": digest, "hyperparameters": asdict(find.algorithm(name))}
    return {"kind": "algorithm", "name": Path(name).name, **told}


def _task(name: str) -> dict[str, Any]:
    """A task's promises and designs."""
    task = find.task(name)
    sample = find.first_prompt(name, "dev", 1)
    return {
        "kind": "task",
        "name": name,
        "summary": task.summary,
        "version": task.version,
        "hash": find.task_digest(name),
        "digest": find.task_digest(name),
        "turns": task.turns,
        "max_tokens": task.max_tokens,
        "one_answer": task.one_answer,
        "verifiable": list(task.verifiable),
        "bar": find.gold(name).bar,
        "designs": list(find.task_designs(name)),
        "arms": list(find.arms()),
        "prompt": sample.plain(),
        "columns": {k: str(v) for k, v in sample.columns.items()},
    }


def _part(name: str) -> dict[str, Any]:
    """A shipped part's docstring, what a design may set of it, and the columns that it needs."""
    function = find.callable_of(Part(name, name))
    parameters = inspect.signature(function).parameters.values()
    settable = {p.name: str(p.default) for p in parameters if p.default is not p.empty}
    told = {"text": inspect.getdoc(function) or "", "form": str(getattr(function, "form", "text"))}
    digest = policies.file_digest(Path(inspect.getfile(function)))
    head = {"kind": "part", "name": name, "summary": find.parts()[name], "hash": digest}
    return head | told | {"columns": sorted(needed(function)), "parameters": settable}


def _design(name: str, task: str) -> dict[str, Any]:
    """A task's design."""
    return _told(portable(find.design(name, task)), task)


def _told(design: Design, task: str | None) -> dict[str, Any]:
    """A design's parts and hash; an arm belongs to no task."""
    raw = {k: v for k, v in values(design).items() if k != "name"}
    return {"kind": "design", "name": design.name, "task": task, "hash": design_hash(design), **raw}


def _policy(name: str) -> dict[str, Any]:
    """A policy's settings and hash."""
    folder = find.policy(name)
    return {"kind": "policy", "name": folder.name, "hash": folder.digest, "settings": asdict(folder.settings)}


def _folder(path: Path) -> dict[str, Any]:
    """A run's or a sweep's spec and how it stands."""
    if (path / "spec.toml").is_file():
        return {"kind": "run", "status": trace.status(path), "spec": trace.spec(path), **_measured(path)}
    head = trace.head(path)
    rows = [_stands(path / "runs" / name) for name in head["runs"]]
    return {"kind": "sweep", **head, "runs": {row["run"]: row["status"] for row in rows}, "table": rows}


def _measured(folder: Path) -> dict[str, Any]:
    """A run's row as a sweep prints it, and what metrics tell of it beside that; or why it cannot be measured here."""
    sweep = folder.absolute().parents[1]
    try:
        run = load_run(folder)
        [result] = score([run], starts=_start_of(run, sweep))
        anchor = anchor_of(run.spec)
        values, reasons = beside(run, anchor if isinstance(anchor, Anchor) else None)
        measured: dict[str, Any] = finite({"result": as_row(result), "beside": values, "reasons": reasons})
    except UserError as error:
        return {"result": None, "beside": {}, "reasons": {"result": str(error)}}
    return measured


def _start_of(run: Loaded, sweep: Path) -> list[Result]:
    """The result of the run `untrained` of its task and seed, if its sweep has one: D is a gain over that."""
    if not run.spec.design.trains or not (sweep / "sweep.toml").is_file():
        return []
    there = [place for name in trace.head(sweep)["runs"] if (place := sweep / "runs" / name).is_dir()]
    like = {place: spec for place in there if not (spec := read_run(place)).design.trains}
    same = [place for place, spec in like.items() if (spec.task, spec.seed) == (run.spec.task, run.spec.seed)]
    return score([load_run(place) for place in same], floor=False)


def _stands(folder: Path) -> dict[str, Any]:
    """A run of a sweep: what it is of, its status, and whether it was begun, which `partial` does not say."""
    if not folder.exists():  # deleted, to be made again
        return {"run": folder.name, "task": None, "design": None, "seed": None, "status": "partial", "begun": False}
    spec, status = read_run(folder), trace.status(folder)["status"]
    named = {"run": folder.name, "task": spec.task, "design": spec.design.name, "seed": spec.seed}
    return {**named, "status": status, "begun": trace.begun(folder)}
