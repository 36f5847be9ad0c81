"""How fast is a step, and a sweep, against TRL's GRPOTrainer? Same policy folder, prompts, reward, group and updates.

    python benchmarks/race.py [--rounds 5] [--only step|sweep] [--task T] [--write]

A step: CPU seconds of sampling and learning. A sweep: wall seconds of 12 runs, ours by two worker processes, TRL's
one after the other in one process. Left out for both: imports, building trainers, evaluation, the reward's own time.
Ours, TRL with one thread and TRL with two take turns, each in a process of its own that stays; medians over the rounds,
and TRL at its better number of threads. Of a step's runs two warm-up steps are not counted. `--write` puts the rows
into `results/race.jsonl` and the table into `docs/performance.md`. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from rewardbench.pool import WORKER

ROOT = Path(__file__).parents[1]
TASKS = ("qa/lookup", "writing/story")
"""Those of one turn: what TRL does with a partner is not the same work."""
STEPS = 14
WARM = 2
"""Steps at the start of a run that are not counted: caches fill, code is traced."""
SWEEP = 12
P = K = 8


@dataclass(frozen=True)
class Cost:
    """What `count` steps took, and how many tokens the policy said in a completion."""

    cpu: float
    wall: float
    count: int
    tokens: float
    whole: float = 0.0
    """Wall seconds with all that was left out but imports."""


# --- ours ------------------------------------------------------------------------------------------------------------


def our_runs(folder: Path, tasks: Sequence[str], seeds: Sequence[int]) -> Any:
    """A sweep of the reference design with next to no evaluation in it: one completion at the end."""
    from rewardbench import sweep, trace
    from rewardbench.spec import Spec

    spec = Spec(tasks=tuple(tasks), designs=("reference",), seeds=tuple(seeds), budget=str(STEPS))
    made = sweep.prepare(spec, folder)
    wanted = [r for r in made.runs if r.design.name == "reference"]
    bare = [replace(r, points=(), temperatures=(), eval_prompts=1, eval_samples=1) for r in wanted]
    for run in bare:
        trace.create(made.run_folder(run), run.as_dict())
    return replace(made, runs=tuple(bare))


def our_step(task: str, seed: int) -> Cost:
    """One run in this process. All between two steps counts, rows and checkpoints too, but the reward."""
    from rewardbench import trace, worker

    marks: list[tuple[float, float]] = []

    def say(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            marks.append((time.process_time(), time.perf_counter()))

    with tempfile.TemporaryDirectory() as place:
        made = our_runs(Path(place), [task], [seed])
        (run,) = made.runs
        folder = made.run_folder(run)
        worker.do_pack([run], [folder], made.policy, say, 60.0, made.folder / "sources")
        assert trace.status(folder)["status"] == "done", trace.status(folder)
        rows = [r for r in trace.rows(folder, "timing.jsonl") if "learn" in r and r["step"] >= WARM]
        said = [r["length"] for r in trace.rows(folder) if r["step"] >= WARM]
    paid = [sum(r[f"reward{end}"] for r in rows) for end in ("", "_wall")]
    last, first = marks[-1], marks[WARM - 1]
    cpu, wall = (b - a - reward for a, b, reward in zip(first, last, paid, strict=True))
    return Cost(cpu, wall, len(rows), statistics.mean(said))


def our_sweep(tasks: str, seed: int) -> Cost:
    """12 runs by a pool of two workers; the clock starts when the first has done a run more, that pays for imports.

    What a run spends outside of its steps (it is opened, one completion is evaluated at its end) and on the reward is
    spent by two workers side by side: half of its sum is left out, `whole` keeps it. `tasks`: names joined by +.
    """
    from rewardbench import sweep, trace
    from rewardbench.pool import Pool

    times: dict[str, dict[str, list[float]]] = {}

    def tell(event: dict[str, Any]) -> None:
        assert event["event"] != "failed", event
        if "run" in event:
            times.setdefault(event["run"], {}).setdefault(event["event"], []).append(time.perf_counter())

    with tempfile.TemporaryDirectory() as place:
        names = tasks.split("+")
        made = our_runs(Path(place), names, range(seed, seed + SWEEP // len(names) + 1))
        first = [run for run in made.runs if run.seed == seed][:2]  # one for each worker
        rest = [run for run in made.runs if run.seed != seed]
        assert len(rest) == SWEEP
        Pool(sweep.job_of(made), tell).run([[run] for run in [*first, *rest]], 2)
        rows = {r.id: [t for t in trace.rows(made.run_folder(r), "timing.jsonl") if "learn" in t] for r in rest}
    ends = [when["done"][0] for when in times.values()]
    other = sum(_outside(times[run], rows[run]) for run in rows)
    whole = max(ends) - min(ends)
    return Cost(float("nan"), whole - other / 2, SWEEP, float("nan"), whole)


def _outside(when: dict[str, list[float]], rows: Sequence[dict[str, Any]]) -> float:
    """Wall seconds of a run that are not of its steps, and those of its reward."""
    first = sum(rows[0][f"{name}_wall"] for name in ("sample", "reward", "learn"))
    steps = when["step"][-1] - when["step"][0] + first
    return float(when["done"][0] - when["begun"][0] - steps + sum(r["reward_wall"] for r in rows))


# --- TRL -------------------------------------------------------------------------------------------------------------


def prompts(task: str, seed: int) -> list[dict[str, Any]]:
    """The prompts of a run as TRL's rows, as the policy reads them, with their columns."""
    from rewardbench import find
    from rewardbench.policies.load import load

    policy = load(find.policy("tiny"))
    drawn = list(islice(find.task(task).prompts("train", seed), STEPS * P))
    rows = [{"prompt": policy.render(p.chat()), **p.columns} for p in drawn]
    for p, row in zip(drawn, rows, strict=True):
        assert tuple(policy.tokenizer(row["prompt"])["input_ids"]) == policy.prompt_ids(p), row
    return rows


