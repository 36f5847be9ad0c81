"""Does the test on challenge seeds flag honest entries at its level, and picked ones as often as was measured?"""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from rewardbench import stats
from rewardbench.types import UserError

near = pytest.approx
ENTRY = [0.62, 0.55, 0.60, 0.58, 0.65]


def test_threshold_is_the_formula():
    m, s = np.mean(ENTRY), np.std(ENTRY, ddof=1)
    for fresh in ([0.5], [0.5, 0.52], [0.5, 0.48, 0.55]):
        c = len(fresh)
        room = scipy_stats.t.ppf(0.95, 4) * s * np.sqrt(1 / c + 1 / 5)
        found = stats.challenge(ENTRY, fresh)
        assert found.threshold == near(m - room)
        assert found.flag is bool(np.mean(fresh) < m - room)
        assert (found.p < 0.05) is found.flag


def test_p_is_half_at_the_mean_and_falls():
    assert stats.challenge(ENTRY, [np.mean(ENTRY)]).p == near(0.5)
    low, lower = stats.challenge(ENTRY, [0.55]).p, stats.challenge(ENTRY, [0.45]).p
    assert 0.5 > low > 0.05 > lower
    at = stats.challenge(ENTRY, [stats.challenge(ENTRY, [0.5]).threshold])
    assert at.p == near(0.05)


def test_the_prediction_interval_of_one_more_is_the_two_sample_t():
    """Where c challenge seeds pool no variance of their own, t is (m - x) / (s sqrt(1/c + 1/k)), by hand."""
    found = stats.challenge([0.0, 1.0, 2.0, 3.0, 4.0], [-2.0, -1.0])
    assert found.p == near(scipy_stats.t.cdf(-3.5 / (np.sqrt(2.5) * np.sqrt(0.7)), 4))
    assert found.flag


def test_seeds_without_spread():
    assert not stats.challenge([0.5, 0.5], [0.5]).flag
    assert stats.challenge([0.5, 0.5], [0.5]).p == 1
    assert stats.challenge([0.5, 0.5], [0.4]).flag
    assert stats.challenge([0.5, 0.5], [0.4]).p == 0


def test_several_tasks_share_one_test():
    """Copies of one task: the mean is known better, by the root of their number."""
    one, four = stats.challenge(ENTRY, [0.5]), stats.challenge([ENTRY] * 4, [[0.5]] * 4)
    m = np.mean(ENTRY)
    ratio = scipy_stats.t.ppf(0.95, 16) / scipy_stats.t.ppf(0.95, 4) / 2
    assert (m - four.threshold) / (m - one.threshold) == near(ratio)


def test_with_one_fresh_seed_it_is_students_test_of_two_samples():
    """A sample of one adds no degree of freedom, so that the pooled test of SciPy has the same p."""
    rng = np.random.default_rng(5)
    for size in (2, 3, 5, 10):
        own, fresh = rng.normal(0.7, 0.1, size), rng.normal(0.7, 0.1, 1)
        assert stats.challenge(own, fresh).p == near(scipy_stats.ttest_ind(fresh, own, alternative="less").pvalue)


def test_angles_of_shares_spread_alike_wherever_they_lie():
    """The variance of the arcsine of a binomial share's root is 1 / (4 n), whatever the share."""
    rng = np.random.default_rng(2)
    for p in (0.1, 0.5, 0.9):
        shares = rng.binomial(400, p, 20_000) / 400
        assert stats.angle(shares).std() == near(0.5 / 20, rel=0.03)
        assert stats.share(float(stats.angle(p))) == near(p)
    assert stats.angle([-1.0, 2.0]).tolist() == stats.angle([0.0, 1.0]).tolist()


def test_one_test_of_three_tasks_against_a_test_a_task():
    """Honest entries one in twenty either way; a lie on one task is found a little less often, on all of them far more."""
    rng = np.random.default_rng(3)
    own, fresh = rng.normal(size=(1500, 3, 5)), rng.normal(size=(1500, 3, 3))

    def found(lie):
        told = own + np.array(lie)[:, None]
        one = [stats.challenge(a, b).flag for a, b in zip(told, fresh, strict=True)]
        each = [any(stats.challenge(a[t], b[t], 0.05 / 3).flag for t in range(3)) for a, b in zip(told, fresh, strict=True)]
        return np.mean(one), np.mean(each)

    assert found([0, 0, 0]) == near((0.05, 0.05), abs=0.015)
    one, each = found([3, 0, 0])
    assert each - 0.12 < one < each
    one, each = found([1, 1, 1])
    assert one > each + 0.15


@pytest.mark.parametrize("fresh", [[], [np.nan], [[0.1], [0.2]]])
def test_what_is_no_challenge_is_refused(fresh):
    with pytest.raises(UserError, match="challenge seeds"):
        stats.challenge(ENTRY, fresh)
    with pytest.raises(UserError, match="one seed"):
        stats.challenge([0.5], [0.5])


