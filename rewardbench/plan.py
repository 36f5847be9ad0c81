"""What will be run? A spec -> runs, packs, ids and what they cost. Loads no torch."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from rewardbench import disk, find, trace
from rewardbench.design import canonical, design_hash
from rewardbench.policies.card import Call
from rewardbench.policies.settings import Folder, Settings
from rewardbench.spec import Spec, check_tasked
from rewardbench.types import Damaged, Design, Part, UserError
from rewardbench.variants import ablations, has_all, sweeps

ENGINE = 5
"""Goes up when the same spec would give other numbers. 5 changed those of designs with segments or weights of 0."""
GRID = (0.5, 0.8, 1.0, 1.2, 1.5)


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
        found: dict[str, Any] = disk.plain(asdict(self))
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
        raise Damaged(f"{folder.name}/spec.toml is damaged, or another version's ({reason})") from error
    find.recall(found.task, folder.absolute().parents[1] / "local.toml")
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
    check_tasked(spec)
    taught = find.own_part(spec.algorithm)
    _check_siblings(spec, policy)
    runs: list[RunSpec] = []
    sources = dict([find.copy_of(taught)]) if find.is_copied(taught) else {}
    for task in dict.fromkeys(spec.tasks):
        designs, files = _entered(spec, task)
        sources |= files
        run = _resolved(spec, policy, task, taught)
        runs += [run(design=d, design_hash=design_hash(d), seed=seed) for d in designs for seed in spec.seeds]
    for named, count in Counter((r.task, r.design.name, r.seed) for r in runs).items():
        if count > 1:
            raise UserError(f"two designs are called {named[1]!r}{_called(spec, *named[:2])}; rename one of them")
    return runs, sources


def _called(spec: Spec, task: str, name: str) -> str:
    """` (a.py:f and b.py:f)`: what was asked for on a task under a name, or a name that its variants begin with."""
    named = [one for one in design_names(spec, task) if find.design(one, task).name == name.partition("@")[0]]
    words = [one if isinstance(one, str) else "one written in Python" for one in named]
    return f" ({' and '.join(words)})" if len(words) > 1 else ""


def _check_siblings(spec: Spec, policy: Folder) -> None:
    """Raise UserError if the policy samples fewer completions of a prompt than the algorithm compares."""
    least, name = find.algorithm(spec.algorithm, spec.options).least_k, Path(spec.algorithm).name
    if least > policy.settings.K:
        why = f"algorithm {name!r} compares the completions of a prompt and needs {least}"
        remedy = f"set K = {least} or more in its .toml, or take another algorithm, such as reinforce"
        raise UserError(f"{why}, and policy {policy.name!r} samples K = {policy.settings.K}: {remedy}")


def _entered(spec: Spec, task: str) -> tuple[list[Design], dict[str, Path]]:
    """The designs that run on a task, those beside them that the spec asks for among them, and their own files."""
    designs: list[Design] = []
    files: dict[str, Path] = {}
    for asked in design_names(spec, task):
        found = find.design(asked, task)
        files |= dict(find.copy_of(p) for p in found.parts if find.is_copied(p)) | find.own_file(asked, found.name)
        designs += [portable(found), *(portable(one) for one in variants_of(found, spec))]
    if spec.sweep and not any("@" in one.name for one in designs):
        raise UserError(_nothing_varied(task, designs, spec.sweep))
    return designs, files


def _resolved(spec: Spec, policy: Folder, task_name: str, taught: Part) -> Callable[..., RunSpec]:
    """A run of a task, given what the others of it do not share: design, design_hash and seed."""
    task, settings = find.task(task_name), policy.settings
    quick = spec.budget == "quick"
    steps = settings.budget_steps(task_name, spec.budget)
    return partial(
        RunSpec,
        task=task_name,
        task_version=task.version,
        task_digest=find.task_digest(task_name),
        algorithm=_short(taught).use,
        options=dict(spec.options),
        policy=policy.name,
        policy_hash=policy.digest,
        budget=spec.budget,
        steps=steps,
        P=4 if quick else settings.P,
        K=settings.K,
        max_tokens=settings.max_tokens(task_name, task.max_tokens),
        points=points(steps, spec.budget),
        eval_prompts=16 if quick else 32,
        eval_samples=8,
        temperatures=() if quick else GRID,
        grid_samples=16,
        algorithm_source=taught.source or None,
        grid_split=None if spec.split == "dev" else spec.split,
    )


def call_of(runs: Sequence[RunSpec], settings: Settings) -> Call:
    """What a step of these runs asks of a card. Prompts are reckoned at three characters a token, and sixty tokens for
    what a chat template adds: nothing that looks at a plan loads a tokenizer.
    """
    first = runs[0]
    prompts = [p for split in ("train", "dev") for p in islice(find.task(first.task).prompts(split, first.seed), 16)]
    longest = max(len("\n".join(m["content"] for m in p.chat())) for p in prompts)
    tile = settings.tile
    return Call(first.P * first.K, tile.prompt if tile else longest // 3 + 60, first.max_tokens)


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
