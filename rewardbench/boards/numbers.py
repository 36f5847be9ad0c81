"""Which numbers does an entry have? All of them, from its rows, the board's `untrained` runs and the board's scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewardbench import disk, results, tables
from rewardbench.boards.definition import Board
from rewardbench.plan import RunSpec
from rewardbench.results import AXES, Loaded, Result
from rewardbench.types import Anchor, Floats

MEANS = ("gold", *AXES, "overall", "gold_test", "pass_at_k")
"""Numbers that have a mean and an interval."""
CLOCKS = ("reward_seconds", "cpu_seconds", "training_cpu_seconds", "evaluation_cpu_seconds")


def scale(board: Board, spec: RunSpec) -> Anchor | str:
    """The board's frozen scale of a task, or why there is none."""
    if spec.task not in board.scale:
        return f"board {board.name} has no scale for {spec.task}"
    return board.anchor(spec.task)


def score(board: Board, runs: Sequence[Loaded], base: Sequence[Loaded]) -> list[Result]:
    """The results of runs of one task; `base` are the board's `untrained` runs of that task, which are not returned."""
    known = {r.spec.id for r in runs}
    others = [r for r in base if r.spec.id not in known]
    return beside(board, runs, results.score(others, lambda spec: scale(board, spec)))


def beside(board: Board, runs: Sequence[Loaded], start: Sequence[Result], floor: bool = True) -> list[Result]:
    """The same from results of `untrained` that are there already: none of them may be among the runs."""
    found = results.score(runs, lambda spec: scale(board, spec), start, floor)
    wanted = max(map(_shown, [*start, *found]), default=0)
    for result in found:
        if _shown(result) < wanted and result.values.get("diversity") is not None:
            # of fewer completions D is another quantity, and mostly a larger one
            few = f"{_shown(result)} completions a prompt are shown: the board's D is of {wanted}"
            result.values["diversity"], result.reasons["diversity"] = None, few
        told = counted(board, result)
        result.values |= {f"counted_{axis}": value for axis, value in (told or {}).items()}
        result.values["overall"] = overall(board, told)
        result.values["gold_test"] = _at_one(result)
    return found


def _shown(result: Result) -> int:
    """Completions a prompt that a run shows at the end, at each temperature; 0 where it was not read there."""
    return result.run.bank.gold.shape[2] if result.run.bank is not None else 0


def counted(board: Board, result: Result) -> dict[str, float] | None:
    """The axes of one run as `overall` counts them, in [0, 1]; None where an axis that the task has is not known.

    Q and D are clipped to [0, 1], D in units of the oracle arm's; S counts in proportion to Q, since what was never
    reached cannot be kept: a switch at Q = 0 would pay noise a fifth of the whole.
    """
    asked = board.asked(result.task)
    values = {a: v for a in asked if (v := result.values.get(a)) is not None}
    if len(values) < len(asked):
        return None
    told = {a: float(np.clip(_unit(board, result.task, a, v), 0, 1)) for a, v in values.items()}
    told["stability"] *= told["quality"]
    return told


def overall(board: Board, told: Mapping[str, float] | None) -> float | None:
    """The weighted mean of a run's counted axes, in [0, 1]: where diversity is not asked, its weight goes to the
    others in proportion. None where an axis is not known."""
    if told is None:
        return None
    return sum(board.weights[a] * v for a, v in told.items()) / sum(board.weights[a] for a in told)


def gold(board: Board, task: str, quality: Floats) -> Floats:
    """The gold in [0, 1] that Q stands for on the board's scale, of the same shape: what `rescaled` undoes."""
    low, high = (board.scale[task][end] for end in ("low", "high"))
    return low + quality * (high - low)


def _unit(board: Board, task: str, axis: str, value: float) -> float:
    """An axis in the units of its anchor: D is measured in that of the oracle arm, the others have theirs."""
    return value / float(board.scale[task]["diversity"]) if axis == "diversity" else value


def _at_one(result: Result) -> float | None:
    """Mean gold on test prompts at temperature 1; a failed run counts 0."""
    bank = result.run.bank
    if bank is None:
        return 0.0 if result.failed else None
    at = np.flatnonzero(np.isclose(bank.temperatures, 1.0))
    return float(bank.gold[at[0]].mean()) if len(at) else None


def row(result: Result) -> dict[str, Any]:
    """One run as `entry.json` has it: every number, null with a reason where there is none, and no clock."""
    left_out = (*CLOCKS, "task", "design", "design_hash", "algorithm", "policy")
    told = {k: v for k, v in tables.as_row(result).items() if k not in left_out}
    told["overall"], told["gold"]["test"] = result.values["overall"], result.values["gold_test"]
    if told["overall"] is None:
        missing = next((result.reasons[a] for a in AXES if result.values.get(a) is None and a in result.reasons), "")
        told["reasons"]["overall"] = missing or "the board has no scale yet"
    found: dict[str, Any] = disk.finite(told)
    return found


def means(group: Sequence[Result], board: Board) -> dict[str, dict[str, Any] | None]:
    """Mean and 95% interval over seeds of each number of one design on one task; None where a run lacks it, or
    there is but one."""
    if len(group) < 2:
        return dict.fromkeys(MEANS)
    anchor = scale(board, group[0].run.spec)
    spans = {name: tables.over_seeds(group, name, anchor) for name in MEANS}
    return {n: s and {"mean": s[0], "low": s[1], "high": s[2], "n": len(group)} for n, s in spans.items()}


def of_task(board: Board, runs: Sequence[Loaded], base: Sequence[Loaded]) -> dict[str, Any]:
    """What `entry.json` says of one task: the design, a row a run, means."""
    scored = score(board, runs, base)
    spec = runs[0].spec
    return told(board, spec, scored)


def told(board: Board, spec: RunSpec, scored: Sequence[Result]) -> dict[str, Any]:
    """What `entry.json` says of one task, from results that are there already."""
    flags: Mapping[str, int] = {
        flag: sum(flag in r.flags for r in scored) for flag in sorted({f for r in scored for f in r.flags})
    }
    return {
        "design": spec.design.name,
        "design_hash": spec.design_hash,
        "runs": [row(r) for r in scored],
        "means": means(scored, board),
        "flags": dict(flags),
        "failed": sum(r.failed for r in scored),
    }


def lacking(told: Mapping[str, Any], names: Sequence[str] = MEANS) -> dict[str, str]:
    """Number -> why its mean in what is told of a task is null: what the first run that lacks it says."""
    found = {}
    for name in names:
        if told["means"].get(name) is None:
            why = (run["reasons"].get(name) for run in told["runs"] if run.get(name) is None)
            unread = "no temperatures were sampled at the end" if name == "gold_test" else "one seed has no interval"
            found[name] = next((w for w in why if w), unread)
    return found
