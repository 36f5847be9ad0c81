"""Does a built wheel, installed elsewhere and run from another folder, list its tasks and run one?"""

import json
import os
import subprocess
import sys

import pytest
from sweeping import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder of its own with the wheel unpacked in it by pip (the locked packages come from this environment)."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    assert wheel.stat().st_size < 2_500_000
    place = folder / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place), str(wheel)], check=True
    )
    return place


def run(place, cwd, *words):
    """What `rbench` of the wheel alone prints, as JSON."""
    done = asked(place, cwd, *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(str(place)), done.stderr
    return json.loads(done.stdout)


def asked(place, cwd, *words):
    """`rbench` of the wheel alone: this checkout's folder is nowhere on the path."""
    code = "import sys, rewardbench; from rewardbench.__main__ import main; print(rewardbench.__file__, file=sys.stderr); main()"
    environment = {k: v for k, v in os.environ.items() if k != "REWARDBENCH_TASKS"} | {"PYTHONPATH": str(place)}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_it_lists_what_a_checkout_lists(installed, tmp_path):
    from sweeping import process

    for kind in ("tasks", "designs", "parts", "algorithms", "policies", "boards"):
        assert run(installed, tmp_path, "list", kind, "--json") == process("list", kind, "--json", REWARDBENCH_TASKS="").json


def test_it_runs_a_task(installed, tmp_path):
    words = ("run", "--task", "writing/story", "--design", "reference", "--seeds", "1", "--budget", "2", "--shard", "1/3", "--json")
    found = run(installed, tmp_path, *words)
    assert [r["status"] for r in found["runs"]] == ["done"]
    assert (tmp_path / "runs" / found["sweep"]).is_dir()
    assert (installed / "bin" / "rbench").is_file()


def test_a_board_can_be_entered_and_lacks_its_entries_in_one_line(installed, tmp_path):
    from sweeping import process

    words = ("plan", "--board", "cpu", "--task", "qa/lookup", "--design", "brevity", "--json")
    assert run(installed, tmp_path, *words) == process(*words, REWARDBENCH_TASKS="").json
    board = installed / "rewardbench" / "_leaderboards" / "cpu"
    for lacking in (("cite", "cpu/reference"), ("reproduce", "cpu/reference"), ("board", "build", board)):
        done = asked(installed, tmp_path, *map(str, lacking))
        assert done.returncode == 5, done.stderr
        said = done.stderr.splitlines()[-1]
        assert said.startswith("rbench: board cpu is here without its entries, which a wheel does not carry"), done.stderr
    (tmp_path / "leaderboards").symlink_to(ROOT / "leaderboards")  # a clone's folder, as pages and docs name it
    done = asked(installed, tmp_path, "cite", "leaderboards/cpu/reference")
    assert (done.returncode, "rewardbench_suite_cpu_v1_reference" in done.stdout) == (0, True), done.stderr
    assert not list(board.glob("*.html"))
