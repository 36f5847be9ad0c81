"""What is a small valid bundle, and how is it doctored? A board of two seeds and two steps, made once a session."""

import json
import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from sweeping import here

from rewardbench import sweep
from rewardbench.boards import definition, entries, freezing, numbers, packing, rows
from rewardbench.boards.definition import Board
from rewardbench.design import design_hash
from rewardbench.plan import run_spec

BOARD = """
name = "small"
version = 1
summary = "Two steps on two seeds: large enough to be lied about."
tasks = ["qa/lookup"]
policy = "tiny"
algorithm = "grpo"
budget = "2"
seeds = 2
control_seeds = 2
baseline = "reference"
[scale."qa/lookup"]
low = 0.2
high = 0.9
low_se = 0.01
high_se = 0.01
"""
MINE = """
[[part]]
use = "answers.alone"
weight = 1.0
[[part]]
use = "answers.brief"
weight = 0.25
"""
OWN = '''
from pathlib import Path
import os
Path(os.environ["MARKER"]).write_text("executed") if "MARKER" in os.environ else None


def short(completions):
    return [1.0 / (1 + len(c)) for c in completions]
'''


MIXED = """
[[part]]
use = "own.py:short"
weight = 1.0
[[part]]
use = "answers.brief"
weight = 0.25
"""


@dataclass(frozen=True)
class Place:
    """The board, with its own entries, and bundles: of registered parts, the same with the words of the seeded few,
    one with code of its own, and one with a registered part beside that."""

    board: Board
    closed: Path
    thin: Path
    open: Path
    mixed: Path


def make(folder: Path) -> Place:
    """The board's folder and the bundles, trained here and now."""
    home = folder / "board"
    home.mkdir()
    (home / "board.toml").write_text(BOARD)
    (folder / "mine.toml").write_text(MINE)
    (folder / "mixed.toml").write_text(MIXED)
    (folder / "own.py").write_text(OWN)
    plain = definition.read(home)
    board = replace(plain, hashes=freezing.hashes(plain))
    told = {f.name: getattr(board, f.name) for f in fields(board) if f.name != "folder"}
    (home / "board.toml").write_text(tomli_w.dumps({k: list(v) if isinstance(v, tuple) else v for k, v in told.items()}))
    board = definition.read(home)
    designs = ("untrained", "constant", "reference", str(folder / "mine.toml"), f"{folder / 'own.py'}:short", str(folder / "mixed.toml"))
    prepared = sweep.prepare(definition.spec(board, (), designs, alone=True), folder / "runs")
    here(prepared, 1, lambda event: None)
    packing.add_own(board, [folder / "runs"])
    found = {f.design: f for f in packing.finished(board, [folder / "runs"])[0]}
    made = {}
    packed = (("whole", "mine", "mine"), ("thin", "mine", "mine"), ("open", "own", "short"), ("both", "mixed", "mixed"))
    for place, name, design in packed:
        about = packing.About(name, summary="pays few words", authors=("Ann Example",), specs_tried=1)
        made[place] = folder / place / name
        control = [found["untrained"]]
        packing.write(board, about, [found[design]], made[place], thin=place == "thin", control=() if place == "thin" else control)
    return Place(board, made["whole"], made["thin"], made["open"], made["both"])


@pytest.fixture(scope="session")
def handed(tmp_path_factory) -> Place:
    """The small board and its bundles; nobody writes to them."""
    return make(tmp_path_factory.mktemp("handed"))


# --- doctoring -----------------------------------------------------------------------------------

TASK = "qa-lookup"


def copied(bundle: Path, folder: Path) -> Path:
    """A bundle that may be changed."""
    shutil.copytree(bundle, folder / bundle.name)
    return folder / bundle.name


def sealed(folder: Path) -> Path:
    """The folder with a manifest that fits what is in it now."""
    entries.write_manifest(folder)
    return folder


def counted(folder: Path, board: Board) -> Path:
    """The folder with numbers, then a manifest, that follow from what is in it now."""
    about = entry(folder)
    for task in about["tasks"]:
        runs = rows.load(folder / entries.slug(task))
        about["tasks"][task] = numbers.of_task(board, runs, packing.base_of(board, folder, task, runs))
    entries.write(folder, about)
    return folder


def entry(folder: Path):
    return json.loads((folder / "entry.json").read_text())


def rewrite(folder: Path, change) -> Path:
    """`entry.json` changed in place, manifest sealed."""
    about = entry(folder)
    change(about)
    (folder / "entry.json").write_text(json.dumps(about))
    return sealed(folder)


def respec(folder: Path, change, ids: bool = False, hashes: bool = False, task: str = TASK) -> Path:
    """`spec.toml` changed in place; where asked the design's hash and the runs' ids follow."""
    path = folder / task / "spec.toml"
    raw = definition.tomllib.loads(path.read_text())
    change(raw)
    told = json.loads((folder / task / "runs.json").read_text())
    if hashes:
        raw["design_hash"] = design_hash(run_spec({**raw, "seed": 1}).design)
    if ids:
        for run in told:
            run["run"] = run_spec({**raw, "seed": run["seed"]}).id
    path.write_text(tomli_w.dumps(raw))
    (folder / task / "runs.json").write_text(json.dumps(told))
    return folder


def reruns(folder: Path, change, task: str = TASK) -> Path:
    """`runs.json` changed in place."""
    path = folder / task / "runs.json"
    told = json.loads(path.read_text())
    changed = change(told)
    path.write_text(json.dumps(told if changed is None else changed))
    return folder


def retable(folder: Path, name: str, change, task: str = TASK) -> Path:
    """A table changed in place: `change(columns)` may return other columns."""
    path = folder / task / f"{name}.parquet"
    columns = {n: np.array(v) for n, v in rows.read(path).items()}
    changed = change(columns)
    rows._write(path, columns if changed is None else changed)
    return folder


def kept(columns, mask):
    """The rows of a mask, or at places."""
    return {n: v[mask] for n, v in columns.items()}
