"""How does a name become a thing? The folder listing is the registry; nothing is imported to list it.

A user's own thing is `path/file.py:name` or `module:name`. The working directory is never searched.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
import tomllib
import types as python_types
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import fields, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from rewardbench import design as designs_
from rewardbench import trace
from rewardbench.conventions.trl import Bound
from rewardbench.oracle import oracle
from rewardbench.policies import settings as policies_
from rewardbench.scoring import Contestant
from rewardbench.types import Algorithm, Design, Gold, Part, Task, UserError

PACKAGE = Path(__file__).parent
Demonstrate = Callable[..., list[dict[str, str]]]


def unknown(kind: str, asked: str, known: Iterable[str], code: int = 2) -> UserError:
    """The one shape of an unknown name: what was asked, what was probably meant, what there is."""
    known = sorted(known)
    there = ", ".join(known) or "none"
    return UserError(f"unknown {kind} {asked!r}{designs_.nearest(asked, known)} (there is: {there})", code)


def _beside(name: str) -> Path:
    """A folder that ships with the package: inside a wheel, beside the package in a checkout."""
    inside = PACKAGE / f"_{name}"
    return inside if inside.is_dir() else PACKAGE.parent / name


# --- tasks ---------------------------------------------------------------------------------------


def task_folders() -> dict[str, Path]:
    """Name (`family/name`) -> folder of every task, shipped or under $REWARDBENCH_TASKS."""
    extra = [Path(p) for p in os.environ.get("REWARDBENCH_TASKS", "").split(os.pathsep) if p]
    found: dict[str, Path] = {}
    for root in [_beside("tasks"), *extra]:
        for path in sorted(root.glob("*/*/task.py")):
            name = f"{path.parent.parent.name}/{path.parent.name}"
            if name in found:
                raise UserError(f"task {name!r} is in {found[name].parent.parent} and in {root}; rename one of them")
            found[name] = path.parent
    return found


def task_folder(name: str) -> Path:
    """The folder of a task."""
    folders = task_folders()
    if name not in folders:
        raise unknown("task", name, folders)
    return folders[name]


def _module(folder: Path, name: str) -> python_types.ModuleType:
    """A module of a task's folder, as part of a private package, so that `from .world import …` works."""
    owner = "task" if folder.is_relative_to(_beside("tasks")) else "user_task"
    package = f"_rewardbench_{owner}_" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    if package not in sys.modules:
        holder = python_types.ModuleType(package)
        holder.__path__ = [str(folder)]
        sys.modules[package] = holder
    return importlib.import_module(f"{package}.{name}")


@lru_cache
def task(name: str) -> Task:
    """The task, with its name and its question."""
    folder = task_folder(name)
    found: Task = _module(folder, "task").task
    return replace(found, name=name, summary=first_line(folder / "task.py"))


@lru_cache
def gold(name: str) -> Gold:
    """What the task reports."""
    module = _module(task_folder(name), "gold")
    return Gold(module.gold, module.kind, float(module.bar))


def demonstrate(name: str) -> Demonstrate:
    """`demonstrate(prompt, rng, corruption) -> messages`: what the shipped policy was warm-started on."""
    found: Demonstrate = _module(task_folder(name), "demonstrations").demonstrate
    return found


def task_digest(name: str) -> str:
    """SHA-256 over the code of a task: every Python file of its folder."""
    total = hashlib.sha256()
    for path in sorted(task_folder(name).glob("*.py")):
        total.update(f"{path.name}\0{policies_.file_digest(path)}\n".encode())
    return total.hexdigest()


def first_line(path: Path) -> str:
    """The first line of a file's docstring, without importing it."""
    try:
        return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
    except SyntaxError:
        return "(does not parse)"


# --- parts and designs ---------------------------------------------------------------------------


