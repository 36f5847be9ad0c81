"""How are results handed on? As the JSON that machines read, as pandas frames, as rows of a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats as scipy_stats

from rewardbench import comparing, disk, find, stats, trace
from rewardbench.metrics.normalised import last_two
from rewardbench.results import AXES, Loaded, Result, anchor_of, by_design, load_sweep, score
from rewardbench.types import Anchor, Curve

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1


def as_row(result: Result) -> dict[str, Any]:
    """One run of the sweep's JSON."""
    run, spec = result.run, result.run.spec
    curve = run.curve
    gold = curve.gold.mean(axis=(1, 2)) if curve is not None else None
    reward = _reward_curve(curve)
    cpu = ("sample", "reward", "learn", "evaluate")
    seconds = {k: sum(t.get(k, 0.0) for t in run.timing) for k in (*cpu, "reward_wall")}
    row = {
        "run": spec.id,
        "task": spec.task,
        "design": spec.design.name,
        "design_hash": spec.design_hash,
        "algorithm": spec.algorithm,
        "policy": spec.policy,
        "seed": spec.seed,
        "status": run.status["status"],
        **{axis: result.values.get(axis) for axis in AXES},
        "stability_floor": result.values.get("stability_floor"),
        "pass_at_k": result.values.get("pass_at_k"),
        "gold": {
            "start": None if gold is None else float(gold[0]),
            "end": result.values.get("gold"),
            "min": None if gold is None else float(gold.min()),
        },
        "reward": {"start": reward[0], "end": reward[1]},
        "kl": None if curve is None else float(curve.kl[-1].mean()),
        "tokens": int(curve.tokens[-1]) if curve is not None else 0,
        "flops": _flops(run),
        "reward_seconds": seconds["reward_wall"],
        "cpu_seconds": sum(seconds[k] for k in cpu),
        "training_cpu_seconds": seconds["sample"] + seconds["reward"] + seconds["learn"],
        "evaluation_cpu_seconds": seconds["evaluate"],
        "flags": sorted(set(result.flags)),
        "reasons": result.reasons,
    }
    row["reasons"] = _reasons(result, row)
    return row


def _reasons(result: Result, row: Mapping[str, Any]) -> dict[str, str]:
    """Why values of a row are null, by the value's name, and why a run failed; every null has a reason."""
    run = result.run
    found = dict(result.reasons)
    if "reason" in run.status:
        found["status"] = str(run.status["reason"])
    unread = "no evaluation was recorded"
    paid = "the arm pays nothing" if not run.spec.design.trains else "every part abstained"
    known = {
        "stability_floor": found.get("stability", unread),
        "gold": unread,
        "kl": unread,
        "reward": unread if run.curve is None else paid,
        "flops": "how many parameters the policy has is written when a run ends",
        "pass_at_k": "several answers are right; see diversity"
        if not find.task(run.spec.task).one_answer
        else "no temperatures were sampled at the end",
    }
    for name, reason in known.items():
        values = row[name].values() if isinstance(row[name], dict) else [row[name]]
        if any(v is None or v != v for v in values):
            found.setdefault(name, reason)
    return found


def _reward_curve(curve: Curve | None) -> tuple[float | None, float | None]:
    """Composed reward on dev prompts at the start and at the end (mean of the last two), raw."""
    if curve is None or not np.isfinite(curve.reward).any():
        return None, None
    means = [float(np.nanmean(r)) if np.isfinite(r).any() else float("nan") for r in curve.reward]
    return means[0], float(last_two(np.array(means)))


def _flops(run: Loaded) -> float | None:
    """FLOPs of training: 2 N a token read or sampled; of a token trained on 4 a parameter that does not move, as beside
    adapters, and 6 one that does (N = parameters).

    As if each completion were read alone: what an engine saves by sharing prompts is its own merit.
    """
    size = run.status.get("parameters")
    if size is None:
        return None
    moved = run.status.get("trained", size)
    sampled = sum(r["context"] + r["length"] * r["completions"] for r in run.rows)
    return float(2 * size * sampled + (4 * (size - moved) + 6 * moved) * sum(r["taught_tokens"] for r in run.rows))


