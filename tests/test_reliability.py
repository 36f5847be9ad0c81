"""Do the numbers on plain curves - reliability, survival, KL, the law - match published and worked values?"""

from math import inf

import numpy as np
import pytest

from rewardbench import stats
from rewardbench.metrics import (
    kl_efficiency,
    length_reliance,
    overoptimisation,
    reliability,
    spikes,
    time_to_threshold,
)
from rewardbench.metrics.kl import best_of_n_bound, kl
from rewardbench.types import Anchor, Curve, UserError

near = pytest.approx
A = np.arange(10.0)
B = np.array([0, 2, 4, 6, 8, 3, 6, 7, 8, 8.0])
C = np.array([0, 1, 3, 2, 5, 4, 6, 5, 7, 6.0])
PUBLISHED = [-1, 2, 3.5, 5, 2, 1, 1.5, 3, 1.5, 6, 2]


def test_time_to_threshold():
    x, y = range(5), [0, 0.4, 0.6, 0.7, 0.7]
    assert time_to_threshold.time_to_threshold(x, y, 0.5) == near(1.5)
    assert time_to_threshold.time_to_threshold(x, y, 0.8) == inf
    crash = [0, 0.8, 0.2, 0.2, 0.2]
    assert time_to_threshold.time_to_threshold(x, crash, 0.5, sustained=1) == near(0.625)
    assert time_to_threshold.time_to_threshold(x, crash, 0.5) == inf
    assert time_to_threshold.time_to_threshold(x, y, -0.1) == 0


def test_survival():
    times, reached = [2, 3, 5, 8, 10, 10], [True, True, False, True, False, False]
    points, share = time_to_threshold.survival(times, reached)
    assert points.tolist() == [2, 3, 5, 8, 10]
    assert share.tolist() == near([0.833333, 0.666667, 0.666667, 0.444444, 0.444444], abs=1e-6)
    assert time_to_threshold.restricted_mean(times, 10, reached) == near(7.055556, abs=1e-6)
    assert time_to_threshold.median_time(times, reached) == 8
    assert time_to_threshold.restricted_mean([2, 4, 6, 10], 10, [True, True, True, False]) == near(5.5)
    assert time_to_threshold.restricted_mean([inf, inf], 10) == near(10)
    assert time_to_threshold.median_time([10, 10], [False, False]) == inf


def test_chan():
    found = reliability.reliability(A, [A, B, C])
    assert found.dispersion_across_time.tolist() == [0, 1, 3]
    assert found.short_term_risk.tolist() == [1, -5, -1]
    assert found.long_term_risk.tolist() == [0, 5, 1]
    assert found.dispersion_across_runs.tolist() == near([0, 0.5, 1, 2, 2, 1, 0, 1, 0.5, 1.5])
    assert found.risk_across_runs.tolist() == [0, 1, 2, 2, 4, 3, 6, 5, 7, 6]
    assert reliability.mad([A, B, C], axis=0).tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 0, 1]
    steps = reliability.differences(A, [A, B, C])
    assert reliability.mad(steps, axis=1).tolist() == [0, 1, 2]
    assert steps.std(axis=1, ddof=1).tolist() == near([0, 2.368778, 1.658312], abs=1e-6)
    assert [reliability.lower_cvar(s, 0.2) for s in steps] == near([1, -2.5, -1])


def test_long_term_risk_is_the_upper_tail():
    falls = [reliability.drawdown(y) for y in (A, B, C)]
    assert [reliability.upper_cvar(f) for f in falls] == [0, 5, 1]
    assert [reliability.lower_cvar(f) for f in falls] == [0, 0, 0]


def test_published_reliability_values():
    assert reliability.drawdown(PUBLISHED).tolist() == [0, 0, 0, 0, 3, 4, 3.5, 2, 3.5, 0, 4]
    assert reliability.lower_cvar(PUBLISHED, 0.3) == near(0.75)
    assert reliability.upper_cvar(PUBLISHED, 0.1) == near(5.5)
    slopes = reliability.differences([3, 6, 8, 9], [-1, 4, 2.3, 0])
    assert slopes.tolist() == near([1.666667, -0.85, -2.3], abs=1e-6)
    matrix = np.array([[1, 2, 4, 6], [2, 5, 1, 0], [0, 0, 35, -1]])
    assert reliability.mad(matrix, axis=0).tolist() == [1, 2, 3, 1]
    assert float(reliability.mad(matrix.ravel())) == 1.5
    rollouts = np.arange(1, 21)
    assert float(reliability.iqr(rollouts)) == near(9.5)
    assert float(reliability.iqr(rollouts) / np.median(rollouts)) == near(0.904762, abs=1e-6)
    assert (reliability.lower_cvar(rollouts), reliability.lower_cvar(rollouts, 0.25)) == (1, 3)


