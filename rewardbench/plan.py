"""What will be run? A spec -> runs, packs, ids and what they cost. Loads no torch."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from rewardbench import find, trace
from rewardbench.design import canonical, check_keys, design_hash
from rewardbench.policies.card import Call
from rewardbench.policies.settings import Folder, Settings
from rewardbench.types import Design, Part, UserError
from rewardbench.variants import ablations, has_all, sweeps

ENGINE = 5
"""Goes up when the same spec would give other numbers. 5 changed those of designs with segments or weights of 0."""
GRID = (0.5, 0.8, 1.0, 1.2, 1.5)
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


@dataclass(frozen=True)
class RunSpec:
    """One run, resolved: everything that its numbers depend on, and nothing else."""

    task: str
    task_version: int
    task_digest: str
    design: Design
    design_hash: str
    algorithm: str
    options: Mapping[str, Any]
    policy: str
    policy_hash: str
    seed: int
    budget: str
    steps: int
    P: int
    K: int
    max_tokens: int
    points: tuple[int, ...]
    """Optimiser steps done at each evaluation."""
    eval_prompts: int
    eval_samples: int
    temperatures: tuple[float, ...]
    grid_samples: int
    engine: int = ENGINE
    algorithm_source: str | None = None
    """SHA-256 of a user's own algorithm file; shipped ones are covered by the version."""
    grid_split: str | None = None
    """The split that the grid is sampled from, where it is not `dev`."""

    @cached_property
    def id(self) -> str:
        """Hash of the canonical JSON of the spec, 16 hexadecimal digits."""
        return canonical(self.as_dict())[:16]

    def as_dict(self) -> dict[str, Any]:
        """The spec as plain values, for TOML and hashing; what is not set is left out. Nested values are shared, and so
        are read alone."""
        return dict(self._plain)

    @cached_property
    def _plain(self) -> dict[str, Any]:
        found: dict[str, Any] = trace.plain(asdict(self))
        return found

    def on(self, seed: int) -> RunSpec:
        """The same run on another seed. Its plain values are this one's but for that: a board asks a thousand designs
        for five ids each, and taking the design apart is most of the work."""
        other = replace(self, seed=seed)
        vars(other)["_plain"] = {**self._plain, "seed": seed}
        return other

    def budget_tokens(self) -> float:
        """The end of the efficiency axis: steps * P * K * max_tokens."""
        return float(self.steps * self.P * self.K * self.max_tokens)


PAIRS = ("clip", "schedule")
"""Fields of a part that are tuples; TOML has lists."""


def run_spec(raw: Mapping[str, Any]) -> RunSpec:
    """A RunSpec from the plain values of a `spec.toml`."""
    design = dict(raw["design"])
    parts = tuple(
        Part(**{**p, **{k: tuple(tuple(v) if isinstance(v, list) else v for v in p[k]) for k in PAIRS if k in p}})
        for p in design.pop("parts", [])
    )
    lists = {k: tuple(raw[k]) for k in ("points", "temperatures")}
    return RunSpec(**{**raw, **lists, "design": Design(parts=parts, **design)})