def parts() -> dict[str, str]:
    """Name (`topic.part`) -> first docstring line of every shipped part: a public function of completions."""
    found = {}
    for path in sorted((PACKAGE / "rewards").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                names = [a.arg for a in [*node.args.args, *node.args.kwonlyargs]]
                if "completions" in names:
                    found[f"{path.stem}.{node.name}"] = (ast.get_docstring(node) or "").split("\n")[0]
    return found


def arms() -> dict[str, str]:
    """Name -> meaning of the reference entries that every task has."""
    null = {n.removeprefix("null."): s for n, s in parts().items() if n.startswith("null.")}
    return {
        "untrained": "The policy as it is: evaluated, never taught.",
        **null,
        "oracle": "Gold as reward: the upper anchor, never a contestant.",
    }


def task_designs(task_name: str) -> dict[str, Path]:
    """Name -> file of the designs in a task's folder."""
    return {p.stem: p for p in sorted((task_folder(task_name) / "designs").glob("*.toml"))}


def design(asked: str, task_name: str) -> Design:
    """A design by its name in the task, an arm, a `.toml`, or a one-part design `file.py:name`, `module:name`.

    Parts that are a user's own carry the hash of their source; `asked` paths are resolved by the caller's folder.
    """
    own = task_designs(task_name)
    if asked in own:
        return _resolved(designs_.parse(own[asked].read_text(), asked), own[asked].parent)
    if asked in arms():
        return arm(asked)
    if asked.endswith(".toml"):
        path = Path(asked)
        return _resolved(designs_.parse(_text(path, asked), path.stem), path.parent)
    if ":" in asked:
        name = asked.rpartition(":")[2]
        return _resolved(Design(name, (Part(name, asked),)), Path())
    raise unknown(f"design of {task_name}", asked, [*own, *arms()])


def _text(path: Path, asked: str) -> str:
    """A user's design file as text."""
    if not path.is_file():
        raise UserError(f"no design file {asked!r}", 5)
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"design file {asked!r} cannot be read: {error}", 5) from error


def arm(name: str) -> Design:
    """A reference entry as a design."""
    if name == "untrained":
        return Design(name, trains=False)
    return Design(name, (Part(name, "oracle" if name == "oracle" else f"null.{name}"),))


def _resolved(found: Design, folder: Path) -> Design:
    """The design with each part's form and, for a user's own part, its source's path and hash."""
    return replace(found, parts=tuple(_resolve(p, folder) for p in found.parts))


def _resolve(part: Part, folder: Path) -> Part:
    """One part looked up once, so that a wrong name or parameter is found before anything runs."""
    if ":" in part.use and part.use.split(":")[0].endswith(".py"):
        file, _, name = part.use.rpartition(":")
        path = (folder / file).resolve()
        if not path.is_file():
            raise UserError(f"part {part.name!r}: no file {file!r}", 5)
        part = replace(part, use=f"{path}:{name}", source=policies_.file_digest(path))
    function = callable_of(part)
    _check_params(part, function)
    return replace(part, form=str(getattr(function, "form", "text")))


