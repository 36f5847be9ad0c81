"""What does one run cost? CPU seconds of training and of evaluation, a design after the other in one quiet process.

    python benchmarks/run_cost.py [--task T] [--design D] [--seed 1] [--policy P] [--budget B] [--json FILE]

The first run, which is not counted, pays for imports. `training` is sampling, rewards and learning; `evaluation` is
everything that gold needs: dev prompts along the way, the grid of temperatures at the end, KL, gold, writing. Run it on
an idle machine: neighbours change CPU seconds by a third.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import date
from pathlib import Path

import torch
import transformers

from rewardbench import find, sweep, trace, worker
from rewardbench.pool import WORKER
from rewardbench.spec import Spec


def cost(task: str, design: str, seed: int, policy: str, budget: str) -> dict[str, float | str]:
    """CPU seconds of one run, by what they were spent on."""
    spec = Spec(tasks=(task,), designs=(design,), seeds=(seed,), policy=policy, budget=budget)
    with tempfile.TemporaryDirectory() as folder:
        prepared = sweep.prepare(spec, Path(folder) / "sweep")
        run = next(r for r in prepared.runs if r.design.name == design)
        place = prepared.run_folder(run)
        worker.do_pack([run], [place], prepared.policy, lambda event: None, 60.0, prepared.folder / "sources")
        assert trace.status(place)["status"] == "done", trace.status(place)
        rows = trace.rows(place, "timing.jsonl")
    spent = {k: sum(float(r.get(k, 0.0)) for r in rows) for k in ("sample", "reward", "learn", "evaluate")}
    training = spent["sample"] + spent["reward"] + spent["learn"]
    return {"task": task, "design": design, **spent, "training": training, "run": training + spent["evaluate"]}


def main() -> None:
    """Print a Markdown table, and write rows of JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", action="append", help="default: the three that ship with anchors")
    parser.add_argument("--design", action="append", help="default: every design and arm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policy", default="tiny")
    parser.add_argument("--budget", default="default")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    tasks = asked.task or [t for t in find.task_folders() if (find.task_folder(t) / "anchors.json").is_file()]
    how = (asked.seed, asked.policy, asked.budget)
    cost(tasks[0], "untrained", *how)  # pays for the imports
    packages = {"torch": torch.__version__, "transformers": transformers.__version__}
    versions = {"python": platform.python_version(), **packages}
    where = {"machine": f"cpu: {platform.machine()}", "versions": versions, "date": str(date.today())}
    print(f"cpu: {platform.machine()}, one thread; {versions}; {date.today()}\n")
    print("| task | design | sample | reward | learn | **training** | **evaluation** | **run** |")
    print("|" + " --- |" * 8)
    rows = []
    for task in tasks:
        for design in asked.design or [*find.task_designs(task), *find.arms()]:
            row = cost(task, design, *how)
            rows.append(row | {"policy": asked.policy, "budget": asked.budget} | where)
            cells = [f"{float(row[k]):.1f}" for k in ("sample", "reward", "learn", "training", "evaluate", "run")]
            print(f"| {task} | `{design}` | " + " | ".join(cells) + " |", flush=True)
    if asked.json:
        asked.json.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    if not WORKER.items() <= os.environ.items():  # as a worker would: most of it is read when a process begins
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | WORKER)
    main()
