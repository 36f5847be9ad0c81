"""What does a board freeze before anybody enters? Its scale and the hashes of all that its numbers depend on."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import tomli_w

from rewardbench import disk, find, results
from rewardbench.boards import rows
from rewardbench.boards.definition import ENDS, Board, fixed, shape
from rewardbench.boards.entries import slug
from rewardbench.boards.fingerprint import scorer
from rewardbench.design import canonical
from rewardbench.results import Loaded
from rewardbench.types import Anchor, UserError

SURE = 5.0
"""Standard errors that the ends of a scale must lie apart."""


def scale(board: Board) -> dict[str, dict[str, float]]:
    """Task -> the ends of its scale: the task's frozen anchors, and D of the oracle arm on the board's own runs.

    Raises UserError where the ends are not apart by five standard errors.
    """
    return {task: _of_task(board, task) for task in board.tasks}


def _of_task(board: Board, task: str) -> dict[str, float]:
    """The scale of one task."""
    runs = {arm: _arm(board, arm, task) for arm in ("untrained", "oracle")}
    anchor = results.anchor_of(runs["oracle"][0].spec)
    if not isinstance(anchor, Anchor):
        raise UserError(f"board {board.name}: {anchor}")
    if anchor.high - anchor.low < SURE * float(np.hypot(anchor.low_se, anchor.high_se)):
        raise UserError(f"board {board.name}: the anchors of {task} lie less than {SURE:g} standard errors apart")
    found = {k: float(getattr(anchor, k)) for k in ENDS}
    gains = [r.values.get("diversity") for r in results.score([*runs["oracle"], *runs["untrained"]])]
    known = np.array([g for g in gains[: len(runs["oracle"])] if g is not None])
    if len(known) < 2:
        return found
    error = float(known.std(ddof=1) / np.sqrt(len(known)))
    if known.mean() < SURE * error:
        raise UserError(f"board {board.name}: the oracle arm's D on {task} is not {SURE:g} standard errors above 0")
    return found | {"diversity": round(float(known.mean()), 6), "diversity_se": round(error, 6)}


def _arm(board: Board, arm: str, task: str) -> list[Loaded]:
    """The board's runs of an arm."""
    place = board.folder / "entries" / arm / slug(task)
    if not place.is_dir():
        raise UserError(f"board {board.name} has no {arm!r} runs of {task} yet: its scale needs them", 5)
    return rows.load(place)


def hashes(board: Board) -> dict[str, Any]:
    """What the board's numbers depend on: policy, engine, scorer, and of each task the code and what a run is."""
    found: dict[str, Any] = {"policy": find.policy(board.policy).digest, "scorer": scorer(), "tasks": {}}
    for task in board.tasks:
        run = fixed(board, task)
        found["engine"] = run.engine
        found["tasks"][task] = {"run": canonical(shape(run)), "code": run.task_digest}
    return found


def changed(board: Board) -> list[str]:
    """What is no longer as the board froze it; its entries then need a new version of the board."""
    now, then = hashes(board), board.hashes
    flat = {"policy": now["policy"], "scorer": now["scorer"], "engine": now["engine"]}
    names = [n for n, v in flat.items() if then.get(n) != v]
    for task, known in now["tasks"].items():
        names += [f"{task}: {n}" for n, v in known.items() if then.get("tasks", {}).get(task, {}).get(n) != v]
    return names


def freeze(board: Board) -> Board:
    """The board with its scale and hashes, written to its `board.toml`."""
    found = replace(board, scale=scale(board), hashes=hashes(board))
    told: dict[str, Any] = {f.name: getattr(found, f.name) for f in fields(found) if f.name != "folder"}
    plain = json.loads(json.dumps({k: list(v) if isinstance(v, tuple) else v for k, v in told.items() if v != {}}))
    disk.write_whole(board.folder / "board.toml", tomli_w.dumps(plain).encode())
    return found
