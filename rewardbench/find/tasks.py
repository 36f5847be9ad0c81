"""Which tasks are there, and what do their files define?"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import types as python_types
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from rewardbench import data, disk
from rewardbench.find.names import beside, first_line, importing, unknown
from rewardbench.find.prompts import checked, the_task
from rewardbench.types import Damaged, Gold, Prompt, Said, Task, UserError

Demonstrate = Callable[..., list[dict[str, str]]]
APART = ("designs", "tests", "README.md", "anchors.json", "examples.jsonl", "gold_b.py", "sources.toml")
"""What lies in a task's folder and no run reads; of `sources.toml`, the files that it names count."""


_recalled: dict[str, Path] = {}
"""Tasks that are found only because a sweep that was opened remembers where they lie."""


def task_folders() -> dict[str, Path]:
    """Name (`family/name`) -> folder of every task, shipped or under $REWARDBENCH_TASKS; and of those recalled."""
    extra = [Path(p) for p in os.environ.get("REWARDBENCH_TASKS", "").split(os.pathsep) if p]
    found: dict[str, Path] = {}
    for root in [beside("tasks"), *extra]:
        for path in sorted(root.glob("*/*/task.py")):
            name = f"{path.parent.parent.name}/{path.parent.name}"
            if name in found:
                raise UserError(f"task {name!r} is in {found[name].parent.parent} and in {root}; rename one of them")
            found[name] = path.parent
    return {name: path for name, path in _recalled.items() if (path / "task.py").is_file()} | found


def own_tasks(names: Iterable[str]) -> dict[str, str]:
    """Name -> whole path of the folder, of those tasks that do not come with the package."""
    folders = {name: task_folder(name) for name in names}
    return {name: str(folder.resolve()) for name, folder in folders.items() if not _ships(folder)}


def recall(name: str, local: Path) -> None:
    """Let a task that is found nowhere else be found where a sweep's `local.toml` says that it lies.

    Raises UserError (code 5) where it is not there either; that it is as it was is asked of its hash, as ever.
    """
    here = task_folders().get(name)
    if here is not None and here != _recalled.get(name):
        return
    try:
        known = disk.read_toml(local, "").get("tasks") if local.is_file() else None
    except Damaged as error:  # the sweep's file, and no run's
        raise UserError(str(error), 5) from error
    place = str(known.get(name, "")) if isinstance(known, dict) else ""
    if here is not None and place in ("", str(here)):
        return
    if here is not None:
        raise UserError(f"task {name!r} lies in {here} for one sweep and in {place} for another: open them apart", 5)
    if place and (Path(place) / "task.py").is_file():
        _recalled[name] = Path(place)
        return
    where, to = (f"in {place} any more", "that holds it now") if place else ("there", "that it was begun with")
    gone = f"task {name!r} of this sweep is not {where}"
    raise UserError(f"{gone}: set $REWARDBENCH_TASKS to the folder of tasks {to}", 5)


def task_folder(name: str) -> Path:
    """The folder of a task."""
    folders = task_folders()
    if name not in folders:
        raise unknown("task", name, folders)
    return folders[name]


def _module(folder: Path, name: str) -> python_types.ModuleType:
    """A module of a task's folder, as part of a private package, so that `from .world import …` works.

    A user's task is another package once it was edited: a notebook goes on with what lies there now.
    """
    owner, state = ("task", "") if _ships(folder) else ("user_task", _digest_of(folder))
    package = f"_rewardbench_{owner}_" + hashlib.sha256(f"{folder.resolve()}{state}".encode()).hexdigest()[:12]
    if package not in sys.modules:
        holder = python_types.ModuleType(package)
        holder.__path__ = [str(folder)]
        sys.modules[package] = holder
    if owner == "task":  # a shipped task that breaks is our bug
        return importlib.import_module(f"{package}.{name}")
    with importing(f"{folder.parent.name}/{folder.name}/{name}.py"):
        return importlib.import_module(f"{package}.{name}")


