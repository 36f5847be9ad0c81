"""Does a board foretell another? The same designs, by their hash, on the same tasks, with a larger policy for instance.

What is worked out stands in `measures/transfer.py`; here is which designs are compared, and what came out in words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from rewardbench.boards import entries
from rewardbench.boards.definition import Board
from rewardbench.measures.transfer import LEAST, LEAST_INTERVAL, LEAST_TAKING_PART, Transfer, transfer
from rewardbench.types import Floats, UserError


@dataclass(frozen=True)
class Held:
    """The designs of a board on one task."""

    values: Mapping[str, Floats]
    """Design hash -> quality on the board's seeds, [seeds]."""
    left_out: tuple[str, ...]
    """Entries that lack a seed, or its quality."""
    learnt: frozenset[str] = frozenset()
    """Hashes of the designs that learnt, as the board says."""


@dataclass(frozen=True)
class Learning:
    """Of the designs on both boards, how many learnt; p is Fisher's, exact and two-sided, of that being unrelated."""

    first: int
    second: int
    both: int
    p: float


@dataclass(frozen=True)
class Compared:
    """One task of two boards."""

    found: Transfer | None
    why: str
    """Why nothing was found."""
    left_out: tuple[tuple[str, ...], tuple[str, ...]]
    """Entries of each board that lack a seed."""
    learnt: Learning | None = None


def qualities(board: Board, task: str) -> Held:
    """What the board, as it was built, has of the designs of a task: of one that stands there twice the first.

    A failed run counts 0, as on the board. Arms are no designs; an entry that a check refused is not compared.
    """
    values: dict[str, Floats] = {}
    left, learnt = [], set()
    seeds = board.seed_list(board.seeds)
    rows = [r for t in _built(board)["tasks"] if t["task"] == task for r in t["rows"]]
    for row in sorted(rows, key=lambda r: str(r["entry"])):
        if row["kind"] == "control" or row["broken"]:
            continue
        by = {run["seed"]: 0.0 if run["status"] == "failed" else run["quality"] for run in row["runs"]}
        own = [by.get(seed) for seed in seeds]
        if any(v is None for v in own):
            left.append(str(row["entry"]))
        else:
            learnt |= {row["design_hash"]} if row["learns"] and row["design_hash"] not in values else set()
            values.setdefault(row["design_hash"], np.array(own, dtype=np.float64))
    return Held(values, tuple(left), frozenset(learnt))


def _built(board: Board) -> dict[str, Any]:
    """`board.json`; raises UserError (code 5) where the board is empty, or was not built as it is now."""
    path = board.folder / "board.json"
    nothing: dict[str, Any] = {"entries": [], "board": {}}
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else nothing
    if not told["entries"] and not entries.places(board.folder):
        raise UserError(f"board {board.name} is empty (rbench board run {board.name}): nothing to compare yet", 5)
    if not told["entries"] or told["board"]["digest"] != board.digest:
        raise UserError(f"board {board.name} is not built as it is now: rbench board build {board.folder}", 5)
    return told


def between(first: Board, second: Board) -> dict[str, Compared]:
    """Task -> what was found, of the tasks that both boards have.

    Raises UserError where the boards are one (code 2), where one is empty (code 5), and where on no task five designs
    stand on both.
    """
    if first.folder.resolve() == second.folder.resolve():
        raise UserError("give two different boards")
    for board in (first, second):
        _built(board)
    paired = first.seed_list(first.seeds) == second.seed_list(second.seeds)
    common = [task for task in first.tasks if task in second.tasks]
    found = {task: _between(first, second, task, paired) for task in common}
    if not any(c.found for c in found.values()):
        counts = "; ".join(f"{task}: {c.why}" for task, c in found.items()) or "no task in common"
        raise UserError(f"boards {first.name} and {second.name} have too little in common: {counts}")
    return found


def _between(first: Board, second: Board, task: str, paired: bool) -> Compared:
    """One task's, if it is the same task on both."""
    codes = {board.hashes.get("tasks", {}).get(task, {}).get("code") for board in (first, second)} - {None}
    if len(codes) > 1:
        return Compared(None, "the boards have two versions of its code", ((), ()))
    return _compared(qualities(first, task), qualities(second, task), paired)


