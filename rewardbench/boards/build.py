"""What does a board show? Every entry computed again from its rows, ranked, held against the baseline: `board.json`.

A function of the board's folder alone: the same folder gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rewardbench import comparing, disk, find, stats
from rewardbench.boards import cross, evidence, numbers, standing, states, truth
from rewardbench.boards.definition import Board
from rewardbench.boards.entries import Entry, all_of
from rewardbench.measures.retest import RELIABLE
from rewardbench.results import AXES, Result
from rewardbench.types import UserError

RANKED = (*AXES, "overall")
"""What entries are ranked by; all but `quality` only where a design learnt."""


@dataclass(frozen=True)
class Scored:
    """An entry's results on one task."""

    entry: Entry
    results: tuple[Result, ...]
    refused: bool = False
    """A check of the board rejected it as it is now."""

    @property
    def name(self) -> str:
        """The entry's name."""
        return self.entry.name

    @property
    def contestant(self) -> bool:
        """Whether it is no arm."""
        return self.entry.kind != "control"

    @property
    def ranked(self) -> bool:
        """Whether it has a rank among entries: arms have none, and drawn designs are reported apart, so that forty of
        them do not blunt what can be told of the others."""
        return self.entry.kind in ("handmade", "submitted") and not self.refused

    def values(self, axis: str, seeds: Sequence[int]) -> list[float | None]:
        """The axis on each of the seeds, in their order."""
        by_seed = {r.run.spec.seed: r.counted(axis) for r in self.results}
        return [by_seed.get(s) for s in seeds]


def build(board: Board) -> dict[str, Any]:
    """`board.json`: the definition, and of each task its rows, resolution and soundness; then what spans all tasks.

    Raises UserError (code 5) where an entry is damaged, or `untrained` is missing on a task that has entries.
    """
    there, known, stands = all_of(board.folder), evidence.read(board), states.read(board)
    states.check_there(board, stands, [e.name for e in there])
    entries = states.staying(stands, there)
    told_of = {e.name: evidence.of(known, e) for e in entries}
    refused = {n for n, told in told_of.items() if told["accepted"] is False}
    contested = {e.name for e in entries if states.of(stands, e.name)["state"] == "challenged"}
    tasks = {task: _scored(board, task, entries, refused) for task in board.tasks}
    views = [_task(board, task, scored, contested) for task, scored in tasks.items() if scored]
    harmful, learnt = (_whose(views, which) for which in ("harmful", "learns"))
    asked = truth.truth(board, tasks, harmful, learnt)
    told = {
        "schema_version": 1,
        "board": _definition(board),
        "provisional": [*provisional(board, tasks), *_unreliable(asked)],
        "entries": [_entry(e) | told_of[e.name] | states.of(stands, e.name) for e in entries],
        "tombstones": states.tombstones(stands),
        "tasks": views,
        "overall": _across(board, tasks, learnt),
        "truth": asked,
    }
    found: dict[str, Any] = disk.finite(told)
    return found


def _whose(views: Sequence[Mapping[str, Any]], which: str) -> dict[str, set[str]]:
    """Task -> the entries of which a row says so."""
    return {v["task"]: {r["entry"] for r in v["rows"] if r[which]} for v in views}


