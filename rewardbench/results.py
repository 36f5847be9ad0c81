"""What came of the runs? Traces -> arrays -> metrics -> result; nothing here is stored, all is recomputed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from rewardbench import find, trace
from rewardbench.metrics import collapsed, dead_signal, hacked, kl_runaway, no_learning, over_trained, templated
from rewardbench.metrics import diversity as diversity_
from rewardbench.metrics import efficiency as efficiency_
from rewardbench.metrics import quality as quality_
from rewardbench.metrics import stability as stability_
from rewardbench.metrics import truncated as truncated_
from rewardbench.metrics.normalised import last_two
from rewardbench.plan import RunSpec, read_run
from rewardbench.types import Anchor, Bank, Curve, Damaged, UserError

AXES = ("quality", "stability", "efficiency", "diversity")


@dataclass(frozen=True)
class Loaded:
    """A run as read back from its folder."""

    spec: RunSpec
    folder: Path
    status: dict[str, Any]
    rows: list[dict[str, Any]]
    timing: list[dict[str, Any]]
    curve: Curve | None
    bank: Bank | None
    texts: list[list[str]]
    """Counted completions of the last evaluation, [N][n]."""
    prompts: list[str]
    """Their prompts, [N]."""


@dataclass
class Result:
    """One run's scores; None where a value is not known, with the reason beside it."""

    run: Loaded
    values: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)

    @property
    def task(self) -> str:
        """The task's name."""
        return self.run.spec.task

    @property
    def design(self) -> str:
        """The design's bare name."""
        return self.run.spec.design.name

    @property
    def failed(self) -> bool:
        """Whether the run ended in a failure."""
        return bool(self.run.status["status"] == "failed")

    def counted(self, metric: str) -> float | None:
        """What enters means and comparisons: a crash left no policy, so its gold counts 0; nothing is dropped."""
        return 0.0 if metric == "gold" and self.failed else self.values.get(metric)


# --- reading -------------------------------------------------------------------------------------


def load_run(folder: Path) -> Loaded:
    """A run's folder as arrays; what is missing there is None."""
    spec = read_run(folder)
    status = trace.status(folder)
    paths = [p for p in trace.evaluations(folder) if p.stem != "final"]
    tables = [trace.read_evaluation(p) for p in paths]
    final = folder / "evals" / "final.parquet"
    rows = trace.rows(folder)
    curve = curve_of(spec, tables, status["status"] == "failed") if tables else None
    bank = bank_of(spec, trace.read_evaluation(final)) if final.is_file() else None
    if status["status"] == "done" and trace.content_hash(folder) != status.get("content"):
        what = ", ".join(trace.changed(folder) or ()) or "its record"
        raise Damaged(f"{folder.name}: {what} changed, or went missing, since the run was done")
    last = tables[-1] if tables else None
    texts = grid(last, "text", spec.eval_prompts).tolist() if last is not None else []
    prompts = grid(last, "prompt_text", spec.eval_prompts)[:, 0].tolist() if last is not None else []
    return Loaded(spec, folder, status, rows, trace.rows(folder, "timing.jsonl"), curve, bank, texts, prompts)


@contextmanager
def remedied(sweep: Path, name: str) -> Iterator[None]:
    """Add to what is damaged of a run where it lies and how it is made again."""
    try:
        yield
    except Damaged as error:
        again = f"delete {sweep / 'runs' / name}, and the same `rbench run` with --out {sweep} makes it again"
        raise Damaged(f"{error}; {again}") from error


def grid(table: Mapping[str, Any], name: str, prompts: int) -> Any:
    """A column as [N, n], counted completions only."""
    return np.asarray(table[name])[np.asarray(table["picked"], dtype=bool)].reshape(prompts, -1)


def curve_of(spec: RunSpec, tables: Sequence[Mapping[str, Any]], failed: bool) -> Curve:
    """The run along its evaluations, from their tables (name -> column, a row a completion)."""

    def every(name: str, kind: type) -> Any:
        return np.stack([grid(t, name, spec.eval_prompts).astype(kind) for t in tables])

    return Curve(
        steps=np.array([int(t["step"][0]) for t in tables]),
        tokens=np.array([float(t["charged"][0]) for t in tables]),
        gold=every("gold", float),
        reward=every("reward", float),
        kl=every("kl", float),
        length=every("length", float),
        ended=every("ended", bool),
        entropy=np.array([float(np.mean(t["entropy"])) for t in tables]),
        budget_steps=spec.steps,
        budget_tokens=spec.budget_tokens(),
        failed=failed,
    )


