"""How fast does a pack of runs sample and learn on one GPU, against its floors and against TRL in the same call?

    python benchmarks/gpu.py [--out gpu.jsonl] [--minutes 9] [--policy FOLDER] [--only STAGE]... [--smoke]

One row of JSON a measurement, appended as it is made: a call that was cut short goes on where it stopped. 64
completions a run (8 prompts of 64 tokens, 8 each) of 128 tokens, which all are said to the end. Weights are random, of
SmolLM2-135M's shape, unless a folder is named: speed does not depend on what they say. `--smoke` runs everything small,
on any machine.

Stages: `floors` (copy bandwidth, bf16 matrix rate), `decode` and `learn` (a pack of 1, 4, 16, 32 runs), `overhead` (a
pack without its adapters), `eager` (one run by the readable path), `step` (all of a step of 32 runs by the benchmark's
own loop), `sweep` (24 runs of 100 steps with evaluations), `trl` (GRPOTrainer with `generate`, one run).
Engine factor: TRL's seconds a step over ours with one run a pack. Stacking factor: ours with one run over ours a run of
32. They are different merits, and stand apart.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
PACKS = (1, 4, 16, 32)


@dataclass(frozen=True)
class Size:
    """How large everything is."""

    P: int = 8
    K: int = 8
    prompt: int = 64
    T: int = 128
    packs: tuple[int, ...] = PACKS
    repeats: int = 3
    sweep: tuple[int, int, int] = (8, 3, 100)
    """Designs, seeds and steps."""


SMOKE = Size(P=2, K=2, prompt=8, T=8, packs=(1, 2), repeats=1, sweep=(1, 2, 2))
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait() -> None:
    """Until the card has done all that it was given."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def timed(work: Callable[[], Any], repeats: int) -> float:
    """Seconds of the quickest of some calls; the first is not counted."""
    work()
    wait()
    spent = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        wait()
        spent.append(time.perf_counter() - begun)
    return min(spent)


# --- policies ----------------------------------------------------------------------------------------


def made(folder: Path, smoke: bool) -> Path:
    """A folder with random weights of SmolLM2-135M's shape (or a small one) and the shipped policy's tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from rewardbench.policies.settings import HERE

    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 4096}  # fmt: skip
    whole = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
             "num_key_value_heads": 3, "vocab_size": 49152}  # fmt: skip
    path = folder / "random"
    if not path.is_dir():
        torch.manual_seed(0)
        tokenizer = AutoTokenizer.from_pretrained(HERE / "tiny")
        ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
        config = LlamaConfig(**(small if smoke else whole), **ids, tie_word_embeddings=True)
        LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(path)
        tokenizer.save_pretrained(path)
    return path


@contextmanager
def pack(path: Path, size: Size, R: int) -> Iterator[Any]:
    """(policy, stacked, optimiser, wants, task) of R runs; the card is empty again afterwards."""
    from rewardbench.engine.optimise import adam
    from rewardbench.engine.stack import stack
    from rewardbench.policies.load import load
    from rewardbench.policies.settings import HERE, open_folder, read_settings
    from rewardbench.types import Prompt, Task, Want

    settings = replace(read_settings(HERE / "smollm2-135m.toml"), P=size.P, K=size.K)
    policy = load(replace(open_folder("bench", path), settings=settings))
    policy.model.to(DEVICE)
    stacked = stack(policy.model, list(range(R)), "lora", settings.rank, settings.alpha)
    stacked.flatten()
    opt = adam({n: p for n, (p, _) in stacked.moved().items()}, R, settings.betas, settings.clip)
    words = [policy.tokenizer.decode([i]) for i in range(200, 200 + size.P)]
    prompts = [Prompt(str(i), text=" ".join([w.strip() or "a"] * (size.prompt * 2))) for i, w in enumerate(words)]
    for prompt in prompts:  # of one length in tokens, whatever the words are
        policy.cache[policy.render(prompt.chat())] = tuple(policy.prompt_ids(prompt)[: size.prompt])
    policy.__dict__["eos"] = -1  # nothing ends: every completion has all its tokens
    task = Task(prompts=lambda split, seed: iter(prompts), max_tokens=size.T)
    try:
        yield policy, stacked, opt, [Want(prompts, size.K)] * R, task
    finally:
        del policy, stacked, opt
        if DEVICE.type == "cuda":
            torch.cuda.empty_cache()


# --- stages ------------------------------------------------------------------------------------------


def floors(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Bytes a second of a copy, and bf16 operations a second of a large product."""
    n = 1 << (28 if DEVICE.type == "cuda" else 20)
    source = torch.zeros(n, dtype=torch.bfloat16, device=DEVICE)
    target = torch.empty_like(source)
    yield {"name": "floor copy", "unit": "bytes/s", "ours": 2 * 2 * n / timed(lambda: target.copy_(source), 5)}
    m = 8192 if DEVICE.type == "cuda" else 128
    a = torch.randn(m, m, device=DEVICE).to(torch.bfloat16)
    yield {"name": "floor matrix", "unit": "FLOP/s", "ours": 2 * m**3 / timed(lambda: a @ a, 5)}