def trl_run(task: str, seed: int) -> Cost:
    """One run of GRPOTrainer with the reference design's parts and weights, settings as in ours."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from rewardbench import find

    settings, design = find.policy("tiny").settings, find.design("reference", task)
    spent = {"cpu": 0.0, "wall": 0.0}

    def timed(part: Any) -> Callable[..., list[Any]]:
        call = find.callable_of(part)

        def reward(**given: Any) -> list[Any]:
            cpu, wall = time.process_time(), time.perf_counter()
            wanted = {k: v for k, v in given.items() if k in call.__code__.co_varnames}
            found: list[Any] = list(call(**wanted, **part.params))
            spent["cpu"] += time.process_time() - cpu
            spent["wall"] += time.perf_counter() - wall
            return found

        reward.__name__ = part.name
        return reward

    marks: list[tuple[float, float]] = []
    lengths: list[float] = []

    class Watch(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            marks.append((time.process_time() - spent["cpu"], time.perf_counter() - spent["wall"]))
            lengths.append(trainer._metrics["train"]["completions/mean_length"][-1])

    with tempfile.TemporaryDirectory() as place:
        config = GRPOConfig(
            output_dir=place, use_cpu=True, bf16=False, gradient_checkpointing=False, report_to=[], save_strategy="no",
            logging_strategy="no", disable_tqdm=True, seed=seed, per_device_train_batch_size=P * K, num_generations=K,
            max_steps=STEPS, max_completion_length=settings.max_tokens(task, find.task(task).max_tokens),
            learning_rate=settings.learning_rate, lr_scheduler_type="constant", adam_beta1=settings.betas[0],
            adam_beta2=settings.betas[1], max_grad_norm=settings.clip, beta=0.0, loss_type="grpo",
            scale_rewards="group", reward_weights=[p.weight for p in design.parts], shuffle_dataset=False,
            multi_objective_aggregation="sum_then_normalize",
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=str(find.policy("tiny").path), reward_funcs=[timed(p) for p in design.parts], args=config,
            train_dataset=Dataset.from_list(prompts(task, seed)), callbacks=[Watch()],
        )  # fmt: skip
        begun = time.perf_counter()
        trainer.train()
        whole = time.perf_counter() - begun - spent["wall"]
    cpu = marks[-1][0] - marks[WARM - 1][0]
    return Cost(cpu, whole, STEPS - WARM, statistics.mean(lengths[WARM:]))


def trl_sweep(tasks: str, seed: int, part: slice = slice(None)) -> Cost:
    """12 runs one after the other, or a part of them; `train` alone, without the reward."""
    names = tasks.split("+")
    asked = [(task, seed + 1 + n) for task in names for n in range(SWEEP // len(names))]
    assert len(asked) == SWEEP
    return Cost(float("nan"), sum(trl_run(task, n).wall for task, n in asked[part]), SWEEP, float("nan"))


# --- the race --------------------------------------------------------------------------------------------------------

WORK = {
    "our_step": our_step,
    "our_sweep": our_sweep,
    "trl_step": trl_run,
    "trl_sweep": trl_sweep,
    "trl_even": partial(trl_sweep, part=slice(0, None, 2)),
    "trl_odd": partial(trl_sweep, part=slice(1, None, 2)),
}
PAIR = {"trl 1": "trl_even", "trl 1b": "trl_odd"}
"""Two processes of TRL's side by side, as one could start by hand."""


