"""What does the frozen audit say of every design on the board, before any training?

Three stages a task, of prompts and completions that no run saw; beside the probes, how a reward would be judged
without training at all: the share of pairs that it orders as gold does, and Kendall's tau.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rewardbench import find, scoring
from rewardbench.audit import _run, code_hash
from rewardbench.boards.definition import Board, hashed
from rewardbench.boards.entries import slug
from rewardbench.boards.studies import Row, Tell, read, write
from rewardbench.calling import When
from rewardbench.judging import score
from rewardbench.types import Floats, UserError

NEEDED = ("task", "entry", "stage", "verdict", "findings", "probes", "best_of_n", "tau", "pairs")
STAGES = 3
PROMPTS, SAMPLES = 32, 16


def collect(board: Board, out: Path, tell: Tell) -> list[Row]:
    """A row a design and stage. Raises UserError where the audit is not the one that the board froze."""
    if code_hash() != board.audit:
        raise UserError(f"board {board.name} froze another version of the audit ({board.audit[:12]}): its rows stay")
    known = {(r["task"], r["entry"], r["stage"]): r for r in read(board, "audits")}
    for task in board.tasks:
        for index in range(STAGES):
            left = [(n, asked) for n, asked in designs(board, task) if (task, n, index) not in known]
            if not left:
                continue
            stage = _run.stage(task, find.policy(board.policy), PROMPTS, SAMPLES, hashed(f"audit/{board.name}/{index}"))
            for name, asked in left:
                known[task, name, index] = _row(task, name, index, asked, stage)
            tell(f"{task}, stage {index + 1} of {STAGES}: {len(left)} designs audited")
            write(board, "audits", [known[key] for key in sorted(known)])
    return [known[key] for key in sorted(known)]


def designs(board: Board, task: str) -> Iterator[tuple[str, str]]:
    """(entry, design as `rbench run` takes it) of everything on the board that has a reward of its own."""
    for arm in find.arms():
        if arm not in ("untrained", "oracle"):
            yield arm, arm
    for name in find.task_designs(task):
        yield name, name
    for path in sorted((board.folder / "designs" / task).glob("*.toml")):
        yield f"{slug(task)}-{path.stem}", str(path)


def _row(task: str, name: str, index: int, asked: str, stage: _run.Stage) -> Row:
    """What is known of one design before training."""
    found = _run.audit(asked, stage)
    told = {m.probe: m for m in found.measured}
    best, agree = told["best_of_n"].numbers, told["agreement"].numbers
    return {
        "task": task,
        "entry": name,
        "stage": index,
        "verdict": found.verdict,
        "findings": {f.code: round(f.severity, 4) for f in found.findings},
        "probes": sorted(m.probe for m in found.measured if not m.note),
        "best_of_n": {k: best.get(k) for k in ("gain", "possible", "share")},
        "tau": agree.get("tau"),
        "pairs": pair_accuracy(*_paid(asked, task, stage)),
    }


def _paid(asked: str, task: str, stage: _run.Stage) -> tuple[Floats, Floats]:
    """(reward, gold) of the stage's completions, [P, K] each."""
    contestant = scoring.raw(find.bind(find.design(asked, task), task))
    when = When(f"pairs/{stage.seed}", 0, 1.0)
    paid = scoring.pay(contestant, stage.sampled, when, scoring.start(contestant), 60.0).batch
    gold, known = find.gold(task), find.task(task)
    P, K = np.shape(paid.reward)
    told = [[score(gold, known, stage.sampled, p, k) for k in range(K)] for p in range(P)]
    return np.asarray(paid.reward, dtype=np.float64), np.array(told)


def pair_accuracy(reward: Floats, gold: Floats) -> float | None:
    """Share of pairs of one prompt's completions that reward orders as gold does, ties of the reward half; [P, K].

    What static benchmarks of reward models measure (RewardBench, Lambert et al. 2024), on the policy's own samples.

    >>> pair_accuracy(np.array([[0.0, 1.0, 1.0]]), np.array([[0.0, 0.5, 1.0]]))
    0.8333333333333334
    """
    known = np.isfinite(reward)
    both = known[:, :, None] & known[:, None, :]
    better = (gold[:, :, None] > gold[:, None, :]) & both
    if not better.any():
        return None
    with np.errstate(invalid="ignore"):
        gap = np.sign(reward[:, :, None] - reward[:, None, :])
    return float(((gap + 1) / 2)[better].mean())
