"""Does each file import only from the floors below it? Read from the syntax tree, so that nothing has to load.

The table is that of the design page. Where a file has no place there, its place and the reason stand here:

| file | floor | why |
|---|---|---|
| seeds | 0 | names of random streams; tasks, measurements and the engine draw from them |
| disk | 0 | how a file is written whole and what may stand in it; the trace, boards and pages write by it |
| data | 0 | where a task's real data lies; a task's world reads it |
| typed | 1, left of design | a TOML table against a dataclass; what the settings and the algorithms share |
| advantage | 1 | plain arrays from a Batch; the algorithms' shared arithmetic, without torch |
| hooks | 1 | what an algorithm's hooks may give; the engine, the loop and check ask it |
| scoring | 3, left of conventions | calls a design's bound parts; `find` binds them |
| levels | 3, left of calling | a part called on pieces of a completion |
| spec | 3, right of plan | what a user asks for, before a plan resolves it |
| variants | 3, right of plan | designs that follow from one: ablations and sweeps of settings |
| calling | 3, right of conventions | what a part is given and may give back; the conventions adapt to it |
| given | 3, right of conventions | a batch of texts that nobody sampled, for check and audit |
| record | 3, beside trace | what is written down of a step; knows no folder |
| anchors | 3, left of results | a task's frozen scale, made of results |
| tables, gates, comparing | 3, left of results | what is handed on of results; which design did better, and whether it may pass |
| beside | 3, left of results | what metrics tell of one run |
| progress, alarms | 3, right of watch | events folded into what a view shows; what to look at in it |
| pool, worker | 3, between sweep and loop | processes and what one does |
| fence | 3, rightmost | limits that a process puts on itself; workers do, and what calls a user's function explains a failure by them |
| judging | 3, right of record | gold, checked; called by the record and by the oracle |
| admission | 3, right of packs | whether a policy may be trained at all; tries it on floor 2, as packs drive it |
| readings | 3, right of loop | what is read of policies at an evaluation; drives floor 2 as the loop does |
| packs | 3, right of readings | runs that share a model: opened, saved, restored; drives floor 2 as the loop does |
| doctor | 4 | looks at every floor below; torch is tried by `engine.trial`, in a process of its own |
| showing | 3, left of plan | resolves any name for `rbench show` |
| verbs | 3, leftmost | a sweep from Python: `run`, `resume`, `compare` |
| commands | 5, left of cli | a command prints through `cli`; `cli` lists commands without importing them |
| policies/tiny/recipe | 5 | a program that makes the shipped policy, imported by nothing |
"""

import ast
import sys
from pathlib import Path

import pytest
from sweeping import ROOT

FLOORS = (
    ("disk", "data", "seeds", "types"),
    ("rewards", "metrics", "typed", "design", "measures", "stats", "advantage", "hooks"),
    ("reward_models", "algorithms", "engine", "policies"),
    (
        "verbs", "anchors", "showing", "sweep", "watch", "alarms", "progress", "pool", "worker", "loop", "readings", "packs", "admission", "tables", "gates", "comparing",
        "beside", "results", "plan", "spec", "variants", "find", "oracle", "scoring", "conventions", "levels", "calling", "given", "record", "judging", "trace", "fence",
    ),
    ("boards", "pages", "audit", "check", "scale", "modules", "doctor"),
    ("__main__", "recipe", "commands", "cli"),
)
PLACE = {name: (floor, n) for floor, names in enumerate(FLOORS) for n, name in enumerate(names)}
HEAVY = {"torch", "transformers", "accelerate", "peft", "trl"}
DRIVERS = {"loop", "readings", "packs", "admission", "worker"}
"""The exception: `loop`, `packs` and `admission` drive floor 2, and `worker` starts them, in processes of its own alone."""
LIGHT = {"numpy", "scipy", "sacrebleu", "rouge_score", "rfc8785", "vaderSentiment", "harper", "spellchecker", "pronouncing", "profanity_check",
         "regex", "jsonschema", "referencing"}  # fmt: skip
"""What floors 0 and 1 may import besides the standard library."""
LAZY = {"sklearn", "huggingface_hub"}
"""What they may import inside a function."""
ORACLE = {"find"}


def imports(tree: ast.Module, package: str):
    """(name imported, whether inside a function, whether for type checkers only) of a module."""
    stack: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    while stack:
        node, lazy, typing = stack.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, lazy, typing) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], *([base] if base else [])])
            if base == "rewardbench":
                yield from ((f"rewardbench.{alias.name}", lazy, typing) for alias in node.names)
            else:
                yield base, lazy, typing
        lazy = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            stack += [(child, lazy, True) for child in node.body] + [(child, lazy, typing) for child in node.orelse]
        else:
            stack += [(child, lazy, typing) for child in ast.iter_child_nodes(node)]


def unit(name: str) -> str:
    """Where in the table a module stands: the first word below the package, or the file itself."""
    words = name.split(".")
    return "recipe" if words[-1] == "recipe" else (words[1] if len(words) > 1 else "")


