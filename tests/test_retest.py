"""Do test-retest, correlations with intervals, variance components and item statistics have their known answers?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from rewardbench import stats
from rewardbench.measures import agreement, retest
from rewardbench.types import UserError

near = pytest.approx
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
PASTES = """62.8 62.6 60.1 62.3 62.7 63.1  60.0 61.4 57.5 56.9 61.1 58.9  58.7 57.5 63.9 63.1 65.4 63.7  57.1 56.4 56.9 58.6
64.7 64.5  55.1 55.1 54.7 54.2 58.8 57.5  63.4 64.9 59.3 58.1 60.5 60.0  62.5 62.6 61.0 58.7 56.9 57.7  59.2 59.4 65.2
66.0 64.8 64.1  54.8 54.8 64.0 64.0 57.7 56.8  58.3 59.3 59.2 59.2 58.9 56.6"""
"""Strength of a paste, 10 batches x 3 casks x 2 assays: Davies & Goldsmith 1972."""


# --- correlations --------------------------------------------------------------------------------


@given(arrays(np.float64, (2, 9), elements=some.integers(0, 6).map(float)))
def test_spearman_is_scipys(rows):
    if min(np.ptp(rows, axis=1)) == 0:
        assert agreement.spearman(*rows) == 0
    else:
        assert agreement.spearman(*rows) == near(scipy_stats.spearmanr(*rows).statistic)


@pytest.mark.parametrize(("n", "low", "high"), [(8, 0.41, 0.99), (20, 0.72, 0.97), (40, 0.80, 0.95)])
def test_intervals_of_nine_tenths(n, low, high):
    assert agreement.rank_interval(0.9, n) == near((low, high), abs=0.006)


def test_published_interval_of_spearman():
    """The worked example of Bonett's statpsych, ci.spear."""
    y = [21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19]
    x = [67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51]
    rho = agreement.spearman(y, x)
    assert rho == near(0.8699639, abs=1e-7)
    assert agreement.rank_interval(rho, 15) == near((0.5840951, 0.9638297), abs=1e-6)


def test_intervals_at_the_ends_have_a_width():
    low, high = agreement.rank_interval(1.0, 8)
    assert 0.5 < low < high == 1
    assert agreement.rank_interval(-1.0, 8) == near((-high, -low))
    assert agreement.rank_interval(1.0, 8, "kendall")[0] < low
    assert agreement.rank_interval(0.5, 10, "kendall")[1] == near(
        np.tanh(np.arctanh(0.5) + 1.959964 * np.sqrt(0.437 / 6)), abs=1e-6
    )
    for bad in ((0.5, 4), (1.5, 10)):
        with pytest.raises(UserError):
            agreement.rank_interval(*bad)
    with pytest.raises(UserError):
        agreement.rank_interval(0.5, 10, "pearson")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spearman", "kendall"])
def test_intervals_of_correlations_cover(kind):
    """Bivariate normal at .7, 20 designs: 92-98% of the intervals hold the true rank correlation."""
    rng, r, n = np.random.default_rng(13), 0.7, 20
    truth = 6 / np.pi * np.arcsin(r / 2) if kind == "spearman" else 2 / np.pi * np.arcsin(r)
    held = 0
    for _ in range(2000):
        x, y = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], n).T
        one = agreement.spearman(x, y) if kind == "spearman" else agreement.kendall_tau_b(x, y)
        low, high = agreement.rank_interval(one, n, kind)
        held += low <= truth <= high
    assert 0.92 <= held / 2000 <= 0.98


def test_attenuation():
    assert agreement.attenuated(0.95, 0.8, 0.9) == near(0.81, abs=0.005)
    assert agreement.disattenuated(0.806, 0.8, 0.9) == near(0.95, abs=0.001)
    assert agreement.disattenuated(0.9, 0.5, 0.5) > 1
    with pytest.raises(UserError):
        agreement.disattenuated(0.9, 0.0, 0.5)


def test_tau_falls_by_one_swap():
    for n, tau in ((4, 0.6667), (6, 0.8667), (8, 0.9286)):
        swapped = [1, 0, *range(2, n)]
        assert agreement.kendall_tau_b(range(n), swapped) == near(tau, abs=5e-5)
    assert agreement.kendall_tau_b([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]) == near(0.6)


def test_decision_accuracy():
    resolved = stats.significantly_better([[0.9, 0.91], [0.5, 0.51], [0.50001, 0.51002], [0.1, 0.11]])
    assert agreement.decision_accuracy([4, 2, 3, 1], resolved) == 1
    worst = agreement.decision_accuracy([1, 2, 3, 4], resolved)
    assert worst == near((resolved.sum() - resolved[:3, 3].sum() - resolved[0, 1:3].sum()) / resolved.sum())
    assert agreement.decision_accuracy([1, 1, 1, 1], resolved) == 0.5
    assert agreement.decision_accuracy([1, 2], np.zeros((2, 2), dtype=bool)) is None


# --- test-retest ---------------------------------------------------------------------------------


def test_icc_of_shrout_and_fleiss():
    found = retest.retest(SHROUT_FLEISS).icc
    shown = (found.one, found.agreement, found.consistency, found.mean_agreement, found.mean_consistency)
    assert shown == near((0.1657, 0.2898, 0.7148, 0.6201, 0.9093), abs=5e-5)
    assert not retest.retest(SHROUT_FLEISS).reliable