def bank_of(spec: RunSpec, table: Mapping[str, Any]) -> Bank:
    """The samples over the grid of temperatures, from its table."""
    heats = np.asarray(table["temperature"])
    order = sorted(set(heats.tolist()))
    picked = np.asarray(table["picked"], dtype=bool)

    def at(name: str, heat: float) -> Any:
        return np.asarray(table[name])[(heats == heat) & picked].reshape(spec.eval_prompts, -1)

    return Bank(
        temperatures=np.array(order),
        gold=np.stack([at("gold", h).astype(float) for h in order]),
        kind=np.stack([at("kind", h) for h in order]),
        bar=find.gold(spec.task).bar,
    )


def load_sweep(folder: Path) -> list[Loaded]:
    """Every run of a sweep's folder in the order of its spec, or one run's own folder."""
    if (folder / "spec.toml").is_file():
        return [load_run(folder)]
    if not (folder / "sweep.toml").is_file():
        raise UserError(f"{folder} is neither a sweep folder (sweep.toml) nor a run folder (spec.toml)", 5)
    found = []
    for name in map(str, trace.head(folder)["runs"]):
        with remedied(folder, name):
            found.append(load_run(folder / "runs" / name))
    return found


# --- scoring -------------------------------------------------------------------------------------


def anchor_of(spec: RunSpec) -> Anchor | str:
    """The task's frozen scale for this policy and budget, or why there is none.

    A row holds for the code and data that it was measured on: a copied or edited task is not on the old one's scale.
    """
    path = find.task_folder(spec.task) / "anchors.json"
    if not path.is_file():
        return f"{spec.task} has no anchors; `rbench anchors` makes them"
    key = (spec.task_version, spec.policy_hash, spec.budget)
    for row in json.loads(path.read_text(encoding="utf-8"))["anchors"]:
        if (row["task_version"], row["policy_hash"], row["budget"]) == key:
            if row.get("task_digest", spec.task_digest) != spec.task_digest:
                return f"the anchors of {spec.task} are of other code or data; `rbench anchors` makes them anew"
            return Anchor(row["low"], row["high"], row["low_se"], row["high_se"], len(row["seeds"]))
    return f"{spec.task} has no anchors for policy {spec.policy!r} at budget {spec.budget!r}"


Scale = Callable[[RunSpec], Anchor | str]
"""The frozen ends of a run's scale, or why there are none."""


def score(
    runs: Sequence[Loaded], scale: Scale = anchor_of, starts: Sequence[Result] = (), floor: bool = True
) -> list[Result]:
    """The result of every run; flags that need several seeds or `untrained` look at all of them.

    `scale` is the task's own unless a board fixes another; `starts` are results of `untrained` runs from elsewhere:
    looked at, neither scored again nor returned. Without `floor` the noise floor of S is left out: it costs as much
    as all the rest.
    """
    _alike(runs)
    every = [*runs, *(r.run for r in starts)]
    bases = {(r.spec.task, r.spec.seed): r for r in every if not r.spec.design.trains}
    results = [_score_one(run, bases.get((run.spec.task, run.spec.seed)), scale(run.spec), floor) for run in runs]
    there = by_design([*results, *starts])
    for (task, _), group in by_design(results).items():
        gained = gains(group, there.get((task, "untrained"), ()))
        began = any(not r.failed or (r.run.curve is not None and len(r.run.curve.steps) > 1) for r in group)
        if began and len(group) == len(gained) > 1 and no_learning.no_learning(gained):
            for r in group:
                r.flags.append("no_learning")
    return results


SETTING = tuple(f.name for f in fields(RunSpec) if f.name not in ("task", "design", "design_hash", "policy", "seed"))
"""What runs of one task have in common where only the reward may differ; a policy is known by its hash."""


def _alike(runs: Sequence[Loaded]) -> None:
    """Raise UserError (code 2) unless the runs of each task differ in design and seed alone."""
    first: dict[str, Loaded] = {}
    seen: dict[tuple[str, str, int], str] = {}
    for run in runs:
        other = first.setdefault(run.spec.task, run)
        for name in SETTING:
            a, b = getattr(other.spec, name), getattr(run.spec, name)
            if a != b:
                what = f"runs of {run.spec.task} differ in {name.removesuffix('_hash')} ({a!r} and {b!r})"
                raise UserError(f"{what}: only designs and seeds may differ where rewards are compared")
        key = (run.spec.task, run.spec.design.name, run.spec.seed)
        if seen.setdefault(key, run.spec.id) != run.spec.id:
            raise UserError(f"two runs of {key[0]} are design {key[1]!r}, seed {key[2]}: rename one of the designs")


