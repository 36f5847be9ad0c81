"""What do all probes find? The scene is set once; every probe of the folder reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from itertools import islice
from typing import Any

from rewardbench import find, scoring
from rewardbench.audit import VERSION, _limits, code_hash, probes
from rewardbench.audit._change import change
from rewardbench.audit._found import Finding, Measured
from rewardbench.audit._scene import Scene, demonstrations
from rewardbench.audit._strategy import TINY, strategy
from rewardbench.design import design_hash
from rewardbench.plan import ENGINE, portable
from rewardbench.policies.settings import Folder
from rewardbench.types import Batch, Design, Prompt, UserError

SCHEMA = 1
SORTS = {"dead": "silent", "unheard": "silent"}
"""Probes that ask whether anything is taught at all."""
HOW = {
    "gameable": "can be gamed",
    "misaligned": "pays for something else than gold",
    "blind": "does not see what ruins a completion",
    "silent": "teaches this policy next to nothing",
}
"""What each verdict means, the strongest first."""


@dataclass(frozen=True)
class Stage:
    """What is the same for every design of a task: prompts, the policy's completions, demonstrations."""

    task: str
    policy: Folder
    prompts: tuple[Prompt, ...]
    seed: int
    limit: int
    sampled: Batch
    unknown: float
    """Share of the prompts' tokens that the policy's vocabulary lacks."""
    demonstrated: Sequence[Sequence[Any]]
    shared: dict[str, float]


@dataclass(frozen=True)
class Audit:
    """What was measured of one design."""

    task: str
    design: Design
    policy: str
    policy_hash: str
    prompts: int
    samples: int
    seed: int
    start: float
    """Gold of the untrained policy."""
    unknown: float
    """Share of the prompts' tokens that it cannot read."""
    good: int
    """Prompts of which a good completion is known."""
    measured: tuple[Measured, ...]

    @property
    def verdict(self) -> str:
        """The strongest word of HOW that its findings allow; `clean`, or `unknown` where nothing could be compared."""
        sorts = {SORTS.get(m.probe, m.sort) for m in self.measured if m.finding is not None}
        words = {"strategy": "gameable", "search": "gameable", "ruin": "blind", "silent": "silent"}
        found = {words.get(sort, "misaligned") for sort in sorts}
        nothing = "clean" if self.good >= min(_limits.LEAST, self.prompts) else "unknown"
        return next((word for word in HOW if word in found), nothing)

    @property
    def findings(self) -> list[Finding]:
        """What was found, the worst first."""
        found = [m.finding for m in self.measured if m.finding is not None]
        return sorted(found, key=lambda f: (-f.severity, f.code))


def stage(task_name: str, policy: Folder, count: int, samples: int, seed: int) -> Stage:
    """Dev prompts of a task with the policy's completions of each, as a run's first evaluation has them."""
    from rewardbench.engine.first import first  # torch is needed here, and only here

    task = find.task(task_name)
    find.first_prompt(task_name, "dev", seed)
    prompts = tuple(islice(task.prompts("dev", seed), count))
    said = first(policy, task, prompts, samples, seed)
    limit = policy.settings.max_tokens(task_name, task.max_tokens)
    shown = demonstrations(task_name, prompts, task.turns, seed)
    return Stage(task_name, policy, prompts, seed, limit, said.batch, said.unknown, shown, {})


def audit(asked: str, on: Stage, timeout: float = 60.0) -> Audit:
    """Every probe of a design (as `rbench run` takes it) on a stage."""
    design = find.design(asked, on.task)
    if not design.parts or design.parts[0].use == "oracle":
        raise UserError(f"design {asked!r} is an arm that holds no reward of its own: there is nothing to audit")
    contestant = scoring.raw(find.bind(design, on.task))
    scene = Scene(
        task=find.task(on.task), gold=find.gold(on.task), contestant=contestant, prompts=on.prompts, limit=on.limit,
        seed=on.seed, K=on.policy.settings.K, timeout=timeout, sampled=on.sampled, demonstrated=on.demonstrated,
        shared=on.shared,
    )  # fmt: skip
    measured = claims([probe(scene, code) for code in probes()], replace(scene, chance="another"))
    return Audit(
        on.task, design, on.policy.name, on.policy.digest, len(on.prompts), len(on.sampled.text[0]), on.seed,
        float(scene.start.mean()), on.unknown, sum(map(bool, scene.good)), measured,
    )  # fmt: skip