def serve(pipe: Any, threads: int) -> None:
    """Do what is asked, in a process that has all its imports behind it."""
    import warnings

    import torch
    import transformers

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(threads)
    sys.stdout = sys.stderr
    while (asked := pipe.recv()) is not None:
        name, task, seed = asked
        pipe.send(WORK[name](task, seed))


@contextmanager
def lanes() -> Iterator[dict[str, Any]]:
    """The contestants' processes: ours, TRL's with one thread (twice) and with two; all with the same allocator."""
    context, pipes, started = mp.get_context("spawn"), {}, []
    for name, threads in (("ours", 1), ("trl 1", 1), ("trl 2", 2), ("trl 1b", 1)):
        os.environ.update(WORKER | {k: str(threads) for k in WORKER if k.endswith("THREADS")})
        pipes[name], there = context.Pipe()
        process = context.Process(target=serve, args=(there, threads))
        process.start()
        there.close()  # so that the end of a contestant is heard, not waited for
        started.append(process)
    try:
        yield pipes
    finally:
        for pipe, process in zip(pipes.values(), started, strict=True):
            if process.is_alive():  # or it has left with an error
                pipe.send(None)
            process.join()


def race(pipes: dict[str, Any], kind: str, task: str, rounds: int) -> dict[str, list[Cost]]:
    """The costs of each contestant, a round after the other; of steps, an uncounted round first."""
    found: dict[str, list[Cost]] = {}
    for n in range(0 if kind == "step" else 1, rounds + 1):
        for name in ("ours", "trl 1", "trl 2", *(["trl pair"] if kind == "sweep" else [])):
            work = PAIR if name == "trl pair" else {name: f"{'our' if name == 'ours' else 'trl'}_{kind}"}
            for lane, what in work.items():
                pipes[lane].send((what, task, 1000 * (n + 1)))
            cost = max((pipes[lane].recv() for lane in work), key=lambda c: c.wall)
            print(f"{kind} {task} round {n} {name}: {cost}", file=sys.stderr, flush=True)
            if n:
                found.setdefault(name, []).append(cost)
    return found


