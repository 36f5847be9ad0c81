"""Is what a run was made from in its name: rewards in modules, tasks that are edited, what a worker draws and hashes by?"""

import importlib
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from sweeping import PARTS, here, one_line, process, rbench

from rewardbench import data, find, sweep, trace
from rewardbench.policies import settings
from rewardbench.policies.settings import release
from rewardbench.spec import Spec
from rewardbench.types import UserError

pytestmark = pytest.mark.usefixtures("toy")
PAYS = "def pays(completions, **columns):\n    return [{}float(len(text)) for text in completions]\n"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A place where modules lie: one alone, one in a package that imports its neighbour."""
    names = ("paying", "payer", "payer.pays", "payer.scale", "payer.more", "payer.more.late")
    (tmp_path / "payer").mkdir()
    (tmp_path / "paying.py").write_text(PAYS.format(""))
    (tmp_path / "payer" / "__init__.py").write_text("from .pays import pays\n")
    (tmp_path / "payer" / "more").mkdir()
    (tmp_path / "payer" / "more" / "late.py").write_text("from ..pays import pays\n")
    (tmp_path / "payer" / "scale.py").write_text("SCALE = 2\n")
    (tmp_path / "payer" / "pays.py").write_text("from .scale import SCALE\n" + PAYS.format("SCALE * "))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in names:
        sys.modules.pop(name, None)


def ids(policy, design):
    words = ("--task", "toy/colours", "--policy", policy, "--design", design, "--seeds", "1", "--json")
    return {run["run"] for run in rbench("plan", *words).json["runs"]}


def turn(path):
    """The reward pays the other way round."""
    path.write_text(path.read_text().replace("float", "-float").replace("2", "-2"))
    importlib.invalidate_caches()


def test_a_module_alone_is_its_file(site, toy_policy):
    assert ids(toy_policy, "paying:pays") == ids(toy_policy, f"{site}/paying.py:pays")


@pytest.mark.parametrize(("asked", "file"), [
    ("paying:pays", "paying.py"), ("payer.pays:pays", "payer/pays.py"), ("payer.pays:pays", "payer/scale.py"),
    ("payer:pays", "payer/pays.py"), ("payer.more.late:pays", "payer/scale.py"),
])
def test_another_source_is_another_run(site, toy_policy, asked, file):
    before = ids(toy_policy, asked)
    turn(site / file)
    after = ids(toy_policy, asked)
    assert len(before - after) == len(after - before) == 1  # the arms are the same runs


def test_a_sweep_keeps_a_copy_and_goes_on_without_the_module(site, toy_policy, tmp_path):
    words = ("--task", "toy/colours", "--policy", toy_policy, "--design", "paying:pays", "--seeds", "1", "--budget", "2")
    out = tmp_path / "sweep"
    assert rbench("run", *words, "--out", out, "--shard", "1/3").code == 0
    (copy,) = (out / "sources").glob("*/paying.py")
    assert copy.read_text() == PAYS.format("")
    design = find.design("paying:pays", "toy/colours")
    (site / "paying.py").unlink()
    for name in [n for n in sys.modules if n.startswith("_rewardbench_user_") or n == "paying"]:
        del sys.modules[name]
    assert find.bind(design, "toy/colours", out / "sources").bounds[0].call(completions=["four"]) == [4.0]


def test_a_module_of_a_package_that_changed_since_is_refused(site):
    design = find.design("payer.pays:pays", "toy/colours")
    assert find.bind(design, "toy/colours").bounds[0].call(completions=["four"]) == [8.0]
    turn(site / "payer" / "pays.py")
    with pytest.raises(UserError, match=r"module 'payer.pays', or another of its package, was changed since") as caught:
        find.bind(design, "toy/colours")
    assert caught.value.code == 5


@pytest.mark.parametrize("asked", ["nowhere:pays", "payer.nowhere:pays", "nowhere.pays:pays"])
def test_a_module_that_is_not_there_is_named(site, toy_policy, asked):
    said = rbench("plan", "--task", "toy/colours", "--policy", toy_policy, "--design", asked)
    assert said.code == 5
    one_line(said, f"module {asked.partition(':')[0]!r} cannot be imported")


def test_a_task_that_is_edited_while_a_session_lasts_is_what_lies_there_now(tmp_path, monkeypatch):
    own_tasks = Path(shutil.copytree(PARTS.parents[2], tmp_path / "tasks"))
    monkeypatch.setenv("REWARDBENCH_TASKS", str(own_tasks))
    assert find.gold("toy/colours").bar != 0.125
    file = own_tasks / "toy" / "colours" / "gold.py"
    file.write_text(file.read_text() + "\n\nbar = 0.125  # from now on\n")
    assert find.gold("toy/colours").bar == 0.125
    file = file.with_name("task.py")
    file.write_text(file.read_text() + "\n\nfrom dataclasses import replace\n\ntask = replace(task, max_tokens=3)\n")
    assert find.task("toy/colours").max_tokens == 3


def test_a_task_that_is_edited_under_its_sweep_is_refused_and_its_runs_stay(toy_policy, tmp_path, monkeypatch):
    own_tasks = Path(shutil.copytree(PARTS.parents[2], tmp_path / "tasks"))
    monkeypatch.setenv("REWARDBENCH_TASKS", str(own_tasks))
    spec = Spec(tasks=("toy/colours",), designs=("reference",), seeds=(1,), budget="1", policy=str(toy_policy), alone=True)
    prepared = sweep.prepare(spec, tmp_path / "sweep")
    (run,) = prepared.runs
    file = own_tasks / "toy" / "colours" / "gold.py"
    file.write_text(file.read_text() + "\nbar = 0.125\n")
    here(prepared, 1, lambda event: None)
    status = trace.status(prepared.run_folder(run))
    assert status["status"] == "partial"
    assert status["reason"] == "the code or data of task 'toy/colours' changed since this sweep began; start a new --out"


def test_a_part_that_hashes_and_draws_by_itself_is_paid_alike_in_every_worker(toy_policy, tmp_path):
    """A worker has its own seed for hashes, whatever the user's shell has, and for the generators that anybody shares."""
    (tmp_path / "drawing.py").write_text(
        "import random\n\nimport numpy as np\n\n\ndef pays(completions, **columns):\n"
        "    return [hash(text) % 97 + random.random() + np.random.random() for text in completions]\n"
    )
    words = ("--task", "toy/colours", "--policy", toy_policy, "--design", f"{tmp_path}/drawing.py:pays", "--seeds", "1", "--budget", "1")
    paid = []
    for seed in ("1", "2"):
        said = process("run", *words, "--out", tmp_path / seed, "--shard", "1/3", "--json", PYTHONHASHSEED=seed)
        assert said.code == 0, said.err
        (run,) = said.json["runs"]
        paid.append(trace.rows(tmp_path / seed / "runs" / run["run"]))
    assert paid[0] == paid[1]
    assert paid[0]


