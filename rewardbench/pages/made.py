"""How was it made? What a sweep's numbers depend on, the command that makes them again, and what it cost."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from rewardbench import __version__, find, trace
from rewardbench.pages.numbers import count, fixed
from rewardbench.plan import RunSpec
from rewardbench.results import Result
from rewardbench.types import Design


@dataclass(frozen=True)
class Made:
    """How a task's runs were made."""

    task: str
    facts: tuple[tuple[str, str], ...]
    command: str
    spec: str
    """A spec file, where flags cannot say it; else empty."""
    own: tuple[str, ...]
    """Files of the user's own that the command needs, with their hashes."""


def sweeps(folders: Sequence[Path]) -> list[str]:
    """The ids of sweep folders; a run's own folder has none."""
    return [str(trace.head(f)["sweep"]) for f in folders if (f / "sweep.toml").is_file()]


def made(task: str, results: Sequence[Result]) -> Made:
    """How the runs of one task were made; results.score has seen to it that they agree."""
    mine = [r for r in results if r.task == task]
    one, seeds = mine[0].run.spec, sorted({r.run.spec.seed for r in mine})
    designs = list({r.design: r.run.spec.design for r in mine}.values())
    facts = (
        ("task", f"{task}, version {one.task_version} ({one.task_digest[:12]})"),
        ("policy", f"{one.policy} ({one.policy_hash[:12]})"),
        ("algorithm", " ".join([one.algorithm, *(f"{k} = {v}" for k, v in one.options.items())])),
        ("budget", _budget(one)),
        ("evaluations", _evaluated(one)),
        ("seeds", ", ".join(map(str, seeds))),
        ("engine", f"{one.engine}"),
        *(("versions", told) for told in [_versions(mine)] if told),
    )
    own = [entry for r in mine for entry in _own(r.run.spec, task)]
    command, spec = _command(one, task, designs, seeds)
    return Made(task, facts, command, spec, tuple(dict.fromkeys(own)))


def _own(run: RunSpec, task: str) -> list[str]:
    """Files of the user's own that a run's command names, with what they hash to."""
    design, coded = run.design, [(p.use, p.source) for p in run.design.parts if p.source]
    coded += [(run.algorithm, run.algorithm_source)] if run.algorithm_source else []
    asked = _asked(design, task)
    file = [f"{asked} (design {run.design_hash[:12]})"] if asked == f"{design.name}.toml" else []
    return file + [f"{use.rpartition(':')[0]} (SHA-256 {source[:12]})" for use, source in coded]


def _versions(mine: Sequence[Result]) -> str:
    """What the runs were computed by; each, where they are of several; "" where none says so."""
    return "; ".join(sorted({trace.in_words(r.run.status.get("versions", [])) for r in mine} - {""}))


def shared(every: Sequence[Made]) -> list[tuple[str, str]]:
    """The facts that all tasks have in common."""
    return [fact for fact in every[0].facts if all(fact in one.facts for one in every)]


def _budget(run: RunSpec) -> str:
    each = f"{run.P} prompts × {run.K} completions of at most {run.max_tokens} tokens"
    return f"{run.budget}: {run.steps} steps of {each}"


def _evaluated(run: RunSpec) -> str:
    every = f"{len(run.points)} times on {run.eval_prompts} dev prompts × {run.eval_samples} completions"
    if not run.temperatures:
        return f"{every}; no grid of temperatures"
    heats = ", ".join(f"{t:g}" for t in run.temperatures)
    return f"{every}; at the end × {run.grid_samples} at temperatures {heats}"


def _command(run: RunSpec, task: str, designs: Sequence[Design], seeds: Sequence[int]) -> tuple[str, str]:
    """(command, spec file) that make these runs again."""
    names = [_asked(d, task) for d in designs]
    every = [*find.task_designs(task), *find.arms()]
    if run.options:  # no flag says them
        spec = {
            "tasks": [task], "designs": names, "algorithm": run.algorithm, "options": dict(run.options),
            "policy": run.policy, "seeds": list(seeds), "budget": run.budget,
        }  # fmt: skip
        return "rbench run spec.toml", tomli_w.dumps(spec)
    asked = [] if set(names) == set(every) else [n for n in names if n not in ("untrained", "constant")] or names
    words = ["rbench", "run", "--task", task, *(w for n in asked for w in ("--design", n))]
    words += ["--algorithm", run.algorithm, "--policy", run.policy, "--seeds", _seeds(seeds), "--budget", run.budget]
    return shlex.join(words), ""


def _seeds(seeds: Sequence[int]) -> str:
    """As `--seeds` takes them.

    >>> _seeds([1, 2, 3]), _seeds([2, 9]), _seeds([7])
    ('3', '2,9', '7,')
    """
    if list(seeds) == list(range(1, len(seeds) + 1)):
        return str(len(seeds))
    return ",".join(map(str, seeds)) + ("," if len(seeds) == 1 else "")


def _asked(design: Design, task: str) -> str:
    """How `--design` names it."""
    if design.name in find.task_designs(task) or design.name in find.arms():
        return design.name
    one = design.parts[0] if len(design.parts) == 1 else None
    if one is not None and one.use.endswith(f":{design.name}") and one.name == design.name:
        return one.use
    return f"{design.name}.toml"


def costs(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What the runs took: processor seconds, tokens, what the rewards took of it."""
    training, evaluating = (sum(r[f"{k}_cpu_seconds"] for r in rows) for k in ("training", "evaluation"))
    return [
        ("CPU seconds", f"{fixed(training, 0)} training + {fixed(evaluating, 0)} evaluating"),
        ("seconds in rewards", fixed(sum(r["reward_seconds"] for r in rows), 1)),
        ("completion tokens charged", count(sum(r["tokens"] for r in rows))),
        ("this page by", f"rewardbench-suite {__version__}"),
    ]
