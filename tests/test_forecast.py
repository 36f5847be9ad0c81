"""Are precision, recall, ranks and held-out thresholds of a warning what hand, scikit-learn and simulation say?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from rewardbench import stats
from rewardbench.measures import forecast
from rewardbench.measures.agreement import spearman
from rewardbench.types import UserError

near = pytest.approx
flags = arrays(bool, 12)


def test_classification_by_hand():
    """Ten designs: 4 flagged, of which 3 came true; 5 came true at all."""
    said = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    true = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]
    found = forecast.caught_by(said, true)
    assert (found["hits"], found["false_alarms"], found["misses"], found["designs"]) == (3, 1, 2, 10)
    assert (found["precision"]["value"], found["recall"]["value"]) == near((0.75, 0.6))
    assert (found["precision"]["low"], found["precision"]["high"]) == stats.wilson(3, 4)
    assert (found["recall"]["low"], found["recall"]["high"]) == stats.wilson(3, 5)
    assert forecast._f1(np.array(said, dtype=bool), np.array(true, dtype=bool)) == near(2 / 3)


@settings(deadline=None)  # scikit-learn loads in the first
@given(flags, flags)
def test_shares_are_scikit_learns(said, true):
    metrics = pytest.importorskip("sklearn.metrics")
    found = forecast.caught_by(said, true)
    shares = found["precision"]["value"], found["recall"]["value"], forecast._f1(said, true)
    peer = (metrics.precision_score, metrics.recall_score, metrics.f1_score)
    assert forecast.among(true, said) == shares[0]
    for own, theirs in zip(shares, peer):
        if own is not None:
            assert own == near(theirs(true, said, zero_division=0))


def test_what_is_not_defined_is_none():
    none = forecast.caught_by([0, 0, 0], [1, 0, 0])
    assert (none["precision"]["value"], none["precision"]["low"], none["recall"]["value"]) == (None, None, 0)
    calm = forecast.caught_by([1, 0, 0], [0, 0, 0])
    assert (calm["recall"]["value"], calm["precision"]["value"]) == (None, 0)
    assert forecast._f1(np.zeros(2, dtype=bool), np.zeros(2, dtype=bool)) is None
    nothing = forecast.cluster_bootstrap(lambda x: None, [np.array([0])], np.ones(1))
    assert (nothing.value, nothing.low, nothing.kind) == (None, None, "bootstrap")


def test_runs_of_one_design_are_one_warning():
    """Five runs of each of 12 designs, all alike: intervals are as wide as 12 rows' bootstrap, not as 60's."""
    said, true = np.array([1] * 6 + [0] * 6, dtype=bool), np.array([1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0], dtype=bool)
    rows = [np.arange(12 * 5).reshape(12, 5), np.arange(60)[:, None]]

    def precision(said, true):
        return forecast.among(true, said)

    once = forecast.cluster_bootstrap(precision, [np.array([i]) for i in range(12)], said, true)
    many, naive = (forecast.cluster_bootstrap(precision, list(r), np.repeat(said, 5), np.repeat(true, 5)) for r in rows)
    assert many.value == near(once.value) == near(4 / 6)
    assert (many.low, many.high) == near((once.low, once.high), abs=0.06)
    assert many.high - many.low > 1.5 * (naive.high - naive.low)


@pytest.mark.slow
def test_cluster_bootstrap_covers():
    """Forty designs of four runs that share their luck: 90-98% of the intervals of a share hold the truth."""
    rng, held = np.random.default_rng(14), 0
    names = [np.arange(4 * i, 4 * i + 4) for i in range(40)]
    for trial in range(400):
        chance = np.repeat(rng.beta(2, 2, 40), 4)
        true = rng.random(160) < chance
        found = forecast.cluster_bootstrap(
            lambda t: float(t.mean()), names, true, resamples=400, stream=f"covers/{trial}"
        )
        held += found.low <= 0.5 <= found.high
    assert 0.90 <= held / 400 <= 0.98


def test_leaving_a_group_out_shows_who_carries_the_result():
    """Within each task the forecast says nothing; one task is high in both, and makes the correlation."""
    x, y = [1, 2, 3, 1, 2, 3, 11, 12, 13], [2, 3, 1, 2, 3, 1, 12, 13, 11]
    tasks = ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    found = forecast.without_each(spearman, tasks, x, y)
    assert list(found) == ["a", "b", "c"]
    assert spearman(x, y) > 0.5
    assert found["c"] == near(scipy_stats.spearmanr(x[:6], y[:6]).statistic)
    assert found["c"] < 0 < found["a"]


def test_best_threshold_is_best():
    rng = np.random.default_rng(16)
    for _ in range(50):
        score, true = rng.random(15).round(1), rng.random(15) < 0.4
        best = forecast.best_threshold(score, true)
        values = {t: forecast._f1(score >= t, true) or 0 for t in [*np.unique(score), np.inf]}
        assert values[best] == max(values.values()) or not true.any()
        assert all(t <= best for t, v in values.items() if v == max(values.values())) or not true.any()
    assert forecast.best_threshold([0.5, 0.6], [0, 0]) == np.inf


def test_held_out_thresholds_do_not_flatter():
    """Noise: the threshold chosen on the same rows finds an F1 that the one chosen elsewhere does not keep."""
    rng, inside, outside = np.random.default_rng(17), [], []
    for _ in range(200):
        score, true, groups = rng.random(20), rng.random(20) < 0.3, np.repeat(range(10), 2).tolist()
        if true.any():
            inside.append(forecast._f1(score >= forecast.best_threshold(score, true), true))
            outside.append(forecast._f1(score >= forecast.held_out_thresholds(score, true, groups), true) or 0.0)
    assert np.mean(inside) > np.mean(outside) + 0.1
    sure = np.linspace(0, 1, 20)
    held_out = sure >= forecast.held_out_thresholds(sure, sure > 0.52, list(range(20)))
    assert (held_out == (sure > 0.52)).sum() >= 19


def test_what_is_no_forecast_is_refused():
    for use in (
        lambda: forecast.best_threshold([], []),
        lambda: forecast.best_threshold([1, 0], [1]),
        lambda: forecast.best_threshold([1, np.nan], [1, 0]),
        lambda: forecast.held_out_thresholds([0.1, 0.2], [1, 0], ["a"]),
        lambda: forecast.held_out_thresholds([0.1, 0.2], [1, 0], ["a", "a"]),
        lambda: forecast.without_each(spearman, ["a", "b"], [1, 2, 3], [1, 2, 3]),
    ):
        with pytest.raises(UserError):
            use()
