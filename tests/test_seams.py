"""Can anybody bring an algorithm? Three of the tests' own run, are cut short and go on to identical rows."""

import json
import random
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from making import make_policy
from safetensors.numpy import load_file
from sweeping import PARTS, Killed, contents, one_line, rbench, toy_found

from rewardbench import find, trace
from rewardbench.plan import read_run

pytestmark = pytest.mark.usefixtures("toy")
FILE = Path(__file__).parent / "seam_algorithms.py"
NAMES = ("AdaptiveKl", "Resample", "Critic")


def words(policy, name, file=FILE):
    design = f"{PARTS}:red" if name == "Resample" else "reference"  # red pays so rarely that most groups are dead
    return ("run", "--task", "toy/colours", "--policy", policy, "--budget", "quick", "--json", "--seeds", "1",
            "--design", design, "--shard", "1/3", "--algorithm", f"{file}:{name}")


@pytest.fixture(scope="module", params=NAMES)
def whole(request, toy_policy, tmp_path_factory):
    with toy_found():
        folder = tmp_path_factory.mktemp("whole") / "sweep"
        return request.param, folder, rbench(*words(toy_policy, request.param), "--out", folder)


@pytest.fixture
def cut(monkeypatch):
    """Kill at the nth checkpoint, before or after it is written; the last states are collected."""
    write = trace.write_checkpoint

    def arm(at, after, seen):
        def cut_short(folder, arrays, meta):
            seen.append(arrays)
            if len(seen) == at and not after:
                raise Killed
            write(folder, arrays, meta)
            if len(seen) == at:
                raise Killed

        monkeypatch.setattr(trace, "write_checkpoint", cut_short)

    return arm


def test_killed_and_resumed_without_the_file_its_rows_are_identical(whole, toy_policy, tmp_path, cut):
    name, folder, said = whole
    assert said.code == 0, said.err
    rng = random.Random(name)
    mine = tmp_path / "mine.py"
    shutil.copy(FILE, mine)
    mine = mine.rename(tmp_path / FILE.name)
    cut(rng.randrange(2, 4), rng.random() < 0.5, [])
    with pytest.raises(Killed):
        rbench(*words(toy_policy, name, mine), "--out", tmp_path / "cut")
    mine.unlink()
    cut(0, False, [])
    again = rbench("resume", tmp_path / "cut", "--json")
    assert again.code == 0, again.err
    assert contents(tmp_path / "cut") == contents(folder)


def test_the_hooks_do_something(toy_policy, tmp_path, cut):
    """Otherwise identical rows would prove nothing."""
    states = {}
    for name in NAMES:
        states[name] = []
        cut(0, False, states[name])
        assert rbench(*words(toy_policy, name), "--out", tmp_path / name).code == 0
    coefficients = [float(s["kept/coefficient"][0]) for s in states["AdaptiveKl"]]
    assert len(set(coefficients)) > 1
    assert all(b / a in (0.5, 2.0) for a, b in pairwise(coefficients))
    critic = [float(np.ravel(s["p/state.value"])[0]) for s in states["Critic"]]
    assert len(set(critic)) == len(critic) == 4
    assert states["Resample"][-1]["kept/asked_again"][0] > 0


def test_every_completion_asked_for_is_charged(toy_policy, tmp_path):
    charged = {}
    for name in (f"{FILE}:Resample", "grpo"):
        out = tmp_path / Path(name).name
        flags = [*words(toy_policy, "Resample"), "--algorithm", name]
        said = rbench(*flags, "--out", out)
        assert said.code == 0, said.err
        row = said.json["runs"][0]
        charged[name] = trace.rows(out / "runs" / row["run"])[0]["charged"]
    more, plain = charged.values()
    assert more > plain


def test_what_is_learned_is_among_the_final_weights(toy_policy, tmp_path):
    row = rbench(*words(toy_policy, "Critic"), "--out", tmp_path).json["runs"][0]
    weights = load_file(tmp_path / "runs" / row["run"] / "weights.safetensors")
    assert float(weights["state.value"][0]) > 0


def test_the_source_enters_the_id_and_its_place_does_not(toy_policy, tmp_path):
    ids = []
    for place, tail in (("a", ""), ("b", ""), ("c", "\n# changed\n")):
        file = tmp_path / place / "mine.py"
        file.parent.mkdir()
        file.write_text(FILE.read_text() + tail)
        ids.append([r["run"] for r in rbench("plan", *words(toy_policy, "Resample", file)[1:]).json["runs"]])
    assert ids[0] == ids[1] != ids[2]


