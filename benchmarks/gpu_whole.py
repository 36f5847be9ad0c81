"""How long does a whole step take, ours and TRL's, and a whole sweep? Stages of the GPU benchmark."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gpu_policy
import numpy as np
import tomli_w
import torch
from gpu_cases import Case, Row, held, on_card, wait, watched
from gpu_policy import TASK, Bench

DESIGNS = ("reference", "contains", "form", "brevity", "exploit", "random", "length", "format")
WARM = 2
"""Steps of a run that are not counted."""
LIMIT = 40.0
"""Seconds after which TRL, if it has a step that counts, goes no further."""


def step(bench: Bench) -> list[Case]:
    """Seconds between two steps of the benchmark's own loop: sampling, rewards, update, rows, and a checkpoint where
    one falls due (every minute, for adapters of this size). The parts are those of the same step.
    """
    sizes = [R for R in bench.size.packs if R in (1, max(bench.size.packs))]
    return [Case(f"step {R}", 120, partial(_step, bench, R)) for R in sizes]


def _step(bench: Bench, R: int) -> Row:
    from rewardbench import loop, plan, trace
    from rewardbench import sweep as sweeps
    from rewardbench.spec import Spec

    size, folder = bench.size, gpu_policy.opened(bench, R)
    counted = WARM + size.repeats
    into = bench.kernels if R > 1 else None
    steps, watch = counted + (into is not None), ExitStack()
    seeds = tuple(range(1, R + 1))
    spec = Spec(tasks=(TASK,), designs=("reference",), seeds=seeds, budget=str(steps), alone=True)
    planned, _ = plan.plan(spec, folder)
    # no evaluation, and calls of the width of a step: a width of 1 would be compiled for itself
    few = {"points": (), "temperatures": (), "eval_prompts": size.P, "eval_samples": size.K, "max_tokens": size.T}
    runs = [replace(r, **few) for r in planned]
    marks: list[float] = []

    def say(event: Row) -> None:
        if event["event"] == "step" and event["run"] == runs[0].id:
            marks.append(time.perf_counter())
            if len(marks) == WARM and on_card():
                torch.cuda.reset_peak_memory_stats()
            if len(marks) == counted:
                watch.enter_context(watched(into))
        elif event["event"] in ("failed", "lost"):
            raise RuntimeError(f"a run {event['event']}: {event['reason']}")

    with watch, tempfile.TemporaryDirectory() as place:
        out = Path(place)
        for one in runs:
            trace.create(out / one.id, one.as_dict())
        sweeps.check_columns(runs)
        begun = time.perf_counter()
        loop.run_pack(runs, [out / r.id for r in runs], folder, say, 600.0, out)
        rows = [r for r in trace.rows(out / runs[0].id, "timing.jsonl") if "learn_wall" in r]
        micro = trace.status(out / runs[0].id)["pack"]["micro"]
    each = dict(enumerate(np.diff(marks[:counted]).tolist(), start=1))  # step -> seconds since the one before
    timed = {n: s for n, s in each.items() if n >= WARM}
    middle = statistics.median_low(timed.values())
    row = rows[next(n for n, s in timed.items() if s == middle)]
    parts = {n: row[f"{n}_wall"] for n in ("sample", "reward", "learn")}
    return {"unit": "s", "ours": middle, "runs": R, **parts, "every": list(each.values()), "micro": micro,
            "prompt": gpu_policy.longest(bench), "warm_up": marks[0] - begun, **held()}  # fmt: skip


def trl(bench: Bench) -> list[Case]:
    """Seconds between two steps of TRL's GRPOTrainer, one run: LoRA of the same rank on the same base, the prompts of
    our seed 1 in their order, as many tokens, the same folder without an end. Its reward is a sum, which is less work
    than ours has. A case for each decoder that it has without a server.
    """
    ways: dict[str, Row] = {
        "generate": {},
        "generate, static cache": {"cache_implementation": "static"},
        "continuous batching": {"use_transformers_continuous_batching": True},
    }
    return [Case(f"trl {name}", 120, partial(_trl, bench, name, way)) for name, way in ways.items()]


def _trl(bench: Bench, decoder: str, way: Row) -> Row:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from rewardbench.policies.load import load

    if lacking := set(way) - {f.name for f in fields(GRPOConfig)}:
        raise RuntimeError(f"trl {version('trl')} has no {lacking.pop()}")
    size, marks, said = bench.size, list[float](), list[int]()

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            wait()
            marks.append(time.perf_counter())
            if len(marks) == WARM and on_card():
                torch.cuda.reset_peak_memory_stats()
            control.should_training_stop |= len(marks) > WARM and marks[-1] - begun > LIMIT

    def paid(completion_ids: Sequence[Sequence[int]], **others: Any) -> list[float]:
        said.extend(map(len, completion_ids))
        return [float(sum(ids) % 97) for ids in completion_ids]

    policy, steps = load(gpu_policy.opened(bench, 1)), WARM + size.repeats
    s = policy.settings
    texts = [policy.render(p.chat()) for p in gpu_policy.prompts(bench, 1, steps)]
    del policy
    with tempfile.TemporaryDirectory() as place:
        config = GRPOConfig(
            output_dir=place, use_cpu=not on_card(), bf16=on_card(), gradient_checkpointing=False, report_to=[],
            save_strategy="no", logging_strategy="no", disable_tqdm=True, max_steps=steps, shuffle_dataset=False,
            per_device_train_batch_size=size.P * size.K, num_generations=size.K, max_completion_length=size.T,
            learning_rate=s.learning_rate, beta=0.0, loss_type="grpo",
            model_init_kwargs={"dtype": "bfloat16" if on_card() else "float32"}, **way,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=str(bench.folder), args=config, reward_funcs=[paid],
            peft_config=LoraConfig(r=s.rank, lora_alpha=int(s.alpha), target_modules="all-linear"),
            train_dataset=Dataset.from_list([{"prompt": text} for text in texts]), callbacks=[Watch()],
        )  # fmt: skip
        begun = time.perf_counter()
        trainer.train()
    each = np.diff(marks)[WARM - 1 :].tolist()
    return {"unit": "s", "ours": statistics.median(each), "runs": 1, "decoder": decoder, "every": each,
            "said": statistics.mean(said), "trl": version("trl"), **held()}  # fmt: skip


# --- a whole sweep -----------------------------------------------------------------------------------


def sweep(bench: Bench) -> list[Case]:
    """Seconds of `rbench run` as a user waits for it: imports, planning, compiling, evaluations, files and scores. A
    policy that has learnt to end is asked as it is too, which is what a user has.
    """
    size = bench.size
    name = f"sweep {size.designs * size.seeds} x {size.budget}"
    own = [] if bench.own is None else [Case(f"{name}, own ends", 240, partial(_sweep, bench, bench.own))]
    return [*own, Case(name, 240, partial(_sweep, bench, bench.folder))]


def _sweep(bench: Bench, policy: Path) -> Row:
    size = bench.size
    told = {"tasks": [TASK], "designs": list(DESIGNS[: size.designs]), "seeds": list(range(1, size.seeds + 1)),
            "budget": size.budget, "policy": str(policy), "alone": True}  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        spec, out = Path(place) / "spec.toml", Path(place) / "out"
        spec.write_text(tomli_w.dumps(told))
        asked = [sys.executable, "-m", "rewardbench", "run", str(spec), "--out", str(out), "--yes", "--display", "none"]
        begun = time.perf_counter()
        done = subprocess.run(asked, stdout=subprocess.DEVNULL)  # what it says is seen while it goes on, in the log
        spent = time.perf_counter() - begun
        if done.returncode:
            raise RuntimeError(f"rbench run left with {done.returncode}: see above")
        return {"unit": "s", "ours": spent, "runs": size.designs * size.seeds, **booked(out / "runs")}


def booked(runs: Path) -> Row:
    """Wall seconds that the packs of a sweep booked, by what for; and of it what first calls took beyond a usual one,
    which is compiling for the most part.
    """
    from rewardbench import trace

    packs: dict[float, list[Row]] = {}
    for folder in runs.iterdir():  # runs of one pack book the same
        rows = trace.rows(folder, "timing.jsonl")
        began = next((r["sample_wall"] for r in rows if "sample_wall" in r), 0.0)
        packs[began] = max(packs.get(began, []), rows, key=len)
    spent = dict.fromkeys(("sample", "reward", "learn", "evaluate"), 0.0)
    warm = 0.0
    for rows in packs.values():
        for name in spent:
            each = [r[f"{name}_wall"] for r in rows if f"{name}_wall" in r]
            spent[name] += sum(each)
            warm += max(0.0, each[0] - statistics.median(each)) if each else 0.0
    return {"packs": len(packs), **spent, "warm_up": warm}