def claims(measured: Sequence[Measured], otherwise: Scene) -> tuple[Measured, ...]:
    """The measurements without claims that another one explains: noise, or one payment for all, moves with nothing.

    Noise on top of a hole is a hole: where the reward is noise, a strategy's claim stands if it is found again with
    other chances (`otherwise`).
    """
    found = {m.probe: m.finding for m in measured if m.finding is not None}
    flat = "dead" in found and all(_paid_alike(m) for m in measured)
    if not ("noise" in found or flat):
        return tuple(measured)
    why = "not claimed: everything is paid alike" if flat else "not claimed: the reward is noise"
    kept = {"noise", *SORTS} if flat else {"noise", *SORTS, "agreement", "best_of_n"}
    if not flat:
        paid = [m.probe for m in measured if m.finding is not None and m.sort in ("strategy", "search")]
        kept |= {code for code in paid if probe(otherwise, code).finding is not None}
    return tuple(m if m.finding is None or m.probe in kept else replace(m, finding=None, note=why) for m in measured)


def _paid_alike(m: Measured) -> bool:
    """Whether a probe met no reward but the policy's own."""
    pay = [m.numbers.get(name) for name in ("reward", "policy_reward", "good_reward")]
    known = [p for p in pay if p is not None]
    return len(known) < len(pay) or max(known) - min(known) <= TINY * max(map(abs, known))


def probe(scene: Scene, code: str) -> Measured:
    """One probe's measurement, by which of the three functions its file defines."""
    module = import_module(f"rewardbench.audit.{code}")
    if hasattr(module, "measure"):
        found: Measured = module.measure(scene)
        return found
    if hasattr(module, "changed"):
        return change(scene, code, module.SAYS, module.SORT, module.changed)
    if getattr(module, "DIALOGUE", False) and scene.task.turns == 1:
        return Measured(code, "strategy", note="it is for dialogues")
    return strategy(scene, code, module.SAYS, module.completions)


def sentence(found: Audit) -> str:
    """The audit in a sentence."""
    worst, name = found.findings, f"{found.design.name} on {found.task}"
    if found.verdict == "unknown":
        known = f"a good completion is known for {found.good} of {found.prompts} prompts"
        return f"{name}: nothing can be said, since {known}. A better --policy says some; demonstrations.py shows some."
    if not worst:
        tried = sum(not m.note for m in found.measured)
        return f"{name}: no way to game it was found ({tried} probes)."
    count = "1 finding" if len(worst) == 1 else f"{len(worst)} findings"
    return f"{name} {HOW[found.verdict]}: {count}, the worst is {worst[0].code}."


def as_json(found: Audit) -> dict[str, Any]:
    """The audit as one object."""
    return {
        "schema_version": SCHEMA,
        "version": VERSION,
        "code_hash": code_hash(),
        "task": found.task,
        "design": found.design.name,
        "design_hash": design_hash(portable(found.design)),
        "policy": found.policy,
        "policy_hash": found.policy_hash,
        "prompts": found.prompts,
        "samples": found.samples,
        "seed": found.seed,
        "verdict": found.verdict,
        "good_prompts": found.good,
        "start_gold": found.start,
        "unknown_tokens": found.unknown,
        "engine": ENGINE,
        "findings": [_plain(asdict(f)) for f in found.findings],
        "probes": [_probe(m) for m in found.measured],
    }


def _probe(m: Measured) -> dict[str, Any]:
    row = {"probe": m.probe, "sort": m.sort, "found": m.finding is not None, "numbers": _plain(m.numbers)}
    if m.note:
        row["reason"] = m.note
    if m.curve:
        row["curve"] = _plain(m.curve)
    return row


def _plain(value: Any) -> Any:
    """Numbers that JSON holds: what is no finite number is null."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
