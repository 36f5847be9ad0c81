"""Is everything told of a run that a metric can tell, by hand-made curves with known answers, and the reason where it cannot?"""

import json
import shutil
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from sweeping import PARTS, rbench, toy_found
from test_machine_output import valid

from rewardbench import find, trace
from rewardbench.beside import beside
from rewardbench.types import Anchor, Curve

ONE = np.ones((1, 2))
CURVE = Curve(
    steps=np.array([0, 1, 2, 3, 4]),
    tokens=np.array([0.0, 10.0, 20.0, 30.0, 40.0]),
    gold=np.stack([v + np.array([[-0.1, 0.1]]) for v in (0.2, 0.3, 0.6, 0.5, 0.4)]),
    reward=np.stack([v + np.array([[-1.0, 1.0]]) for v in (0, 1, 2, 3, 4)]),
    kl=np.stack([v * ONE for v in (0.0, 1.0, 4.0, 9.0, 16.0)]),
    length=np.stack([np.array([[4.0, 8.0]])] * 5),
    ended=np.ones((5, 1, 2), dtype=bool),
    entropy=np.ones(5),
    budget_steps=4,
    budget_tokens=40.0,
)
ROWS = [{"norm": n, "length": 8.0 if n == 9 else 3.0, "drift": 0.5} for n in (1, 1.1, 0.9, 1, 1.1, 9)]
ANCHOR = Anchor(low=0.2, high=0.6, low_se=0.001, high_se=0.001)


def told(curve=CURVE, rows=ROWS, anchor=ANCHOR):
    return beside(SimpleNamespace(curve=curve, rows=rows), anchor)


def test_known_answers():
    values, reasons = told()
    assert values["kl"] == {"k1": 16.0, "k1_se": 0.0, "k2": 128.0, "k3": pytest.approx(np.expm1(-16.0) + 16)}
    # gains 0, .1, .4, .3, .2 at d = 0 … 4: the area is .05 + .25 + .35 + .25, over a way of 4
    assert values["kl_efficiency"] == {"gain": pytest.approx(0.9 / 4), "farthest": 4.0}
    # within the prompt: reward -1, 1; length -2, 2; gold -.1, .1: all alike, so nothing is left beside length
    assert values["length_reliance"] == {"slope": pytest.approx(0.5), "correlation": pytest.approx(1.0), "partial": 0.0}
    # in standard deviations at the start, of gold .1 and of the reward 1: gold gains 0, 1, 4, 3, 2, the reward 0 … 4
    over = values["overoptimisation"]
    assert over["peak"] == pytest.approx(4.0)
    assert over["drop"] == pytest.approx(2.0)
    assert over["relative"] == pytest.approx(0.5)
    assert over["gap"] == pytest.approx(4.0 - 2.0)
    assert (over["tau_before"], over["tau_after"]) == (pytest.approx(1.0), pytest.approx(-1.0))
    assert over["beta"] > 0  # it bends down
    # y' 0, .25, 1, .75, .5 at quarters of the budget: slopes 1, 3, -1, -1
    assert values["reliability"] == {
        "dispersion_across_time": pytest.approx(2.5), "short_term_risk": pytest.approx(-1.0), "long_term_risk": pytest.approx(0.5),
    }  # fmt: skip
    assert values["spikes"] == {"norm": 1.0, "length_drift": 1.0, "mismatch": 0.5}
    # half of the scale is crossed a third of the way from .25 to 1: 10 + 10 / 3 tokens of 40
    assert values["time_to_threshold"] == {"half": pytest.approx((10 + 10 / 3) / 40)}
    assert reasons == {}


def test_what_is_not_known_has_a_reason():
    low = replace(CURVE, gold=CURVE.gold * 0.1, kl=CURVE.kl * 0, reward=CURVE.reward * np.nan)
    values, reasons = told(low, [])
    assert reasons.pop("kl_efficiency") == "the policy did not move"
    assert reasons.pop("overoptimisation") == "nothing was paid"
    assert "leave out what abstained" in reasons.pop("length_reliance")
    assert reasons.pop("spikes") == "no step learnt anything"
    assert "not reached" in reasons.pop("time_to_threshold.half")
    assert reasons == {}
    assert values["time_to_threshold"] == {"half": None}
    assert values["kl"]["k1"] == 0.0
    _, reasons = told(anchor=None)
    assert reasons == {"time_to_threshold.half": "the task has no scale for this policy and budget"}
    _, reasons = told(replace(CURVE, kl=CURVE.kl * 0.01))
    assert set(reasons) == {"overoptimisation.alpha", "overoptimisation.beta"}
    short = replace(CURVE, **{n: getattr(CURVE, n)[:1] for n in ("steps", "tokens", "gold", "reward", "kl", "length", "ended", "entropy")})
    for curve in (None, short):
        values, reasons = told(curve)
        assert set(values) == set(reasons)
        assert set(reasons.values()) == {"fewer than two evaluations were recorded"}


@pytest.fixture(scope="module")
def swept(tmp_path_factory, toy_policy):
    with toy_found():
        folder = tmp_path_factory.mktemp("beside") / "runs"
        asked = ["--task", "toy/colours", "--policy", toy_policy, "--seeds", "1", "--budget", "default", "--out", folder]
        said = rbench("run", *asked, "--design", "reference", "--design", f"{PARTS}:nan", "--json", "--yes")
        yield folder, {r["design"]: r for r in said.json["runs"]}


def test_show_tells_of_a_run_what_its_sweep_printed_and_what_stands_beside_it(swept):
    folder, runs = swept
    for row in runs.values():
        shown = valid(rbench("show", folder / "runs" / row["run"], "--json"), "show")
        assert shown["result"] == row
        own = {n for n in find.files("metrics") if hasattr(import_module(f"rewardbench.metrics.{n}"), "of_run")}
        assert set(shown["beside"]) == own
        assert len(own) >= 7
        for name, numbers in shown["beside"].items():
            assert numbers or name in shown["reasons"]
            assert all(value is not None or f"{name}.{key}" in shown["reasons"] for key, value in numbers.items())
    assert runs["nan"]["status"] == "failed"
    told = rbench("show", folder / "runs" / runs["reference"]["run"]).out
    assert "\n  kl_efficiency" in told
    assert f"start {runs['reference']['gold']['start']:.4g}" in told


def test_a_run_that_cannot_be_measured_is_shown_all_the_same(swept, tmp_path):
    folder, runs = swept
    there = tmp_path / "x"
    shutil.copytree(folder / "runs" / runs["reference"]["run"], there)
    next((there / "evals").glob("0*.parquet")).unlink()
    shown = valid(rbench("show", there, "--json"), "show")
    assert shown["result"] is None
    assert "changed, or went missing, since the run was done" in shown["reasons"]["result"]
    assert shown["status"] == trace.status(there)
    assert json.dumps(shown["spec"])
