"""Does the doctor find what is wrong, say what to do, and tell nobody whose machine it is?"""

import ast
import getpass
import json
import os
import socket
import subprocess
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
from sweeping import ROOT, command, environment, process, rbench

from rewardbench import doctor
from rewardbench.policies import card, settings
from rewardbench.types import UserError


@pytest.fixture(scope="module")
def well():
    """The doctor of this environment, in a process of its own."""
    return process("doctor", "--json")


def trial(monkeypatch, **found):
    """What the process that tries torch would have told."""
    monkeypatch.setattr(doctor, "_trial", lambda: found)


GOOD = {"torch": "2.0", "devices": ["cpu"], "deterministic": True, "policy": "tiny", "said": "a dog", "repeats": True}


def test_this_environment_is_usable_and_the_object_is_what_its_schema_says(well):
    assert well.code == 0, well.err
    jsonschema.validate(well.json, json.loads((ROOT / "rewardbench" / "schemas" / "doctor.json").read_text()))
    assert well.json["usable"]
    states = {c["name"]: c["state"] for c in well.json["checks"]}
    assert states["torch"] == states["deterministic"] == states["policy"] == "ok"
    assert well.json["facts"]["torch"].split("+")[0] == metadata.version("torch").split("+")[0]
    assert well.json["facts"]["devices"].startswith("cpu")


def test_every_function_that_returns_a_finding_is_a_check(well):
    tree = ast.parse(Path(doctor.__file__).read_text())
    functions = {f.name for f in tree.body if isinstance(f, ast.FunctionDef) and f.returns is not None and ast.unparse(f.returns) == "Finding"}
    assert functions == set(doctor.CHECKS) == {c["name"] for c in well.json["checks"]}
    assert all(function.__doc__ for function in doctor.CHECKS.values())


def test_whatever_fails_says_what_to_do(well, monkeypatch):
    trial(monkeypatch, error="ImportError: libgomp.so.1")
    for found in doctor.examine():
        assert found.state == "ok" or found.fix, found


def test_the_text_says_the_same_and_names_neither_host_nor_user(well, tmp_path):
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    said = process("doctor", HOME=str(home), USER="somebody", LOGNAME="somebody", XDG_CACHE_HOME="",
                   REWARDBENCH_DATA=str(home / "data"), REWARDBENCH_TASKS="/srv/somebody/tasks")
    assert said.code == 0, said.err
    assert str(home) not in said.out
    assert "~/data" in said.out
    assert "somebody" not in said.out
    assert "/srv/<user>/tasks" in said.out
    for name in (socket.gethostname(), getpass.getuser()):
        assert len(name) < 4 or name not in said.out
    assert all(f"{c['name']}: " in said.out for c in well.json["checks"])
    assert said.out.rstrip().endswith("usable")