def gains(group: Sequence[Result], untrained: Sequence[Result]) -> list[float]:
    """Each run's Q less that of `untrained` on the same seed, and so on the same prompts; Q itself without one.

    Anchors come from other prompts: against them alone, five untrained runs may lie above 0 by the luck of theirs.
    """
    start = {r.run.spec.seed: q for r in untrained if (q := r.values["quality"]) is not None}
    return [q - start.get(r.run.spec.seed, 0.0) for r in group if (q := r.values["quality"]) is not None]


def by_design(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    """Results of each (task, design), by seed."""
    found: dict[tuple[str, str], list[Result]] = {}
    for r in sorted(results, key=lambda r: r.run.spec.seed):
        found.setdefault((r.task, r.design), []).append(r)
    return found


def _score_one(run: Loaded, base: Loaded | None, anchor: Anchor | str, floor: bool) -> Result:
    """One run's four axes and flags."""
    result = Result(run)
    task = find.task(run.spec.task)
    if result.failed:
        result.flags.append("failed")
    if run.curve is None or run.status["status"] == "partial":
        for axis in AXES:
            result.values[axis] = 0.0 if result.failed and isinstance(anchor, Anchor) else None
            reason = "the run failed before its first evaluation" if result.failed else "the run is not done"
            if result.values[axis] is None:
                result.reasons[axis] = reason
        result.values["gold"] = None
        _diversity(result, base, task.one_answer)
        return result
    curve = run.curve
    result.values["gold"] = float(last_two(curve.gold.mean(axis=(1, 2))))
    axes: dict[str, Callable[[Curve, Anchor], float]] = {
        "quality": quality_.quality,
        "stability": stability_.stability,
        "efficiency": efficiency_.efficiency,
    }
    if floor:
        axes["stability_floor"] = stability_.noise_floor
    for name, measure in axes.items():
        _try(result, name, anchor, lambda a, f=measure: f(curve, a))  # type: ignore[misc]
    _diversity(result, base, task.one_answer)
    real = anchor if isinstance(anchor, Anchor) else None
    result.flags += flags_of(run, base, real, task.one_answer)
    return result


def _try(result: Result, name: str, anchor: Anchor | str, value: Callable[[Anchor], float]) -> None:
    """Set a value, or None with the reason."""
    result.values[name] = None
    if isinstance(anchor, str):
        result.reasons[name] = anchor
        return
    try:
        result.values[name] = float(value(anchor))
    except UserError as error:
        result.reasons[name] = str(error)


def _diversity(result: Result, base: Loaded | None, one_answer: bool) -> None:
    """D, or why it is not there; for one right answer the pass@k area in its place."""
    run = result.run
    result.values["diversity"], reason = None, ""
    if one_answer:
        reason = "one answer is right, so diversity is not asked; see pass_at_k"
        if run.bank is not None and run.bank.gold.shape[2] >= 16:
            result.values["pass_at_k"] = diversity_.pass_at_k_area(run.bank)
    elif run.status["status"] == "partial":
        reason = "the run is not done"
    elif not run.spec.temperatures:
        reason = f"budget {run.spec.budget!r} samples no temperatures"
    elif base is None or base.bank is None:
        reason = "no finished `untrained` run of this seed to compare with"
    elif run.bank is None:  # it failed: nothing precise is left, of any kind
        result.values["diversity"] = -diversity_.volume(base.bank)
    elif run.bank.gold.shape[2] < 2:
        reason = "the algorithm shows one completion a prompt"
    else:
        result.values["diversity"] = diversity_.diversity(run.bank, base.bank)
    result.reasons.pop("diversity", None)
    if reason:
        result.reasons["diversity"] = reason


def flags_of(run: Loaded, base: Loaded | None, anchor: Anchor | None, one_answer: bool) -> list[str]:
    """Stable codes of what happened; computed from arrays, never from a name."""
    curve = run.curve
    assert curve is not None
    found = {
        "hacked": hacked.hacked(curve),
        "over_trained": len(curve.steps) > 2 and over_trained.over_trained(curve, anchor),
        "collapsed": len(curve.steps) > 1 and collapsed.collapsed(curve, anchor, one_answer),
        "dead_signal": dead_signal.dead_signal([r["dead"] for r in run.rows]),
        "truncated": truncated_.truncated(curve),
        "kl_runaway": len(curve.steps) > 1 and kl_runaway.kl_runaway(curve),
    }
    if not one_answer and base is not None and base.texts and run.spec.design.trains:
        found["templated"] = templated.templated(run.prompts, run.texts, base.texts)
    return [name for name, hit in found.items() if hit]
