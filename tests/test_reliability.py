"""Do the numbers on plain curves - reliability, survival, KL, the law - match published and worked values?"""

from math import inf

import numpy as np
import pytest

from rewardbench.metrics import overoptimisation, reliability, time_to_threshold
from rewardbench.metrics.kl import kl
from rewardbench.types import UserError

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