def faults(name: str, source: str) -> list[str]:
    """What a module of the package imports and may not; `name` is dotted."""
    mine, found = unit(name), []
    if mine == "":
        return []
    if mine not in PLACE:
        return [f"{name} has no place in the table of floors"]
    floor, place = PLACE[mine]
    for asked, lazy, typing in imports(ast.parse(source), name.rpartition(".")[0]):
        top = asked.split(".")[0]
        if top == "rewardbench":
            there = unit(asked)
            if there in ("", mine, "__version__"):
                continue
            if there not in PLACE:
                found.append(f"{name} imports {asked}, which has no place in the table of floors")
            elif PLACE[there][0] > floor or (PLACE[there][0] == floor and PLACE[there][1] < place):
                found.append(f"{name} (floor {floor}) imports {asked} (floor {PLACE[there][0]})")
            if there == "oracle" and mine not in ORACLE:
                found.append(f"{name} imports the oracle")
        elif top in HEAVY and not typing:
            if not (floor == 2 or mine in DRIVERS or mine == "recipe"):
                found.append(f"{name} (floor {floor}) imports {asked}")
            if mine == "worker" and not lazy:
                found.append(f"{name} imports {asked} before a worker needs it")
        elif floor < 2 and top not in sys.stdlib_module_names | LIGHT and not typing and not (top in LAZY and lazy):
            found.append(f"{name} (floor {floor}) imports {asked}")
    return found


APART = ("task.py", "gold.py", "gold_b.py", "demonstrations.py")
"""Files of a task that are no part of the world that gold reads."""


def task_faults(file: str, source: str) -> list[str]:
    """What a file of a task imports and may not: floors 0 and 1; gold only nouns and its own world."""
    found = []
    for asked, _, _ in imports(ast.parse(source), "task"):
        top = asked.split(".")[0]
        if top in sys.stdlib_module_names:
            continue
        own = top == "task" and f"{asked.partition('.')[2]}.py" not in APART
        if file == "gold.py":
            allowed = asked == "rewardbench.types" or own
        elif file not in APART:  # gold's world, in one file or several, is held to the same
            allowed = asked in ("rewardbench.types", "rewardbench.seeds", "rewardbench.data") or own
        else:
            below = top == "rewardbench" and PLACE.get(unit(asked), (9, 0))[0] <= 1
            allowed = top == "task" or top == "numpy" or below
        if not allowed:
            found.append(f"{file} imports {asked}")
    return found


MODULES = sorted((ROOT / "rewardbench").rglob("*.py"))


def dotted(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_keeps_its_floor(path):
    name = dotted(path)
    # a package's own __init__ counts as a module inside it, for relative imports
    assert faults(name + (".__init__" if path.name == "__init__.py" and name != "rewardbench" else ""), path.read_text()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "tasks").glob("*/*/*.py")), ids=lambda p: "/".join(p.parts[-3:]))
def test_a_task_keeps_its_floor(path):
    assert task_faults(path.name, path.read_text()) == []


def test_the_oracle_has_one_importer():
    importers = {
        dotted(path)
        for path in MODULES
        for asked, _, _ in imports(ast.parse(path.read_text()), dotted(path).rpartition(".")[0])
        if asked.startswith("rewardbench.oracle")
    }
    assert importers == {"rewardbench.find.designs"}


def test_parts_see_no_task_no_gold_and_no_truth():
    for path in sorted((ROOT / "rewardbench" / "rewards").glob("*.py")):
        tree = ast.parse(path.read_text())
        asked = {name for name, _, _ in imports(tree, "rewardbench.rewards")}
        ours = {name for name in asked if name.startswith("rewardbench")}
        assert all(name.startswith(("rewardbench.types", "rewardbench.measures")) for name in ours), path.name
        arguments = {a.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for a in [*node.args, *node.kwonlyargs]}
        assert not arguments & {"truth", "gold"}, path.name


BAD = {
    "rewardbench.metrics.x": ["import torch", "def f():\n    import torch", "from rewardbench import find", "import pandas",
                              "from rewardbench.rewards import null", "import sklearn"],
    "rewardbench.design": ["from rewardbench.metrics import kl", "from . import find", "import transformers"],
    "rewardbench.engine.x": ["from rewardbench import loop", "from rewardbench.algorithms import grpo"],
    "rewardbench.scoring": ["from rewardbench.oracle import oracle", "from rewardbench import find", "import torch"],
    "rewardbench.results": ["from rewardbench.loop import run_pack", "from torch import Tensor"],
    "rewardbench.sweep": ["import torch", "from rewardbench import cli"],
    "rewardbench.boards.x": ["from rewardbench.oracle import oracle", "from rewardbench.commands import run"],
    "rewardbench.helpers": ["import os"],
    "rewardbench.trace": ["from rewardbench import nowhere"],
}
GOOD = {
    "rewardbench.metrics.x": ["def f():\n    import sklearn", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
                              "from .normalised import last_two", "import scipy"],
    "rewardbench.worker": ["def work():\n    import torch\n    from rewardbench.loop import run_pack"],
    "rewardbench.engine.x": ["import torch", "from rewardbench.policies.load import load"],
    "rewardbench.find": ["from rewardbench.oracle import oracle", "from rewardbench.scoring import Contestant"],
}


def test_the_reader_sees_what_is_forbidden_and_lets_the_rest_pass():
    assert [(n, s) for n, sources in BAD.items() for s in sources if not faults(n, s)] == []
    assert [(n, faults(n, s)) for n, sources in GOOD.items() for s in sources if faults(n, s)] == []
    for file, source in {
        "gold.py": "import numpy", "world.py": "from rewardbench import find", "task.py": "from rewardbench import loop",
        "demonstrations.py": "import torch",
    }.items():
        assert task_faults(file, source)
    assert task_faults("gold.py", "import re\nfrom rewardbench.types import Prompt\nfrom .world import words") == []
    assert task_faults("gold.py", "from .task import task")
