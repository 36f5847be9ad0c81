"""What share of a run's training is its reward? Each shipped design, a few steps, CPU seconds of the same process.

    python benchmarks/scoring_share.py [--task T] [--write]

A share is reward / (sampling + reward + learning) over the steps of a quick run after the first two, from
`timing.jsonl`. Reference designs must stay at or below a tenth (exit code 3 otherwise). Rows go to
benchmarks/results/scoring_share.jsonl.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from datetime import date
from pathlib import Path

import click

import rewardbench
from rewardbench import find, trace
from rewardbench.types import UserError

TASKS = ("qa/lookup", "writing/story", "dialogue/booking", "qa/math")
PLACE = Path(__file__).parent / "results" / "scoring_share.jsonl"
MOST = 0.10


def shares(task: str, folder: Path) -> list[tuple[str, float, float]]:
    """(design, reward's share, its CPU seconds a step) of each shipped design of a task."""
    designs = tuple(find.task_designs(task))
    spec = rewardbench.Spec(tasks=(task,), designs=designs, seeds=(1,), budget="quick")
    _, results = rewardbench.run(spec, out=folder, workers=1)
    found = []
    for result in results:
        rows = [r for r in trace.rows(result.run.folder, "timing.jsonl") if r["step"] >= 2 and "learn" in r]
        if rows and result.run.spec.design.name in designs:
            reward = sum(r["reward"] for r in rows)
            whole = sum(r["sample"] + r["reward"] + r["learn"] for r in rows)
            found.append((result.run.spec.design.name, reward / whole, reward / len(rows)))
    return found


@click.command()
@click.option("--task", "tasks", multiple=True, default=TASKS, help="Which tasks (default: all).")
@click.option("--write", is_flag=True, help="Put the rows into benchmarks/results/.")
def main(tasks: tuple[str, ...], write: bool) -> None:
    """Measure, print, and say no where a reference design scores for more than a tenth of its training."""
    rows, over = [], []
    for task in tasks:
        with tempfile.TemporaryDirectory() as folder:
            try:
                measured = shares(task, Path(folder) / "s")
            except UserError as error:
                print(f"{task}: {error}", file=sys.stderr)
                continue
        for design, share, spent in measured:
            print(f"{task}/{design}: {share:.1%} of training, {spent * 1e3:.1f} CPU ms a step", flush=True)
            name = f"scoring_share {task}/{design}"
            row = {"name": name, "ours": round(share, 4), "cpu_ms_a_step": round(spent * 1e3, 2)}
            versions = {"python": platform.python_version(), "rewardbench": rewardbench.__version__}
            made = {"machine": f"cpu: {platform.machine()}, one thread", "versions": versions}
            rows.append(row | made | {"date": str(date.today()), "command": "python benchmarks/scoring_share.py"})
            over += [name] if design == "reference" and share > MOST else []
    if write:
        PLACE.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if over:
        print(f"above {MOST:.0%}: {', '.join(over)}", file=sys.stderr)
    sys.exit(3 if over else 0)


if __name__ == "__main__":
    main()
