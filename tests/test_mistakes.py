"""What does a user's mistake look like? One line that names it and its cure, a documented code, no traceback."""

import ast
import fcntl
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from sweeping import PARTS, ROOT, command, contents, environment, one_line, process, rbench, task_of, toy_found

from rewardbench import admission, disk, find, sweep, trace
from rewardbench.commands._running import kind_of
from rewardbench.spec import Spec
from rewardbench.types import UserError

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture(scope="module")
def run(toy_policy):
    def words(*more):
        return ("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "1", *more)

    return words


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """A finished sweep: one trained run, in this process."""
    with toy_found():
        folder = tmp_path_factory.mktemp("whole") / "sweep"
        words = run("--design", "reference", "--json", "--shard", "1/3")
        assert rbench(*words, "--out", folder).code == 0
        return words, folder


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it that may be damaged, and its one run's folder."""
    out = tmp_path / "copy"
    shutil.copytree(whole[1], out)
    return out, next((out / "runs").iterdir())


NAMES = [
    (("--task", "toy/colour"), 2, "unknown task 'toy/colour', did you mean 'toy/colours'?"),
    (("--task", "toy/colours", "--design", "referense"), 2, "did you mean 'reference'?"),
    (("--task", "toy/colours", "--algorithm", "gpro"), 2, "did you mean 'grpo'?"),
    (("--task", "toy/colours", "--design", "no.toml"), 5, "no design file 'no.toml'"),
    (("--task", "toy/colours", "--design", "no.py:red"), 5, "no file 'no.py'"),
    (("--task", "toy/colours", "--design", "no_such_module:red"), 5, "'no_such_module' cannot be imported"),
    (("--task", "toy/colours", "--design", f"{PARTS}:rde"), 2, "did you mean 'red'?"),
    (("--task", "toy/colours", "--algorithm", "no.py:Mine"), 5, "no file 'no.py'"),
    (("--task", "toy/colours", "--algorithm", f"{PARTS}:red"), 2, "no dataclass derived from"),
    (("--task", "toy/colours", "--sedes", "3"), 2, "--seeds"),
    (("--task", "toy/colours", "--policy", "no-such-policy"), 5, "unknown policy 'no-such-policy'"),
    (("--task", "toy/colours", "--policy", "~nosuchuser/x"), 5, "no folder '~nosuchuser/x'"),
    (("--task", "toy/colours", "--policy", "./nofolder"), 5, "no folder './nofolder'"),
    (("--task", "toy/colours", "--policy", "path/to/model"), 5, "no folder 'path/to/model'"),
    (("--task", "toy/colours", "--policy", "pol/none.toml"), 5, "no folder 'pol/none.toml'"),
    (("--task", "toy/colours", "--policy", "x/y.gguf"), 5, "no folder 'x/y.gguf'"),
    (("--task", "toy/colours", "--policy", ""), 2, "policy '' names none"),
    (("--task", "toy/colours", "--policy", "smollm2-135m-instruct"), 5, "did you mean 'smollm2-135m'?"),
    (("--task", "toy/colours", "--policy", "a b/c"), 2, "'a b/c' is no repository of the hub (owner/name"),
    (("--task", "toy/colours", "--design", ":x"), 2, "'' is no module's name; write module:name"),
    (("--task", "toy/colours", "--design", ".a:x"), 2, "'.a' is no module's name; write module:name"),
    (("--task", "toy/colours", "--algorithm", ":X"), 2, "'' is no module's name; write module:name"),
    (("--task", "toy/colours", "--workers", "0"), 2, "--workers"),
    (("--task", "toy/colours", "--reward-timeout", "0"), 2, "reward_timeout = 0"),
    (("--task", "toy/colours", "--reward-timeout", "nan"), 2, "reward_timeout = nan"),
    (("--task", "toy/colours", "--shard", "4/3"), 2, "shard '4/3'"),
    (("--task", "toy/colours", "--shard", "x"), 2, "shard 'x'"),
    ((), 2, "give --task"),
    (("no-spec.toml",), 5, "no-spec.toml"),
    *[
        (("--task", "toy/colours", "--seeds", seeds), 2, f"seeds {seeds!r}")
        for seeds in ("0", "a", "1,1", "-1", "1,-2", ",", "", "1.5", "99999999999")
    ],
    *[
        (("--task", "toy/colours", "--budget", budget), 2, f"budget {budget!r}")
        for budget in ("0", "-3", "1.5", "fast", "", "1e3")
    ],
    (("--task", "toy/colours", "--seeds", "1,99999999999999999999999"), 2, "seeds name 99999999999999999999999: 9007199254740991"),
    *[
        (("--task", "toy/colours", "--budget", budget), 2, f"budget {budget[:30]!r} is more than 10000000 steps")
        for budget in ("10000001", "9007199254740993", "9" * 5000)
    ],
]


@pytest.mark.parametrize(("words", "code", "line"), NAMES, ids=[" ".join(map(str, n[0]))[-40:] for n in NAMES])
def test_a_wrong_name_or_value_is_one_line(words, code, line, toy_policy, tmp_path):
    policy = () if "--policy" in words else ("--policy", toy_policy)
    said = rbench("run", *words, *policy, "--out", tmp_path / "s")
    assert said.code == code, said.err
    one_line(said, line)
    assert not (tmp_path / "s" / "runs").exists()


def test_an_unknown_command_names_the_nearest():
    said = rbench("rnu")
    assert said.code == 2
    one_line(said, "did you mean 'run'?")
    for group, there in (("board", "add, build, "), ("submit", "check, open, pack)")):
        said = rbench(group, "pakc")
        assert said.code == 2
        one_line(said, "unknown command 'pakc'", f"(there is: {there}")
    one_line(rbench("submit", "pakc"), "did you mean 'pack'?")
    said = rbench("show", "toy/colour")
    assert said.code == 2
    one_line(said, "did you mean 'toy/colours'?")
    assert rbench("list", "taks").code == 2


SPECS = {
    'taks = ["toy/colours"]': (2, "did you mean 'tasks'?"),
    'tasks = 3': (2, "tasks = 3 is neither a name nor a list of names"),
    "tasks = [": (2, "not valid TOML"),
    'tasks = ["toy/colours"]\nseeds = 0': (2, "seeds '0'"),
    'tasks = ["toy/colours"]\nseeds = true': (2, "seeds = True is not a whole number, a text or a list"),
    'tasks = ["toy/colours"]\nseeds = 1.5': (2, "seeds = 1.5 is not a whole number, a text or a list"),
    'tasks = ["toy/colours"]\nseeds = []': (2, "seeds = [] is not a list of whole numbers such as [1, 2, 3]"),
    'tasks = ["toy/colours"]\nseeds = [1, 1]': (2, "one seed twice"),
    'tasks = ["toy/colours"]\nseeds = ["x"]': (2, "seeds = ['x'] is not a list of whole numbers"),
    'tasks = ["toy/colours"]\nseeds = [9007199254740992]': (2, "seeds name 9007199254740992: 9007199254740991 (2**53 - 1)"),
    'tasks = ["toy/colours"]\nbudget = 9007199254740993': (2, "budget '9007199254740993' is more than 10000000 steps"),
    'tasks = ["toy/colours"]\nbudget = 2.5': (2, "budget = 2.5"),
    'tasks = ["toy/colours"]\npolicy = 3': (2, "policy = 3"),
    'tasks = ["toy/colours"]\noptions = 3': (2, "options = 3"),
    'tasks = ["toy/colours"]\n[options]\nclp = 0.1': (2, "did you mean 'clip'?"),
    'tasks = ["toy/colours"]\n[options]\nminibatches = 0': (2, "algorithm 'grpo': minibatches = 0 is not at least 1"),
    'tasks = ["toy/colours"]\n[options]\npasses = 1.5': (2, "passes = 1.5 is not a whole number"),
    'tasks = ["toy/colours"]\n[options]\npasses = true': (2, "passes = True is not a whole number"),
    'tasks = ["toy/colours"]\n[options]\nclip = "high"': (2, "clip = 'high' is not a number"),
    'tasks = ["toy/colours"]\n[options]\nclip = nan': (2, "clip = nan is not a number"),
    'tasks = ["toy/colours"]\nalgorithm = "best_of_n"\n[options]\nn = 0': (2, "'best_of_n': n = 0 is not at least 1"),
    'tasks = ["toy/colours"]\nalgorithm = "raft"\n[options]\nkeep = 0': (2, "keep = 0 is not at least 1"),
    'tasks = ["toy/colours"]\nreward_timeout = "x"': (2, "reward_timeout = 'x'"),
    'tasks = ["toy/colours"]\nreward_timeout = -1': (2, "reward_timeout"),
    'tasks = ["toy/colours"]\ndesigns = ["d.toml"]': (5, "no design file"),
}


@pytest.mark.parametrize("text", SPECS)
def test_a_wrong_spec_file_is_one_line(text, toy_policy, tmp_path):
    code, line = SPECS[text]
    (tmp_path / "spec.toml").write_text(text)
    policy = () if "policy" in text else ("--policy", toy_policy)
    said = rbench("plan", tmp_path / "spec.toml", *policy)
    assert said.code == code, said.err
    one_line(said, line)


def test_one_name_is_a_list_of_one_in_a_spec_file_as_in_python(toy_policy, tmp_path):
    (tmp_path / "spec.toml").write_text('tasks = "toy/colours"\ndesigns = "reference"\n')
    said = rbench("plan", tmp_path / "spec.toml", "--policy", toy_policy, "--seeds", "1", "--json")
    assert [r["design"] for r in said.json["runs"]] == ["reference", "untrained", "constant"]


IN_PYTHON = {
    "seeds = () is not a list of whole numbers": {"seeds": ()},
    "seeds = (True,) is not a list of whole numbers": {"seeds": (True,)},
    "seeds '-1, 2': give a count of at least 1": {"seeds": (-1, 2)},
    "seeds '1, 1' name one seed twice": {"seeds": (1, 1)},
    "seeds '0': give a count": {"seeds": 0},
    "ablate = 'no' is not true or false": {"ablate": "no"},
    "alone = 1 is not true or false": {"alone": 1},
    "reward_timeout = 'x' is not a number": {"reward_timeout": "x"},
    "reward_timeout = nan is not between 0": {"reward_timeout": float("nan")},
    "reward_timeout = 1000": {"reward_timeout": 10**400},
    "options = 3 is not a table": {"options": 3},
    "budget = True is not a whole number or a text": {"budget": True},
    "policy = 3 is not a text": {"policy": 3},
    "split = 'train': the grid is sampled from dev or test": {"split": "train"},
    "sweep.'combine' = 'sum' is not a list of values": {"sweep": {"combine": "sum"}},
    "a function goes in as 'file.py:name'": {"designs": len},
}


@pytest.mark.parametrize("line", IN_PYTHON)
def test_a_wrong_value_in_python_is_told_as_that_of_a_file_is(line):
    with pytest.raises(UserError, match=re.escape(line)):
        Spec("toy/colours", **IN_PYTHON[line])


def test_the_largest_seed_and_budget_are_taken(toy_policy):
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--design", "untrained")
    assert rbench("plan", *asked, "--seeds", f"{2**53 - 1},", "--budget", "0010000000").code == 0


def test_what_was_meant_by_a_name_in_the_place_of_a_spec_file_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text('[[part]]\nuse = "null.length"\n')
    meant = {
        "mine.toml": "'mine.toml' is a design, not a spec: say --design mine.toml --task ",
        "writing/story": "'writing/story' is a task, not a spec file: say --task writing/story",
        "writing/story/reference": "say --design reference --task writing/story",
        "coverage": "say --design coverage --task writing/",
        "mine.py:score": "say --design mine.py:score --task ",
    }
    for asked, line in meant.items():
        for word in ("run", "plan"):
            said = rbench(word, asked)
            assert said.code == 2
            one_line(said, line)


def test_a_file_that_cannot_be_read_is_named_as_it_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    Path("sub/f.py").write_text("def f(completions): return [1.0 for _ in completions]\n\n\nclass Other: ...\n")
    Path("sub/bad.toml").write_bytes(b"\xff")
    asked = {
        ("check", "sub/f.py:f", "--rows", "sub"): "rows 'sub' cannot be read: Is a directory; ",
        ("check", "sub/f.py:f", "--rows", "sub/no.jsonl"): "rows 'sub/no.jsonl' cannot be read: No such file or directory; ",
        ("check", "sub/f.py:f", "--rows", "sub/bad.toml"): "rows 'sub/bad.toml' cannot be read: it is not UTF-8 text; ",
        ("plan", "sub/no.toml"): "spec 'sub/no.toml' cannot be read: No such file or directory",
        ("plan", "sub"): "spec 'sub' cannot be read: Is a directory",
        ("plan", "--task", "qa/lookup", "--design", "sub/bad.toml"): "design file 'sub/bad.toml' cannot be read: it is not UTF-8 text",
    }
    for words, line in asked.items():
        said = rbench(*words)
        assert said.code == 5
        assert one_line(said, line).count(words[-1].rpartition("/")[2]) == 1
    named = "sub/f.py:f or sub/f.py:Other"
    for words in (("check", "sub/f.py"), ("plan", "--task", "qa/lookup", "--design", "sub/f.py")):
        said = rbench(*words)
        assert said.code == 2
        one_line(said, named)


LONG = "n" * 300
"""A name that no file system takes: to ask whether there is such a file is an error already."""
UNREADABLE = [
    *[(word, LONG) for word in ("show", "check", "plan", "report", "compare", "verify", "cite", "resume", "reproduce")],
    ("show", f"{LONG}.toml", "--task", "qa/lookup"),
    ("check", f"{LONG}.py:f"),
    ("audit", f"{LONG}.toml", "--task", "qa/lookup"),
    ("audit", f"{LONG}.py:f", "--task", "qa/lookup"),
    ("merge", LONG, "--out", "whole"),
    ("submit", "open", LONG),
    ("submit", "pack", LONG, "--board", "cpu", "--name", "x", "--author", "Ann"),
    ("board", "build", LONG),
    ("run", "--board", LONG),
    *[
        ("plan", "--task", "qa/lookup", flag, name)
        for flag, name in (
            ("--design", f"{LONG}.toml"), ("--design", f"{LONG}.py:f"), ("--algorithm", f"{LONG}.py:X"),
            ("--policy", LONG), ("--policy", f"./{LONG}"), ("--policy", f"run:{LONG}"),
        )
    ],
]  # fmt: skip
UNWRITABLE = [
    ("report", "nowhere", "-o", LONG),
    ("report", "nowhere", "--svg", LONG),
    ("new", "reward", LONG),
    ("new", "design", LONG, "--task", "qa/lookup"),
    ("new", "reward", "mine", "--out", LONG),
    ("merge", "nowhere", "--out", LONG),
    ("submit", "open", "nowhere", "--into", LONG),
    ("board", "build", "cpu", "--pages", LONG),
    ("run", "--task", "qa/lookup", "--out", LONG),
    ("demo", "--out", LONG),
    ("reproduce", "cpu/reference", "--out", LONG),
]


@pytest.mark.parametrize(
    ("words", "code"), [*((w, 5) for w in UNREADABLE), *((w, 4) for w in UNWRITABLE)], ids=lambda v: " ".join(v).replace(LONG, "N") if isinstance(v, tuple) else v
)
def test_a_name_that_the_system_refuses_is_one_line(words, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = rbench(*words)
    assert said.code == code, said.err
    one_line(said, LONG, "File name too long")
    assert list(tmp_path.iterdir()) == []


EMPTY = [
    ("run", "--task", "qa/lookup", "--out", ""), ("run", "--task", "qa/lookup", "--shard", ""), ("demo", "--out", ""),
    ("plan", ""), ("plan", "--task", "qa/lookup", "--shard", ""), ("plan", "--board", ""), ("report", ""),
    ("report", "x", "-o", ""), ("report", "x", "--svg", ""), ("compare", ""), ("resume", ""), ("merge", "x", "--out", ""),
    ("merge", "", "--out", "x"), ("verify", ""), ("verify", "x", "--board", ""), ("reproduce", ""),
    ("reproduce", "cpu/reference", "--board", ""), ("reproduce", "cpu/reference", "--out", ""), ("show", ""), ("check", ""),
    ("check", "exploit", "--task", "qa/lookup", "--rows", ""), ("audit", "", "--task", "qa/lookup"),
    ("audit", "exploit", "--task", "qa/lookup", "-o", ""), ("new", "reward", ""), ("new", "reward", "x", "--out", ""),
    ("submit", "open", ""), ("submit", "check", ""), ("submit", "check", "x", "--board", ""), ("submit", "open", "x", "--into", ""),
    ("submit", "pack", "", "--board", "cpu", "--name", "x", "--author", "a"), ("board", "build", ""), ("board", "run", ""),
    ("board", "add", "cpu", ""), ("board", "study", "audits", ""), ("anchors", "--task", "qa/lookup", "--out", ""),
]  # fmt: skip


@pytest.mark.parametrize("words", EMPTY, ids=" ".join)
def test_an_empty_text_is_no_path_nor_name(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = rbench(*words)
    assert said.code == 2, said.err
    one_line(said)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_system_is_a_users_only_where_it_names_a_file_that_is_not_ours(tmp_path, monkeypatch):
    errors = [
        (PermissionError(13, "Permission denied", str(tmp_path / "x")), 5),
        (OSError(30, "Read-only file system", str(tmp_path / "x")), 4),
        (OSError(5, "Input/output error"), None),
        (PermissionError(13, "Permission denied", str(ROOT / "rewardbench" / "cli.py")), None),
    ]
    for error, code in errors:

        def broken(*words, error=error):
            raise error

        monkeypatch.setattr("rewardbench.showing.resolve", broken)
        if code is None:
            with pytest.raises(OSError, match=error.strerror):
                rbench("show", "x")
            continue
        said = rbench("show", "x")
        assert said.code == code
        one_line(said, f"{str(tmp_path / 'x')!r} cannot be used: {error.strerror}")


SETTINGS = {
    "betas = 0.9": "betas = 0.9 is not a list of 2",
    "betas = [0.9]": "betas = [0.9] is not a list of 2",
    'betas = [0.9, "x"]': "betas[1] = 'x' is not a number",
    "betas = [0.9, 1]": "betas[1] = 1.0 is not in [0, 1)",
    'P = "eight"': "P = 'eight' is not a whole number",
    "P = 0": "P = 0 is not at least 1",
    "P = 100000000000000000000": "is not a number that can be hashed",
    "K = true": "K = True is not a whole number",
    "rank = 0": "rank = 0 is not at least 1",
    "micro = -1": "micro = -1 is not 0 or above",
    "learning_rate = -1": "learning_rate = -1.0 is not above 0",
    "learning_rate = inf": "learning_rate = inf is not a number",
    'dtype = "float99"': "dtype = 'float99', did you mean 'float64'? (known: float32, float64",
    'kind = "lroa"': "kind = 'lroa', did you mean 'lora'?",
    'targets = "q_proj"': "targets = 'q_proj' is not a list",
    "targets = [3]": "targets[0] = 3 is not a text",
    "lerning_rate = 1": "unknown key 'lerning_rate', did you mean 'learning_rate'?",
    "steps = 5": "steps = 5 is not a table",
    "[steps]\nquick = 2.5": "steps.quick = 2.5 is not a whole number",
    "[steps]\nquick = 0": "steps.quick = 0 is not at least 1",
    "tasks = 5": "tasks = 5 is not a table",
    "[tasks]\nx = 3": "tasks.x = 3 is not a table",
    '[tasks."x/y"]\nmax_tokns = 3': "tasks.x/y: unknown key 'max_tokns', did you mean 'max_tokens'?",
    '[tasks."x/y"]\nmax_tokens = 0': "max_tokens = 0 is not at least 1",
    '[tasks."x/y".steps]\ndefualt = 3': "tasks.x/y.steps: unknown key 'defualt', did you mean 'default'?",
    "[tile]\nruns = 4": "mine.toml: tile: 'prompt' is missing (needed: runs, prompt)",
    'kind = "full"\n[tile]\nruns = 4\nprompt = 9': "mine.toml: kind = 'full' trains one run a pack, and a [tile] is of many",
    "P = ": "is not valid TOML",
}


@pytest.mark.parametrize("text", SETTINGS)
def test_a_wrong_setting_of_a_policy_is_one_line(text, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    (tmp_path / "mine.toml").write_text(text)
    said = rbench("plan", "--task", "toy/colours", "--policy", tmp_path / "mine")
    assert said.code == 2, said.err
    one_line(said, "mine.toml", SETTINGS[text])


def test_settings_of_a_task_that_is_not_there_are_refused(toy_policy, tmp_path):
    place = shutil.copytree(toy_policy, tmp_path / "mine")
    (tmp_path / "mine.toml").write_text('[tasks."toy/colour"]\nmax_tokens = 9\n')
    said = rbench("plan", "--task", "toy/colours", "--policy", place)
    assert said.code == 2
    one_line(said, '[tasks."toy/colour"]', "did you mean 'toy/colours'?")
    (tmp_path / "mine.toml").write_text('[tasks."toy/colours"]\nmax_tokens = 9\n')
    assert rbench("plan", "--task", "toy/colours", "--policy", place).code == 0


def test_settings_that_lie_inside_a_policys_folder_are_not_passed_over(toy_policy, tmp_path):
    place = shutil.copytree(toy_policy, tmp_path / "mine")
    (place / "mine.toml").write_text("P = 2\n")
    said = rbench("plan", "--task", "toy/colours", "--policy", place)
    assert said.code == 2
    one_line(said, "mine.toml lies in it, where nothing reads it: put it beside the folder")
    (tmp_path / "mine.toml").write_text("P = 2\n")
    assert rbench("plan", "--task", "toy/colours", "--policy", place).code == 0


def test_a_misspelt_budget_of_a_policy_says_whose_budgets_these_are(toy_policy, tmp_path):
    place = shutil.copytree(toy_policy, tmp_path / "mine")
    (tmp_path / "mine.toml").write_text("[steps]\nquik = 5\n")
    said = rbench("plan", "--task", "toy/colours", "--policy", place, "--budget", "quick")
    assert said.code == 2
    one_line(said, "budget 'quick' is not one of quik (the policy's [steps]) or a number of steps above 0")


def test_a_file_of_a_policy_is_not_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pol" / "m").mkdir(parents=True)
    for file in ("m.toml", "k.toml", "m/y.gguf", "m/config.json"):
        (tmp_path / "pol" / file).write_text("")
    takes = {
        "pol/m.toml": "'pol/m.toml' is a file; --policy takes the folder pol/m, its .toml is found beside it",
        "pol/k.toml": "--policy takes the folder pol/k (which is not there)",
        "pol/m/y.gguf": "'pol/m/y.gguf' is a file; --policy takes its folder, pol/m",
        "pol/m/config.json": "--policy takes its folder, pol/m",
    }
    for asked, told in takes.items():
        said = rbench("plan", "--task", "toy/colours", "--policy", asked)
        assert said.code == 2
        one_line(said, told)


IMPORTS = {
    "def broken(:": "SyntaxError: ",
    "raise KeyError('colour')": "KeyError: 'colour'",
    "raise ValueError('two\\nlines')": "ValueError: two",
    "import sys; sys.exit(3)": "SystemExit: 3",
    "import no_such_module": "No module named 'no_such_module'",
}


@pytest.mark.parametrize("text", IMPORTS)
def test_a_module_that_breaks_at_import_is_one_line(text, toy_policy, tmp_path, monkeypatch):
    (tmp_path / "breaks_at_import.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    place = tmp_path / "breaks_at_import.py"
    for asked in ("--design breaks_at_import:red", "--algorithm breaks_at_import:red", f"--design {place}:red"):
        said = rbench("plan", "--task", "toy/colours", "--policy", toy_policy, *asked.split(" ", 1))
        assert said.code == 6, said.err  # a file is there: whatever it lacks is its own affair
        one_line(said, "breaks_at_import.py cannot be imported: ", IMPORTS[text])


def test_two_designs_of_one_name_are_told_by_their_files(toy_policy, tmp_path):
    (tmp_path / "a").mkdir()
    files = [tmp_path / "mine.py", tmp_path / "a" / "mine.py"]
    for n, file in enumerate(files):
        file.write_text(f"def seg(completions):\n    return [{n}.0 for _ in completions]\n")
    said = rbench("plan", "--task", "toy/colours", "--policy", toy_policy, "--design", f"{files[0]}:seg", "--design", f"{files[1]}:seg")
    assert said.code == 2
    one_line(said, f"two designs are called 'seg' ({files[0]}:seg and {files[1]}:seg); rename one of them")
    (tmp_path / "reference.toml").write_text(f"[[part]]\nuse = '{files[0]}:seg'\n")
    said = rbench("plan", "--task", "toy/colours", "--policy", toy_policy, "--design", "reference", "--design", tmp_path / "reference.toml")
    one_line(said, f"'reference' (reference and {tmp_path / 'reference.toml'}); rename")


def test_the_line_that_breaks_an_import_is_told_as_that_of_a_failing_reward_is(toy_policy, tmp_path):
    file = tmp_path / "pyd.py"
    file.write_text("from rewardbench import Design, Part\n\nmine = Design('mine', (\n    Part('red', 'x.py:red', name='red'),\n))\n")
    why = "pyd.py cannot be imported: TypeError: Part.__init__() got multiple values for argument 'name' (pyd.py, line 4)"
    for words in (("plan", "--design", f"{file}:mine", "--policy", toy_policy), ("check", f"{file}:mine")):
        said = rbench(*words, "--task", "toy/colours")
        assert said.code == 6
        assert one_line(said, why).endswith(why)


TASK_FILES = {
    "syntax": ({"task": "def broken(:"}, 6, "toy/syntax/task.py cannot be imported: SyntaxError"),
    "raises-here": ({"task": "raise KeyError('colour')"}, 6, "toy/raises-here/task.py cannot be imported: KeyError: 'colour'"),
    "needs": ({"task": "import no_such_module"}, 5, "No module named 'no_such_module'"),
    "no-task": ({"task": "del task"}, 6, "toy/no-task/task.py defines no 'task'"),
    "no-such-kind": ({"task": "task = 3"}, 6, "toy/no-such-kind/task.py: `task` is int, not a rewardbench.Task"),
    "gold-syntax": ({"gold": "def broken(:"}, 6, "toy/gold-syntax/gold.py cannot be imported: SyntaxError"),
    "no-gold": ({"gold": "del gold"}, 6, "toy/no-gold/gold.py defines no 'gold'"),
    "no-kind": ({"gold": "kind = 3"}, 6, "toy/no-kind/gold.py: kind = 3 is no function"),
    "no-bar": ({"gold": "bar = 'high'"}, 6, "toy/no-bar/gold.py: bar = 'high' is not a number in [0, 1]"),
}


@pytest.mark.parametrize("name", TASK_FILES)
def test_a_broken_file_of_a_users_task_is_one_line(name, toy_policy, tasks, tmp_path):
    lines, code, line = TASK_FILES[name]
    task_of(tasks, name, **lines)
    asked = ("--task", f"toy/{name}", "--policy", toy_policy, "--budget", "quick")
    for words in (("plan", *asked), ("run", *asked, "--out", tmp_path / "s")):
        said = rbench(*words)
        assert said.code == code, said.err
        one_line(said, line)
    assert not (tmp_path / "s").exists()
    assert rbench("list", "tasks", "--json").code == 0


@pytest.mark.parametrize("words", [("plan", "--task"), ("run", "--task"), ("check",), ("show",)])
def test_a_task_without_a_gold_is_told_so_and_no_name_of_ours(words, toy_policy, tasks, tmp_path):
    name = task_of(tasks, "goldless")
    (tasks / name / "gold.py").unlink()
    more = ("--policy", toy_policy, "--design", "reference") if "--task" in words else ()
    said = rbench(*words, name, *more, *(("--out", tmp_path / "s") if words[0] == "run" else ()))
    assert said.code == 5
    assert "_rewardbench" not in one_line(said, f"task '{name}' has no gold.py")
    assert not (tmp_path / "s").exists()


def test_a_spec_file_says_the_same_as_flags(toy_policy, tmp_path):
    file = tmp_path / "spec.toml"
    file.write_text('tasks = ["toy/colours"]\ndesigns = ["reference"]\nseeds = [3]\nbudget = 7\n')
    by_file = rbench("plan", file, "--policy", toy_policy, "--json").json
    flags = ("--task", "toy/colours", "--design", "reference", "--seeds", "3,", "--budget", "7")
    assert by_file == rbench("plan", *flags, "--policy", toy_policy, "--json").json
    assert {r["seed"] for r in by_file["runs"]} == {3}


def test_one_seed_runs_and_says_so_and_cannot_be_compared(whole, tmp_path):
    words, folder = whole
    said = rbench(*words, "--out", folder)
    assert said.code == 0
    assert "one seed has no interval" in said.err
    refused = rbench("compare", folder)
    assert refused.code == 2
    one_line(refused, "one seed has no interval")


# --- folders ----------------------------------------------------------------------------------------


def test_a_folder_of_another_spec_is_refused_and_left_alone(whole, run):
    _, folder = whole
    before = contents(folder)
    said = rbench(*run("--design", "constant", "--out", folder))
    assert said.code == 2
    one_line(said, "holds another spec", "choose another --out, or `rbench resume ", "other seeds go into an --out of their own")
    said = rbench(*run("--design", "reference", "--out", folder, "--shard", "2/3"))
    assert said.code == 2
    one_line(said, "holds another shard")
    assert contents(folder) == before


def test_an_output_below_a_file_is_code_4(run, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        said = rbench(*run("--design", "reference", "--out", out))
        assert said.code == 4
        one_line(said, "cannot be used")


def test_a_folder_in_use_is_code_4(copy, whole):
    out, _ = copy
    with (out / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for words in (("resume", out), (*whole[0], "--out", out)):
            said = rbench(*words)
            assert said.code == 4
            assert "in use by another process" in said.err
            assert "Traceback" not in said.err


def test_what_is_no_sweep_is_code_5(tmp_path):
    for words in (("resume", tmp_path), ("compare", tmp_path), ("merge", tmp_path, "--out", tmp_path / "o")):
        assert rbench(*words).code == 5
    assert rbench("resume", tmp_path / "nowhere").code == 5
    (tmp_path / "file").write_text("")
    assert rbench("resume", tmp_path / "file").code == 5


DAMAGE = {
    "sweep.toml": [b"", b"sweep = ", b"\xff\xfe", b'sweep = "x"', b"runs = 3\n"],
    "runs/*/spec.toml": [b"", b"task = ", b"\xff", b"task = 3\n"],
    "runs/*/status.json": [b"", b"{", b"\xff", b"[]", b'{"status": "fine"}'],
    "runs/*/evals/000000.parquet": [b"", b"PAR1", b"x" * 400],
    "runs/*/steps.jsonl": [b'{"step": 0\n{"step": 1}\n', b"\xff\n"],
}


@pytest.mark.parametrize("place", DAMAGE)
def test_damage_is_one_line_of_code_5(place, copy):
    out, _ = copy
    path = next(out.glob(place))
    for data in DAMAGE[place]:
        path.write_bytes(data)
        for words in (("resume", out), ("compare", out), ("show", out)):
            if words[0] == "show" and place not in ("sweep.toml", "runs/*/status.json"):
                continue
            said = rbench(*words)
            assert said.code == 5, (words, data, said.err)
            one_line(said, path.name)


@pytest.mark.parametrize("place", ["spec.toml", "evals/000000.parquet", "steps.jsonl"])
def test_what_is_said_to_mend_a_damaged_run_mends_it(place, copy, whole):
    out, run = copy
    (run / place).write_bytes(b"\xff\n")
    said = rbench("compare", out)
    one_line(said, f"delete {run}, and the same `rbench run` with --out {out} makes it again")
    shutil.rmtree(run)
    assert rbench(*whole[0], "--out", out).code == 0
    assert contents(out) == contents(whole[1])


def test_a_run_is_not_to_be_deleted_where_its_task_is_amiss(toy_policy, tmp_path):
    out, own = tmp_path / "sweep", shutil.copytree(PARTS.parents[2], tmp_path / "tasks")
    asked = ("--task", "toy/colours", "--design", "untrained", "--policy", toy_policy, "--seeds", "1", "--budget", "1")
    assert process("run", *asked, "--out", out, REWARDBENCH_TASKS=str(own)).code == 0
    gold = own / "toy" / "colours" / "gold.py"
    for break_it in (lambda: gold.write_text("raise ImportError('no such library')\n"), gold.unlink):
        break_it()
        said = process("report", out, REWARDBENCH_TASKS=str(own))
        assert said.code in (2, 5), said.err
        one_line(said, "gold")
        assert "delete" not in said.err


@pytest.mark.parametrize("text", [None, "", '{"files": 3}'])
def test_a_manifest_that_is_lost_is_told_and_breaks_nothing(text, copy):
    out, run = copy
    assert "manifest.json" not in rbench("report", out).err
    (run / "manifest.json").unlink() if text is None else (run / "manifest.json").write_text(text)
    for words in (("report", out), ("compare", out)):
        [line] = [line for line in rbench(*words).err.splitlines() if "manifest.json" in line]
        assert line.startswith(f"{run}: manifest.json is missing or damaged: ")
    (run / "evals" / "000000.parquet").write_bytes(max((run / "evals").glob("*.parquet")).read_bytes())
    one_line(rbench("report", out), "its record changed, or went missing, since the run was done")


def test_a_file_where_pictures_should_go_is_code_4(copy, tmp_path):
    (tmp_path / "afile").write_text("")
    said = rbench("report", copy[0], "--svg", tmp_path / "afile")
    assert said.code == 4
    one_line(said, f"--svg {tmp_path / 'afile'} is a file: name a folder")


@pytest.mark.parametrize("place", ["evals/000000.parquet", "steps.jsonl", "weights.safetensors"])
def test_a_finished_run_that_lost_a_file_is_no_result(place, copy):
    out, run = copy
    (run / place).unlink()
    for words in (("resume", out), ("compare", out), ("merge", out, "--out", out.parent / "merged")):
        said = rbench(*words, *(("--json",) if words[0] != "compare" else ()))
        assert said.code == 5, (words, said.err)
        one_line(said, place)


def test_a_changed_spec_is_not_taken_for_the_run_that_it_was(copy):
    out, run = copy
    text = (run / "spec.toml").read_text()
    (run / "spec.toml").write_text(text.replace("seed = 1", "seed = 2"))
    said = rbench("resume", out)
    assert said.code == 5
    one_line(said, "spec.toml is damaged")


def test_a_damaged_checkpoint_is_code_5_and_the_run_can_be_made_anew(copy, whole):
    out, run = copy
    trace.set_status(run, "partial")
    (run / "checkpoint").mkdir()
    (run / "checkpoint" / "000002.safetensors").write_bytes(b"x" * 99)
    said = rbench("resume", out)
    assert said.code == 5
    assert "delete it" in said.err
    assert "Traceback" not in said.err
    shutil.rmtree(run / "checkpoint")
    assert rbench("resume", out, "--json").code == 0
    assert contents(out) == contents(whole[1])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_checkpoint_is_its_own_runs_alone(workers, toy_policy, tmp_path):
    """Whether in this process or in a pool: the others are done, and a resume tries this one again."""
    words = ("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "2", "--design", "reference")
    out = tmp_path / "s"
    prepared = sweep.prepare(Spec(("toy/colours",), ("reference",), policy=str(toy_policy), seeds=(1, 2), budget="quick"), out)
    bad = prepared.run_folder(prepared.runs[0])
    (bad / "checkpoint").mkdir()
    (bad / "checkpoint" / "000002.safetensors").write_bytes(b"x" * 99)
    for _ in range(2):
        said = process("resume", out, "--json", "--workers", workers) if workers else rbench("resume", out, "--json")
        rows = {r["run"]: r for r in said.json["runs"]}
        assert said.code == 5, said.err
        assert "Traceback" not in said.err
        assert {n for n, r in rows.items() if r["status"] != "done"} == {bad.name}
        assert "failed" not in rows[bad.name]["flags"]
        assert "delete it" in rows[bad.name]["reasons"]["status"]
        assert len([line for line in said.err.splitlines() if line.startswith("rbench:") and "delete it" in line]) == 1
        assert trace.status(bad)["code"] == 5
    shutil.rmtree(bad / "checkpoint")
    assert rbench("resume", out, "--json").code == 0
    assert rbench(*words, "--json", "--out", tmp_path / "whole").code == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_a_copy_of_a_part_that_was_changed_is_its_own_runs_alone(toy_policy, tmp_path):
    words = ("--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "1", "--out", tmp_path / "s")
    assert rbench("run", *words, "--design", f"{PARTS}:red", "--json").code == 0
    [source] = (tmp_path / "s" / "sources").rglob("*.py")
    source.write_text("# changed\n")
    for run in (tmp_path / "s" / "runs").iterdir():
        trace.set_status(run, "partial")
    said = rbench("resume", tmp_path / "s", "--json")
    assert said.code == 5
    assert {r["design"]: r["status"] for r in said.json["runs"]} == {"red": "partial", "untrained": "done", "constant": "done"}
    assert "is missing or was changed" in said.json["runs"][0]["reasons"]["status"]


NO_PROMPTS = {
    "no-data": ("raise UserError('the data are not there', 5)\n    yield", 5, "the data are not there"),
    "raises": ("raise KeyError('colour')\n    yield", 6, "gives no train prompt: KeyError: 'colour'"),
    "no-dev": ("if split == 'train':\n        yield Prompt('a', text='Ann')", 5, "holds no dev prompt"),
}


@pytest.mark.parametrize("name", NO_PROMPTS)
def test_a_task_without_prompts_is_known_before_anything_runs(name, toy_policy, tasks, tmp_path):
    body, code, line = NO_PROMPTS[name]
    lines = f"from dataclasses import replace\nfrom rewardbench.types import UserError\n\ndef prompts(split, seed):\n    {body}\n"
    empty = task_of(tasks, name, task=f"{lines}\ntask = replace(task, prompts=prompts)")
    words = ("--task", "toy/colours", "--task", empty, "--policy", toy_policy, "--budget", "quick", "--seeds", "1")
    said = rbench("run", *words, "--out", tmp_path / "s")
    assert said.code == code, said.err
    one_line(said, line)
    assert not (tmp_path / "s").exists()


YIELDED = {
    "a-dict": ("dict(id='a', text='Ann')", "train prompt 1 is {'id': 'a', 'text': 'Ann'}, a dict, not a rewardbench.Prompt"),
    "a-text": ("Prompt('a', messages='a text')", "train prompt 1: messages = 'a text' is not a tuple of {"),
    "a-turn": ("Prompt('a', messages=({'role': 'user'},))", "train prompt 1: messages = ({'role': 'user'},) is not a tuple of {"),
    "a-list": ("Prompt('a', text='Ann', columns=['hint'])", "train prompt 1: columns = ['hint'] is not a mapping with texts as keys"),
    "a-table": ("Prompt('a', text='Ann', columns=__import__('numpy').eye(2))", "columns = array([[1., 0.], [0., 1.]]) is not a mapping"),
    "a-key": ("Prompt('a', text='Ann', columns={3: 'hint'})", "train prompt 1: columns = {3: 'hint'} is not a mapping with texts as keys"),
    "a-number": ("Prompt(7, text='Ann')", "train prompt 1: id = 7 is not a text"),
    "no-text": ("Prompt('a', text=None)", "train prompt 1: text = None is not a text"),
}
"""What a task yields that is no prompt."""
WRONG_TASKS = {
    "one-parameter": ("replace(task, prompts=lambda split: iter(()))", "prompts takes (split), and is called with (split, seed): too many"),
    "called": ("replace(task, prompts=prompts('train', 1))", "prompts = <generator object prompts at "),
    "max-text": ("replace(task, max_tokens='12')", "max_tokens = '12' is not a whole number of at least 1"),
    "max-none": ("replace(task, max_tokens=0)", "max_tokens = 0 is not a whole number of at least 1"),
    "version-text": ("replace(task, version='1')", "version = '1' is not a whole number"),
    "turns-none": ("replace(task, turns=0)", "turns = 0 is not a whole number of at least 1"),
    "reply-text": ("replace(task, reply='yes')", "reply = 'yes' is not a function of (prompt, messages, rng), or None"),
    "verifiable-text": ("replace(task, verifiable='hint')", "verifiable = 'hint' is not a tuple of columns' names"),
    "returned": ("replace(task, prompts=lambda split, seed: Prompt('a', text='Ann'))", "prompts('train', 1) returns Prompt("),
    **{name: (f"replace(task, prompts=lambda split, seed: iter([{made}] * 99))", line) for name, (made, line) in YIELDED.items()},
}


@pytest.mark.parametrize("name", WRONG_TASKS)
def test_a_task_that_is_none_or_gives_no_prompts_is_one_line_of_its_file(name, toy_policy, tasks, tmp_path):
    made, line = WRONG_TASKS[name]
    wrong = task_of(tasks, name, task=f"from dataclasses import replace\n\ntask = {made}")
    asked = ("--task", wrong, "--policy", toy_policy, "--budget", "quick", "--seeds", "1", "--design", "constant")
    for words in (("plan", *asked), ("run", *asked, "--out", tmp_path / "s"), ("check", wrong), ("show", wrong)):
        said = rbench(*words)
        assert said.code == 6, said.err
        one_line(said, f"{wrong}/task.py: ", line if words[0] != "show" else "")
    assert not (tmp_path / "s").exists()


def ending(tasks, name, counts):
    """A task whose splits end: after 99 prompts, or so many."""
    lines = f"from dataclasses import replace\nfrom itertools import islice\nplain, COUNTS = prompts, {counts}\n"
    return task_of(tasks, name, task=f"{lines}task = replace(task, prompts=lambda s, n: islice(plain(s, n), COUNTS.get(s, 999)))")


@pytest.mark.parametrize(("split", "count"), [("train", 1), ("train", 5), ("dev", 3)])
def test_a_split_that_ends_is_known_before_anything_is_trained(split, count, toy_policy, tasks, tmp_path):
    name = ending(tasks, f"ends-{split}-{count}", {split: count})
    words = ("--task", name, "--policy", toy_policy, "--budget", "quick", "--seeds", "1", "--design", "constant")
    said = rbench("run", *words, "--out", tmp_path / "s")
    assert said.code == 6, said.err
    line = f"{name}/task.py: {split} ends after {count} prompt{'s' * (count > 1)}: a task's stream has no end"
    one_line(said, line)
    assert not list((tmp_path / "s").rglob("steps.jsonl"))
    said = rbench("check", name)
    assert said.code == 3, said.err
    assert f"BROKEN  prompts-without-end: {line}" in said.out


def test_a_stream_that_ends_later_than_is_looked_fails_its_run_in_one_line(toy_policy, tasks, tmp_path, monkeypatch):
    monkeypatch.setattr(admission, "MANY", 4)
    name = ending(tasks, "ends-late", {"train": 7})
    words = ("--task", name, "--policy", toy_policy, "--budget", "quick", "--seeds", "1", "--design", "constant")
    said = rbench("run", *words, "--out", tmp_path / "s", "--json")
    assert said.code == 6, said.err
    assert "Traceback" not in said.err
    reasons = {r["design"]: r["reasons"].get("status") for r in said.json["runs"]}
    assert reasons == {"constant": f"{name}/task.py: train ends after 7 prompts: a task's stream has no end", "untrained": None}


def test_what_a_stream_raises_later_is_told_with_its_line(tasks):
    lines = "from dataclasses import replace\n\n\ndef two(split, seed):\n    yield from [Prompt('a', text='Ann')] * 2\n    raise KeyError(3)\n\n\n"
    name = task_of(tasks, "raises-later", task=f"{lines}task = replace(task, prompts=two)")
    stream = find.task(name).prompts("dev", 1)
    assert [next(stream).id, next(stream).id] == ["a", "a"]
    with pytest.raises(UserError, match=r"gives no dev prompt after 2: KeyError: 3 \(task.py, line \d+\)$"):
        next(stream)


def test_data_that_are_gone_are_known_before_a_resume_goes_on(toy_policy, tasks, tmp_path):
    """And once they are there again, it does."""
    data = tmp_path / "data"
    data.write_text("")
    lines = (
        "from dataclasses import replace\nfrom pathlib import Path\nfrom rewardbench.types import UserError\nplain = prompts\n\n"
        f"def guarded(split, seed):\n    if not Path({str(data)!r}).is_file():\n"
        "        raise UserError('no data', 5)\n    yield from plain(split, seed)\n\n\ntask = replace(task, prompts=guarded)"
    )
    spec = Spec(("toy/colours", task_of(tasks, "guarded", task=lines)), ("constant",), policy=str(toy_policy), seeds=(1,), budget="quick")
    sweep.prepare(spec, tmp_path / "s")
    before = contents(tmp_path / "s")
    data.unlink()
    said = rbench("resume", tmp_path / "s")
    assert said.code == 5
    one_line(said, "no data")
    assert contents(tmp_path / "s") == before
    data.write_text("")
    assert rbench("resume", tmp_path / "s", "--json").code == 0


@pytest.mark.parametrize(("text", "loaded"), [("'zyx wvu'", False), ("' '.join([*p.text.split() * 9][:20] + ['zyx'])", True)])
def test_a_policy_that_lacks_a_tasks_words_is_refused_before_the_other_task_runs(text, loaded, toy_policy, tasks, tmp_path):
    """Before a folder is made where the words alone tell it; else by each worker before its first pack, so that the code
    for `nothing ran` is true."""
    lines = (
        "from dataclasses import replace\n\n\ndef strange(split, seed):\n"
        f"    yield from (replace(p, text={text}) for p in prompts(split, seed))\n\n\ntask = replace(task, prompts=strange)"
    )
    strange = task_of(tasks, "strange", task=lines)
    words = ("--task", "toy/colours", "--task", strange, "--policy", toy_policy, "--budget", "quick", "--seeds", "1")
    roots = os.pathsep.join([str(PARTS.parents[2]), str(tasks)])
    for go, out in ((rbench, "a"), (lambda *w: process(*w, "--workers", "2", REWARDBENCH_TASKS=roots), "b")):
        said = go("run", *words, "--design", "constant", "--out", tmp_path / out)
        assert said.code == 2, said.err
        one_line(said, "lacks", "of the tokens of toy/strange's prompts (limit 2%)")
        assert (tmp_path / out).exists() == loaded
        assert not list((tmp_path / out).rglob("*.parquet"))
    assert rbench("plan", *words).code == (0 if loaded else 2)


def test_a_torn_last_line_is_no_row(copy):
    out, run = copy
    whole = trace.rows(run)
    with (run / "steps.jsonl").open("ab") as file:
        file.write(b'{"step": 4, "rew')
    assert trace.rows(run) == whole
    trace.set_status(run, "partial")
    assert rbench("resume", out, "--json").code == 0


def test_another_policy_or_task_code_is_refused_on_resume(copy, monkeypatch, tmp_path):
    out, run = copy
    trace.set_status(run, "partial")
    tasks = tmp_path / "tasks"
    shutil.copytree(PARTS.parents[2], tasks)
    with (tasks / "toy" / "colours" / "gold.py").open("a") as file:
        file.write("\n# changed\n")
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tasks))
    said = rbench("resume", out)
    assert said.code == 5
    one_line(said, "the code or data of task 'toy/colours' changed")
    monkeypatch.setenv("REWARDBENCH_TASKS", str(PARTS.parents[2]))
    policy = Path(disk.read_toml(out / "local.toml", "")["policy"])
    other = tmp_path / "other"
    shutil.copytree(policy, other / policy.name)
    (other / f"{policy.name}.toml").write_text('kind = "full"\n')
    (out / "local.toml").write_text(f'policy = "{other / policy.name}"\n')
    said = rbench("resume", out)
    assert said.code == 5
    one_line(said, "is not the one this sweep began with")


def test_a_relative_policy_is_found_again_from_elsewhere(toy_policy, run, tmp_path, monkeypatch):
    monkeypatch.chdir(toy_policy.parent)
    out = tmp_path / "s"
    words = run("--design", "reference", "--shard", "1/3", "--policy", toy_policy.name, "--out", out)
    assert rbench(*words, "--json").code == 0
    monkeypatch.chdir(tmp_path)
    assert rbench("resume", out, "--json").code == 0


@pytest.mark.parametrize("error", ["KeyboardInterrupt()", "__import__('asyncio').CancelledError('late')"])
def test_whatever_a_reward_raises_is_its_own_failure(error, toy_policy, tmp_path):
    """It pressed no key: where a user's function is called, no key press is heard."""
    (tmp_path / "mine.py").write_text(f"def stops(completions):\n    raise {error}\n")
    asked = f"{tmp_path / 'mine.py'}:stops"
    ran = ("--policy", toy_policy, "--design", asked, "--seeds", "1", "--budget", "1", "--out", tmp_path / "s")
    name = error.partition("(")[0] if error.startswith("Key") else "CancelledError"
    for words in (
        ("check", asked, "--task", "writing/story"),
        ("audit", asked, "--task", "toy/colours", "--prompts", "8", "--samples", "2"),
        ("run", "--task", "toy/colours", *ran),
    ):
        said = process(*words)
        assert said.code == 6, said.err
        assert "Traceback" not in said.err
        assert f"'stops' raised {name}" in said.err + said.out


def test_one_cause_of_failure_is_one_line_whatever_the_number_of_seeds(toy_policy, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "def nan(completions):\n    return [float('nan') for _ in completions]\n\n\n"
        "def words(completions):\n    raise ValueError(completions[0])\n"
    )
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "4", "--out", tmp_path / "s")
    said = rbench("run", *asked, "--design", f"{file}:nan", "--design", f"{file}:words")
    assert said.code == 6
    lines = [line for line in said.err.splitlines() if line.startswith("rbench: ")]
    kinds = {"nan": "returned nan for prompt ", "words": "raised ValueError: "}
    assert len(lines) == len(kinds), said.err
    for line, (design, kind) in zip(lines, kinds.items(), strict=True):
        which = f"toy/colours {design} seeds 1, 2, 3, 4"
        assert line.startswith(f"rbench: 4 of 16 runs failed: {which}, the first: part {design!r} {kind}")


def test_a_gold_that_breaks_is_one_cause_for_all_designs(toy_policy, tasks, tmp_path):
    broken = task_of(tasks, "one-cause", gold="def gold(prompt, completion):\n    raise KeyError(completion)")
    said = rbench("run", "--task", broken, "--policy", toy_policy, "--budget", "quick", "--seeds", "2", "--design",
                  "reference", "--out", tmp_path / "s")  # fmt: skip
    [line] = [line for line in said.err.splitlines() if line.startswith("rbench: ")]
    assert line.startswith(f"rbench: 6 of 6 runs failed: the first: gold of task {broken!r} for prompt ")


def test_an_algorithm_that_breaks_is_one_cause_for_all_designs(toy_policy, tmp_path):
    (tmp_path / "own.py").write_text(
        "from dataclasses import dataclass\n\nfrom rewardbench.algorithms.grpo import Grpo\n\n\n@dataclass(frozen=True)\n"
        "class Own(Grpo):\n    def advantages(self, batch, state):\n        raise ValueError(batch.text[0][0])\n"
    )
    said = rbench("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "2", "--design",
                  "reference", "--algorithm", f"{tmp_path / 'own.py'}:Own", "--out", tmp_path / "s")  # fmt: skip
    [line] = [line for line in said.err.splitlines() if line.startswith("rbench: ")]
    assert line.startswith("rbench: 4 of 6 runs failed: ")


def test_parts_whose_names_differ_in_a_number_are_two_causes():
    ones = {kind_of(f"part 'judge_{n}' returned {n} scores for 4 completions (a call for 4 completions, …)") for n in (1, 2)}
    assert len(ones) == 2
    assert len({kind_of(f"the gradient is not finite at step {n}") for n in (1, 2)}) == 1


def test_what_records_nothing_says_only_that_it_was_interrupted(monkeypatch):
    def press(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr("rewardbench.showing.resolve", press)
    said = rbench("show", "x")
    assert (said.code, said.err.strip()) == (130, "rbench: interrupted")


def test_a_sweep_that_is_interrupted_says_how_to_go_on(run, tmp_path, monkeypatch):
    def press(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr("rewardbench.worker.do_pack", press)
    said = rbench(*run("--design", "reference", "--out", tmp_path / "s"))
    assert said.code == 130
    one_line(said, "interrupted; what was recorded is saved, 0 of 3 runs are over", f"`rbench resume {tmp_path / 's'}` goes on")


def test_a_sweep_that_was_interrupted_is_shown_with_what_began_and_what_did_not(run, tmp_path, monkeypatch):
    done = []

    def press(specs, folders, *words):
        if done:
            (folders[0] / "evals").mkdir()
            (folders[0] / "evals" / "000000.parquet").touch()
            raise KeyboardInterrupt
        done.append(specs[0])
        trace.close(folders[0], "failed", reason="x", code=6)
        return True

    monkeypatch.setattr("rewardbench.worker.do_pack", press)
    said = rbench(*run("--design", "reference", "--out", tmp_path / "s"))
    one_line(said, "1 of 3 runs are over, 1 more begun")
    ids = [row["run"] for row in rbench("show", tmp_path / "s", "--json").json["table"]]
    lines = [line.split() for line in rbench("show", tmp_path / "s").out.splitlines()]
    assert lines[-5:] == [
        "runs: 1 of 3 over (1 failed), 1 begun, 1 not begun".split(),
        ["run", "task", "design", "seed", "state"],
        [ids[0], "toy/colours", "reference", "1", "failed"],
        [ids[1], "toy/colours", "untrained", "1", "begun"],
        [ids[2], "toy/colours", "constant", "1", "not", "begun"],
    ]
    assert not [line for line in lines if line[0] in ("places:", "]")]
    assert set(rbench("show", tmp_path / "s", "--json").json["runs"].values()) == {"failed", "partial"}
    shutil.rmtree(tmp_path / "s" / "runs" / ids[2])
    assert rbench("show", tmp_path / "s").out.splitlines()[-1].split() == [ids[2], "–", "–", "–", "not", "begun"]
    (tmp_path / "s" / "runs" / ids[1] / "spec.toml").write_text("")
    said = rbench("show", tmp_path / "s")
    assert said.code == 5
    one_line(said, f"{ids[1]}/spec.toml is damaged")


# --- a full disk --------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [3, 7, 11, 15])
def test_a_full_disk_is_code_4_and_loses_nothing(at, whole, tmp_path, monkeypatch):
    words, folder = whole
    out = tmp_path / "s"
    written = [0]
    real = os.fsync

    def full(descriptor):
        written[0] += 1
        if written[0] >= at:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        said = rbench(*words, "--out", out)
    assert said.code == 4
    assert len([line for line in said.err.splitlines() if "no space left to write" in line]) == 1
    assert "Traceback" not in said.err
    before = [trace.rows(run) for run in (out / "runs").iterdir()] if (out / "runs").is_dir() else []
    assert rbench(*words, "--out", out).code == 0
    after = [trace.rows(run) for run in (out / "runs").iterdir()]
    assert all(rows == full[: len(rows)] for rows, full in zip(before, after, strict=False))
    assert contents(out) == contents(folder)


def test_a_disk_that_is_really_full(whole, tmp_path):
    """A file may not grow past a limit: the kernel itself refuses the write, in a process of its own."""
    words, folder = whole
    out = tmp_path / "s"
    biggest = max(p.stat().st_size for p in folder.rglob("*.parquet"))

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (biggest + 999, biggest + 999))

    done = subprocess.run(
        command(*words, "--out", out, "--workers", "1"), env=environment(), preexec_fn=small_files,
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if "cannot write 000001.safetensors" in line]) == 1
    assert len(trace.rows(next((out / "runs").iterdir()))) == 1
    assert rbench("resume", out, "--json").code == 0
    assert contents(out) == contents(folder)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_tiny_file_system_that_fills_up(whole, tmp_path):
    words, folder = whole
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        done = subprocess.run(
            command(*words, "--out", disk / "s"), env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 4, done.stderr
        assert "no space left" in done.stderr
        assert "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,size=99m", disk], check=True)
        assert rbench("resume", disk / "s", "--json").code == 0
        assert contents(disk / "s") == contents(folder)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_design_without_its_task_is_told_how_to_be_asked_for():
    for thing, like in (("levels", "--task writing/story"), ("mine.py:score", "--task T")):
        if not thing.startswith("mine"):
            one_line(rbench("check", thing), f"{thing!r} is a design: name its task too, such as `rbench check {thing} --task ")
        said = rbench("show", thing)
        assert said.code == 2
        assert f"{thing!r} is a design: name its task too" in one_line(said, like)


def test_a_flag_is_shown_with_what_it_means():
    found = rbench("show", "hacked", "--json").json
    assert (found["kind"], found["name"]) == ("metric", "hacked")
    assert "two standard errors" in found["text"]


def test_whoever_reads_only_the_head_of_it_is_no_fault_of_ours():
    for words in (("list", "--json"), ("list",)):
        with subprocess.Popen(command(*words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
            asked.stdout.close()
            said = asked.stderr.read()
        assert (asked.returncode, said) == (0, b"")


@pytest.mark.parametrize("words", ["list", "list --json", "show writing/story --json", "--help", "--version"])
def test_a_stdout_that_takes_nothing_is_code_4(words):
    for how, why in ((">/dev/full", "No space left on device"), (">&-", "it is closed")):
        line = f"{shlex.join(command())} {words} {how}"
        said = subprocess.run(["sh", "-c", line], env=environment(), capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (4, f"rbench: stdout cannot be written: {why}\n")


def test_what_is_full_elsewhere_is_not_said_of_stdout(monkeypatch):
    def broken(*words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rewardbench.showing.resolve", broken)
    with pytest.raises(OSError, match="No space left"):
        rbench("show", "x")


@pytest.mark.parametrize(
    "words", ["list", "list --json", "--help", "explain echo", "show writing/story --json", "plan --task qa/lookup --seeds 1"]
)
def test_a_machine_that_knows_ascii_alone_reads_and_says_the_same(words):
    ascii_alone = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    said, usual = process(*words.split(), **ascii_alone), process(*words.split(), PYTHONUTF8="1")
    assert (said.code, said.err) == (0, "")
    assert said.out == usual.out or said.json == usual.json


def test_a_character_that_a_terminal_lacks_stops_nothing(tmp_path):
    latin = environment(PYTHONIOENCODING="latin-1")
    (tmp_path / "d.toml").write_text('summary = "→"\n[[part]]\nuse = "null.length"\nname = "→"\n', encoding="utf-8")
    for more, arrow in (((), "\\u2192"), (("--json",), "\\u2192")):
        words = command("show", tmp_path / "d.toml", "--task", "qa/lookup", *more)
        said = subprocess.run(words, env=latin, capture_output=True, encoding="latin-1", check=False)
        assert (said.returncode, said.stderr) == (0, "")
        assert arrow in said.stdout
    assert json.loads(said.stdout)["parts"][0]["name"] == "→"


NAMED_AS_IT_IS = {"audit/__init__.py"}
"""Its own text is in the hash of the audit's code, against which its predictions are held."""


def test_every_text_is_read_and_written_as_utf8():
    """A machine's own encoding may be another, and then what ships cannot be read."""
    found = []
    for path in sorted((ROOT / "rewardbench").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(call, ast.Call) and _opens_text(call) and not any(k.arg == "encoding" for k in call.keywords):
                found.append(f"{path.relative_to(ROOT / 'rewardbench')}:{call.lineno}")
    assert [place for place in found if place.partition(":")[0] not in NAMED_AS_IT_IS] == []


def _opens_text(call):
    """Whether a call reads or writes a file as text: by its name, and for `open` by its mode."""
    own = isinstance(call.func, ast.Attribute)
    name = call.func.attr if own else getattr(call.func, "id", "")
    if name in ("read_text", "write_text"):
        return True
    of = getattr(call.func.value, "id", "") if own else ""
    if name != "open" or of in ("os", "_opener", "archive"):  # descriptors, addresses, members: bytes all
        return False
    modes = [*call.args[0 if own else 1 :][:1], *(k.value for k in call.keywords if k.arg == "mode")]
    return not any(isinstance(m, ast.Constant) and "b" in str(m.value) for m in modes)


def test_a_board_that_ranks_algorithms_takes_no_design():
    said = rbench("run", "--board", "algorithms", "--design", "exploit")
    assert said.code == 2
    one_line(said, "ranks algorithms, not designs such as 'exploit'", "--algorithm")


def test_the_working_directory_is_not_searched_for_modules(toy_policy, tmp_path):
    """Nor by `python -m`, which would look there first: `rbench` does not."""
    (tmp_path / "mine.py").write_text("def ok(completions):\n    return [1.0] * len(completions)\n")
    words = ("plan", "--task", "toy/colours", "--policy", toy_policy, "--design", "mine:ok")
    for place, code, told in ({}, 5, "module 'mine' cannot be imported"), ({"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}, 0, ""):
        said = subprocess.run(command(*words), cwd=tmp_path, env=environment(**place), capture_output=True, text=True, check=False)
        assert said.returncode == code, said.stderr
        assert told in said.stderr


def test_a_sweep_of_ones_own_task_remembers_where_it_lies(toy_policy, tmp_path, monkeypatch):
    """Nobody has to set a variable a month later; and a task that was edited since is not taken for the one it was."""
    own, out = tmp_path / "tasks", tmp_path / "out"
    shutil.copytree(PARTS.parent, own / "toy" / "kept")
    monkeypatch.setenv("REWARDBENCH_TASKS", str(own))
    asked = ("--task", "toy/kept", "--policy", toy_policy, "--design", "reference", "--seeds", "2", "--budget", "1")
    assert rbench("run", *asked, "--out", out).code == 0
    for run in (out / "runs").iterdir():
        assert str(tmp_path) not in (run / "spec.toml").read_text() + (run / "manifest.json").read_text()
    assert str(tmp_path) not in (out / "sweep.toml").read_text()
    before = contents(out)
    for verb in ("compare", "report"):
        assert process(verb, out, REWARDBENCH_TASKS="").code == 0
    again = sorted((out / "runs").iterdir())[0]
    trace.set_status(again, "partial")
    assert process("resume", out, REWARDBENCH_TASKS="").code == 0
    assert contents(out) == before
    local = (out / "local.toml").read_text()
    (out / "local.toml").write_text("torn = [")
    said = process("compare", out, REWARDBENCH_TASKS="")
    assert said.code == 5
    one_line(said, "local.toml is damaged")
    assert "delete" not in said.err
    (out / "local.toml").write_text(local)
    with (own / "toy" / "kept" / "gold.py").open("a") as file:
        file.write("\n# edited\n")
    trace.set_status(again, "partial")
    said = process("resume", out, REWARDBENCH_TASKS="")
    assert said.code == 5
    one_line(said, "the code or data of task 'toy/kept' changed since this sweep began")


def test_a_task_that_is_gone_is_said_and_nobody_is_told_to_delete_runs(toy_policy, tmp_path, monkeypatch):
    own, out = tmp_path / "tasks", tmp_path / "out"
    shutil.copytree(PARTS.parent, own / "toy" / "moved")
    monkeypatch.setenv("REWARDBENCH_TASKS", str(own))
    asked = ("--task", "toy/moved", "--policy", toy_policy, "--design", "reference", "--seeds", "1", "--budget", "1")
    assert rbench("run", *asked, "--out", out).code == 0
    own.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("REWARDBENCH_TASKS", "")
    for known, told in ((True, f"is not in {own / 'toy' / 'moved'} any more: set $REWARDBENCH_TASKS"), (False, "is not there: set $REWARDBENCH_TASKS")):
        if not known:  # as a version before this one left it
            (out / "local.toml").write_text(f'policy = "{toy_policy}"\n')
        for verb in ("compare", "report", "resume"):
            said = rbench(verb, out)
            assert said.code == 5
            assert "delete" not in one_line(said, "task 'toy/moved' of this sweep", told)
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path / "elsewhere"))
    assert rbench("report", out).code == 0


def test_a_file_that_lacks_its_neighbour_when_a_sweep_goes_on_is_put_aside_and_no_run_fails(toy_policy, tmp_path):
    """What it imports is not copied with it: that it is not there is the machine's fault, and can be mended."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "neighbour.py").write_text("def paid(text):\n    return float(len(text))\n")
    (tmp_path / "mine.py").write_text("from neighbour import paid\n\n\ndef ok(completions):\n    return [paid(c) for c in completions]\n")
    out, there = tmp_path / "out", {"PYTHONPATH": f"{tmp_path / 'lib'}{os.pathsep}{ROOT}"}
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--design", f"{tmp_path / 'mine.py'}:ok", "--seeds", "1", "--budget", "1")
    assert process("run", *asked, "--out", out, **there).code == 0
    for run in (out / "runs").iterdir():
        trace.set_status(run, "partial")
    said = process("resume", out, "--json")
    assert said.code == 5, said.err
    assert "No module named 'neighbour'" in said.err
    assert {r["status"] for r in said.json["runs"]} == {"done", "partial"}
    assert process("resume", out, "--json", **there).code == 0


def test_a_run_is_found_by_its_bare_name_from_the_folder_that_holds_it(toy_policy, tmp_path, monkeypatch):
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--design", "reference", "--seeds", "2", "--budget", "1")
    assert rbench("run", *asked, "--out", tmp_path / "s").code == 0
    monkeypatch.chdir(tmp_path / "s" / "runs")
    assert rbench("compare", *sorted(p.name for p in Path().iterdir())).code == 0
    monkeypatch.chdir(next(Path().iterdir()))
    assert rbench("show", ".").code == 0


def test_two_sweeps_that_hold_two_tasks_under_one_name_are_not_scored_by_one_of_them(toy_policy, tmp_path, monkeypatch):
    for place in ("a", "b"):
        shutil.copytree(PARTS.parent, tmp_path / place / "toy" / "twice")
        monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path / place))
        asked = ("--task", "toy/twice", "--policy", toy_policy, "--design", "reference", "--seeds", "2", "--budget", "1")
        assert rbench("run", *asked, "--out", tmp_path / f"of-{place}").code == 0
    said = process("compare", tmp_path / "of-a", tmp_path / "of-b", REWARDBENCH_TASKS="")
    assert said.code == 5
    one_line(said, "task 'toy/twice' lies in", "open them apart")
