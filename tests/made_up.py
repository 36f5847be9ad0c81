"""How do the tests of pages get a sweep in a second? Planned by the real plan, its runs written down instead of trained.

What is written has the columns and rows of a real run; what the numbers are, the test says.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rewardbench import sweep, trace
from rewardbench.plan import RunSpec
from rewardbench.spec import Spec

WORDS = "the painter came to village a ghost stole rope and danced every night with old king who found gold".split()


@dataclass(frozen=True)
class At:
    """Where in a sweep: a run at an evaluation; `share` is how much of its budget is spent."""

    run: RunSpec
    share: float


def curve(at: At) -> tuple[float, float]:
    """(gold, reward) at a point: `exploit` is hacked, `untrained` stands still, the others learn."""
    bump = 0.01 * at.run.seed
    if not at.run.design.trains:
        return 0.4 + bump, float("nan")
    if at.run.design.name == "exploit":
        return 0.4 + bump - 0.4 * at.share, 0.1 + 0.85 * at.share
    if at.run.design.name == "constant":
        return 0.4 + bump, 1.0
    return 0.4 + bump + 0.4 * at.share, 0.2 + 0.5 * at.share


def text(at: At, p: int, k: int) -> str:
    """Some thirty words, others for each completion of each run."""
    digest = hashlib.sha256(f"{at.run.id}/{at.share}/{p}/{k}".encode()).digest()
    return " ".join(WORDS[b % len(WORDS)] for b in digest[:30]).capitalize() + "."


def swept(
    folder: Path, spec: Spec, curve: Callable = curve, text: Callable = text, unfinished: Callable = lambda run: False
) -> Path:
    """A sweep's folder, every run done but those that are `unfinished`: they have a first evaluation only."""
    prepared = sweep.prepare(spec, folder)
    for run in prepared.runs:
        record(prepared.run_folder(run), run, curve, text, unfinished(run))
    return folder


def record(folder: Path, run: RunSpec, curve: Callable, text: Callable, unfinished: bool) -> None:
    """One run's folder."""
    points = run.points if run.design.trains else run.points[:1]
    for step in points[:1] if unfinished else points:
        at = At(run, step / run.steps)
        trace.write_evaluation(folder, f"{step:06d}", columns(at, step, *curve(at), text))
    if unfinished:
        return
    for step in range(run.steps if run.design.trains else 0):
        trace.append(folder, "steps.jsonl", row(run, step, *curve(At(run, step / run.steps))))
        trace.append(folder, "timing.jsonl", {"step": step, "sample": 0.25, "reward": 0.25, "learn": 0.5, "reward_wall": 0.25})
    trace.close(folder, "done", parameters=1000)


def columns(at: At, step: int, gold: float, reward: float, text: Callable) -> dict:
    """An evaluation's table, as `record.evaluation` writes it."""
    run, size = at.run, at.run.eval_prompts * at.run.eval_samples
    cells = [(p, k) for p in range(run.eval_prompts) for k in range(run.eval_samples)]
    spread = np.linspace(-0.05, 0.05, run.eval_samples)[[k for _, k in cells]]
    texts = [text(at, p, k) for p, k in cells]
    found = {
        "prompt": [f"p{p}" for p, _ in cells],
        "k": [k for _, k in cells],
        "temperature": [1.0] * size,
        "picked": [True] * size,
        "gold": np.clip(gold + spread, 0, 1).tolist(),
        "kind": [f"kind {k}" for _, k in cells],
        "reward": (reward + spread).tolist(),
        "kl": [10.0 * at.share] * size,
        "length": [30] * size,
        "ended": [True] * size,
        "entropy": [1.0] * size,
        "prompt_text": [f"Prompt {p} of seed {run.seed}: write of the village." for p, _ in cells],
        "text": texts,
        "step": [step] * size,
        "charged": [step * run.P * run.K * 30] * size,
    }
    if run.task.startswith("dialogue"):
        turns = [[("assistant", t), ("user", "For two."), ("assistant", "Booked.")] for t in texts]
        found["messages"] = [json.dumps([{"role": r, "content": c} for r, c in one]) for one in turns]
    for part in run.design.parts:
        found[f"part/{part.name}"] = (reward + spread).tolist()
    return found


def row(run: RunSpec, step: int, gold: float, reward: float) -> dict:
    """A line of `steps.jsonl`, as `record.step_row` writes it."""
    return {
        "step": step, "reward": reward, "reward_sd": 0.1, "parts": {p.name: reward for p in run.design.parts},
        "abstained": {p.name: 0.0 for p in run.design.parts}, "dead": 0.0, "length": 30.0, "ended": 1.0, "entropy": 1.0,
        "completions": run.P * run.K, "context": 100, "taught_tokens": 1000, "charged": (step + 1) * run.P * run.K * 30,
    }  # fmt: skip
