"""Does the GPU benchmark run whole, in small, on any machine? Its figures here mean nothing; that they are there does."""

import json
import runpy
import sys

import pytest
from sweeping import ROOT

STAGES = ("floors", "decode", "learn", "step", "overhead", "sweep", "eager")


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    """A call of the benchmark, and the rows that lie there afterwards."""
    out = tmp_path / "gpu.jsonl"

    def call(*stages):
        words = [w for s in stages for w in ("--only", s)]
        monkeypatch.setattr(sys, "argv", ["gpu.py", "--smoke", "--out", str(out), *words])
        runpy.run_path(str(ROOT / "benchmarks" / "gpu.py"), run_name="__main__")
        return [json.loads(line) for line in out.read_text().splitlines()], capsys.readouterr().out

    return call


def test_every_stage_gives_figures_and_a_second_call_goes_on(bench):
    rows, table = bench(*STAGES[:2])
    assert {r["stage"] for r in rows} == set(STAGES[:2])
    more, table = bench(*STAGES)
    assert more[: len(rows)] == rows
    assert {r["stage"] for r in more} == set(STAGES)
    for row in more:
        assert row["ours"] > 0, row
        assert row["machine"].startswith(("cpu", "gpu"))
        assert row["versions"]["torch"]
    for words in ("stacking factor", "of the bandwidth floor", "of the measured matrix rate", "sweep 2 x 2"):
        assert words in table
    assert bench(*STAGES)[0] == more