def _defined(module: python_types.ModuleType, name: str, task_name: str) -> Any:
    """What a file of a task defines under a name."""
    if not hasattr(module, name):
        raise UserError(f"{task_name}/{module.__name__.rpartition('.')[2]}.py defines no {name!r}", 6)
    return getattr(module, name)


def _ships(folder: Path) -> bool:
    """Whether a task comes with the package: its files stay as they are."""
    return folder.is_relative_to(beside("tasks"))


def _now(name: str) -> str:
    """What a task is now, for caches: place and hash of a user's own, which may be edited while a session lasts."""
    folder = task_folder(name)
    return "" if _ships(folder) else f"{folder} {_digest_of(folder)}"


def task(name: str) -> Task:
    """The task, with its name and its question."""
    return _task(name, _now(name))


@lru_cache
def _task(name: str, state: str) -> Task:
    folder = task_folder(name)
    found = the_task(name, _defined(_module(folder, "task"), "task", name))
    return replace(found, name=name, summary=first_line(folder / "task.py"), prompts=checked(name, found.prompts))


def gold(name: str) -> Gold:
    """What the task reports."""
    return _gold(name, _now(name))


@lru_cache
def _gold(name: str, state: str) -> Gold:
    if not (task_folder(name) / "gold.py").is_file():
        raise UserError(f"task {name!r} has no gold.py, which says what is good: put one beside task.py", 5)
    module = _module(task_folder(name), "gold")
    score, kind, bar = (_defined(module, n, name) for n in ("gold", "kind", "bar"))
    if isinstance(bar, bool) or not isinstance(bar, (int, float)) or not 0 <= bar <= 1:
        raise UserError(f"{name}/gold.py: bar = {bar!r:.60} is not a number in [0, 1]", 6)
    for function, word in ((score, "gold"), (kind, "kind")):
        if not callable(function):
            raise UserError(f"{name}/gold.py: {word} = {function!r:.60} is no function", 6)
    return Gold(score, kind, float(bar))


@lru_cache
def second_gold(name: str) -> Callable[[Prompt, Said], float] | None:
    """What a task's second gold, written again from its card, tells, in [0, 1]; None where there is no `gold_b.py`.

    No run reads it.
    """
    if not (task_folder(name) / "gold_b.py").is_file():
        return None
    score = _defined(_module(task_folder(name), "gold_b"), "gold", name)
    if not callable(score):
        raise UserError(f"{name}/gold_b.py: gold = {score!r:.60} is no function", 6)
    found: Callable[[Prompt, Said], float] = score
    return found


def first_prompt(name: str, split: str, seed: int | str) -> Prompt:
    """The first prompt of a task's split; raises UserError in one line where its data or its code cannot give one."""
    found = next(task(name).prompts(split, seed), None)
    if found is None:
        raise UserError(f"task {name!r} holds no {split} prompt", 5)
    if not found.plain().strip():
        raise UserError(f"task {name!r}: {split} prompt {found.id!r} is empty", 5)
    return found


def demonstrate(name: str) -> Demonstrate:
    """`demonstrate(prompt, rng, corruption) -> messages`: what the shipped policy was warm-started on."""
    found: Demonstrate = _module(task_folder(name), "demonstrations").demonstrate
    return found


def task_digest(name: str) -> str:
    """SHA-256 over what runs of a task read: its code, data that lies beside it, and the files that its `sources.toml`
    names, a published one by the hash that is written there.
    """
    return _digest_of(task_folder(name))


def check_digest(name: str, digest: str) -> None:
    """Raise UserError (code 5) where a task is not the one that a sweep began with."""
    if task_digest(name) != digest:
        raise UserError(f"the code or data of task {name!r} changed since this sweep began; start a new --out", 5)


def _digest_of(folder: Path) -> str:
    """The hash of the task in a folder."""
    return data.together([*data.files_of(folder, apart=APART), *sorted(data.held(folder / "sources.toml").items())])