def test_decline_and_constant_have_sound_dispersion():
    decline = [0, -1, -3, -4, -6, -7, -9, -10, -12, -13]
    found = reliability.reliability(A, [decline, [2.0] * 10])
    assert found.dispersion_across_time.tolist() == [1, 0]
    assert found.long_term_risk.tolist() == [13, 0]
    with pytest.raises(UserError):
        reliability.reliability(A, [[np.nan] * 10])


def test_robust_z():
    window = [0.01, 0.012, 0.011, 0.013, 0.012, 0.011]
    assert reliability.robust_z(0.4, window) == near(524.079, abs=1e-3)
    assert (reliability.robust_z(1, [1, 1]), reliability.robust_z(2, [1, 1])) == (0, inf)
    assert reliability.robust_z(2, [1, 1], floor=0.5) == near(2)


def test_kl_estimators():
    found = kl([-0.5, 0, 0.5, 1])
    assert (found.k1, found.k2, found.k3) == near((0.25, 0.1875, 0.155783), abs=1e-6)
    assert kl([[0.0, 0.0]]).k1_se == 0
    assert kl([[0.0, 2.0], [3.0, 3.0]]).k1_se == near(1)


def test_overoptimisation():
    nats, proxy, gold = [0, 1, 4, 9, 16], [0, 1, 1.8, 2.5, 3.1], [0, 0.8, 1.2, 1.1, 0.7]
    found = overoptimisation.along(nats, proxy, gold)
    assert (found.peak, found.drop, found.relative) == near((1.2, 0.5, 0.416667), abs=1e-6)
    assert (found.gap, found.gain_a_nat, found.gain_a_nat_at_peak) == near((2.4, 0.04375, 0.3))
    assert (found.area, found.tau, found.tau_before) == near((0.8625, 0.2, 1))
    assert found.tau_after == near(-1)
    assert (found.law.alpha, found.law.beta) == near((0.926515, 0.530856), abs=1e-6)
    other = overoptimisation.fit(np.sqrt(nats), gold, best_of_n=True)
    assert (other.alpha, other.beta) == near((1.003548, 0.208065), abs=1e-6)


@pytest.mark.parametrize(
    ("alpha", "beta", "best_of_n", "peak"),
    [
        (1, 0.12, True, (4.166667, 2.083333)),
        (0.8, 0.35, False, (3.617251, 1.266038)),
        (1, 0.3, False, (10.312259, 3.093678)),
    ],
)
def test_peaks_of_the_law(alpha, beta, best_of_n, peak):
    law = overoptimisation.Law(alpha, beta, np.zeros((2, 2)))
    assert overoptimisation.law_peak(law, best_of_n) == near(peak, abs=1e-6)


def test_zeros_and_peaks_beyond_the_data():
    law = overoptimisation.Law(1, 0.3, np.zeros((2, 2)))
    assert overoptimisation.law_zero(law) == near(28.031625, abs=1e-6)
    assert overoptimisation.law_zero(overoptimisation.Law(1, 0.12, np.zeros((2, 2))), best_of_n=True) == near(8.333333)
    assert overoptimisation.peak_inside(law, 10) is None
    assert overoptimisation.peak_inside(law, 11) == near((10.312259, 3.093678), abs=1e-6)
    far = overoptimisation.Law(1, 0.1, np.zeros((2, 2)))
    assert overoptimisation.law_peak(far)[0] == near(8103, abs=0.1)
    rising = overoptimisation.Law(1, -0.1, np.zeros((2, 2)))
    assert overoptimisation.peak_inside(rising, 99) is None
    with pytest.raises(UserError):
        overoptimisation.law_zero(rising)