def read_run(folder: Path) -> RunSpec:
    """The resolved spec of a run's folder; raises UserError (code 5) if it is damaged, or of a task that is gone."""
    raw = trace.spec(folder)
    try:
        found = run_spec(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{folder.name}/spec.toml is damaged, or another version's ({reason})", 5) from error
    find.recall(found.task, folder.absolute().parents[1] / "local.toml")
    return found


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


def points(steps: int, budget: str) -> tuple[int, ...]:
    """Steps at which a run is evaluated: 11 spread evenly, 3 for `quick`, each one of a short run.

    >>> points(40, "default")[:4], points(4, "4"), points(20, "quick")
    ((0, 4, 8, 12), (0, 1, 2, 3, 4), (0, 10, 20))
    """
    if steps < 10:
        return tuple(range(steps + 1))
    count = 2 if budget == "quick" else 10
    return tuple(round(i * steps / count) for i in range(count + 1))


def plan(spec: Spec, policy: Folder) -> tuple[list[RunSpec], dict[str, Path]]:
    """All runs of a spec in a fixed order, and the user's source files they need (place in `sources` -> path)."""
    if not spec.tasks:
        raise UserError("nothing to run: give --task, or a spec file that names tasks (see `rbench list tasks`)")
    check_timeout(spec.reward_timeout)
    runs: list[RunSpec] = []
    quick = spec.budget == "quick"
    taught = find.algorithm_part(spec.algorithm)
    least, name = find.algorithm(spec.algorithm, spec.options).least_k, Path(spec.algorithm).name
    if least > policy.settings.K:
        why = f"algorithm {name!r} compares the completions of a prompt and needs {least}"
        remedy = f"set K = {least} or more in its .toml, or take another algorithm, such as reinforce"
        raise UserError(f"{why}, and policy {policy.name!r} samples K = {policy.settings.K}: {remedy}")
    sources = dict([find.copy_of(taught)]) if find.is_copied(taught) else {}
    for task_name in dict.fromkeys(spec.tasks):
        task = find.task(task_name)
        digest = find.task_digest(task_name)
        varied: list[Design] = []
        for asked in design_names(spec, task_name):
            found = find.design(asked, task_name)
            own = find.own_file(asked, found.name)
            sources |= dict(find.copy_of(p) for p in found.parts if find.is_copied(p)) | own
            varied += [portable(found), *(portable(one) for one in variants_of(found, spec))]
        if spec.sweep and not any("@" in one.name for one in varied):
            raise UserError(_nothing_varied(task_name, varied, spec.sweep))
        for design in varied:
            for seed in spec.seeds:
                steps = policy.settings.budget_steps(task_name, spec.budget)
                runs.append(
                    RunSpec(
                        task=task_name,
                        task_version=task.version,
                        task_digest=digest,
                        design=design,
                        design_hash=design_hash(design),
                        algorithm=_short(taught).use,
                        options=dict(spec.options),
                        policy=policy.name,
                        policy_hash=policy.digest,
                        seed=seed,
                        budget=spec.budget,
                        steps=steps,
                        P=4 if quick else policy.settings.P,
                        K=policy.settings.K,
                        max_tokens=policy.settings.max_tokens(task_name, task.max_tokens),
                        points=points(steps, spec.budget),
                        eval_prompts=16 if quick else 32,
                        eval_samples=8,
                        temperatures=() if quick else GRID,
                        grid_samples=16,
                        algorithm_source=taught.source or None,
                        grid_split=None if spec.split == "dev" else spec.split,
                    )
                )
    for one, count in Counter((r.task, r.design.name, r.seed) for r in runs).items():
        if count > 1:
            raise UserError(f"two designs are called {one[1]!r}; rename one of them")
    return runs, sources


def call_of(runs: Sequence[RunSpec], settings: Settings) -> Call:
    """What a step of these runs asks of a card. Prompts are reckoned at three characters a token, and sixty tokens for
    what a chat template adds: nothing that looks at a plan loads a tokenizer.
    """
    first = runs[0]
    prompts = [p for split in ("train", "dev") for p in islice(find.task(first.task).prompts(split, first.seed), 16)]
    longest = max(len("\n".join(m["content"] for m in p.chat())) for p in prompts)
    tile = settings.tile
    return Call(first.P * first.K, tile.prompt if tile else longest // 3 + 60, first.max_tokens)


def check_timeout(seconds: float) -> None:
    """Raise UserError for a limit of a part that is none."""
    if not 0 < seconds <= LONGEST_TIMEOUT:  # not a number fails here too
        raise UserError(f"reward_timeout = {seconds:g} is not between 0 and {LONGEST_TIMEOUT} seconds")


def variants_of(design: Design, spec: Spec) -> list[Design]:
    """What a spec asks for beside a design: it without each part, it with other values. Of arms nothing."""
    if design.name in find.arms():
        return []
    found = [*(ablations(design) if spec.ablate else ()), *(sweeps(design, spec.sweep) if spec.sweep else ())]
    for one in found:
        find.check_params(one)
    return found


def _nothing_varied(task_name: str, designs: Sequence[Design], table: Mapping[str, Sequence[Any]]) -> str:
    """Why a sweep adds no design: none has what it names, or each has those values already."""
    keys = ", ".join(map(repr, table))
    having = [one.name for one in designs if one.name not in find.arms() and has_all(one, table)]
    if not having:
        return f"sweep: no design of {task_name} that is run has {keys}"
    return f"sweep: all values of {keys} are what design {having[0]!r} of {task_name} has already: give others"


def design_names(spec: Spec, task_name: str) -> list[str | Design]:
    """What is entered on a task: everything, or what was asked with `untrained` and `constant` added.

    `<task>/<design>`, as `rbench show` has it, is entered on that task alone. Raises UserError if that is none of
    the spec's tasks.
    """
    if not spec.designs:
        return [*find.task_designs(task_name), *find.arms()]
    names = [_on_its_task(asked, spec.tasks) for asked in spec.designs]
    asked = [name for owner, name in names if owner in ("", task_name)]
    asked += () if spec.alone else ("untrained", "constant")
    return [one for n, one in enumerate(asked) if one not in asked[:n]]


def _on_its_task(asked: str | Design, tasks: Sequence[str]) -> tuple[str, str | Design]:
    """The task that a design's name is bound to ("" for none), and the name in it."""
    if isinstance(asked, Design):
        return "", asked
    owner, _, name = asked.rpartition("/")
    path = name.endswith(".toml") or ":" in name  # a file may lie in a folder that is called as a task is
    if path or owner not in find.task_folders():
        return "", asked
    if owner not in tasks:
        raise UserError(f"design {asked!r} belongs to {owner}, which is not run (tasks: {', '.join(tasks)})")
    return owner, name


def portable(design: Design) -> Design:
    """The design with the folder of a user's own files left out: their names and hashes stay."""
    return replace(design, parts=tuple(_short(p) for p in design.parts))


def _short(part: Part) -> Part:
    """A part of the user's own by its file's name, without the folder."""
    place, colon, name = part.use.rpartition(":")
    return replace(part, use=f"{Path(place).name}{colon}{name}") if find.is_copied(part) else part


def sweep_id(runs: Sequence[RunSpec]) -> str:
    """Hash of the runs' ids, 12 hexadecimal digits; their order and a shard are no part of it."""
    return hashlib.sha256("\n".join(sorted(r.id for r in runs)).encode()).hexdigest()[:12]


def shard_of(runs: Sequence[RunSpec], shard: str) -> list[RunSpec]:
    """The runs of shard `i/n`: every n-th run, from the i-th (1-based)."""
    head, _, tail = shard.partition("/")
    if not (head.isdigit() and tail.isdigit() and 1 <= int(head) <= int(tail)):
        raise UserError(f"shard {shard!r} is not of the form i/n with 1 <= i <= n, such as 1/4")
    return list(runs[int(head) - 1 :: int(tail)])


def completions(run: RunSpec) -> tuple[int, int]:
    """Completions a run samples to learn from by the default wants, and to be evaluated on.

    The last point shares those of the grid at temperature 1, where both are of one split; a run that is not taught is
    read at its start and end.
    """
    points = len(run.points) if run.design.trains else 1
    if run.temperatures and run.design.trains and run.grid_split is None:
        points -= 1
    evaluated = run.eval_prompts * (points * run.eval_samples + len(run.temperatures) * run.grid_samples)
    return (run.steps * run.P * run.K if run.design.trains else 0), evaluated
