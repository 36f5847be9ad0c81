"""Is an algorithm that cannot train told in one line, by `check` before a run and by a run as its own fault (code 6)?"""

import json

import jsonschema
import numpy as np
import pytest
from seam_algorithms import AdaptiveKl, Critic, Resample
from sweeping import ROOT, one_line, quick, rbench

from rewardbench import find, hooks, trace
from rewardbench.check import algorithms, report
from rewardbench.policies.settings import file_digest
from rewardbench.types import AlgorithmError, State

pytestmark = pytest.mark.usefixtures("toy")
SCHEMA = json.loads((ROOT / "rewardbench" / "schemas" / "show.json").read_text())
HEAD = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from rewardbench import Algorithm, State
from rewardbench.algorithms.grpo import Grpo
from rewardbench.algorithms.reinforce import Reinforce

"""
RUNNING = '''
@dataclass(frozen=True)
class Running(Reinforce):
    """A baseline that is remembered across steps: without it in its state it cannot tell an advantage."""

    keep: float = 0.9

    def start(self, policy):
        return State(kept={"mean": np.zeros(1)})

    def advantages(self, batch, state):
        return np.nan_to_num(np.asarray(batch.reward)[..., None] - state.kept["mean"]) * batch.mine

    def end(self, batch, state):
        return State(kept={"mean": self.keep * state.kept["mean"] + (1 - self.keep) * np.nanmean(batch.reward)})
'''
LOSS = "def loss(self, now, batch, advantages, state): return "
FAULTS = {  # what is wrong -> class body after Grpo, hook, what is said of it
    "end gives None": ("def end(self, batch, state): pass", "end", "gave None, not a State"),
    "start gives a dict": ("def start(self, policy): return {}", "start", "gave a dict, not a State"),
    "start keeps text": ("def start(self, policy): return State(kept={'a': 'b'})", "start", "kept a str as 'a', not a float64"),
    "loss gives a float": (LOSS + "0.5", "loss", "gave a float, not a tensor of one number"),
    "loss gives None": (LOSS + "None", "loss", "gave None, not a tensor of one number"),
    "loss gives a vector": (LOSS + "now.logp.sum(-1)", "loss", "gave a Tensor of shape"),
    "loss lacks state": ("def loss(self, now, batch, advantages): return now.logp.sum()", "loss", "cannot be called with (now, batch, advantages, state)"),
    "advantages lack T": ("def advantages(self, batch, state): return np.nan_to_num(batch.reward)", "advantages", "not an array [P, K, T]"),
    "needs is a method": ("def needs(self): return frozenset()", "needs", "write @property above it"),
    "needs what is not": ("needs = frozenset({'entrpy'})", "needs", "names entrpy; wanted is a set of some of entropy, hidden, ref_logp"),
}  # fmt: skip


def odd(folder, body, base="Grpo"):
    path = folder / "odd.py"
    path.write_text(f"{HEAD}@dataclass(frozen=True)\nclass Odd({base}):\n    {body}\n")
    return f"{path}:Odd"


def broken(found):
    return {p["name"]: p["detail"] for p in found["promises"] if p["kept"] is False}


@pytest.mark.parametrize("name", FAULTS)
def test_check_says_which_hook_is_wrong(name, tmp_path):
    body, hook, told = FAULTS[name]
    found = algorithms.check(odd(tmp_path, body))
    assert report.code(found) == 3
    said = " ".join(broken(found).values())
    assert "algorithm odd.py:Odd: `" + hook + "` " in said
    assert told in said


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_fails_alone_with_code_6_and_no_traceback(name, toy_policy, tmp_path):
    body, hook, told = FAULTS[name]
    said = rbench(*quick(toy_policy, tmp_path / "out", "--design", "reference", "--algorithm", odd(tmp_path, body)))
    assert said.code == 6, said.err
    assert "Traceback" not in said.err
    found = {trace.spec(f)["design"]["name"]: trace.status(f) for f in (tmp_path / "out" / "runs").iterdir()}
    assert found["untrained"]["status"] == "done"
    assert found["reference"]["status"] == "failed"
    assert f"algorithm odd.py:Odd: `{hook}` " in found["reference"]["reason"]
    assert told in found["reference"]["reason"]


def test_a_missing_loss_is_told_by_both(toy_policy, tmp_path):
    asked = odd(tmp_path, "def advantages(self, batch, state): return np.zeros(batch.mine.shape)", "Algorithm")
    line = "algorithm odd.py:Odd: `loss` is missing"
    assert line in broken(algorithms.check(asked))["hooks"]
    said = rbench(*quick(toy_policy, tmp_path / "out", "--design", "reference", "--algorithm", asked))
    assert said.code == 6
    assert line in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("hook", ["start(self, policy)", "end(self, batch, state)", "advantages(self, batch, state)"])
def test_what_a_hook_raises_is_told_with_its_line(hook, tmp_path):
    found = algorithms.check(odd(tmp_path, f"def {hook}: return policy.nothing if 'policy' in locals() else state.nothing"))
    assert report.code(found) == 3
    assert " raised AttributeError: " in " ".join(broken(found).values())
    assert "(odd.py, line " in " ".join(broken(found).values())


def test_a_forgotten_dataclass_is_found(tmp_path):
    path = tmp_path / "bare.py"
    path.write_text(f"{HEAD}class Bare(Grpo):\n    gamma: float = 0.5\n    note: ClassVar[int] = 3\n\nclass Plain(Grpo):\n    note: ClassVar[int] = 3\n")
    said = broken(algorithms.check(f"{path}:Bare"))["frozen-dataclass"]
    assert "gamma cannot be set: write @dataclass(frozen=True) above class Bare" in said
    assert not broken(algorithms.check(f"{path}:Plain"))


def test_an_algorithm_that_remembers_keeps_its_promises(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + RUNNING)
    said = rbench("check", f"{path}:Running")
    assert said.code == 0, said.out
    assert "kept    start: mean" in said.out


@pytest.mark.parametrize("kind", [AdaptiveKl, Resample, Critic])
def test_hooks_that_no_shipped_algorithm_has_keep_theirs(kind, monkeypatch):
    monkeypatch.setattr(find, "algorithm", lambda name: kind())
    assert broken(algorithms.check("it")) == {}


def test_gains_are_given_at_every_position():
    from rewardbench.algorithms.grpo import Grpo

    batch = algorithms._batch(algorithms.REWARDS)
    assert hooks.gains(Grpo(), np.zeros((2, 4, 1)), batch).shape == batch.mine.shape
    assert hooks.state(Grpo(), "end", State(kept={"a": np.zeros(1)})).kept
    for gave in (0.0, np.zeros(batch.mine.shape[2]), np.zeros(batch.mine.shape[1:])):  # NumPy would stretch these
        with pytest.raises(AlgorithmError, match=r"not an array \[P, K, T\]"):
            hooks.gains(Grpo(), gave, batch)


def test_a_loss_in_half_precision_teaches(toy_policy, tmp_path):
    """As one made of what a model in bfloat16 thought is; NumPy has no such type."""
    body = "def loss(self, now, batch, advantages, state): return super().loss(now, batch, advantages, state).bfloat16()"
    said = rbench(*quick(toy_policy, tmp_path / "out", "--design", "reference", "--algorithm", odd(tmp_path, body)))
    assert said.code == 0, said.err


# --- how one's own is named ----------------------------------------------------------------------


def test_ones_own_is_shown_as_an_algorithm(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + RUNNING)
    shown = rbench("show", f"{path}:Running", "--json").json
    jsonschema.Draft202012Validator(SCHEMA).validate(shown)
    assert (shown["kind"], shown["name"]) == ("algorithm", "mine.py:Running")
    assert shown["hyperparameters"] == {"passes": 1, "minibatches": 1, "keep": 0.9}
    assert shown["hash"] == file_digest(path)


@pytest.mark.parametrize("words", [("check",), ("show",), ("plan", "--task", "toy/colours", "--algorithm")])
def test_a_class_that_is_no_algorithm_is_told_alike(words, tmp_path, toy_policy):
    (tmp_path / "mine.py").write_text("class Orphan:\n    def advantages(self, batch, state):\n        return 0.0\n")
    policy = ("--policy", toy_policy) if "plan" in words else ()
    said = rbench(*words, f"{tmp_path / 'mine.py'}:Orphan", *policy)
    assert said.code == 2
    one_line(said, "algorithm 'mine.py:Orphan' is no dataclass derived from rewardbench.Algorithm")


def test_a_file_without_its_class_names_the_classes_that_it_has(tmp_path, toy_policy):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + RUNNING + "\ndef helper(): pass\n")
    asked = ("plan", "--task", "toy/colours", "--policy", toy_policy, "--algorithm")
    said = one_line(rbench(*asked, path), f"say which of its classes, as in {path}:Running")
    assert "helper" not in said
    said = one_line(rbench(*asked, f"{path}:Runing"), "did you mean 'Running'?", "(there is: Running, helper)")
    assert "Grpo" not in said
