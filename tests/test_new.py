"""Does what `rbench new` writes run as made, and does it write nothing where it should not?"""

import ast
import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
from asking import examples, prompt_of
from sweeping import ROOT, environment, one_line, process, rbench
from test_completion import completed

from rewardbench import find
from rewardbench.calling import needed
from rewardbench.commands import _scaffolding

THINGS = {
    "reward": ("politeness", ()), "design": ("kinder", ("--task", "qa/lookup")), "algorithm": ("dr_signed", ()), "task": ("writing/sentence", ()),
}  # fmt: skip


def new(kind, out, *more):
    name, own = THINGS[kind]
    return rbench("new", kind, name, *own, "--out", out, *more)


def named(kind, out):
    """How a command names the thing."""
    return {"reward": f"{out}/politeness.py:politeness", "design": f"{out}/kinder.toml", "algorithm": f"{out}/dr_signed.py:DrSigned",
            "task": "writing/sentence"}[kind]  # fmt: skip


def test_every_folder_of_scaffolds_is_a_kind_and_is_tried_here():
    assert set(_scaffolding.kinds()) == set(THINGS)


@pytest.mark.parametrize("kind", THINGS)
def test_what_is_written_parses_and_says_what_it_is(kind, tmp_path):
    said = new(kind, tmp_path, "--json")
    assert said.code == 0, said.err
    jsonschema.validate(said.json, json.loads((ROOT / "rewardbench" / "schemas" / "new.json").read_text()))
    written = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    assert sorted(map(Path, said.json["files"])) == written
    assert any(p.name.startswith("test_") for p in written)
    for path in written:
        text = path.read_text()
        assert not any(word in text for word in ("@NAME@", "@TASK@", "@CLASS@", "@FULL@")), path
        assert path.suffix != ".py" or max(map(len, text.splitlines())) <= 120
        if path.suffix == ".py":
            assert ast.get_docstring(ast.parse(text)), path
        if path.suffix == ".toml":
            assert tomllib.loads(text)["summary"]
    assert any("rbench check" in line for line in said.json["next"])


@pytest.mark.parametrize("kind", THINGS)
def test_its_own_tests_pass_as_made(kind, tmp_path):
    """In a process of its own, from another folder, with warnings as errors."""
    assert new(kind, tmp_path / "mine").code == 0
    words = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "mine"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(REWARDBENCH_TASKS=""), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_a_test_as_made_fails_once_the_part_breaks_its_promise(tmp_path):
    assert new("reward", tmp_path).code == 0
    file = tmp_path / "politeness.py"
    file.write_text(file.read_text().replace("return count / low", "return count / low + 2"))
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1


@pytest.mark.parametrize("kind", THINGS)
def test_it_is_found(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path))
    assert new(kind, tmp_path).code == 0
    task = "writing/sentence" if kind == "task" else "qa/lookup"
    thing = {"reward": ("--design", named("reward", tmp_path)), "design": ("--design", named("design", tmp_path)),
             "algorithm": ("--design", "reference", "--algorithm", named("algorithm", tmp_path)), "task": ()}[kind]  # fmt: skip
    said = process("plan", "--task", task, *thing, "--budget", "quick", "--seeds", "1", "--json", REWARDBENCH_TASKS=str(tmp_path))
    assert said.code == 0, said.err
    assert said.json


@pytest.mark.parametrize("kind", THINGS)
def test_the_commands_that_come_next_work_as_printed(kind, tmp_path, monkeypatch):
    """`run` as `plan`, which takes the same words; pytest is called by the test above."""
    monkeypatch.chdir(tmp_path)
    printed = [shlex.split(line) for line in new(kind, "my parts", "--json").json["next"]]
    for words in printed:
        if words[0] == "export":
            monkeypatch.setenv(*words[1].split("=", 1))
        elif words[0] == "rbench":
            said = rbench(*("plan" if word == "run" else word for word in words[1:]))
            assert said.code == 0, (words, said.err)
    assert {words[1] for words in printed if words[0] == "rbench"} >= {"check", "run"}


def test_a_design_fits_any_task(tmp_path):
    """Its parts ask for no column."""
    assert new("design", tmp_path).code == 0
    found = find.design(str(tmp_path / "kinder.toml"), "qa/lookup")
    assert len(found.parts) == 2
    assert [needed(find.callable_of(part)) for part in found.parts] == [set(), set()]