def row(kind: str, task: str, costs: dict[str, list[Cost]]) -> dict[str, Any]:
    """One line of the results: medians, TRL at its better number of threads."""
    unit = "CPU s" if kind == "step" else "wall s"

    def median(name: str) -> float:
        values = [c.cpu / c.count if kind == "step" else c.wall for c in costs[name]]
        return statistics.median(values)

    rivals = ["trl 1", "trl 2"]
    best = min(rivals, key=median)
    ours, theirs = median("ours"), median(best)
    each = [
        (t.cpu / o.cpu * o.count / t.count if kind == "step" else t.wall / o.wall)
        for o, t in zip(costs["ours"], costs[best], strict=True)
    ]
    return {
        "name": f"{kind} {task}", "unit": unit, "ours": ours, "peer": f"trl {version('trl')}", "peer_value": theirs,
        "ours_whole": statistics.median(c.whole for c in costs["ours"]) if kind == "sweep" else None,
        "ratio": theirs / ours, "ratio_low": min(each), "ratio_high": max(each), "rounds": len(each),
        "peer_threads": int(best[-1]), "peer_other_threads": median("trl 2" if best == "trl 1" else "trl 1"),
        "peer_pair": median("trl pair") if kind == "sweep" else None,
        "tokens": statistics.mean(c.tokens for c in costs["ours"]) if kind == "step" else None,
        "peer_tokens": statistics.mean(c.tokens for c in costs[best]) if kind == "step" else None,
        "machine": f"cpu: {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version()} | {n: version(n) for n in ("torch", "transformers", "trl")},
        "command": f"python benchmarks/race.py --only {kind} --task {task.replace('+', ' --task ')}",
        "date": str(date.today()),
    }  # fmt: skip


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = "| what | ours | TRL (threads) | ratio [lowest, highest round] | tokens a completion, ours / TRL |"
    lines = [head, "| --- | --- | --- | --- | --- |"]
    for r in rows:
        said = "–" if r["tokens"] is None else f"{r['tokens']:.1f} / {r['peer_tokens']:.1f}"
        whole = f" ({r['ours_whole']:.1f} with all that a run does)" if r.get("ours_whole") else ""
        pair = f"; two processes side by side {r['peer_pair']:.1f}" if r.get("peer_pair") else ""
        cost = f"{r['ours']:.3f} {r['unit']}{whole} | {r['peer_value']:.3f} {r['unit']} ({r['peer_threads']}{pair})"
        spread = f"**{r['ratio']:.2f}** [{r['ratio_low']:.2f}, {r['ratio_high']:.2f}]"
        lines.append(f"| {r['name']} | {cost} | {spread} | {said} |")
    made = dict.fromkeys(_made(r) for r in rows)
    lines.append("\n" + "\n".join(made))
    lines.append("`python benchmarks/race.py`.")
    return "\n".join(lines)


def _made(r: dict[str, Any]) -> str:
    """How a row was measured, in a line."""
    versions = ", ".join(f"{k} {v}" for k, v in r["versions"].items())
    return f"{r['machine']}; {versions}; medians of {r['rounds']} rounds; {r['date']};"


def main() -> None:
    """Race, print the table, and write it down where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["step", "sweep"])
    parser.add_argument("--task", action="append")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    rows = []
    with lanes() as pipes:
        for kind in [asked.only] if asked.only else ["step", "sweep"]:
            tasks = asked.task or TASKS
            for task in tasks if kind == "step" else ["+".join(tasks)]:
                rows.append(row(kind, task, race(pipes, kind, task, asked.rounds)))
    print(table(rows))
    if asked.write:
        write(rows)


def write(rows: Sequence[dict[str, Any]]) -> None:
    """The rows in place of those of the same name, and the table of all in the docs."""
    results, page = ROOT / "benchmarks" / "results" / "race.jsonl", ROOT / "docs" / "performance.md"
    there = [json.loads(line) for line in results.read_text().splitlines()] if results.is_file() else []
    whole = list({r["name"]: r for r in [*there, *rows]}.values())
    results.parent.mkdir(exist_ok=True)
    results.write_text("".join(json.dumps(r) + "\n" for r in whole))
    before, _, rest = page.read_text().partition("<!-- race -->")
    page.write_text(before + "<!-- race -->\n" + table(whole) + "\n<!-- end -->" + rest.partition("<!-- end -->")[2])


if __name__ == "__main__":
    main()