def _compared(one: Held, other: Held, paired: bool) -> Compared:
    """One task's."""
    left, both = (one.left_out, other.left_out), len(set(one.values) & set(other.values))
    if both < LEAST:
        out = ", ".join(f"{len(x)} of the {name} board" for x, name in zip(left, ("first", "second"), strict=True) if x)
        lacking = f" (left out, since they lack a seed or its quality: {out})" if out else ""
        return Compared(None, f"{both} designs stand on both, and {LEAST} are needed{lacking}", left)
    return Compared(transfer(one.values, other.values, paired), "", left, _learning(one, other))


def _learning(one: Held, other: Held) -> Learning:
    """Whether those that learnt on one board are those that learnt on the other."""
    names = one.values.keys() & other.values.keys()
    first, second = one.learnt & names, other.learnt & names
    both = len(first & second)
    table = [[both, len(first) - both], [len(second) - both, len(names) - len(first | second)]]
    return Learning(len(first), len(second), both, float(scipy_stats.fisher_exact(table).pvalue))


# --- in words ------------------------------------------------------------------------------------


def lines(task: str, told: Compared, first: str, second: str) -> list[str]:
    """One task's figures in words: the order, the decisions, who was left out."""
    found = told.found
    if found is None:
        return [f"{task}: {told.why}"]
    said = [f"{task}: {found.designs} designs on both"]
    said += [*_order(found, first, second), *_learnt(told.learnt, first, second), *_decisions(found, first, second)]
    for name, out in zip((first, second), told.left_out, strict=True):
        if out:
            shown = ", ".join(out[:5]) + (", …" if len(out) > 5 else "")
            said.append(f"left out of {name}, since they lack a seed or its quality: {len(out)} ({shown})")
    return [said[0], *(f"  {line}" for line in said[1:])]


def _order(found: Transfer, first: str, second: str) -> list[str]:
    """Tau, what it could be, and what is left without noise."""
    if found.tau is None:
        return ["order: none, since a board has all of them alike"]
    few = found.designs < LEAST_INTERVAL
    why = f"fewer than {LEAST_INTERVAL} designs have none" if few else "the order hangs on one design or seed"
    said = [f"order: tau {_span(found.tau, found.low, found.high, why)}"]
    again = " and ".join(
        f"{name} {'not known' if r is None else f'{r:+.2f}'}"
        for name, r in ((first, found.first_again), (second, found.second_again))
    )
    if found.ceiling is None or found.true is None:
        return [*said, f"with itself on other seeds: {again}; what seeds alone take from tau cannot be told"]
    why = why if few else "too few seeds, or too much noise"
    without = _span(found.true, found.true_low, found.true_high, why)
    return [
        *said,
        f"with itself on other seeds: {again}; were the true orders one, tau would be about {found.ceiling:+.2f}",
        f"correlation of the orders, noise of seeds taken out: {without}",
    ]


def _learnt(told: Learning | None, first: str, second: str) -> list[str]:
    """Who learnt on each board, and on both."""
    if told is None:
        return []
    alone = f"{told.first} by {first}, {told.second} by {second}, {told.both} by both"
    return [f"learnt: {alone} (unrelated: p {told.p:.2f})"]


def _decisions(found: Transfer, first: str, second: str) -> list[str]:
    """What each board tells apart, and whether both say the same."""
    alone = f"{found.first_resolved} by {first}, {found.second_resolved} by {second}"
    power = f"pairs told apart, of {found.pairs}: {alone}"
    if found.share is None:
        return [f"{power}, none by both"]
    few = f"only {found.taking_part} designs take part, and {LEAST_TAKING_PART} are needed"
    if found.share_low is None or found.share_high is None:
        share = f"{found.share:.2f}, no interval: {few}"
    else:
        share = f"{found.share:.2f} [{found.share_low:.2f}, {found.share_high:.2f}]"
    return [
        f"{power}, {found.resolved} by both",
        f"of these {found.same} point the same way: {share}; {found.taking_part} designs take part",
        f"of designs that both learnt, or both did not, on each board: {found.alike_same} of {found.alike}",
    ]


def _span(value: float, low: float | None, high: float | None, why: str) -> str:
    """A number with its interval, or why it has none."""
    if low is None or high is None:
        return f"{value:+.2f}, no interval: {why}"
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
