"""What does a kill lose? Nothing: real processes are ended with SIGKILL, resumed, and compared byte for byte."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sweeping import command, contents, environment, process, rbench, scores, toy_found

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture(scope="module")
def words(toy_policy):
    return ("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--json", "--seeds", "1",
            "--design", "reference")


@pytest.fixture(scope="module")
def whole(words, tmp_path_factory):
    """The undisturbed sweep, in this process."""
    with toy_found():
        folder = tmp_path_factory.mktemp("whole") / "sweep"
        return folder, rbench(*words, "--out", folder)


def begin(words, out):
    """The sweep in a process group of its own; it hears Ctrl-C even where the tests run in the background."""
    return subprocess.Popen(
        command(*words, "--out", out), env=environment(), start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def family(group: int) -> dict[int, str]:
    """pid -> command line of every living process of a group, read from /proc."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found[int(entry.name)] = line
    return found


def workers(group: int) -> list[int]:
    return [pid for pid, line in family(group).items() if "spawn_main" in line]


def wait_for(happened, seconds=120):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def rows_in(out: Path) -> int:
    """Lines recorded so far by all runs."""
    return sum(path.read_bytes().count(b"\n") for path in out.glob("runs/*/*.jsonl"))


def identical(out, whole, said):
    folder, undisturbed = whole
    assert said.code == 0, said.err
    assert contents(out) == contents(folder)
    assert scores(said) == scores(undisturbed)


def test_workers_die_with_their_parent_and_resume_makes_the_same_sweep(words, whole, tmp_path):
    out = tmp_path / "killed"
    running = begin(words, out)
    try:
        wait_for(lambda: rows_in(out) >= 5)
        assert workers(running.pid)
        running.kill()
        running.wait()
        wait_for(lambda: not family(running.pid), 10)
    finally:
        end(running)
    assert any('"partial"' in p.read_text() for p in out.glob("runs/*/status.json"))
    identical(out, whole, rbench("resume", out, "--json"))


def test_a_killed_worker_is_replaced_and_its_run_goes_on(words, whole, tmp_path):
    out = tmp_path / "killed"
    running = begin([*words, "--workers", "1"], out)
    try:
        wait_for(lambda: rows_in(out) >= 5)
        os.kill(workers(running.pid)[0], signal.SIGKILL)
        said = finished(running)
    finally:
        end(running)
    identical(out, whole, said)


def finished(running):
    from sweeping import Said

    out, err = running.communicate(timeout=300)
    return Said(running.returncode, out, err)


def end(running):
    """Leave nothing behind, whatever the test found."""
    for pid in family(running.pid):
        os.kill(pid, signal.SIGKILL)
    running.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("whom", ["group", "worker", "parent"])
def test_killed_at_a_random_moment(whom, number, words, whole, tmp_path):
    out = tmp_path / "killed"
    rng = random.Random(f"kill/{whom}/{number}")
    running = begin(words, out)
    try:
        wait_for((out / "sweep.toml").is_file)
        wait_for(lambda: rows_in(out) or rng.random() < 0.001)
        time.sleep(rng.random() * 3)
        if whom == "group":
            os.killpg(running.pid, signal.SIGKILL)
        elif whom == "parent":
            running.kill()
        else:
            for pid in workers(running.pid)[: rng.randint(1, 2)]:
                os.kill(pid, signal.SIGKILL)
            finished(running)
        running.wait()
        wait_for(lambda: not family(running.pid), 10)
    finally:
        end(running)
    identical(out, whole, process("resume", out, "--json"))


@pytest.mark.slow
def test_an_interrupt_saves_what_was_done_and_says_so(words, whole, tmp_path):
    out = tmp_path / "stopped"
    running = begin(words, out)
    try:
        wait_for(lambda: rows_in(out) >= 5)
        os.killpg(running.pid, signal.SIGINT)
        said = finished(running)
        wait_for(lambda: not family(running.pid), 10)
    finally:
        end(running)
    assert said.code == 130
    assert "rbench: interrupted; what was recorded is saved" in said.err
    assert "Traceback" not in said.err
    identical(out, whole, rbench("resume", out, "--json"))