def as_json(sweep: str, results: Sequence[Result]) -> dict[str, Any]:
    """The one object that `rbench run --json` prints."""
    found: dict[str, Any] = disk.finite(
        {
            "schema_version": SCHEMA,
            "sweep": sweep,
            "runs": [as_row(r) for r in results],
            "comparisons": comparing.compare(results),
        }
    )
    return found


def frames(folder: str | Path) -> dict[str, pd.DataFrame]:
    """pandas frames of a sweep: `runs`, `steps`, `curves` (a row an evaluation) and `completions`."""
    import pandas as pd

    loaded = load_sweep(Path(folder))
    runs = pd.json_normalize([as_row(r) for r in score(loaded)])
    keys = [{"run": r.spec.id, "task": r.spec.task, "design": r.spec.design.name, "seed": r.spec.seed} for r in loaded]
    steps = pd.json_normalize([k | row for k, r in zip(keys, loaded, strict=True) for row in r.rows])
    tables = [
        pd.DataFrame(trace.read_evaluation(path)).assign(evaluation=path.stem, **key)
        for key, run in zip(keys, loaded, strict=True)
        for path in trace.evaluations(run.folder)
    ]
    completions = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    curves = pd.DataFrame()
    if len(completions):
        on = ["run", "task", "design", "seed", "step", "charged"]
        counted = completions[completions.picked & (completions.evaluation != "final")]
        curves = counted.groupby(on, as_index=False)[["gold", "reward", "kl", "length", "ended", "entropy"]].mean()
    return {"runs": runs, "steps": steps, "curves": curves, "completions": completions}


def summary(results: Sequence[Result]) -> list[dict[str, Any]]:
    """A row a (task, design): mean and 95% interval over seeds of gold, the four axes and pass@k, flags counted."""
    rows = []
    for (task, design), group in by_design(results).items():
        row: dict[str, Any] = {"task": task, "design": design, "seeds": len(group)}
        row |= {metric: over_seeds(group, metric) for metric in ("gold", *AXES, "pass_at_k")}
        flags = sorted({f for r in group for f in r.flags})
        row["flags"] = {f: sum(f in r.flags for r in group) for f in flags}
        rows.append(row)
    return rows


def over_seeds(
    group: Sequence[Result], metric: str, anchor: Anchor | str = ""
) -> tuple[float, float | None, float | None] | None:
    """(mean, low, high) of a metric over the seeds of one design on one task; None where a run lacks it.

    Q's interval allows for its anchors, the task's own if none are given.
    """
    values = [v for r in group if (v := r.counted(metric)) is not None]
    errors = anchor_errors(group, anchor) if metric == "quality" else ()
    return interval(values, errors) if len(values) == len(group) else None


Error = tuple[float, int]
"""A standard error, and the degrees of freedom that it was estimated with."""


def anchor_errors(group: Sequence[Result], anchor: Anchor | str = "") -> tuple[Error, ...]:
    """What the anchors (the task's own, if none are given) bring into a mean Q: both ends were measured.

    Q = (gold - low) / (high - low), so dQ = ((Q - 1) d low - Q d high) / (high - low).
    """
    anchor, q = anchor or anchor_of(group[0].run.spec), [v for r in group if (v := r.values.get("quality")) is not None]
    if not isinstance(anchor, Anchor) or not q:
        return ()
    mean, width = float(np.mean(q)), anchor.high - anchor.low
    both = abs(mean - 1) * anchor.low_se / width, abs(mean) * anchor.high_se / width
    return tuple((error, anchor.seeds - 1) for error in both)


def interval(values: Sequence[float], errors: Sequence[Error] = ()) -> tuple[float, float | None, float | None]:
    """(mean, low, high) over seeds, widened by what else the mean rests on; one seed has no interval.

    Formula: with such errors Student's t of their sum, its degrees of freedom by Satterthwaite. Few seeds made the
    anchors too: taken as known well (1.96), intervals of Q held the truth 91 to 95 times in 100.
    """
    if len(values) < 2:
        return float(values[0]), None, None
    found = stats.mean_interval(values)
    if not any(error for error, _ in errors):
        return found.mean, found.low, found.high
    se, df = stats.satterthwaite(*zip((found.se, found.df), *errors, strict=True))
    half = float(scipy_stats.t.ppf(0.975, df)) * se
    return found.mean, min(found.low, found.mean - half), max(found.high, found.mean + half)
