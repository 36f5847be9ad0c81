"""Where does a task's scale begin and end for one policy and budget? Made once, frozen, with standard errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rewardbench import disk, find
from rewardbench.results import Result
from rewardbench.types import UserError

KEY = ("task_version", "policy_hash", "budget")


def make(results: Sequence[Result]) -> dict[str, Any]:
    """The anchors' row from runs of `untrained` and `oracle` on one task: means and standard errors over seeds."""
    golds = {name: [r.values["gold"] for r in results if r.design == name] for name in ("untrained", "oracle")}
    unfinished = [r for r in results if r.design in golds and r.run.status["status"] != "done"]
    for r in unfinished:
        raise UserError(f"anchors need every run done: {r.task} {r.design} seed {r.run.spec.seed} is not", 8)
    for name, values in golds.items():
        if len(values) < 2:
            raise UserError(f"anchors need at least 2 seeds of {name!r}")
    spec = results[0].run.spec
    ends = {name: np.array(values, dtype=float) for name, values in golds.items()}
    return {
        "task_version": spec.task_version,
        "task_digest": spec.task_digest,
        "policy": spec.policy,
        "policy_hash": spec.policy_hash,
        "budget": spec.budget,
        "algorithm": spec.algorithm,
        "seeds": sorted({r.run.spec.seed for r in results}),
        "low": round(float(ends["untrained"].mean()), 6),
        "low_se": round(_error(ends["untrained"]), 6),
        "high": round(float(ends["oracle"].mean()), 6),
        "high_se": round(_error(ends["oracle"]), 6),
    }


def _error(values: np.ndarray) -> float:
    """Standard error of the mean over seeds."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def rows(task: str) -> list[dict[str, Any]]:
    """What the task's anchors.json holds."""
    path = find.task_folder(task) / "anchors.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["anchors"] if path.is_file() else []
    return found


def frozen(task: str, version: int, policy_hash: str, budget: str) -> dict[str, Any] | None:
    """The row that one of these would take the place of, if there is one."""
    return next((r for r in rows(task) if tuple(r[k] for k in KEY) == (version, policy_hash, budget)), None)


def said(row: Mapping[str, Any]) -> str:
    """A row's numbers as they are printed."""
    return f"low {row['low']:.3f} ± {row['low_se']:.3f}, high {row['high']:.3f} ± {row['high_se']:.3f}"


def write(task: str, row: dict[str, Any]) -> Path:
    """Put the row into the task's anchors.json in place of one with the same key."""
    kept = [r for r in rows(task) if tuple(r[k] for k in KEY) != tuple(row[k] for k in KEY)]
    made = sorted([*kept, row], key=lambda r: (r["policy"], r["budget"], r["policy_hash"]))
    text = json.dumps({"schema_version": 1, "anchors": made}, indent=1) + "\n"
    path = find.task_folder(task) / "anchors.json"
    disk.write_whole(path, text.encode())
    return path