def _check_params(part: Part, function: Callable[..., Any]) -> None:
    """Raise UserError for a parameter that the part's function does not have."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key in part.params:
        if key not in parameters:
            raise UserError(
                f"part {part.name!r} ({part.use.rpartition('/')[2]}) has no parameter {key!r}"
                f"{designs_.nearest(key, parameters)} (it has: {', '.join(parameters)})"
            )


def callable_of(part: Part, sources: Path | None = None) -> Callable[..., Any]:
    """The function a part uses: shipped, a user's file (its copy under `sources` if given), or a module's."""
    if ":" not in part.use:
        known = parts()
        if part.use not in known:
            raise unknown("part", part.use, known)
        topic, _, name = part.use.rpartition(".")
        return getattr(importlib.import_module(f"rewardbench.rewards.{topic}"), name)  # type: ignore[no-any-return]
    place, _, name = part.use.rpartition(":")
    module = _user_file(Path(place), part.source, sources) if place.endswith(".py") else _user_module(place)
    if not callable(getattr(module, name, None)):
        there = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise unknown(f"function in {Path(place).name}", name, there)
    return getattr(module, name)  # type: ignore[no-any-return]


def _user_file(path: Path, source: str, sources: Path | None) -> python_types.ModuleType:
    """A user's file under a private module name, executed once."""
    if sources is not None and source:
        path = sources / source[:16] / path.name
        if not path.is_file() or policies_.file_digest(path) != source:
            raise UserError(f"sources/{source[:16]}/{path.name} is missing or was changed since the sweep began", 5)
    private = f"_rewardbench_user_{source[:16]}_{path.stem}"
    if private in sys.modules:
        return sys.modules[private]
    spec = importlib.util.spec_from_file_location(private, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[private] = module
    try:
        with redirect_stdout(sys.stderr):  # stdout carries the one JSON object
            spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[private]
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise UserError(f"{path.name} cannot be imported: {type(error).__name__}: {error}", 6) from error
    return module


def copy_of(part: Part) -> tuple[str, Path]:
    """Where under `sources` a user's own file is copied to, and where it lies now."""
    path = Path(part.use.rpartition(":")[0])
    return f"{part.source[:16]}/{path.name}", path


def _user_module(name: str) -> python_types.ModuleType:
    """An installed module."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"module {name!r} cannot be imported: {error}", 5) from error


def bind(found: Design, task_name: str, sources: Path | None = None) -> Contestant:
    """The design with its functions, ready to score; `design.py` itself stays pure."""
    if [p.use for p in found.parts] == ["oracle"]:
        return Contestant(found, oracle=oracle(gold(task_name), task(task_name).turns))
    if any(p.use == "oracle" for p in found.parts):
        raise UserError(f"design {found.name!r} uses gold as a part; only the arm `oracle` may")
    bounds = []
    for part in found.parts:
        function = callable_of(part, sources)
        call = partial(function, **part.params) if part.params else function
        bounds.append(Bound(part.name, call, part.form, trusted=":" not in part.use))
    return Contestant(found, tuple(bounds))


# --- algorithms, policies, metrics, boards -------------------------------------------------------


def files(folder: str) -> dict[str, str]:
    """Name -> first docstring line of the files in a folder of the package."""
    return {p.stem: first_line(p) for p in sorted((PACKAGE / folder).glob("[!_]*.py"))}


def algorithm(
    asked: str, options: Mapping[str, Any] | None = None, source: str = "", sources: Path | None = None
) -> Algorithm:
    """An algorithm by its file's name, or a user's `file.py:Class`, with hyperparameters set.

    With `source` (the file's hash) a user's own is read from its copy under `sources`.
    """
    if ":" in asked:
        part = Part("algorithm", asked, source=source) if source else algorithm_part(asked)
        kind = callable_of(part, sources)
    else:
        known = files("algorithms")
        if asked not in known:
            raise unknown("algorithm", asked, known)
        module = importlib.import_module(f"rewardbench.algorithms.{asked}")
        kind = getattr(module, "".join(w.capitalize() for w in asked.split("_")))
    if not (isinstance(kind, type) and issubclass(kind, Algorithm)):
        raise UserError(f"algorithm {Path(asked).name!r} is no dataclass derived from rewardbench.Algorithm")
    names = [f.name for f in fields(kind)]
    designs_.check_keys(options or {}, names, f"algorithm {asked!r}")
    try:
        return kind(**(options or {}))
    except (TypeError, ValueError) as error:
        raise UserError(f"algorithm {Path(asked).name!r}: {error}") from error


def algorithm_part(asked: str) -> Part:
    """`file.py:name` as a part with its path and hash, to be looked up and copied like one."""
    place, _, name = asked.rpartition(":")
    path = Path(place).resolve()
    if place.endswith(".py") and not path.is_file():
        raise UserError(f"no file {place!r}", 5)
    source = policies_.file_digest(path) if place.endswith(".py") else ""
    return Part(name, f"{path}:{name}" if place.endswith(".py") else asked, source=source)


def policy(asked: str, runs: Path | None = None) -> policies_.Folder:
    """A policy: a shipped name, a folder, `hub/name@revision`, or `run:<id>` (that run's end)."""
    if asked in policies_.shipped():
        return policies_.open_folder(asked, policies_.HERE / asked)
    path = Path(asked).expanduser()
    if path.is_dir():
        path = Path(os.path.abspath(path))  # a link keeps its own name, and so its own .toml
        return policies_.open_folder(path.name, path)
    if asked.startswith("run:"):
        return _from_run(asked, runs)
    if asked.count("/") == 1 and not asked.startswith((".", "/", "~")):
        return policies_.open_folder(asked, _from_hub(asked))
    raise unknown("policy", asked, [*policies_.shipped(), "a folder", "hub/name@revision", "run:<id>"], 5)


def _from_run(asked: str, out: Path | None) -> policies_.Folder:
    """The end of a run as a policy; its hash is made of the start policy's and of what the run recorded."""
    folder = run_folder(asked, out)
    if trace.status(folder)["status"] != "done":
        raise UserError(f"policy {asked!r}: that run is not done", 5)
    spec, local = trace.spec(folder), folder.parents[1] / "local.toml"
    if not (folder / "weights.safetensors").is_file():
        raise UserError(f"policy {asked!r}: that run taught nothing; use its policy {spec['policy']!r}", 5)
    content = trace.content_hash(folder)
    if content != trace.status(folder).get("content"):
        raise UserError(f"policy {asked!r}: that run's files changed since it was done", 5)
    place = tomllib.loads(local.read_text())["policy"] if local.is_file() else spec["policy"]
    start = policy(place, folder.parents[1])
    if start.digest != spec["policy_hash"]:
        raise UserError(f"policy {asked!r}: its start policy {spec['policy']!r} changed since (files or .toml)", 5)
    digest = hashlib.sha256(f"{start.digest}\0{content}".encode()).hexdigest()
    from rewardbench.policies.transfer import transferred  # torch is needed here, and only here

    return replace(start, name=asked, path=transferred(start, folder / "weights.safetensors", digest), digest=digest)


def run_folder(asked: str, out: Path | None) -> Path:
    """The folder of `run:<id>`: in a sweep under `runs/`, or in `out` or a sweep beside it."""
    name = asked.removeprefix("run:")
    roots = [Path("runs"), *([out.absolute().parent] if out is not None else [])]
    found = [f for root in roots for f in sorted(root.glob(f"*/runs/{name}")) if (f / "spec.toml").is_file()]
    if not name.isalnum() or not found:
        where = " or ".join(dict.fromkeys(f"{root.name}/" for root in roots))
        raise UserError(f"policy {asked!r}: no run of that id in a sweep under {where}", 5)
    return min(found, key=lambda f: trace.status(f)["status"] != "done").absolute()


def _from_hub(asked: str) -> Path:
    """The local snapshot of a model on the hub, fetched if it is not there yet."""
    from huggingface_hub import snapshot_download

    name, _, revision = asked.partition("@")
    try:
        patterns = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=patterns))
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"policy {asked!r} is no shipped name, no folder, and the hub says: {first}", 5) from error


def listing(kind: str) -> dict[str, str]:
    """Name -> summary of everything of a kind; reads folders and docstrings, imports nothing."""
    if kind == "tasks":
        return {name: first_line(path / "task.py") for name, path in sorted(task_folders().items())}
    if kind == "designs":
        own = {f"{t}/{d}": _summary(p) for t in sorted(task_folders()) for d, p in task_designs(t).items()}
        return own | arms()
    if kind == "parts":
        return parts()
    if kind == "policies":
        return {n: first_comment(policies_.HERE / f"{n}.toml") for n in policies_.shipped()}
    if kind == "boards":
        return {p.parent.name: _summary(p) for p in sorted(_beside("leaderboards").glob("*/board.toml"))}
    return files(kind)


def _summary(path: Path) -> str:
    """The `summary` of a TOML file."""
    try:
        return str(tomllib.loads(path.read_text()).get("summary", ""))
    except tomllib.TOMLDecodeError:
        return "(is not valid TOML)"


def first_comment(path: Path) -> str:
    """The first line of a TOML file, without its mark."""
    return (path.read_text().splitlines() or [""])[0].lstrip("# ")