def test_covariance_of_the_law():
    """Fits of noisy laws scatter as their covariance says; three points or more."""
    rng = np.random.default_rng(1)
    d = np.linspace(0.6, 4, 8)
    fits = [overoptimisation.fit(d, d * (0.9 - 0.4 * np.log(d)) + rng.normal(0, 0.1, 8)) for _ in range(4000)]
    seen = np.cov([[f.alpha, f.beta] for f in fits], rowvar=False)
    assert np.mean([f.covariance for f in fits], axis=0) == near(seen, rel=0.08)


def test_best_of_n_bound():
    assert [best_of_n_bound(n) for n in (2, 4, 16, 64)] == near([0.1931, 0.6363, 1.8351, 3.1745], abs=5e-5)


def test_kl_efficiency():
    nats, gold = [0, 1, 4, 9, 16], [0, 0.8, 1.2, 1.1, 0.7]
    assert kl_efficiency.kl_efficiency(nats, gold, 4) == near(0.8625)
    assert kl_efficiency.kl_efficiency(nats, gold, 4) == near(overoptimisation.along(nats, gold, gold).area)
    assert kl_efficiency.kl_efficiency(nats, gold, 1.5) == near((0.4 + 0.45) / 1.5)
    assert kl_efficiency.common_distance([nats, [0, 2.25, 1], [-0.1, 100]]) == 1.5
    back_and_forth = [0, 4, 1, 16, 9]
    assert kl_efficiency.kl_efficiency(back_and_forth, [0, 1.2, 0.8, 0.7, 1.1], 4) == near(0.8625)
    assert kl_efficiency.gain_at(nats, gold, 3) == near(1.1)
    assert kl_efficiency.gain_at([0, 1], [0.5, 0.9], 1) == near(0.4)
    assert kl_efficiency.gain_at(nats, gold, 5) is None
    for bad in (5, 0):
        with pytest.raises(UserError):
            kl_efficiency.kl_efficiency(nats, gold, bad)
    with pytest.raises(UserError):
        kl_efficiency.common_distance([])


UNIT = Anchor(0.0, 1.0, 0.0, 0.0)


def run(gold, failed=False, budget=None):
    """A run of one evaluation a token, the same gold on all prompts and samples."""
    shape = (len(gold), 4, 2)
    wide = np.broadcast_to(np.asarray(gold, dtype=float)[:, None, None], shape)
    one = np.ones(shape)
    return Curve(
        steps=np.arange(len(gold)), tokens=np.arange(len(gold), dtype=float), gold=wide, reward=0 * one, kl=0 * one,
        length=one, ended=one > 0, entropy=np.ones(len(gold)), budget_steps=len(gold) - 1,
        budget_tokens=float(budget or len(gold) - 1), failed=failed,
    )  # fmt: skip


def test_arrivals_count_a_collapse_as_never():
    assert time_to_threshold.arrival(run([0, 0.4, 0.6, 0.7, 0.7]), UNIT, 0.5) == near(1.5 / 4)
    assert time_to_threshold.arrival(run([0, 0.4, 0.6, 0.7, 0.7]), UNIT, 0.8) == inf
    # a crash right after the first evaluation above: not sustained, never arrived
    assert time_to_threshold.arrival(run([0, 0.8], failed=True, budget=4), UNIT, 0.5) == inf
    # gold far below the start for three evaluations is a failure that stays, whatever comes later
    back = run([0, -0.6, -0.6, -0.6, 0.9, 0.9])
    assert time_to_threshold.collapse_time(back, UNIT) == 3
    assert time_to_threshold.arrival(back, UNIT, 0.5) == inf
    first = run([0, 0.9, 0.9, -0.6, -0.6, -0.6])
    assert time_to_threshold.collapse_time(first, UNIT) == 5
    assert time_to_threshold.arrival(first, UNIT, 0.5) == near(0.5 / 0.9 / 5)
    assert time_to_threshold.collapse_time(run([0, 0.1, 0.2, 0.3]), UNIT) == inf
    assert time_to_threshold.arrival(run([0, 0.1, 0.6, 0.6], budget=1), UNIT, 0.5) == inf