def test_the_examples_of_a_task_have_what_a_shipped_task_must_say_of_each(tmp_path, monkeypatch):
    """All but their number: `tests/test_examples.py` asks for twenty."""
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path))
    assert new("task", tmp_path).code == 0
    rows, gold = examples("writing/sentence"), find.gold("writing/sentence")
    for row in rows:
        said = (prompt_of(row), row["completion"])
        assert (gold.score(*said), gold.kind(*said)) == (row["gold"], row["kind"])
        assert row["precise"] == (row["gold"] >= gold.bar)
        assert row["note"]
    assert {row["precise"] for row in rows} == {True, False}
    assert {*rows[0]} == {*examples("qa/lookup")[0]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", THINGS)
def test_it_really_runs(kind, tmp_path):
    assert new(kind, tmp_path).code == 0
    task = "writing/sentence" if kind == "task" else "qa/lookup"
    thing = {"reward": ("--design", named("reward", tmp_path)), "design": ("--design", named("design", tmp_path)),
             "algorithm": ("--design", "reference", "--algorithm", named("algorithm", tmp_path)),
             "task": ("--design", "reference", "--design", "exploit")}[kind]  # fmt: skip
    words = ("--budget", "quick", "--seeds", "1", "--json", "--out", tmp_path / "runs")
    said = process("run", "--task", task, *thing, *words, REWARDBENCH_TASKS=str(tmp_path))
    assert said.code == 0, said.err
    rows = {r["design"]: r for r in said.json["runs"]}
    assert {r["status"] for r in rows.values()} == {"done"}
    taught = {"reward": "politeness", "design": "kinder"}.get(kind, "reference")
    assert "dead_signal" not in rows[taught]["flags"]
    if kind == "task":
        assert rows["exploit"]["gold"]["end"] < rows["untrained"]["gold"]["end"]


# --- what is refused ----------------------------------------------------------------------------------


def test_nothing_is_overwritten_and_nothing_else_is_written_then(tmp_path):
    (tmp_path / "test_politeness.py").write_text("mine")
    said = new("reward", tmp_path)
    assert said.code == 4
    one_line(said, "test_politeness.py is there already")
    assert [p.name for p in tmp_path.iterdir()] == ["test_politeness.py"]
    assert (tmp_path / "test_politeness.py").read_text() == "mine"


@pytest.mark.parametrize(("words", "line"), [
    (("reward", "My-Part"), "did you mean 'my_part'?"), (("reward", "class"), "did you mean 'my_class'?"),
    (("reward", "../up"), "did you mean 'up'?"), (("reward", ""), "is not small letters"), (("reward", "3d"), "did you mean 'd'?"),
    (("reward", "json"), "try 'my_json'"), (("algorithm", "numpy"), "try 'my_numpy'"), (("reward", "naïve"), "did you mean 'na_ve'?"),
    (("rewrad", "x"), "did you mean 'reward'?"), (("design", "x"), "for which task? Give --task"),
    (("design", "x", "--task", "qa/lokup"), "did you mean 'qa/lookup'?"), (("task", "sentence"), "did you mean 'writing/sentence'?"),
    (("task", "a/b/c"), "is not family/name"), (("task", "writing/Story"), "did you mean 'story'?"),
    (("task", "writing/story"), "there is a task 'writing/story' already"),
])  # fmt: skip
def test_a_wrong_name_is_one_line_with_what_was_meant(words, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = rbench("new", *words)
    assert said.code == 2
    one_line(said, line)
    assert list(tmp_path.iterdir()) == []


def test_it_speaks_on_stderr_as_all_do_that_write_files(tmp_path):
    said = new("reward", tmp_path)
    assert said.out == ""
    wrote, told = said.err.split("what now\n")
    assert all(line.startswith("wrote ") for line in wrote.splitlines())
    assert "rbench check" in told


def test_a_folder_that_cannot_be_made_is_code_4(tmp_path):
    (tmp_path / "file").write_text("")
    said = new("task", tmp_path / "file")
    assert said.code == 4
    one_line(said, "cannot write")


def test_the_commands_that_come_next_are_quoted_for_a_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = rbench("new", "reward", "calm", "--out", "my parts", "--json")
    assert said.json["next"][0] == "python -m pytest 'my parts/'test_calm.py"


def test_a_shell_completes_kinds_and_tasks():
    assert completed(["new", "al"]) == ["algorithm"]
    assert set(completed(["new", "''"])) == set(THINGS)
    assert completed(["new", "design", "x", "--task", "qa/l"]) == ["qa/lookup"]


def test_nothing_heavy_is_loaded_to_write_it(tmp_path):
    code = "import sys\nfrom rewardbench.cli import call\nassert call(sys.argv[1:]) == 0\nassert not {'torch', 'transformers'} & set(sys.modules)"
    words = [sys.executable, "-c", code, "new", "algorithm", "signed", "--out", str(tmp_path)]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
