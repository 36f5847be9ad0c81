"""Would another trainer order the designs otherwise? Six designs a task, three learning rates, two algorithms.

GRPO as on the board, and Dr. GRPO with whitened rewards; the board's learning rate, a third and three times as much.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from rewardbench import find
from rewardbench.boards.definition import Board, spec
from rewardbench.boards.entries import slug
from rewardbench.boards.studies import Row, Tell, write_so_far
from rewardbench.boards.studies._runs import run
from rewardbench.policies.settings import HERE
from rewardbench.results import Result, load_sweep, score
from rewardbench.spec import Spec

SIX: Mapping[str, tuple[str, ...]] = {
    "qa/lookup": ("reference", "contains", "form", "brevity", "exploit", "format"),
    "writing/story": ("reference", "levels", "fluency", "rouge", "coverage", "exploit"),
    "dialogue/booking": ("reference", "rules", "complete", "closing", "politeness", "exploit"),
}
NEEDED = ("task", "design", "rate", "algorithm", "seed", "gold")
RATES = (("third", 1 / 3), ("same", 1.0), ("triple", 3.0))
ALGORITHMS: Mapping[str, dict[str, Any]] = {"grpo": {}, "dr_grpo": {"whiten": True}}


def collect(board: Board, out: Path, tell: Tell) -> list[Row]:
    """A row a run; gold is raw, since the scale belongs to the board's own trainer."""
    rows: list[Row] = []
    for task in board.tasks:
        for name, factor in RATES:
            for algorithm, options in ALGORITHMS.items():
                place = out / f"sensitivity-{slug(task)}-{name}-{algorithm}"
                asked = _spec(board, task, algorithm, options, _policy(board, out, name, factor))
                rows += [_row(r, name, algorithm) for r in score(load_sweep(run(asked, place, tell)))]
        write_so_far(board, "sensitivity", rows, "task")
    return rows


def _spec(board: Board, task: str, algorithm: str, options: dict[str, Any], policy: str) -> Spec:
    """The board's spec with another trainer."""
    fields = dict(vars(spec(board, (task,), SIX[task], alone=True)))
    return Spec(**{**fields, "algorithm": algorithm, "options": options, "policy": policy})


def _policy(board: Board, out: Path, name: str, factor: float) -> str:
    """The board's policy, or a copy of its folder with another learning rate."""
    if factor == 1.0:
        return board.policy
    source, target = find.policy(board.policy).path, out / "policies" / f"{board.policy}-{name}"
    raw = tomllib.loads((HERE / f"{board.policy}.toml").read_text(encoding="utf-8"))
    if not target.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    told = {**raw, "learning_rate": raw["learning_rate"] * factor}
    target.with_name(target.name + ".toml").write_text(tomli_w.dumps(told), encoding="utf-8")
    return str(target)


def _row(result: Result, rate: str, algorithm: str) -> Row:
    """One run."""
    return {
        "task": result.task,
        "design": result.design,
        "rate": rate,
        "algorithm": algorithm,
        "seed": result.run.spec.seed,
        "status": result.run.status["status"],
        "gold": result.counted("gold"),
        "hacked": "hacked" in result.flags,
    }