def test_what_an_editor_leaves_in_a_package_is_no_part_of_it(site, toy_policy):
    before = ids(toy_policy, "payer.pays:pays")
    (site / "payer" / ".#pays.py").symlink_to("nobody@nowhere.1:2")  # a buffer that is not saved
    (site / "payer" / ".venv").mkdir()
    (site / "payer" / ".venv" / "other.py").touch()
    (site / "payer" / "gone.py").symlink_to("nowhere.py")
    assert ids(toy_policy, "payer.pays:pays") == before


def test_what_lies_behind_a_link_to_a_folder_is_in_the_hash_once(tmp_path):
    task, elsewhere = tmp_path / "task", tmp_path / "elsewhere"
    for folder in (task / "designs", elsewhere / "deep", elsewhere / ".hidden"):
        folder.mkdir(parents=True)
    for place in (task / "task.py", elsewhere / "deep" / "words.txt", elsewhere / ".hidden" / "left.txt"):
        place.write_text(place.name)
    (task / "words").symlink_to(elsewhere)
    (task / "words too").symlink_to(elsewhere)
    (task / "designs" / "told.txt").write_text("told")
    (task / "lib").mkdir()
    (task / "lib" / "told").symlink_to(task / "designs")  # read by the task under this name
    (elsewhere / "deep" / "back").symlink_to(task)  # round and round
    before = data.files_of(task, apart=("designs",))
    assert [place for place, _ in before] == ["lib/told/told.txt", "task.py", "words/deep/words.txt"]
    (elsewhere / "deep" / "words.txt").write_text("others")
    assert data.files_of(task, apart=("designs",)) != before


def test_a_module_in_an_archive_is_read_from_there(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
        archive.writestr("zipped_pays.py", PAYS.format(""))
    monkeypatch.syspath_prepend(tmp_path / "site.zip")
    design = find.design("zipped_pays:pays", "toy/colours")
    assert find.bind(design, "toy/colours").bounds[0].call(completions=["four"]) == [4.0]


def test_what_is_checked_has_the_hash_of_what_is_run(site, toy_policy):
    place = f"{site}/paying.py:pays"
    checked = rbench("check", place, "--task", "qa/lookup", "--json").json["hash"]
    words = ("--task", "toy/colours", "--policy", toy_policy, "--design", place, "--seeds", "1", "--json")
    assert checked in {run["design_hash"] for run in rbench("plan", *words).json["runs"]}


def test_a_package_whose_files_tell_no_version_is_unknown():
    assert release("no-such-package") == "unknown"
    assert release("transformers").split(".")[0].isdigit()


def test_a_file_is_converted_once_for_each_version_of_what_converts_it(tmp_path, monkeypatch):
    (tmp_path / "a.gguf").write_bytes(b"a")
    places = set()
    for number in ("5.1", "5.2", "5.1"):
        monkeypatch.setattr(settings, "version", lambda package, number=number: number)
        places.add(settings.converted(tmp_path / "a.gguf"))
    assert len(places) == 2
