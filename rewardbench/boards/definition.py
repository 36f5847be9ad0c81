"""What does a board fix? Tasks, seeds, budget, policy, algorithm, evaluation, scale and scorer, with their hashes."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rewardbench import find
from rewardbench.design import canonical, check_keys
from rewardbench.find.names import beside, unknown
from rewardbench.plan import RunSpec, plan
from rewardbench.results import AXES
from rewardbench.spec import Spec
from rewardbench.types import Anchor, UserError

FREE = ("design", "design_hash", "seed")
"""Of a run: what an entry brings, and the seed. All else is the board's."""
ENDS = ("low", "high", "low_se", "high_se")
"""What the scale of a task has, of gold; and the oracle arm's D, where diversity is asked."""
WEIGHTS = {"quality": 0.4, "stability": 0.2, "efficiency": 0.2, "diversity": 0.2}


@dataclass(frozen=True)
class Board:
    """A board as its `board.toml` has it."""

    name: str
    version: int
    summary: str
    tasks: tuple[str, ...]
    policy: str
    algorithm: str
    budget: str
    seeds: int
    """Seeds of every entry."""
    control_seeds: int
    """Seeds of the arms and of the baseline, of which the first `seeds` are those of every entry."""
    baseline: str
    """The design that the others are compared with."""
    algorithms: tuple[str, ...] = ()
    """On a board that ranks algorithms: the entries, each taught by the baseline design; elsewhere none."""
    generated: int = 0
    """Designs a task that the seeded generator draws."""
    audit: str = ""
    """Hash of the audit's code that was frozen before any generated design was drawn."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Hyperparameters of the algorithm."""
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    """Of the axes in `overall`."""
    scale: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Task -> `low`, `high`, `low_se`, `high_se` of gold, and `diversity`: the oracle arm's D, if it is asked for."""
    hashes: Mapping[str, Any] = field(default_factory=dict)
    """What else the numbers depend on: see `measured_hashes`."""
    schema_version: int = 1
    folder: Path = field(default=Path(), compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the definition's canonical JSON: another one is another version of the board."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "folder"}
        return canonical({k: list(v) if isinstance(v, tuple) else v for k, v in told.items() if v != ()})

    def anchor(self, task: str) -> Anchor:
        """The ends of a task's frozen scale; it must have one."""
        low, high, low_se, high_se = (self.scale[task][end] for end in ENDS)
        return Anchor(low, high, low_se, high_se)

    def seed(self, index: int) -> int:
        """The board's i-th seed (from 0), equal for every entry, so that nobody picks any."""
        return hashed(f"board/{self.name}/{self.version}/{index}")

    @property
    def pinned(self) -> str:
        """The entry that the others are compared with."""
        return self.algorithm if self.algorithms else self.baseline

    @property
    def controls(self) -> tuple[str, ...]:
        """The arms that the board shows: all of them, or for algorithms the two ends of the scale."""
        return ("untrained", "oracle") if self.algorithms else tuple(find.arms())

    def own(self, task: str) -> list[str]:
        """The entries that the board itself ships on a task, beside arms and drawn designs."""
        return list(self.algorithms) if self.algorithms else list(find.task_designs(task))

    def asked(self, task: str) -> list[str]:
        """The axes that a task has: diversity is not asked where one answer is right, and so has no scale."""
        return [a for a in AXES if a != "diversity" or self.scale.get(task, {}).get("diversity")]

    def seed_list(self, count: int) -> tuple[int, ...]:
        """The board's first seeds."""
        return tuple(self.seed(i) for i in range(count))


def hashed(name: str) -> int:
    """A seed in [0, 2**32) named by a text.

    >>> hashed("board/x/1/0") == hashed("board/x/1/0") != hashed("board/x/1/1")
    True
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def challenge_seeds(board: Board, entry: str, commit: str, count: int) -> tuple[int, ...]:
    """Seeds drawn after an entry was handed in: named by board, entry and merge commit, so that none can be ground."""
    return tuple(hashed(f"challenge/{board.name}/{board.version}/{entry}/{commit}/{i}") for i in range(count))


def check_scale(board: Board, tasks: Iterable[str]) -> None:
    """Raise UserError (code 5) where the board has no scale for one of the tasks: now, not after it was trained."""
    if lacking := [task for task in tasks if task not in board.scale]:
        made = "its maintainers write one with `rbench board freeze`"
        raise UserError(f"board {board.name} has no scale for {', '.join(lacking)}: there is no quality; {made}", 5)


def boards() -> dict[str, Path]:
    """Name -> folder of the boards that ship."""
    return {p.parent.name: p.parent for p in sorted(beside("leaderboards").glob("*/board.toml"))}


def read(asked: str | Path) -> Board:
    """A board by its name or folder. Raises UserError where there is none, or its file is none."""
    if asked == "":  # as a path it would be the working directory
        raise unknown("board", asked, boards())
    folder = Path(asked)
    if not (folder / "board.toml").is_file():
        known = boards()
        if str(asked) not in known and (folder.is_dir() or len(folder.parts) > 1):
            there = "it has no board.toml" if folder.is_dir() else "there is no such folder"
            if folder.name in known and not folder.is_dir():
                there += " here, and there is in a clone of the repository"
            raise UserError(f"no board {str(asked)!r}: {there} (that ship: {', '.join(known) or 'none'})", 5)
        if str(asked) not in known:
            raise unknown("board", str(asked), known)
        folder = known[str(asked)]
    try:
        text = (folder / "board.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{folder.name}/board.toml cannot be read: {error}", 5) from error
    return parse(text, folder)


def parse(text: str, folder: Path = Path()) -> Board:
    """The board that a TOML text defines; unknown keys, missing ones and wrong types are errors."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"board.toml is not valid TOML: {error}") from error
    known = [f.name for f in fields(Board) if f.name != "folder"]
    check_keys(raw, known, "board.toml")
    for key in ("name", "summary", "policy", "algorithm", "budget", "baseline"):
        if not isinstance(raw.get(key), str) or not raw[key]:
            raise UserError(f"board.toml: {key} must be a text")
    _check_counts({"generated": 0, **raw})
    _check_tables(raw)
    tasks, algorithms = raw.get("tasks"), raw.get("algorithms", [])
    if not _names(tasks) or not tasks:
        raise UserError("board.toml: tasks must be a list of names")
    if not _names(algorithms) or (algorithms and raw["algorithm"] not in algorithms):
        raise UserError("board.toml: algorithms must be a list of names, with `algorithm` among them")
    for name in algorithms:
        if name not in find.files("algorithms"):
            raise unknown("algorithm", name, find.files("algorithms"))
    for task in tasks:
        if raw["baseline"] not in find.task_designs(task):
            raise unknown(f"baseline of {task}", raw["baseline"], find.task_designs(task))
    return Board(**{**raw, "tasks": tuple(tasks), "algorithms": tuple(algorithms), "folder": folder})


def _names(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _check_counts(raw: Mapping[str, Any]) -> None:
    """Raise UserError for counts that are none, or that no board can have."""
    for key, least in (("version", 1), ("seeds", 1), ("control_seeds", 1), ("generated", 0)):
        if not isinstance(raw.get(key), int) or isinstance(raw[key], bool) or raw[key] < least:
            raise UserError(f"board.toml: {key} must be a whole number of at least {least}")
    if raw["seeds"] < 2:
        raise UserError("board.toml: seeds = 1 gives no interval; 5 is the least to rank")
    if raw["control_seeds"] < raw["seeds"]:
        raise UserError("board.toml: control_seeds must be at least seeds: every entry is compared with the arms")


def _check_tables(raw: Mapping[str, Any]) -> None:
    """Raise UserError for tables that are none, weights that do not sum to 1, and a scale that lacks an end."""
    for key in ("options", "weights", "scale", "hashes"):
        if not isinstance(raw.get(key, {}), dict):
            raise UserError(f"board.toml: {key} must be a table")
    weights = raw.get("weights", WEIGHTS)
    shares = set(weights) == set(AXES) and _numbers(weights.values()) and min(weights.values()) >= 0
    if not shares or abs(sum(weights.values()) - 1) > 1e-9:
        raise UserError(f"board.toml: weights must be shares of {', '.join(AXES)} that sum to 1")
    for task, ends in raw.get("scale", {}).items():
        if not isinstance(ends, dict) or not set(ENDS) <= set(ends):
            raise UserError(f"board.toml: the scale of {task} needs {', '.join(ENDS)}: `rbench board freeze` writes it")
        if not _numbers(ends.values()) or ends["low"] >= ends["high"]:
            raise UserError(f"board.toml: the scale of {task} must be numbers, `low` below `high`")
        if weights["diversity"] == 1 and not ends.get("diversity"):
            raise UserError(f"board.toml: weights are all on diversity, of which {task} has no scale")


def _numbers(values: Iterable[Any]) -> bool:
    """Whether all values are finite numbers."""
    return all(isinstance(v, int | float) and math.isfinite(v) for v in values)


def spec(
    board: Board,
    tasks: tuple[str, ...],
    designs: tuple[str, ...],
    seeds: int | None = None,
    alone: bool = False,
    algorithm: str = "",
) -> Spec:
    """What is run for entries on a board: everything but the designs (or, of one that ranks them, the algorithm) is
    the board's."""
    return Spec(
        tasks=tasks or board.tasks,
        designs=designs,
        algorithm=algorithm or board.algorithm,
        options=dict(board.options),
        policy=board.policy,
        seeds=board.seed_list(seeds or board.seeds),
        budget=board.budget,
        split="test",
        alone=alone,
    )


def fixed(board: Board, task: str, algorithm: str = "") -> RunSpec:
    """A run of a board's task as this version plans it: `untrained`, on the first seed; of a board that ranks
    algorithms, by one of them."""
    taught = algorithm if algorithm in board.algorithms else ""
    wanted = spec(board, (task,), ("untrained",), 1, alone=True, algorithm=taught)
    return plan(wanted, find.policy(board.policy))[0][0]


def shape(run: RunSpec) -> dict[str, Any]:
    """All of a run that a board fixes, as plain values: what is hashed when the board is frozen."""
    return {k: v for k, v in run.as_dict().items() if k not in FREE}


def unlike(run: RunSpec, wanted: RunSpec) -> str | None:
    """The first thing of a run that is not as the board's, in words; None if nothing but what an entry is free in."""
    mine, theirs = shape(run), shape(wanted)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            return f"its {name} is {str(mine.get(name))[:40]!r}, the board's {str(theirs.get(name))[:40]!r}"
    return None
