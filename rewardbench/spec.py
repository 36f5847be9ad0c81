"""What does a user ask for? The flags of `rbench run`, or a TOML file of the same names -> a Spec."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from rewardbench import find
from rewardbench.design import check_keys
from rewardbench.types import Design, UserError

SPLITS = ("dev", "test")
"""What is evaluated on; never `train`."""
MOST_SEEDS = 10_000
LARGEST_SEED = 2**53 - 1
"""Of the whole numbers that canonical JSON (RFC 8785) takes."""
LONGEST_TIMEOUT = 86_400
KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "algorithm": ((str,), "a text"),
    "options": ((Mapping,), "a table"),
    "policy": ((str, Path), "a text"),
    "seeds": ((int, str, list, tuple, range), "a whole number, a text or a list"),
    "budget": ((int, str), "a whole number or a text"),
    "reward_timeout": ((int, float), "a number"),
    "ablate": ((bool,), "true or false"),
    "sweep": ((Mapping,), "a table"),
    "split": ((str,), "a text"),
    "alone": ((bool,), "true or false"),
}
"""What the values of a spec may be."""


@dataclass(frozen=True)
class Spec:
    """What a user asks for: the flags of `rbench run`, or a TOML file of the same names."""

    tasks: tuple[str, ...] = ()
    """Names, such as `qa/lookup`."""
    designs: tuple[str | Design, ...] = ()
    """Of the task, arms, a `.toml`, `file.py:name` or `module:name`; none: all of the task's and all arms. In Python a
    `rewardbench.Design` as well."""
    algorithm: str = "grpo"
    """A shipped name or `file.py:Class`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Hyperparameters of the algorithm."""
    policy: str = "tiny"
    """A shipped name, a folder, `hub/name@revision` or `run:<id>`."""
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Which, or how many."""
    budget: str = "default"
    """`quick`, `default`, `long`, or a number of optimiser steps."""
    reward_timeout: float = 60.0
    """Seconds that a part may take for one batch."""
    ablate: bool = False
    """Whether each design also runs without each of its parts in turn."""
    sweep: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Settings of designs to vary, such as `part.x.weight`, and the values: every combination runs as well."""
    split: str = "dev"
    """Whose prompts the grid of temperatures at the end is sampled from: `dev`, or `test` as on boards."""
    alone: bool = False
    """Whether the designs run without `untrained` and `constant`, which are recorded in another folder."""

    def __post_init__(self) -> None:
        """Check every value, and take what people write: one name for a list of names, a count of seeds, a budget as a
        number.
        """
        for key, (kinds, words) in KINDS.items():
            value = getattr(self, key)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise UserError(f"{key} = {value!r} is not {words}")
        for key, listed in self.sweep.items():
            if not isinstance(listed, (list, tuple)) or not listed:
                raise UserError(f"sweep.{key!r} = {listed!r} is not a list of values")
        check_timeout(self.reward_timeout)
        if self.split not in SPLITS:
            raise UserError(f"split = {self.split!r}: the grid is sampled from {' or '.join(SPLITS)}")
        budget = str(self.budget)
        put = partial(object.__setattr__, self)
        put("tasks", _names("tasks", self.tasks, (str, Path)))
        put("designs", _names("designs", self.designs, (str, Path, Design)))
        put("seeds", seeds_of(self.seeds))
        put("budget", (budget.lstrip("0") or "0") if budget.isdecimal() else budget)
        put("policy", str(self.policy))


def _names(key: str, given: Any, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """What was given as names, or as one of them, as texts; a design made in Python is its own name."""
    listed = (given,) if isinstance(given, kinds) else given
    if not isinstance(listed, (list, tuple)) or not all(isinstance(one, kinds) for one in listed):
        how = "; a function goes in as 'file.py:name' or 'module:name'" if key == "designs" else ""
        raise UserError(f"{key} = {given!r} is neither a name nor a list of names{how}")
    return tuple(str(one) if isinstance(one, Path) else one for one in listed)


def seeds_of(given: int | str | Sequence[int]) -> tuple[int, ...]:
    """The seeds that are meant by a count, by the text of `--seeds`, or by a list of them.

    Raises UserError for what are no seeds of one sweep.

    >>> seeds_of(3), seeds_of("3"), seeds_of("2,9"), seeds_of([7])
    ((1, 2, 3), (1, 2, 3), (2, 9), (7,))
    """
    if isinstance(given, (int, str)):
        return _written_seeds(str(given))
    if not given or not all(isinstance(one, int) and not isinstance(one, bool) for one in given):
        raise UserError(f"seeds = {given!r} is not a list of whole numbers such as [1, 2, 3]")
    return _checked_seeds(tuple(given), ", ".join(map(str, given)))


def _written_seeds(text: str) -> tuple[int, ...]:
    """`5` means seeds 1 to 5; `1,2,7` means these, and `7,` this one."""
    try:
        numbers = [int(t) for t in text.split(",") if t.strip()]
    except ValueError as error:
        raise UserError(f"seeds {text!r} is neither a count nor a list such as 1,2,3") from error
    if "," in text:
        return _checked_seeds(tuple(numbers), text)
    if not numbers or numbers[0] < 1:
        raise UserError(f"seeds {text!r}: {COUNT}")
    if numbers[0] > MOST_SEEDS:
        raise UserError(f"seeds {text!r}: {MOST_SEEDS} are the most that one sweep takes; name seeds as 1,2,3")
    return tuple(range(1, numbers[0] + 1))


COUNT = "give a count of at least 1, or a list of numbers such as 1,2,3"


def _checked_seeds(seeds: tuple[int, ...], text: str) -> tuple[int, ...]:
    """The seeds, if they can be seeds of one sweep."""
    if not seeds or min(seeds) < 0:
        raise UserError(f"seeds {text!r}: {COUNT}")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"seeds {text!r} name one seed twice")
    if max(seeds) > LARGEST_SEED:
        raise UserError(f"seeds name {max(seeds)}: {LARGEST_SEED} (2**53 - 1) is the largest that an id is made of")
    return seeds


def read_spec(path: Path) -> Spec:
    """A spec file; unknown keys are errors."""
    where = f"spec {str(path)!r}"
    if not path.is_file() and (meant := _no_spec(str(path))):
        raise UserError(meant)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where} cannot be read: {find.why(error)}", 5) from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not valid TOML: {error}") from error
    if "part" in raw:
        task = raw["tasks"][0] if isinstance(raw.get("tasks"), list) and raw["tasks"] else "T"
        raise UserError(f"{str(path)!r} is a design, not a spec: say --design {path} --task {task}")
    check_keys(raw, [f.name for f in fields(Spec)], where)
    try:
        return Spec(**raw)
    except UserError as error:
        raise UserError(f"{where}: {error}", error.code) from error


def _no_spec(asked: str) -> str:
    """What to say where a spec file was asked for by the name of a task or of a design, or "": it may be a file."""
    if asked in find.task_folders():
        return f"{asked!r} is a task, not a spec file: say --task {asked}"
    task, _, name = asked.rpartition("/")
    if task in find.task_folders() and name in (*find.task_designs(task), *find.arms()):
        return f"{asked!r} is a design, not a spec file: say --design {name} --task {task}"
    owners = find.owners(asked)
    if owners or ":" in asked:
        return f"{asked!r} is a design, not a spec file: say --design {asked} --task {owners[0] if owners else 'T'}"
    return ""


def check_tasked(spec: Spec) -> None:
    """Raise UserError for a spec that names no task."""
    if not spec.tasks:
        raise UserError("nothing to run: give --task, or a spec file that names tasks (see `rbench list tasks`)")


def check_timeout(seconds: float) -> None:
    """Raise UserError for a limit of a part that is none."""
    if not 0 < seconds <= LONGEST_TIMEOUT:  # not a number fails here too
        shown = repr(seconds).removesuffix(".0")[:40]  # a whole number may be too large for a float
        raise UserError(f"reward_timeout = {shown} is not between 0 and {LONGEST_TIMEOUT} seconds")
