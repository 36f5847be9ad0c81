"""What does a user's mistake look like? One line that names it and its cure, a documented code, no traceback."""

import fcntl
import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from sweeping import PARTS, command, contents, environment, one_line, rbench

from rewardbench import trace

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture(scope="module")
def run(toy_policy):
    def words(*more):
        return ("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "1", *more)

    return words


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """A finished sweep: one trained run, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REWARDBENCH_TASKS", str(PARTS.parents[2]))
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
    said = rbench("show", "toy/colour")
    assert said.code == 2
    one_line(said, "did you mean 'toy/colours'?")
    assert rbench("list", "taks").code == 2


SPECS = {
    'taks = ["toy/colours"]': (2, "did you mean 'tasks'?"),
    'tasks = "toy/colours"': (2, "tasks must be a list"),
    "tasks = [": (2, "not valid TOML"),
    'tasks = ["toy/colours"]\nseeds = 0': (2, "seeds '0'"),
    'tasks = ["toy/colours"]\nseeds = true': (2, "seeds = True is not"),
    'tasks = ["toy/colours"]\nseeds = [1, 1]': (2, "one seed twice"),
    'tasks = ["toy/colours"]\nseeds = ["x"]': (2, "seeds 'x,'"),
    'tasks = ["toy/colours"]\nbudget = 2.5': (2, "budget = 2.5"),
    'tasks = ["toy/colours"]\npolicy = 3': (2, "policy = 3"),
    'tasks = ["toy/colours"]\noptions = 3': (2, "options = 3"),
    'tasks = ["toy/colours"]\n[options]\nclp = 0.1': (2, "did you mean 'clip'?"),
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
    one_line(said, "holds another spec")
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


def test_a_torn_last_line_is_no_row(copy):
    out, run = copy
    whole = trace.rows(run)
    with (run / "steps.jsonl").open("ab") as file:
        file.write(b'{"step": 4, "rew')
    assert trace.rows(run) == whole
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
    one_line(said, "the code of task 'toy/colours' changed")
    monkeypatch.setenv("REWARDBENCH_TASKS", str(PARTS.parents[2]))
    policy = Path(trace.read_toml(out / "local.toml", "")["policy"])
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
