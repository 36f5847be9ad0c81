"""How light are the commands that train nothing? They load no torch, and help comes at once."""

import json
import subprocess
import sys

import pytest
from sweeping import ROOT, command, cost, environment

HEAVY = ("torch", "transformers", "evaluate", "sklearn", "huggingface_hub")
LIGHT = """
import json, sys
sys.argv = ["rbench"]
{code}
print("LOADED", json.dumps([m for m in {heavy} if m in sys.modules]), file=sys.stderr)
"""
SCORE = """
import numpy as np
from rewardbench import find, scoring, results, design, showing, sweep
from rewardbench.calling import When
from rewardbench.types import Batch, Prompt
ones = np.ones((1, 2, 1), dtype=bool)
batch = Batch((Prompt("a", text="x", columns={"hint": "red"}),), ((1,),), ones * 1, ones * 0.0, ones, ones * 0, ones[..., 0],
              (("red", "cat"),), ((({"role": "assistant", "content": "red"},), ({"role": "assistant", "content": "cat"},)),),
              ((((0, 3),), ((0, 3),)),))
made = find.bind(find.design("reference", "toy/colours"), "toy/colours")
paid = scoring.pay(made, batch, When("s", 0, 0.0), scoring.start(made), 9.0).batch.reward
assert paid[0, 0] > paid[0, 1], paid
"""
CALL = "from rewardbench.cli import call\nassert call({words!r}) == 0"
CASES = {
    "import": "import rewardbench",
    "nouns and verbs": "import rewardbench as r\nr.Spec, r.Task, r.Prompt, r.run, r.frames, r.compare",
    "help": CALL.format(words=["--help"]),
    "list": CALL.format(words=["list"]),
    "list parts": CALL.format(words=["list", "parts", "--json"]),
    "show": CALL.format(words=["show", "toy/colours/reference"]),
    "plan": "import os\n" + CALL.replace("{words!r}", '["plan", "--task", "toy/colours", "--policy", os.environ["POLICY"]]'),
    "scoring": SCORE,
    "doctor and view": "import rewardbench.doctor, rewardbench.watch, rewardbench.gates, rewardbench.commands.doctor",
    "schemas": "import rewardbench.commands.run, rewardbench.commands.compare, rewardbench.commands.merge, "
    "rewardbench.commands.resume",
}


def run_python(code, **more):
    text = LIGHT.format(code=code, heavy=HEAVY)
    return subprocess.run(
        [sys.executable, "-c", text], env=environment(**more), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", CASES)
def test_no_torch(name, toy_policy):
    done = run_python(CASES[name], POLICY=str(toy_policy))
    assert done.returncode == 0, done.stderr
    loaded = next(line for line in done.stderr.splitlines() if line.startswith("LOADED "))
    assert json.loads(loaded.removeprefix("LOADED ")) == []


def test_the_check_sees_torch():
    assert '["torch"' in run_python("import rewardbench.loop").stderr


def test_help_costs_little_more_than_what_it_cannot_do_without():
    said = []
    assert cost(lambda: said.append(subprocess.run(command("--help"), env=environment(), capture_output=True, text=True))) < 2.0
    assert "Exit codes" in said[0].stdout
    assert all(p.stem in said[0].stdout for p in (ROOT / "rewardbench" / "commands").glob("[!_]*.py"))


@pytest.mark.parametrize("name", [p.stem for p in sorted((ROOT / "rewardbench" / "commands").glob("[!_]*.py"))])
def test_every_command_has_help_with_an_example(name):
    from sweeping import rbench

    said = rbench(name, "--help")
    assert said.code == 0
    assert f"rbench {name}" in said.out
    assert "Example" in said.out


def test_the_version_is_known_without_an_installation():
    from sweeping import rbench

    import rewardbench

    assert rbench("--version").out.strip().endswith(rewardbench.__version__)
