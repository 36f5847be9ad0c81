"""Does the tour show what it promises: every task, good and bad rewards, within minutes, and a page at its end?"""

import json
from pathlib import Path

import pytest
from sweeping import ROOT, process, rbench

from rewardbench import find
from rewardbench.plan import design_names, plan
from rewardbench.spec import Spec, read_spec

TOUR = ROOT / "rewardbench" / "demo.toml"


def test_the_tour_is_small_and_enters_on_every_task_a_design_that_goes_wrong_there():
    runs, _ = plan(read_spec(TOUR), find.policy("tiny"))
    assert len(runs) == 54
    assert {r.budget for r in runs} == {"quick"}
    for task in ("qa/lookup", "writing/story", "dialogue/booking"):
        designs = {r.design.name for r in runs if r.task == task}
        assert {"reference", "exploit", "random", "untrained", "constant"} < designs
        (wrong,) = designs - {"reference", "exploit", "random", "untrained", "constant"}
        assert wrong in find.task_designs(task)


def test_the_help_names_the_tasks_of_the_tour():
    said = " ".join(rbench("demo", "--help").out.split())
    assert all(task in said for task in read_spec(TOUR).tasks)
    assert "every task" not in said


def test_a_design_bound_to_a_task_that_is_not_run_is_a_mistake():
    said = rbench("plan", "--task", "qa/lookup", "--design", "writing/story/coverage")
    assert said.code == 2
    assert "'writing/story/coverage' belongs to writing/story, which is not run (tasks: qa/lookup)" in said.err


@pytest.mark.parametrize("own", ["qa/lookup/mine.toml", "qa/lookup/mine.py:score"])
def test_a_file_in_a_folder_that_is_called_as_a_task_is_a_file(own):
    assert design_names(Spec(tasks=("qa/lookup",), designs=(own,)), "qa/lookup")[0] == own


def test_a_tour_of_the_toy_ends_in_a_page_and_in_what_to_do_next(toy, toy_policy, tmp_path, monkeypatch):
    small = f'tasks = ["toy/colours"]\ndesigns = ["reference"]\nseeds = 2\nbudget = "quick"\npolicy = "{toy_policy}"\n'
    (tmp_path / "demo.toml").write_text(small)
    monkeypatch.setattr("rewardbench.commands.demo.TOUR", tmp_path / "demo.toml")
    said = rbench("demo", "--out", tmp_path / "demo")
    assert said.code == 0, said.err
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "toy/colours" in page
    assert "budget quick" in said.err
    last = said.err.splitlines()[-4:]
    assert last[0] == "what now"
    assert all(line.startswith("  rbench ") for line in last[1:])
    assert str(tmp_path / "demo") in last[1]


def test_json_is_one_object_and_the_page_is_there_too(toy, toy_policy, tmp_path, monkeypatch):
    small = f'tasks = ["toy/colours"]\ndesigns = ["reference"]\nseeds = 2\nbudget = "2"\npolicy = "{toy_policy}"\n'
    (tmp_path / "demo.toml").write_text(small)
    monkeypatch.setattr("rewardbench.commands.demo.TOUR", tmp_path / "demo.toml")
    said = rbench("demo", "--out", tmp_path / "demo", "--json")
    assert said.json["runs"]
    assert (tmp_path / "demo" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_tour_within_240_cpu_seconds(tmp_path):
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = process("demo", "--out", tmp_path / "demo", "--json")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert said.code == 0, said.err
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent <= 240, spent
    rows = json.loads(said.out)["runs"]
    assert {row["status"] for row in rows} == {"done"}
    for task in ("writing/story", "dialogue/booking"):
        hacked = [r for r in rows if r["task"] == task and r["design"] == "exploit" and "hacked" in r["flags"]]
        assert len(hacked) >= 2, task
    assert Path(tmp_path / "demo" / "report.html").stat().st_size < 1_000_000