def test_arrivals_of_a_design():
    found = time_to_threshold.arrivals([0.2, 0.4, 0.6, inf])
    assert found.mean.mean == near(0.55) == near(time_to_threshold.restricted_mean([2, 4, 6, inf], 10) / 10)
    assert (found.reached, found.runs) == (3, 4)
    assert (found.low, found.high) == near((0.194120, 0.993691), abs=1e-6)
    gap = time_to_threshold.arrival_difference([0.2, 0.4, 0.3], [0.5, inf, 0.6])
    same = stats.paired_difference([0.2, 0.4, 0.3], [0.5, 1, 0.6])
    assert (gap.difference, gap.low, gap.high) == (same.difference, same.low, same.high)
    nobody = time_to_threshold.arrivals([inf, inf])
    assert (nobody.mean.mean, nobody.mean.low, nobody.reached) == (1, 1, 0)
    for bad in ([0.5, np.nan], [-0.1, 0.2], [1.5, 0.2]):
        with pytest.raises(UserError):
            time_to_threshold.arrivals(bad)


def test_spikes():
    quiet = [0.01, 0.012, 0.011, 0.013, 0.012, 0.011]
    assert spikes.spikes([*quiet, 0.4]).tolist() == [False] * 6 + [True]
    assert not spikes.spikes([*quiet, 0.4], floor=0.1).any()
    assert spikes.spikes([1.0] * 10).sum() == 0
    assert spikes.kl_spikes([*quiet, 0.02], floor=0).sum() == 0
    assert spikes.kl_spikes([*quiet, 0.4]).tolist()[-1]
    # the window forgets: what was unusual 20 numbers ago is not looked at any more
    long = [*quiet, *[5.0 + 0.1 * (i % 3) for i in range(21)]]
    assert spikes.spikes(long)[6]
    assert not spikes.spikes(long)[-1]
    rng = np.random.default_rng(2)
    assert spikes.spikes(np.exp(rng.normal(0, 0.3, 2000))).mean() < 0.002
    assert not spikes.length_drift([0, 5]).any()
    assert spikes.length_drift([10, 19, 21, 5.1, 4.9]).tolist() == [False, False, True, False, True]
    assert spikes.mismatch([], [], np.array([], dtype=bool)) == 0


def test_length_reliance():
    """Against regressions: the partial correlation is that of what length leaves over."""
    rng = np.random.default_rng(3)
    length, gold = rng.integers(5, 50, (40, 8)).astype(float), rng.random((40, 8))
    reward = 0.02 * length + gold + rng.normal(0, 0.1, (40, 8)) + rng.normal(0, 3, (40, 1))
    found = length_reliance.length_reliance(reward, length, gold)
    r, n, g = ((v - v.mean(axis=1, keepdims=True)).ravel() for v in (reward, length, gold))
    assert found.slope == near(np.linalg.lstsq(n[:, None], r, rcond=None)[0][0])
    assert found.correlation == near(np.corrcoef(r, n)[0, 1])
    left = [v - n * np.linalg.lstsq(n[:, None], v, rcond=None)[0][0] for v in (r, g)]
    assert found.partial == near(np.corrcoef(*left)[0, 1])
    only = length_reliance.length_reliance(3 * length, length, gold)
    assert (only.slope, only.correlation, only.partial) == near((3, 1, 0))
    flat = length_reliance.length_reliance(np.ones((3, 4)), np.ones((3, 4)), np.ones((3, 4)))
    assert (flat.slope, flat.correlation, flat.partial) == (0, 0, 0)
    with pytest.raises(UserError):
        length_reliance.length_reliance([[np.nan, 1]], [[1, 2]], [[0, 1]])


def test_dispersion_of_noise_alone():
    """Flat curves with noise: the IQR of their slopes is the floor, and a grid twice as dense doubles it."""
    rng, x = np.random.default_rng(4), np.arange(4001.0)
    noise = rng.normal(0, 0.05, 4001)
    floor = reliability.dispersion_floor(x, np.full(4001, 0.05))
    assert floor == near(1.34898 * np.sqrt(2) * 0.05, abs=1e-6)
    assert float(reliability.iqr(reliability.differences(x, noise))) == near(floor, rel=0.05)
    assert reliability.dispersion_floor(x / 2, np.full(4001, 0.05)) == near(2 * floor)
    assert reliability.dispersion_floor([0, 1, 2], [0, 0, 0]) == 0