def test_a_broken_torch_is_code_4_and_names_the_error(tmp_path):
    """Before anything else on the path stands a torch that cannot be loaded."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('libgomp.so.1: cannot open shared object file')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(command("doctor", "--json"), env=environment(PYTHONPATH=path), capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    failed = {c["name"]: c for c in found["checks"] if c["state"] == "fail"}
    assert set(failed) == {"torch", "deterministic", "policy"}
    assert "libgomp.so.1" in failed["torch"]["text"]
    assert "requirements.lock" in failed["torch"]["fix"]


def test_a_torch_that_dies_is_no_death_of_the_doctor(monkeypatch, tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import os\nos.kill(os.getpid(), 4)\n")
    monkeypatch.setattr(doctor.sys, "path", [str(tmp_path), *doctor.sys.path])
    doctor._trial.cache_clear()
    assert doctor.torch()[0] == "fail"
    doctor._trial.cache_clear()


def test_what_does_not_repeat_is_a_warning_and_still_usable(monkeypatch):
    trial(monkeypatch, **{**GOOD, "deterministic": False})
    found = {f.name: f for f in doctor.examine()}
    assert found["deterministic"].state == "warn"
    assert doctor.usable(found.values())


def test_a_namesake_is_found_and_is_code_4(tmp_path, monkeypatch):
    trial(monkeypatch, **GOOD)
    info = tmp_path / "rewardbench-0.1.4.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rewardbench\nVersion: 0.1.4\n")
    assert doctor.namesake()[0] == "ok"
    monkeypatch.syspath_prepend(tmp_path)
    said = rbench("doctor")
    assert said.code == 4
    assert "AllenAI's rewardbench 0.1.4" in said.out
    assert "not usable" in said.out


def test_a_folder_in_which_nothing_can_be_made_fails_for_root_too(monkeypatch):
    monkeypatch.chdir("/proc")
    state, text, fix = doctor.output_folder()
    assert (state, bool(fix)) == ("fail", True)
    assert "nothing can be written here" in text


def test_wrong_folders_of_data_and_tasks_are_warned_of(tmp_path, monkeypatch):
    monkeypatch.setenv("REWARDBENCH_DATA", str(tmp_path / "gone"))
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path / "none"))
    assert doctor.data()[0] == "warn"
    assert doctor.tasks()[0] == "warn"
    twice = [tmp_path / name / "toy" / "same" for name in ("a", "b")]
    for folder in twice:
        folder.mkdir(parents=True)
        (folder / "task.py").write_text("")
    monkeypatch.setenv("REWARDBENCH_TASKS", os.pathsep.join(str(f.parents[1]) for f in twice))
    assert doctor.tasks()[0] == "fail"


def test_data_of_the_hub_is_no_folder_and_its_name_is_looked_at(monkeypatch):
    monkeypatch.setenv("REWARDBENCH_DATA", "hub:ann/things@v1")
    assert doctor.data()[:2] == ("ok", "hub:ann/things@v1: a file is fetched when a task first reads it")
    monkeypatch.setenv("REWARDBENCH_DATA", "hub:things")
    state, text, fix = doctor.data()
    assert state == "warn"
    assert fix
    assert "'things' is no repository of the hub" in text


def test_a_device_that_is_none_or_not_there_fails(monkeypatch):
    card.gpu.cache_clear()
    monkeypatch.setenv("REWARDBENCH_DEVICE", "gpu")
    state, text, fix = doctor.device()
    assert (state, bool(fix)) == ("fail", True)
    assert "did you mean 'cuda'?" in text
    monkeypatch.setenv("REWARDBENCH_DEVICE", "CPU")
    assert doctor.device()[:2] == ("ok", "cpu: everything is computed on processors")
    monkeypatch.setattr(card, "gpu", lambda: card.Gpu("H100", 2 << 30))
    monkeypatch.setenv("REWARDBENCH_DEVICE", "auto")
    monkeypatch.setattr(doctor.fence, "apart", lambda function, **how: None)
    assert "adapters are trained on H100 (2.0 GiB free)" in doctor.device()[1]


def test_a_card_that_workers_cannot_use_fails(monkeypatch):
    """It is asked for where workers are: behind the fence, in a process of its own, which is shown none here."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(card, "gpu", lambda: card.Gpu("H100", 2 << 30))
    monkeypatch.setenv("REWARDBENCH_DEVICE", "auto")
    state, text, fix = doctor.device()
    assert (state, bool(fix)) == ("fail", True)
    assert text.startswith("H100 is there, and a worker cannot use the GPU")


def test_cuda_without_a_gpu_fails(monkeypatch):
    def none():
        raise UserError("REWARDBENCH_DEVICE=cuda, but there is no GPU to be used: None; set it to cpu or auto", 4)

    monkeypatch.setattr(card, "gpu", none)
    assert doctor.device() == (
        "fail", "REWARDBENCH_DEVICE=cuda, but there is no GPU to be used: None", "set it to cpu or auto"
    )  # fmt: skip


def test_a_terminal_that_cannot_show_bars_is_warned_of():
    said = process("doctor", "--json", PYTHONIOENCODING="ascii")
    assert {c["name"]: c["state"] for c in said.json["checks"]}["terminal"] == "warn"
    assert said.code == 0


def test_little_disk_and_memory_are_warned_of(monkeypatch):
    monkeypatch.setattr(doctor, "memory", lambda: 1 << 20)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=5))
    assert doctor.memory_size()[0] == doctor.disk()[0] == "warn"


def test_an_old_python_fails(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 1))
    assert doctor.python()[0] == "fail"


@pytest.mark.parametrize(("text", "shown"), [
    ("/home/ann/runs", "~/runs"), ("/home/anna/runs", "/home/anna/runs"), ("x=/home/ann", "x=~"),
    ("/scratch/ann", "/scratch/<user>"), ("node7.lab.example: no", "<host>: no"), ("at node7", "at <host>"), ("node70", "node70"),
])  # fmt: skip
def test_only_whole_names_are_hidden(text, shown, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(doctor, "_user", lambda: "ann")
    monkeypatch.setattr(doctor.socket, "gethostname", lambda: "node7.lab.example")
    assert doctor.anonymous(text) == shown


def test_a_machine_that_knows_no_home_is_looked_at_all_the_same(monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(doctor.Path, "home", none)
    assert doctor.anonymous("here") == "here"


def test_a_file_of_the_working_directory_is_not_taken_for_torch(monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('not this one')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor.sys, "path", [p for p in doctor.sys.path if p] + [str(ROOT)])
    doctor._trial.cache_clear()
    assert "torch" in doctor._trial()
    doctor._trial.cache_clear()


def test_no_home_folder_is_a_warning_and_no_traceback(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    state, text, fix = doctor.cache()
    assert (state, text) == ("warn", "no home folder is known")
    assert "XDG_CACHE_HOME" in fix
    with pytest.raises(UserError) as refused:
        settings.cache()
    assert refused.value.code == 4