def _definition(board: Board) -> dict[str, Any]:
    """What the board fixes, as its page tells it."""
    return {
        "name": board.name,
        "version": board.version,
        "digest": board.digest,
        "summary": board.summary,
        "policy": board.policy,
        "algorithm": board.algorithm,
        "budget": board.budget,
        "seeds": list(board.seed_list(board.seeds)),
        "control_seeds": list(board.seed_list(board.control_seeds)),
        "baseline": board.pinned,
        "algorithms": list(board.algorithms),
        "weights": dict(board.weights),
        "scale": {k: dict(v) for k, v in board.scale.items()},
        "hashes": dict(board.hashes),
        "audit": board.audit,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    """Who and what an entry is; its numbers stand with the tasks."""
    told = {k: v for k, v in entry.about.items() if k not in ("tasks", "board", "schema_version")}
    designs = {t: v["design_hash"] for t, v in entry.about["tasks"].items()}
    return told | {"tasks": list(entry.tasks), "designs": designs, "digest": entry.digest}


def provisional(board: Board, tasks: Mapping[str, Sequence[Scored]]) -> list[str]:
    """Why the board is not whole yet; nothing if it is."""
    reasons = []
    for task in board.tasks:
        scored = tasks[task]
        if not scored:
            reasons.append(f"{task}: no entry yet")
            continue
        drawn = sum(s.entry.kind == "generated" for s in scored)
        if drawn < board.generated:
            reasons.append(f"{task}: {drawn} of {board.generated} drawn designs")
        there = {s.name for s in scored}
        wanted = [*board.controls, *board.own(task)]
        if missing := [n for n in wanted if n not in there]:
            reasons.append(f"{task}: without {', '.join(missing)}")
    return reasons


def _unreliable(asked: Mapping[str, Any]) -> list[str]:
    """The tasks on which other seeds would not give the same scores: below the gate, a board stays provisional."""
    low = {task: r["icc_2_k"]["r"] for task, r in asked["retest"].items() if r and not r["reliable"]}
    return [f"{task}: ICC(2,k) {icc:.2f} of Q is below {RELIABLE}" for task, icc in low.items()]


def _scored(board: Board, task: str, entries: Sequence[Entry], refused: set[str]) -> list[Scored]:
    """Every entry's results on a task, computed from rows."""
    here = [e for e in entries if task in e.tasks]
    if not here:
        return []
    base = next((e for e in here if e.name == "untrained"), None)
    if base is None:
        raise UserError(f"board {board.name} has no `untrained` runs of {task}: add those first", 5)
    start = base.runs(task)
    own = numbers.score(board, start, [])
    scored = {e.name: own if e is base else numbers.beside(board, e.runs(task), own, floor=False) for e in here}
    return [Scored(e, tuple(scored[e.name]), e.name in refused) for e in here]


def _task(board: Board, task: str, scored: Sequence[Scored], contested: set[str]) -> dict[str, Any]:
    """What the board shows of one task."""
    seeds = board.seed_list(board.seeds)
    contest = [s for s in scored if s.contestant]
    base = next(s for s in scored if s.name == "untrained")
    learnt = {s.name for s in scored if _learns(s, base)}
    ranked = [s for s in contest if s.ranked]
    drawn = [s for s in contest if s.entry.kind == "generated" or s.name == board.pinned]
    places = {axis: _places(ranked, axis, seeds, learnt) for axis in RANKED}
    margins = {axis: comparing.margin_of(axis, base.results) for axis in AXES}
    judged = {
        axis: _verdicts(board, drawn, axis, seeds, learnt, margin)
        | _verdicts(board, ranked, axis, seeds, learnt, margin)
        for axis, margin in margins.items()
    }
    harmful = _harmful(contest, base) | _harmful([s for s in scored if not s.contestant], base)
    fronts = standing.front(board, task, [s for s in contest if s.name in learnt], seeds)
    rows = [
        {
            "entry": s.name,
            "kind": s.entry.kind,
            **_told(board, s),
            "ranks": {axis: places[axis].get(s.name) for axis in RANKED} if s.ranked else None,
            "verdicts": {axis: judged[axis].get(s.name) for axis in AXES} if s.contestant else None,
            "learns": s.name in learnt,
            "broken": s.refused,
            "challenged": s.name in contested,
            "harmful": s.name in harmful,
            "front": s.name in fronts,
        }
        for s in scored
    ]
    rows.sort(key=_order)
    return {
        "task": task,
        "one_answer": find.task(task).one_answer,
        "rows": rows,
        "weights": standing.sensitivity(board, task, standing.ranked_on("overall", ranked, learnt), seeds),
        "resolution": standing.resolution(ranked, seeds, learnt),
        "broken": standing.broken(board, scored),
        "cross": None if board.algorithms else cross.matrix(task, scored),
        "variance": standing.components(contest, seeds),
    }


def _told(board: Board, scored: Scored) -> dict[str, Any]:
    """The entry's own numbers on the task."""
    spec = scored.results[0].run.spec
    told = numbers.told(board, spec, scored.results)
    return {k: told[k] for k in ("design", "design_hash", "means", "flags", "failed")} | {
        "seeds": len(scored.results),
        "counted": _counted(board, scored),
        "spec": spec.as_dict()["design"],
        "reasons": numbers.lacking(told, (*AXES, "overall")),
        "runs": [
            {k: run[k] for k in ("run", "seed", "status", *AXES, "overall", "flags", "tokens", "kl")}
            | {"gold": run["gold"]["end"]}
            for run in told["runs"]
        ],
    }


def _counted(board: Board, scored: Scored) -> dict[str, float] | None:
    """Each asked axis as `overall` counts it, mean over seeds; None where a run lacks one."""
    asked = board.asked(scored.results[0].task)
    held = {a: [r.values.get(f"counted_{a}") for r in scored.results] for a in asked}
    if any(v is None for values in held.values() for v in values):
        return None
    return {a: float(np.mean([v for v in values if v is not None])) for a, values in held.items()}


def _order(row: Mapping[str, Any]) -> tuple[int, float, str]:
    """Contestants by mean Q, best first, then arms."""
    mean = (row["means"].get("quality") or row["means"].get("gold") or {"mean": 0.0})["mean"]
    return (row["kind"] == "control", -mean, row["entry"])


def _learns(one: Scored, base: Scored) -> bool:
    """Whether its gain in Q lies above 0, so that its S, E and D are ranked; not where nothing was trained: best-of-n
    selects, and is as stable as what stands still."""
    return any(map(_taught, one.results)) and comparing.learns(one.results, base.results)


def _taught(result: Result) -> bool:
    """Whether completions were sampled to learn from."""
    return result.run.curve is not None and bool(result.run.curve.tokens[-1])


def _harmful(family: Sequence[Scored], base: Scored | None) -> set[str]:
    """Who of a family ended significantly below the untrained policy in Q, on the same seeds; adjusted (Holm)."""
    told = []
    for one in family:
        if base is None or one is base:
            continue
        seeds = [r.run.spec.seed for r in one.results]
        pairs = list(zip(one.values("quality", seeds), base.values("quality", seeds), strict=True))
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
        if len(known) > 1:
            told.append((one.name, stats.paired_difference([a for a, _ in known], [b for _, b in known])))
    adjusted = stats.holm([gap.p for _, gap in told])
    return {n for (n, gap), p in zip(told, adjusted, strict=True) if p < 0.05 and gap.difference < 0}


def _places(contest: Sequence[Scored], axis: str, seeds: Sequence[int], learnt: set[str]) -> dict[str, list[int]]:
    """Name -> [best, worst] rank that it may hold; those that did not learn have none but in Q."""
    whole = standing.whole(standing.ranked_on(axis, contest, learnt), axis, seeds)
    return _ranks({n: [values] for n, values in whole.items()})


def _ranks(cells: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, list[int]]:
    """Name -> [best, worst] rank that it may hold, of scores [tasks, seeds] each."""
    if len(cells) < 2:
        return {n: [1, 1] for n in cells}
    return {n: [int(a), int(b)] for n, (a, b) in zip(cells, stats.rank_intervals(list(cells.values())), strict=True)}


def _verdicts(
    board: Board, contest: Sequence[Scored], axis: str, seeds: Sequence[int], learnt: set[str], margin: float
) -> dict[str, dict[str, Any]]:
    """Name -> its paired difference to the baseline, with the verdict adjusted over all entries of the task."""
    whole = standing.whole(standing.ranked_on(axis, contest, learnt), axis, seeds)
    if board.pinned not in whole:
        return {}
    pinned = whole.pop(board.pinned)
    others = [(n, stats.paired_difference(values, pinned)) for n, values in whole.items()]
    family = [c for _, c in others]
    adjusted = stats.holm([c.p for c in family])
    return {
        name: {
            "difference": c.difference,
            "low": c.low,
            "high": c.high,
            "n": c.n,
            "p_adjusted": p,
            "margin": margin,
            "verdict": verdict,
        }
        for (name, c), verdict, p in zip(others, stats.verdicts(family, margin), adjusted, strict=True)
    }


def _across(
    board: Board, tasks: Mapping[str, Sequence[Scored]], learnt: Mapping[str, set[str]]
) -> dict[str, Any]:
    """Entries that have every task: mean over tasks of the mean over seeds, and ranks: on all but Q of those that
    learnt on every task."""
    seeds = board.seed_list(board.seeds)
    there = {t: {s.name: s for s in scored} for t, scored in tasks.items()}
    first = there[board.tasks[0]]
    names = [n for n in first if all(n in others for others in there.values())]
    rows: dict[str, dict[str, Any]] = {
        n: {"entry": n, "means": {}, "ranks": {}, "kind": first[n].entry.kind} for n in names
    }
    for axis in RANKED:
        held = [standing.whole(tasks[t], axis, seeds) for t in board.tasks]
        full = {n: [values[n] for values in held] for n in names if all(n in values for values in held)}
        for n in full:
            spread = stats.mean_interval(full[n])
            rows[n]["means"][axis] = {"mean": spread.mean, "low": spread.low, "high": spread.high, "n": spread.n}
        open_to = [n for n in full if axis == "quality" or all(n in learnt.get(t, ()) for t in board.tasks)]
        for n, ends in _ranks({n: full[n] for n in open_to if first[n].ranked}).items():
            rows[n]["ranks"][axis] = ends
    return {"rows": sorted(rows.values(), key=_order)}