def test_split_halves_by_hand():
    """Four seeds have three splits; the first two are worked here, the third follows."""
    x = np.array(SHROUT_FLEISS, dtype=float)
    cuts = [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    rhos = [scipy_stats.spearmanr(x[:, a].mean(axis=1), x[:, b].mean(axis=1)).statistic for a, b in cuts]
    taus = [scipy_stats.kendalltau(x[:, a].mean(axis=1), x[:, b].mean(axis=1)).statistic for a, b in cuts]
    found = retest.retest(x)
    assert (found.splits, found.every) == (3, True)
    assert (found.spearman.r, found.kendall.r) == near((np.mean(rhos), np.mean(taus)))
    assert (found.spearman.low, found.spearman.high) == near(agreement.rank_interval(np.mean(rhos), 6))
    assert found.whole.r == near(2 * found.spearman.r / (1 + found.spearman.r))
    assert found.range[0] == near(np.quantile(rhos, 0.025))


@pytest.mark.parametrize(("seeds", "splits"), [(2, 1), (3, 3), (5, 15), (6, 10), (8, 35)])
def test_every_split_is_taken_once(seeds, splits):
    cuts = [(tuple(a.tolist()), tuple(b.tolist())) for a, b in retest._every_split(seeds, seeds // 2)]
    assert len({frozenset(cut) for cut in cuts}) == len(cuts) == splits
    assert all(not set(a) & set(b) for a, b in cuts)


def test_of_an_odd_number_of_seeds_one_is_left_out():
    cuts = [(set(a.tolist()), set(b.tolist())) for a, b in retest._some_splits(7, 3, 20, "x")]
    assert all(len(a) == len(b) == 3 and not a & b for a, b in cuts)


def test_many_seeds_are_split_by_a_stream():
    x = np.random.default_rng(2).normal(size=(30, 20)) + np.linspace(0, 2, 30)[:, None]
    found = retest.retest(x, splits=300)
    assert (found.splits, found.every) == (300, False)
    assert found == retest.retest(x, splits=300)
    assert found != retest.retest(x, splits=300, stream="other")
    assert found.reliable


@pytest.mark.slow
def test_split_halves_stepped_up_are_the_reliability():
    """Designs of variance 1, seeds of variance 4, ten seeds: reliability 1 / (1 + .4), by halves and by ICC(2,k)."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2000, 1)) + 2 * rng.normal(size=(2000, 10))
    found = retest.retest(x, splits=50)
    assert found.icc.mean_agreement == near(1 / 1.4, abs=0.02)
    assert found.whole.r == near(1 / 1.4, abs=0.03)


def test_what_cannot_be_retested_is_refused():
    for bad in (np.zeros((4, 4)), np.zeros((6, 1)), [[np.nan, 1]] * 6):
        with pytest.raises(UserError):
            retest.retest(bad)


def test_signal_to_noise():
    assert retest.signal_to_noise([[0, 2], [4, 6]]) == near(np.sqrt(8) / np.sqrt(2))
    assert retest.signal_to_noise([[1, 1], [2, 2]]) == np.inf


# --- prompts -------------------------------------------------------------------------------------


def test_a_prompt_with_a_wrong_truth_is_found():
    rng = np.random.default_rng(4)
    ability = rng.normal(size=(40, 1))
    gold = ability + rng.normal(size=(40, 12))
    gold[:, 7] = -ability[:, 0] + rng.normal(size=40)
    assert retest.amiss(gold).tolist() == [7]
    r = retest.item_total(gold)
    alone = [np.corrcoef(gold[:, i], np.delete(gold, i, axis=1).mean(axis=1))[0, 1] for i in range(12)]
    assert r == near(alone)
    gold[:, 3] = 0.5
    assert np.flatnonzero(np.isnan(retest.item_total(gold))).tolist() == [3]


# --- variance components -------------------------------------------------------------------------


def test_components_of_the_pastes():
    """What restricted maximum likelihood gives as well (lme4): cask in batch 8.434, batch 1.657, assay .678."""
    found = stats.components(np.array(PASTES.split(), dtype=float).reshape(10, 3, 2))
    assert (found.prompt, found.seed, found.sample) == near((8.434, 1.657, 0.678), abs=5e-4)
    assert sum(found.of_mean) == near(1.657 + 8.434 / 3 + 0.678 / 6, abs=1e-3)


def test_components_that_were_put_in_come_out():
    rng = np.random.default_rng(5)
    seeds, prompts, samples = 4000, 8, 4
    gold = rng.normal(0, 2, (seeds, 1, 1)) + rng.normal(0, 3, (seeds, prompts, 1)) + rng.normal(0, 1, (seeds, prompts, samples))
    found = stats.components(gold)
    assert (found.seed, found.prompt, found.sample) == near((4, 9, 1), rel=0.06)
    assert sum(found.of_mean) == near(gold.mean(axis=(1, 2)).var(ddof=1), rel=1e-9)


def test_components_are_unbiased_at_few_seeds():
    """2000 sweeps of 5 seeds without a seed effect: mean squares agree, and a negative estimate is shown as 0."""
    rng = np.random.default_rng(6)
    found = [stats.components(rng.normal(size=(5, 6, 3))) for _ in range(2000)]
    assert np.mean([f.sample for f in found]) == near(1, abs=0.02)
    assert min(f.seed for f in found) == 0
    assert 0.3 < np.mean([f.seed == 0 for f in found]) < 0.8


def test_components_without_samples_or_spread():
    gold = np.random.default_rng(7).normal(size=(6, 5, 1))
    assert stats.components(gold).sample == 0
    assert stats.components(gold).of_mean[2] == 0
    still = stats.components(np.ones((3, 4, 2)))
    assert (still.seed, still.prompt, still.sample) == (0, 0, 0)
    for bad in (np.ones((1, 4, 2)), np.ones((3, 1, 2)), np.ones((3, 4)), np.full((3, 4, 2), np.nan)):
        with pytest.raises(UserError):
            stats.components(bad)
