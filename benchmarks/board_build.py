"""How long does a board of a thousand entries take to build, and how large is its page? CPU seconds of the command.

    python benchmarks/board_build.py [--board DIR] [--task T] [--entries N] [--write]

The entries are made, seeded, from the rows of the board's own baseline: each keeps its shape and number of rows and
loses gold, classes and reward at a rate of its own. Needs a board that has entries. A row goes to
benchmarks/results/board_build.jsonl.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w

from rewardbench.boards import definition, entries
from rewardbench.boards.rows import read
from rewardbench.seeds import generator

PLACE = Path(__file__).parent / "results" / "board_build.jsonl"
SHIPPED = Path(__file__).parents[1] / "leaderboards" / "cpu"
MOST = 30.0
"""CPU seconds for a thousand entries on one core."""


@dataclass(frozen=True)
class Built:
    """What a build cost."""

    seconds: float
    """CPU, of the command and all that it started."""
    page: int
    """Bytes of index.html."""
    entries: int


def make(source: Path, task: str, count: int, folder: Path) -> None:
    """A board's folder with the source's arms and baseline on one task, and so many entries made from the baseline."""
    board = definition.read(source)
    raw = tomllib.loads((source / "board.toml").read_text())
    scale = {k: v for k, v in raw.get("scale", {}).items() if k == task}
    (folder / "board.toml").write_text(tomli_w.dumps({**raw, "tasks": [task], "generated": 0, "scale": scale}))
    for entry in entries.all_of(source):
        if entry.kind == "control" or entry.name == board.baseline:
            _only(entry, task, folder / "entries" / entry.name)
    base = entries.read(folder / "entries" / board.baseline)
    for number in range(count):
        _alike(base, task, board.seed_list(board.seeds), f"made-{number:04d}", folder / "entries")


def _only(entry: entries.Entry, task: str, out: Path) -> None:
    """An entry with one of its tasks."""
    shutil.copytree(entry.folder / entries.slug(task), out / entries.slug(task))
    entries.write(out, {**entry.about, "tasks": {task: entry.about["tasks"][task]}})


def _alike(base: entries.Entry, task: str, seeds: tuple[int, ...], name: str, out: Path) -> None:
    """An entry made from another: gold, classes and rewards lost at a rate of its own."""
    rng, old, new = generator(f"board_build/{name}"), base.folder / entries.slug(task), out / name / entries.slug(task)
    new.mkdir(parents=True)
    spec = tomllib.loads((old / "spec.toml").read_text())
    (new / "spec.toml").write_text(tomli_w.dumps({**spec, "design": {**spec["design"], "name": name}}))
    runs = [r for r in json.loads((old / "runs.json").read_text()) if r["seed"] in seeds]
    (new / "runs.json").write_text(json.dumps(runs))
    for table in ("scores", "texts", "steps"):
        rows = read(old / f"{table}.parquet")
        kept = np.isin(rows["seed"], seeds)
        rows = {n: v[kept] for n, v in rows.items()}
        _write(new / f"{table}.parquet", _spoilt(rows, rng) if table == "scores" else rows)
    entries.write(out / name, {**base.about, "entry": name, "kind": "submitted", "authors": [f"Author {name[-4:]}"]})


def _spoilt(rows: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Scores of a worse policy: after the start a share of the completions loses its gold."""
    lost = (rng.random(len(rows["gold"])) < rng.random()) & (rows["step"] > 0)
    gold = np.where(lost, rows["gold"] * rng.random(len(lost)), rows["gold"])
    noise = rng.normal(0, 0.05, len(lost)).astype(np.float32)
    kind = np.where(rng.random(len(lost)) < 0.1, rows["class"] + 1, rows["class"]).astype(np.int32)
    return {**rows, "gold": gold, "reward": rows["reward"] + noise, "class": kind}


def _write(path: Path, columns: dict[str, Any]) -> None:
    """A table with the codec that entries have; at a level that takes no minutes."""
    table = pa.table({n: pa.array(v) for n, v in columns.items()})
    pq.write_table(table, path, compression="zstd", write_statistics=False, store_schema=False)


def build(folder: Path) -> Built:
    """Build the board by the command, in a process of its own on one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "rewardbench", "board", "build", str(folder)]
    subprocess.run(command, check=True, env={**os.environ, **threads}, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = len(list((folder / "entries").iterdir()))
    return Built(spent, (folder / "index.html").stat().st_size, count)


def row(built: Built, task: str) -> dict[str, Any]:
    """The benchmark's row; nobody else builds such a board, so it has no peer."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "pyarrow": pa.__version__}
    return {
        "name": f"board_build {task}, {built.entries} entries",
        "ours": round(built.seconds, 2),
        "unit": "CPU seconds",
        "page_bytes": built.page,
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "machine": f"cpu: {platform.machine()}, {os.cpu_count()} cores",
        "versions": versions,
        "date": date.today().isoformat(),
        "command": "python benchmarks/board_build.py",
    }


@click.command()
@click.option("--board", default=SHIPPED, type=click.Path(path_type=Path), help="A board with entries.")
@click.option("--task", default="qa/lookup", help="One of its tasks.")
@click.option("--entries", "count", default=1000, help="How many entries are made.")
@click.option("--write", is_flag=True, help="Put the row into benchmarks/results/.")
def main(board: Path, task: str, count: int, write: bool) -> None:
    """Make the board, build it, print the row."""
    with tempfile.TemporaryDirectory() as name:
        make(board, task, count, Path(name))
        told = row(build(Path(name)), task)
    print(json.dumps(told))
    if write:
        with PLACE.open("a") as file:
            file.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