def test_a_changed_copy_is_refused(toy_policy, tmp_path, cut):
    cut(2, True, [])
    with pytest.raises(Killed):
        rbench(*words(toy_policy, "Resample"), "--out", tmp_path)
    spec = read_run(next((tmp_path / "runs").iterdir()))
    assert spec.algorithm == "seam_algorithms.py:Resample"
    copy = tmp_path / "sources" / (spec.algorithm_source or "")[:16] / FILE.name
    assert copy.read_bytes() == FILE.read_bytes()
    copy.write_text(FILE.read_text() + "\n# changed\n")
    import sys

    for name in [n for n in sys.modules if n.startswith("_rewardbench_user_")]:
        del sys.modules[name]
    said = rbench("resume", tmp_path)
    assert said.code == 5
    one_line(said, "was changed since the sweep began")


def test_an_algorithm_that_raises_fails_its_run_with_code_6(toy_policy, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\nfrom rewardbench.algorithms.grpo import Grpo\n"
        "@dataclass(frozen=True)\nclass Bad(Grpo):\n    def advantages(self, batch, state):\n        return 1 / 0\n"
    )
    said = rbench(*words(toy_policy, "Bad", file), "--out", tmp_path / "s")
    row = said.json["runs"][0]
    assert said.code == 6
    assert row["status"] == "failed"
    assert row["reasons"]["status"] == "ZeroDivisionError: division by zero (mine.py, line 6)"
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("yield Want([], draw.K)", "a Want of 0 prompts asks for nothing that can be sampled"),
        ("yield Want(['Say it.'], draw.K)", "a Want of 1 prompts asks for nothing that can be sampled"),
        ("yield None", "`ask` yields NoneType, not a Want; to learn nothing, return None"),
        ("yield Want(draw.take(2), 0)", "a Want with k = 0 asks for no completion"),
        ("yield Want(draw.take(2), 4, 0.0)", "a Want's temperature is 0.0, not a number above 0"),
        ("yield Want(draw.take(2), 4, 1.0, np.ones(7, bool))", "(its shape is (7,), its type bool)"),
        ("yield Want(draw.take(2), 4, 1.0, np.ones(WORDS))", "(its shape is (WORDS,), its type float64)"),
        ("yield Want(draw.take(2), 4, 1.0, np.zeros(WORDS, bool))", "a Want's mask is no array of WORDS booleans, one of them true"),
        ("return 3", "`ask` yields nothing: it is no generator of wants"),
        ("yield Want(draw.take(2), 4); return 3", "`ask` returns what is neither a scored batch nor None"),
    ],
)
def test_a_want_that_cannot_be_answered_names_the_algorithm(body, line, toy_policy, tmp_path):
    """One line and code 6: what a user's algorithm asks for is no fault of ours, and never a run that was taught."""
    number = str(json.loads((toy_policy / "config.json").read_text())["vocab_size"])
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\n\nimport numpy as np\n\nfrom rewardbench.algorithms.grpo import Grpo\n"
        "from rewardbench.types import Want\n\n\n@dataclass(frozen=True)\nclass Bad(Grpo):\n"
        f"    def ask(self, state, draw):\n        {body.replace('WORDS', number)}\n"
    )
    said = rbench(*words(toy_policy, "Bad", file), "--out", tmp_path / "s")
    [row] = said.json["runs"]
    assert (said.code, row["status"]) == (6, "failed"), said.err
    assert row["reasons"]["status"].startswith("algorithm 'mine.py:Bad' at step 0: ")
    assert line.replace("WORDS", number) in row["reasons"]["status"]
    assert "Traceback" not in said.err


@pytest.mark.parametrize("name", find.files("algorithms"))
def test_one_completion_a_prompt_is_refused_where_it_would_teach_nothing(name, tmp_path):
    """Before anything is written; and what takes one does learn from it, without an alarm."""
    policy = make_policy(tmp_path, settings='kind = "full"\nlearning_rate = 1e-2\nP = 3\nK = 1\n[steps]\nquick = 12\n')
    said = rbench("run", "--task", "toy/colours", "--policy", policy, "--budget", "quick", "--seeds", "1", "--shard", "1/3",
                  "--design", "reference", "--algorithm", name, "--out", tmp_path / "s")
    if name in ("reinforce", "best_of_n"):
        assert said.code == 0, said.err
        assert "no learning signal" not in said.err
        [steps] = tmp_path.glob("s/runs/*/steps.jsonl") if name == "reinforce" else [None]
        assert steps is None or any(row["norm"] > 0 for row in trace.rows(steps.parent))
        return
    assert said.code == 2
    one_line(said, f"algorithm {name!r} compares the completions of a prompt and needs 2", "'llama0' samples K = 1: set K = 2")
    assert not (tmp_path / "s").exists()


def test_the_users_own_says_the_least_it_needs(toy_policy, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\n\nfrom rewardbench.algorithms.reinforce import Reinforce\n\n\n"
        "@dataclass(frozen=True)\nclass Five(Reinforce):\n    least_k = 5\n"
    )
    said = rbench(*words(toy_policy, "Five", file), "--out", tmp_path / "s")
    assert said.code == 2
    one_line(said, "algorithm 'mine.py:Five' compares the completions of a prompt and needs 5", "samples K = 4")