def decode(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Tokens a second of a pack, and what it would be if memory were all that counts."""
    from rewardbench.engine.sample import sample

    for R in size.packs:
        with pack(path, size, R) as (policy, stacked, _, wants, task):
            begun = time.perf_counter()
            counter = iter(range(10**6))

            def once() -> Any:
                return sample(policy, stacked, task, wants, [f"bench/{next(counter)}/{r}" for r in range(R)], size.T)  # noqa: B023

            batches = once()
            wait()
            warm = time.perf_counter() - begun
            tokens = sum(int(b.mine.sum()) for b in batches)
            seconds = timed(once, size.repeats)
            model = policy.model
            weights = sum(p.numel() for p in model.parameters() if p.dtype == torch.bfloat16) * 2
            config = model.config
            kept = 2 * 2 * config.num_key_value_heads * config.head_dim * config.num_hidden_layers
            rows = R * size.P * size.K
            bytes_read = size.T * (weights + rows * kept * (size.prompt + size.T / 2))
            yield {"name": f"decode {R}", "unit": "tokens/s", "ours": tokens / seconds, "tokens": tokens,
                   "seconds": seconds, "warm_up": warm, "bytes_at_least": bytes_read, "peak": peak()}  # fmt: skip


def learn(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Tokens a second of the update of a pack, and its operations: 4 a parameter and token (forward, and back to the
    inputs: weights of the base are not moved), the head's and the adapters' included, attention left out.
    """
    from rewardbench.algorithms.grpo import Grpo
    from rewardbench.engine.learn import learn as teach
    from rewardbench.engine.sample import sample
    from rewardbench.types import State

    for R in size.packs:
        with pack(path, size, R) as (policy, stacked, opt, wants, task):
            batches = sample(policy, stacked, task, wants, [f"bench/{r}" for r in range(R)], size.T)
            gains = [
                np.random.default_rng(r).normal(size=b.mine.shape).astype(np.float32) for r, b in enumerate(batches)
            ]
            rate, states = torch.full((R,), 1e-5, device=DEVICE), [State()] * R

            def once() -> Any:
                return teach(policy, stacked, opt, Grpo(), batches, gains, states, rate)  # noqa: B023

            seconds = timed(once, size.repeats)
            tokens = R * size.P * (size.prompt + size.K * size.T)
            numbers = sum(p.numel() for p in policy.model.parameters()) - (R - 1) * stacked.numbers()
            yield {"name": f"learn {R}", "unit": "tokens/s", "ours": tokens / seconds, "tokens": tokens,
                   "seconds": seconds, "flop": 4 * numbers * tokens, "peak": peak()}  # fmt: skip


def overhead(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Seconds of sampling with the adapters, over those without."""
    from rewardbench.engine import quick
    from rewardbench.engine.sample import sample

    R, spent = size.packs[-1], {}
    for how in ("with", "without"):
        with pack(path, size, R) as (policy, stacked, _, wants, task):
            counter = iter(range(10**6))

            def once() -> Any:
                return sample(policy, stacked, task, wants, [f"bench/{next(counter)}/{r}" for r in range(R)], size.T)  # noqa: B023

            if how == "with":
                spent[how] = timed(once, size.repeats)
            else:
                with stacked.start():
                    quick.SHELF.clear()
                    spent[how] = timed(once, size.repeats)
    yield {"name": f"adapter overhead {R}", "unit": "ratio", "ours": spent["with"] / spent["without"]}


def eager(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Tokens a second of one run by the readable path."""
    from rewardbench.engine.sample import sample

    with pack(path, size, 1) as (policy, stacked, _, wants, task):
        stacked.flat = None
        seconds = timed(lambda: sample(policy, stacked, task, wants, ["bench/0"], size.T), 1)
        yield {
            "name": "decode eager",
            "unit": "tokens/s",
            "ours": size.P * size.K * size.T / seconds,
            "seconds": seconds,
        }


def step(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Seconds of a whole step by the benchmark's own loop: sampling, rewards, update, rows, checkpoints."""
    for R in (1, size.packs[-1]):
        steps = 2 + size.repeats
        rows = run(path, size, designs=1, seeds=R, steps=steps, T=size.T)
        each = [sum(r[f"{n}_wall"] for n in ("sample", "reward", "learn")) for r in rows[2:]]
        parts = {n: min(r[f"{n}_wall"] for r in rows[2:]) for n in ("sample", "reward", "learn")}
        yield {"name": f"step {R}", "unit": "s", "ours": min(each), **parts, "peak": peak()}


def sweep(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Seconds of a whole sweep with its evaluations, from the first import of a worker to the last file."""
    designs, seeds, steps = size.sweep
    begun = time.perf_counter()
    run(path, size, designs, seeds, steps, T=min(40, size.T), points=11)
    yield {
        "name": f"sweep {designs * seeds} x {steps}",
        "unit": "s",
        "ours": time.perf_counter() - begun,
        "peak": peak(),
    }


def run(path: Path, size: Size, designs: int, seeds: int, steps: int, T: int, points: int = 0) -> list[dict[str, Any]]:
    """Rows of `timing.jsonl` of a pack of designs × seeds on qa/lookup, run by `loop.run_pack` in this process."""
    from rewardbench import loop, plan, trace
    from rewardbench import sweep as sweeps
    from rewardbench.policies.settings import HERE, open_folder, read_settings

    folder = open_folder("bench", path)
    settings = replace(read_settings(HERE / "smollm2-135m.toml"), P=size.P, K=size.K)
    folder = replace(folder, settings=settings)
    names = ("reference", "contains", "form", "brevity", "exploit", "random", "length", "format")[:designs]
    spec = plan.Spec(
        tasks=("qa/lookup",), designs=names, seeds=tuple(range(1, seeds + 1)), budget=str(steps), alone=True
    )
    planned, _ = plan.plan(spec, folder)
    at = tuple(round(i * steps / (points - 1)) for i in range(points)) if points else ()
    few = {"points": at, "temperatures": (), "eval_prompts": 32 if points else 1, "eval_samples": 8 if points else 1}
    runs = [replace(r, max_tokens=T, **few) for r in planned]
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        for one in runs:
            trace.create(out / one.id, one.as_dict())
        sweeps.check_columns(runs)
        loop.run_pack(runs, [out / r.id for r in runs], folder, lambda event: None, 600.0, out)
        return [r for r in trace.rows(out / runs[0].id, "timing.jsonl") if "learn_wall" in r]


def trl(path: Path, size: Size) -> Iterator[dict[str, Any]]:
    """Seconds a step of TRL's GRPOTrainer with its own `generate`: LoRA of the same rank, same prompts and lengths."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    marks: list[float] = []

    class Watch(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            wait()
            marks.append(time.perf_counter())

    with pack(path, size, 1) as (policy, _, _, wants, _):
        prompts = [policy.tokenizer.decode(policy.prompt_ids(p)) for p in wants[0].prompts]
    steps = 3 + size.repeats
    with tempfile.TemporaryDirectory() as place:
        config = GRPOConfig(
            output_dir=place, use_cpu=DEVICE.type == "cpu", bf16=DEVICE.type == "cuda", gradient_checkpointing=False,
            report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, max_steps=steps,
            per_device_train_batch_size=size.P * size.K, num_generations=size.K, max_completion_length=size.T,
            learning_rate=3e-4, beta=0.0, loss_type="grpo", generation_kwargs={"min_new_tokens": size.T},
            model_init_kwargs={"dtype": "bfloat16" if DEVICE.type == "cuda" else "float32"},
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=str(path), args=config, peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
            reward_funcs=[lambda completions, **_: [float(len(c)) for c in completions]],
            train_dataset=Dataset.from_list([{"prompt": p} for p in prompts * steps]), callbacks=[Watch()],
        )  # fmt: skip
        trainer.train()
    each = np.diff(marks)[2:]
    yield {"name": "trl step 1", "unit": "s", "ours": float(min(each)), "peak": peak(), "trl": version("trl")}


STAGES = {f.__name__: f for f in (floors, decode, learn, step, trl, overhead, sweep, eager)}
"""In the order of what matters most, for a call that is cut short."""


def peak() -> int | None:
    """Bytes of the card's memory that were held at most since the last question."""
    if DEVICE.type != "cuda":
        return None
    most = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return int(most)


# --- the table ---------------------------------------------------------------------------------------


def derived(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(what, figure, how it was reckoned) of everything that follows from the rows; what is not known is left out."""
    by = {r["name"]: r for r in rows}
    found: list[tuple[str, str, str]] = []
    for name, r in by.items():
        if name.startswith("decode ") and "bytes_at_least" in r and "floor copy" in by:
            share = r["bytes_at_least"] / by["floor copy"]["ours"] / r["seconds"]
            found.append(
                (
                    name,
                    f"{r['ours']:,.0f} tokens/s",
                    f"{share:.0%} of the bandwidth floor; warm-up {r['warm_up']:.0f} s",
                )
            )
        if name.startswith("learn ") and "floor matrix" in by:
            share = r["flop"] / r["seconds"] / by["floor matrix"]["ours"]
            found.append((name, f"{r['ours']:,.0f} tokens/s", f"{share:.0%} of the measured matrix rate"))
    whole = [r for n, r in by.items() if n.startswith("step ")]
    if len(whole) == 2:
        one, many = sorted(whole, key=lambda r: int(r["name"].split()[1]))
        R = int(many["name"].split()[1])
        found.append(
            (
                "stacking factor",
                f"{R * one['ours'] / many['ours']:.2f}",
                f"{R} runs in {many['ours']:.2f} s a step, one in {one['ours']:.2f}",
            )
        )
        if "trl step 1" in by:
            peer = by["trl step 1"]
            found.append(
                (
                    "engine factor",
                    f"{peer['ours'] / one['ours']:.2f}",
                    f"TRL {peer['trl']}: {peer['ours']:.2f} s a step",
                )
            )
            found.append(
                ("run-steps a second", f"{R / many['ours']:.1f}", f"{R * peer['ours'] / many['ours']:.0f} times TRL's")
            )
    found += [(n, f"{r['ours']:.2f} {r['unit']}", "") for n, r in by.items() if n.startswith(("adapter", "sweep"))]
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The figures as Markdown, with the card's name."""
    lines = ["| what | figure | |", "| --- | --- | --- |", *(f"| {a} | {b} | {c} |" for a, b, c in derived(rows))]
    return "\n".join([*lines, "", *dict.fromkeys(f"{r['machine']}; {r['date']}; `{r['command']}`." for r in rows)])


def labelled(row: dict[str, Any]) -> dict[str, Any]:
    """A row with where and when it was made."""
    name = torch.cuda.get_device_name(0) if DEVICE.type == "cuda" else platform.machine()
    found = {}
    for package in ("torch", "transformers", "trl"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    machine = f"{'gpu' if DEVICE.type == 'cuda' else 'cpu'}: {name}"
    return row | {
        "machine": machine,
        "versions": found,
        "command": "python benchmarks/gpu.py",
        "date": str(date.today()),
    }


def main() -> None:
    """Measure what is not measured yet, a stage after the other, until the minutes are over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gpu.jsonl")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--policy", type=Path)
    parser.add_argument("--only", action="append", choices=sorted(STAGES))
    parser.add_argument("--smoke", action="store_true")
    asked = parser.parse_args()
    begun, size = time.perf_counter(), SMOKE if asked.smoke else Size()
    rows = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.is_file() else []
    with tempfile.TemporaryDirectory() as place:
        path = asked.policy or made(Path(place), asked.smoke)
        for name in asked.only or STAGES:
            if any(r["stage"] == name and r.get("last") for r in rows):
                continue
            if time.perf_counter() - begun > 60 * asked.minutes:
                print(f"{name} and what follows: no time left; call again", file=sys.stderr)
                break
            rows = [r for r in rows if r["stage"] != name] + measured(name, path, size, asked.out)
    print(table(rows))


def measured(name: str, path: Path, size: Size, out: Path) -> list[dict[str, Any]]:
    """The rows of a stage, each said as it is made and written at its end. A peer that is not installed is said."""
    found = []
    try:
        for row in STAGES[name](path, size):
            found.append(labelled({"stage": name, **row}))
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    except ImportError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return []
    found[-1]["last"] = True
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file:
        file.writelines(json.dumps(r) + "\n" for r in found)
    return found


if __name__ == "__main__":
    main()
