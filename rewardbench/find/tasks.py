"""Which tasks are there, and what do their files define?"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import types as python_types
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from rewardbench.find.names import beside, first_line, unknown
from rewardbench.policies import settings as policies_
from rewardbench.types import Gold, Task, UserError

Demonstrate = Callable[..., list[dict[str, str]]]



def task_folders() -> dict[str, Path]:
    """Name (`family/name`) -> folder of every task, shipped or under $REWARDBENCH_TASKS."""
    extra = [Path(p) for p in os.environ.get("REWARDBENCH_TASKS", "").split(os.pathsep) if p]
    found: dict[str, Path] = {}
    for root in [beside("tasks"), *extra]:
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
    owner = "task" if folder.is_relative_to(beside("tasks")) else "user_task"
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
