"""What does a user ask for? The flags of `rbench run`, or a TOML file of the same names -> a Spec."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
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
    "options": ((dict,), "a table"),
    "policy": ((str,), "a text"),
    "seeds": ((int, str, list), "a whole number, a text or a list"),
    "budget": ((int, str), "a whole number or a text"),
    "reward_timeout": ((int, float), "a number"),
    "sweep": ((dict,), "a table"),
    "split": ((str,), "a text"),
}
"""What the values of a spec file may be."""


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
        """Take what people write in Python: one name for a list of names, a count of seeds, a budget as a number."""
        for name in ("tasks", "designs"):
            given = getattr(self, name)
            kept = (Design,) if name == "designs" else ()
            names = (given,) if isinstance(given, (str, Path, *kept)) else tuple(given)
            if not all(isinstance(n, (str, Path, *kept)) for n in names):
                how = "a function goes in as 'file.py:name' or 'module:name'"
                raise UserError(f"{name} = {given!r}: give names; {how}")
            object.__setattr__(self, name, tuple(n if isinstance(n, kept) else str(n) for n in names))
        if isinstance(self.seeds, (int, str)):
            object.__setattr__(self, "seeds", parse_seeds(str(self.seeds)))
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if wrong := [seed for seed in self.seeds if not isinstance(seed, int) or isinstance(seed, bool)]:
            raise UserError(f"seeds name {wrong[0]!r}, which is no whole number")
        if not self.seeds:
            raise UserError("seeds = () names none: give a count of at least 1, or a list such as (1, 2, 3)")
        if large := [seed for seed in self.seeds if seed > LARGEST_SEED]:
            raise UserError(f"seeds name {large[0]}: {LARGEST_SEED} (2**53 - 1) is the largest that an id is made of")
        budget = str(self.budget)
        object.__setattr__(self, "budget", (budget.lstrip("0") or "0") if budget.isdecimal() else budget)
        object.__setattr__(self, "policy", str(self.policy))
        if self.split not in SPLITS:
            raise UserError(f"split = {self.split!r}: the grid is sampled from {' or '.join(SPLITS)}")


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
    for key in ("tasks", "designs"):
        listed = [raw[key]] if isinstance(raw.get(key), str) else raw.get(key, [])
        if not (isinstance(listed, list) and all(isinstance(v, str) for v in listed)):
            raise UserError(f"{where}: {key} = {raw[key]!r} is neither a name nor a list of names")
    for key, (kinds, words) in KINDS.items():
        if key in raw and (not isinstance(raw[key], kinds) or isinstance(raw[key], bool)):
            raise UserError(f"{where}: {key} = {raw[key]!r} is not {words}")
    for key in ("ablate", "alone"):
        if not isinstance(raw.get(key, False), bool):
            raise UserError(f"{where}: {key} = {raw[key]!r} is not true or false")
    for key, listed in raw.get("sweep", {}).items():
        if not isinstance(listed, list) or not listed:
            raise UserError(f"{where}: sweep.{key!r} = {listed!r} is not a list of values")
    if isinstance(raw.get("seeds"), list):
        if not raw["seeds"] or not all(isinstance(n, int) and not isinstance(n, bool) for n in raw["seeds"]):
            raise UserError(f"{where}: seeds = {raw['seeds']!r} is not a list of whole numbers such as [1, 2, 3]")
        raw["seeds"] = ",".join(map(str, raw["seeds"])) + ","  # the comma makes it a list even of one
    if "seeds" in raw:
        raw["seeds"] = parse_seeds(str(raw["seeds"]))
    if "budget" in raw:
        raw["budget"] = str(raw["budget"])
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    return Spec(**values)


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


def parse_seeds(text: str) -> tuple[int, ...]:
    """`5` means seeds 1 to 5; `1,2,7` means these.

    >>> parse_seeds("3"), parse_seeds("2,9")
    ((1, 2, 3), (2, 9))
    """
    try:
        numbers = [int(t) for t in text.split(",") if t.strip()]
    except ValueError as error:
        raise UserError(f"seeds {text!r} is neither a count nor a list such as 1,2,3") from error
    if not numbers or min(numbers) < 0 or (len(numbers) == 1 and "," not in text and numbers[0] < 1):
        raise UserError(f"seeds {text!r}: give a count of at least 1, or a list of numbers such as 1,2,3")
    if "," not in text and numbers[0] > MOST_SEEDS:
        raise UserError(f"seeds {text!r}: {MOST_SEEDS} are the most that one sweep takes; name seeds as 1,2,3")
    found = tuple(range(1, numbers[0] + 1)) if "," not in text else tuple(numbers)
    if len(set(found)) < len(found):
        raise UserError(f"seeds {text!r} name one seed twice")
    return found


def check_timeout(seconds: float) -> None:
    """Raise UserError for a limit of a part that is none."""
    if not 0 < seconds <= LONGEST_TIMEOUT:  # not a number fails here too
        raise UserError(f"reward_timeout = {seconds:g} is not between 0 and {LONGEST_TIMEOUT} seconds")
