"""What do a hundred kills lose? No row: small sweeps are killed again and again, and end as if nothing had happened."""

import os
import random
import signal
import subprocess

import pytest
from sweeping import contents, rbench
from test_kill import begin, end, finished, rows_in, wait_for

KILLS = 100


def life(words, out, rng):
    """One life of the sweep: None if it was killed, after some rows or some seconds, else what it said."""
    running, before = begin(words, out), rows_in(out)
    more, seconds = rng.randrange(60), rng.uniform(0, 6)
    try:
        if rng.random() < 0.2:  # at any moment, most of them before the first row
            running.wait(seconds)
        else:
            wait_for(lambda: running.poll() is not None or rows_in(out) > before + more)
            running.wait(rng.uniform(0, 0.1))
        return finished(running)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        return None
    finally:
        end(running)


def done_in(out):
    """What the finished runs of a folder have recorded; nothing before there is a sweep."""
    if not (out / "sweep.toml").is_file():
        return {}
    found = contents(out)
    return {key: value for key, value in found.items() if found[key[0], "content"]}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills_lose_no_row(toy, toy_policy, tmp_path):
    rng, kills, sweeps = random.Random("soak"), 0, 0
    while kills < KILLS:
        sweeps += 1
        words = ("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "40", "--json",
                 "--seeds", f"{sweeps},{sweeps + 100},{sweeps + 200}", "--design", "reference", "--design", "random")
        undisturbed, out = tmp_path / f"whole{sweeps}", tmp_path / f"killed{sweeps}"
        assert rbench(*words, "--out", undisturbed).code == 0
        kept = {}
        while (said := life(words, out, rng)) is None:
            kills += 1
            found = done_in(out)
            assert kept.items() <= found.items(), "a finished run changed"
            kept = found
        assert said.code == 0, said.err
        assert contents(out) == contents(undisturbed)
        print(f"{kills} kills, {sweeps} sweeps: 0 rows lost", flush=True)
    assert kills >= KILLS