def test_spread_against_the_pooled_one():
    spread, df = stats.pooled_spread([[0, 2], [10, 12, 14]])
    assert (spread, df) == (near(np.sqrt((2 + 8) / 3)), 3)
    found = stats.too_alike(ENTRY, 0.1, 40)
    assert found.ratio == near(np.var(ENTRY, ddof=1) / 0.01)
    assert found.p == near(scipy_stats.f.cdf(found.ratio, 4, 40))
    assert stats.too_alike(ENTRY, 0.0, 40).p == 1
    rng = np.random.default_rng(1)
    p = [stats.too_alike(row, 1.0, 1e9).p for row in rng.normal(size=(4000, 5))]
    assert np.mean(np.array(p) < 0.05) == near(0.05, abs=0.012)


def test_real_seeds_drawn_without_replacement():
    """A large normal pool gives what normal draws give; the same stream the same numbers."""
    pool = scipy_stats.norm.ppf((np.arange(400) + 0.5) / 400)
    real, drawn = stats.catch_rate(pool, (5, 20)), stats.simulate((5, 20))
    assert real.inflation == near(drawn.inflation, abs=0.03)
    assert real.shown == near(drawn.shown, abs=0.02)
    assert real.caught == near(drawn.caught, abs=0.02)
    honest = stats.catch_rate(pool, (5, 5))
    assert honest.caught == near([0.05] * 4, abs=0.012)
    assert honest.inflation == near(0, abs=0.02)
    assert stats.catch_rate(pool, (5, 20)) == real
    assert stats.catch_rate(pool, (5, 20), stream="other") != real
    scaled = stats.catch_rate(3 + 0.1 * pool, (5, 20))
    assert scaled.caught == near(real.caught, abs=1e-3)
    assert scaled.inflation == near(real.inflation)


def test_how_far_sixty_normal_seeds_lie_from_the_table():
    """Why one design's share caught says little against it: the 95 nearest of 100 pools lie within .12 to .145 of it."""
    rng = np.random.default_rng(4)
    rates = [stats.catch_rate(rng.normal(size=60), (5, 20), resamples=1000).caught for _ in range(200)]
    off = np.quantile(np.abs(np.array(rates) - [0.55, 0.685, 0.765, 0.85]), 0.95, axis=0)
    assert off == near([0.143, 0.144, 0.136, 0.12], abs=0.03)


def test_where_one_run_in_ten_collapses_more_seeds_flag_more_honest_entries():
    """One in seven with two challenge seeds, one in four with five: who sees a collapse that the entry had not."""
    rng = np.random.default_rng(8)
    shares = np.where(rng.random((4000, 10)) < 0.1, 0.2, 0.9) + rng.normal(0, 0.03, (4000, 10))
    told = stats.angle(shares)
    rates = [np.mean([stats.challenge(row[:5], row[5 : 5 + c]).flag for row in told]) for c in (2, 5)]
    assert rates == near([0.134, 0.253], abs=0.02)


def test_reported_seeds_are_never_challenged():
    """All of the pool but the best: with one seed far above, whoever reports it is never shown it again."""
    pool = np.r_[np.zeros(9), 9.0]
    found = stats.catch_rate(pool, (2, 5), c=(5,))
    assert found.inflation == near((0.5 * 4.5 + 0.5 * 0.0 - 0.9) / pool.std(ddof=1), abs=0.03)


def test_trying_designs_on_the_boards_seeds():
    """Twenty equal designs: the best of 20 means of 5 stands 1.87 standard errors up, and fresh seeds do not follow."""
    cells = np.random.default_rng(6).normal(size=(500, 40))
    found = stats.grind_rate(cells, k=5, tries=20)
    best_of_twenty = 1.8675
    assert found.inflation == near(best_of_twenty / np.sqrt(5), abs=0.06)
    assert found.shown == near(0.94, abs=0.1)
    assert found.caught == near([0.149, 0.196, 0.226, 0.27], abs=0.05)
    alone = stats.grind_rate(cells, k=5, tries=1)
    assert alone.inflation == near(0, abs=0.04)
    assert alone.caught == near([0.05] * 4, abs=0.025)
    apart = cells + np.linspace(0, 500, 500)[:, None]  # what looks best is best: nothing is gained by trying
    assert stats.grind_rate(apart, k=5, tries=5).inflation == near(0, abs=0.1)


def test_what_does_not_fit_is_refused():
    for use in (
        lambda: stats.simulate((1, 5)),
        lambda: stats.simulate((6, 5)),
        lambda: stats.catch_rate(np.arange(20.0), (5, 20)),
        lambda: stats.grind_rate(np.zeros((3, 20)), tries=4),
        lambda: stats.grind_rate(np.zeros((30, 6)), k=5),
    ):
        with pytest.raises(UserError):
            use()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pick", "inflation", "shown", "caught"),
    [
        ((5, 5), 0, 0.94, (0.05, 0.05, 0.05, 0.05)),
        ((5, 10), 0.74, 0.58, (0.30, 0.37, 0.41, 0.47)),
        ((5, 20), 1.21, 0.46, (0.55, 0.69, 0.77, 0.85)),
        ((5, 50), 1.71, 0.38, (0.78, 0.91, 0.96, 0.99)),
    ],
)
def test_the_measured_table_of_picked_seeds(pick, inflation, shown, caught):
    found = stats.simulate(pick, draws=200_000)
    assert found.inflation == near(inflation, abs=0.012)
    assert found.shown == near(shown, abs=0.008)
    assert found.caught == near(caught, abs=0.012)
