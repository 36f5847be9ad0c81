"""Do intervals, verdicts and ranks give the published and hand-worked answers, and hold what they promise?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from rewardbench import stats
from rewardbench.types import UserError

near = pytest.approx
GAPS = [0.01, -0.02, 0.015, 0, 0.005]
table = arrays(np.float64, some.tuples(some.integers(1, 4), some.integers(2, 8)), elements=some.floats(-1, 2))


def test_welch_satterthwaite():
    interval = stats.mean_interval(np.array([[0.6, 0.4], [0.7, 0.5], [0.65, 0.3]]).T)
    assert (interval.mean, interval.se, interval.df) == near((0.525, 0.032275, 2.941176), abs=1e-6)
    assert interval.high - interval.mean == near(0.103885, abs=1e-6)
    assert (interval.kind, interval.n) == ("t", 3)


@pytest.mark.parametrize(
    ("scores", "answer"),
    [([*range(7), 100], 3.5), (range(1, 11), 5.5), ([0, 1, 10], 3.666667), ([0, 1, 2, 3, 100], 2)],
)
def test_iqm(scores, answer):
    assert stats.iqm(list(scores)) == near(answer, abs=1e-6)


def test_published_aggregates():
    x, y = np.array([[1, 2], [2, 2], [1, 1], [2, 1]]).T, np.array([[1, 1], [2, 2], [3, 3]]).T
    assert (stats.iqm(x), stats.iqm(y)) == (1.5, 2)
    assert (stats.mean_interval(x).mean, stats.mean_interval(y).mean) == (1.5, 2)
    assert stats.probability_of_improvement(x, y) == near(1 / 3)
    assert stats.probability_of_improvement(y, x) == near(2 / 3)


def test_holm():
    assert stats.holm([0.01, 0.02, 0.03, 0.2]) == near([0.04, 0.06, 0.06, 0.2])
    assert stats.holm([0.2, 0.01, 0.03, 0.02]) == near([0.2, 0.04, 0.06, 0.06])
    assert stats.holm([]) == []


def test_tost():
    comparison = stats.paired_difference(GAPS, [0] * 5, level=0.9)
    assert (comparison.low, comparison.high) == near((-0.010880, 0.014880), abs=1e-6)
    assert stats.tost(comparison, 0.02) == near(0.020382, abs=1e-6)
    assert stats.tost(comparison, 0.01) == near(0.128022, abs=1e-6)
    assert stats.verdict(comparison, 0.02) == "equivalent"
    assert stats.verdict(comparison, 0.01) == "unresolved"


def test_verdicts():
    rise = stats.paired_difference([0.5, 0.55, 0.6, 0.5, 0.52], [0.1, 0.11, 0.2, 0.05, 0.1])
    fall = stats.paired_difference([0.1, 0.11, 0.2, 0.05, 0.1], [0.5, 0.55, 0.6, 0.5, 0.52])
    noise = stats.paired_difference([0.5, 0.1, 0.9, 0.3, 0.4], [0.2, 0.6, 0.4, 0.5, 0.1])
    assert stats.verdicts([rise, fall, noise]) == ["better", "worse", "unresolved"]


def test_holm_can_take_a_verdict_away():
    lone = stats.paired_difference([0.30, 0.20, 0.45, 0.02, 0.25], [0] * 5)
    noise = [stats.paired_difference([0.5, 0.1, 0.9, 0.3, 0.4], [0.2, 0.6, 0.4, 0.5, 0.1])] * 5
    assert 0.01 < lone.p < 0.05
    assert stats.verdict(lone) == "better"
    assert stats.verdicts([lone, *noise])[0] == "unresolved"


def test_real_but_negligible_is_a_tie():
    comparison = stats.paired_difference([0.010, 0.011, 0.012, 0.011, 0.010], [0] * 5)
    assert comparison.p < 0.001
    assert stats.verdict(comparison) == "equivalent"


def test_equal_differences_have_the_width_of_a_standard_deviation_of_one_hundredth():
    up = stats.paired_difference([0.5, 0.6, 0.7], [0.1, 0.2, 0.3])
    half = scipy_stats.t.ppf(0.975, 2) * 0.01 / np.sqrt(3)
    assert (up.low, up.high) == near((0.4 - half, 0.4 + half))
    assert up.p == near(2 * scipy_stats.t.sf(0.4 / (0.01 / np.sqrt(3)), 2))
    assert stats.verdict(up) == "better"
    both = stats.all_pairs([[0.5, 0.6, 0.7], [0.1, 0.2, 0.3]])
    assert (both.se[0], both.p[0]) == near((up.se, up.p))
    same = stats.paired_difference([0.5, 0.6], [0.5, 0.6])
    assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)
    assert stats.verdict(same) == "equivalent"


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("deviation", [0.02, 0.04, 0.08])
def test_seeds_that_fall_on_one_step_by_chance_are_told_apart_no_more_often_than_the_level_says(n, deviation):
    """Gold moves in steps of 1/256; with p 0 for equal differences, two seeds passed a level of .001 up to 49 times too often."""
    gaps = np.round(np.random.default_rng(0).normal(0, deviation, (20_000, n)) * 256) / 256
    kinds, count = np.unique(np.sort(gaps, axis=1), axis=0, return_counts=True)
    p = np.array([stats.paired_difference(gap, np.zeros(n)).p for gap in kinds])
    for level in (0.05, 0.025, 0.0125, 0.005, 0.001):
        assert count[p < level].sum() <= 20_000 * level + 3 * np.sqrt(20_000 * level)


@pytest.mark.parametrize(("falls", "said"), [(0, "unresolved"), (1, "unresolved"), (2, "unresolved"), (3, "equivalent")])
def test_seeds_that_stay_at_the_end_of_a_scale_do_not_show_that_others_do(falls, said):
    """Five seeds that all kept what they had: one of ten that falls by half would mostly not be among them."""
    kept = [1.0] * (5 - falls) + [0.99, 0.98, 0.985][:falls]
    gap = stats.paired_difference(kept, [1.0] * 5)
    assert stats.verdict(gap) == said
    assert stats.verdict(stats.paired_difference([1 - v for v in kept], [0.0] * 5)) == said


def test_as_many_seeds_as_would_have_shown_it_are_a_tie():
    """Had a share of .03 lain at the other end, 99 seeds would have shown one of them 95 times in 100."""
    for n, said in ((98, "unresolved"), (99, "equivalent")):
        gap = stats.paired_difference([1.0] * n, [1.0] * n)
        assert stats.tost(gap) == near(0.97**n)
        assert stats.verdict(gap) == said


def test_a_stable_design_is_rarely_taken_for_one_that_falls_now_and_then():
    """A design whose S is 1, and one that falls by half on a tenth of its seeds: .05 apart, the margin is .03."""
    rng = np.random.default_rng(7)
    falls = rng.random((2000, 5)) < 0.1
    spread = 1e-3 * rng.random((2000, 5))  # a few that do not quite stay
    for noise in (0 * spread, np.where(rng.random((2000, 5)) < 0.3, spread, 0)):
        called = [stats.verdict(stats.paired_difference(s, [1.0] * 5)) == "equivalent" for s in 1 - 0.5 * falls - noise]
        assert np.mean(called) < 0.1


@pytest.mark.parametrize("bad", [[0.5], [[0.5], [0.4]], [0.5, np.nan], [[0.1, 0.2], [0.3]], [], [0.1, None]])
def test_bad_tables_are_refused(bad):
    for use in (stats.mean_interval, stats.bootstrap, lambda x: stats.paired_difference(x, x)):
        with pytest.raises(UserError):
            use(bad)


def test_pairs_need_the_same_cells():
    with pytest.raises(UserError, match="same tasks and seeds"):
        stats.paired_difference([0.1, 0.2, 0.3], [0.1, 0.2])


def test_many_seeds_are_bootstrapped_reproducibly():
    scores = np.random.default_rng(1).normal(size=(3, 20))
    interval = stats.mean_interval(scores)
    assert interval.kind == "bootstrap"
    assert interval == stats.mean_interval(scores)
    assert interval.high - interval.low == near(2 * 1.96 * interval.se, rel=0.1)
    assert stats.bootstrap(scores, name="a") != stats.bootstrap(scores, name="b")


def test_wilson():
    assert stats.wilson(0, 10) == near((0, 0.277533), abs=1e-6)
    assert stats.wilson(5, 10) == near((0.236593, 0.763407), abs=1e-6)


def test_minimum_detectable_difference():
    comparison = stats.paired_difference(GAPS, [0] * 5)
    assert stats.minimum_detectable_difference(comparison) == near(
        (2.776445 + 0.940965) * comparison.se, abs=1e-6
    )


def test_rank_intervals():
    noise = np.array([0, 0.01, -0.01, 0.02, -0.02])
    twin = np.array([0.3, -0.3, 0.2, -0.2, 0.1])
    scores = [[0.9 + noise], [0.5 + twin], [0.5 - twin], [-0.5 - noise]]
    assert stats.rank_intervals(scores).tolist() == [[1, 3], [1, 3], [1, 3], [4, 4]]
    assert stats.rank_intervals([[0.9 + noise], [0.5 - noise], [0.1 + 0 * noise]]).tolist() == [
        [1, 1],
        [2, 2],
        [3, 3],
    ]


def test_exact_shares():
    """Clopper & Pearson's limits as tabled; they hold Wilson's and always cover."""
    assert stats.exact_share(0, 10) == near((0, 0.308497), abs=1e-6)
    assert stats.exact_share(3, 10) == near((0.066740, 0.652453), abs=1e-6)
    assert stats.exact_share(10, 10) == near((0.691503, 1), abs=1e-6)
    assert stats.exact_share(0, 0) == (0, 1)
    p = 0.13
    covered = [hits for hits in range(21) if stats.exact_share(hits, 20)[0] <= p <= stats.exact_share(hits, 20)[1]]
    assert scipy_stats.binom.pmf(covered, 20, p).sum() >= 0.95


@given(arrays(np.float64, (3, 5), elements=some.floats(-0.5, 1.5)))
def test_area_under_the_profile_is_the_clipped_mean(scores):
    at = (np.arange(2000) + 0.5) / 2000
    assert stats.profile(scores, at).mean() == near(np.clip(scores, 0, 1).mean(), abs=1e-3)
    assert (np.diff(stats.profile(scores, at)) <= 0).all()


def test_bradley_terry():
    found = stats.bradley_terry([[0, 7, 8], [3, 0, 6], [2, 4, 0]])
    assert found == near([0.740570, -0.149102, -0.591468], abs=1e-6)
    assert 1 / (1 + np.exp(found[1] - found[0])) == near(0.708823, abs=1e-6)
    with pytest.raises(UserError, match="alpha"):
        stats.bradley_terry([[0, 5, 5], [0, 0, 3], [0, 2, 0]])
    assert stats.bradley_terry([[0, 5, 5], [0, 0, 3], [0, 2, 0]], alpha=0.1)[0] > 1
    assert stats.bradley_terry([[0, 5], [5, 0]]) == near([0, 0])


def test_win_rates_at_equal_length():
    """Longer answers win by length alone: raw says better, at equal length it is a tie; and a real effect stays."""
    rng = np.random.default_rng(18)
    gap = rng.normal(40, 50, 6000)
    by_length = rng.random(6000) < 1 / (1 + np.exp(-2 * np.tanh(gap / gap.std())))
    found = stats.win_rate(by_length.astype(float), gap)
    assert found.raw > 0.6
    assert found.controlled == near(0.5, abs=0.03)
    assert found.length == near(2, abs=0.15)
    better = rng.random(6000) < 0.7
    assert stats.win_rate(better.astype(float), gap).controlled == near(0.7, abs=0.03)
    assert stats.win_rate([1, 1, 0.5, 0], [0, 0, 0, 0]).controlled == 0.625
    assert stats.win_rate([1, 1], [5, -5]).controlled == 1
    for bad in (([1], [1, 2]), ([2], [1]), ([np.nan], [1])):
        with pytest.raises(UserError):
            stats.win_rate(*bad)


@given(table, some.randoms())
def test_order_of_seeds_does_not_matter(scores, random):
    order = list(range(scores.shape[1]))
    random.shuffle(order)
    a, b = stats.mean_interval(scores), stats.mean_interval(scores[:, order])
    assert (a.mean, a.low, a.high) == near((b.mean, b.low, b.high))


@given(table)
def test_intervals_are_finite_and_hold_their_mean(scores):
    interval = stats.mean_interval(scores)
    assert np.isfinite([interval.mean, interval.low, interval.high, interval.df]).all()
    assert interval.low <= interval.mean <= interval.high


@given(table)
def test_the_other_way_round_is_the_mirror(scores):
    other = np.zeros_like(scores)
    there, back = stats.paired_difference(scores, other), stats.paired_difference(other, scores)
    assert (there.difference, there.p) == near((-back.difference, back.p))
    mirror = {"better": "worse", "worse": "better"}
    assert stats.verdict(back) == mirror.get(stats.verdict(there), stats.verdict(there))


@given(arrays(np.float64, (3, 2, 5), elements=some.floats(0, 1)), some.permutations(range(3)))
def test_order_of_designs_does_not_matter(scores, order):
    assert (stats.rank_intervals(scores)[order] == stats.rank_intervals(scores[order])).all()


@given(some.floats(-1, 2), some.integers(2, 25), some.integers(1, 3))
def test_constant_scores_have_no_width(value, seeds, tasks):
    interval = stats.mean_interval(np.full((tasks, seeds), value))
    assert (interval.low, interval.high) == near((value, value))


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [1, 6])
def test_coverage_at_five_seeds(tasks):
    """The 95% interval holds the truth in 92-98% of simulated boards of unequal tasks."""
    rng = np.random.default_rng(7)
    spread = np.linspace(0.05, 0.3, tasks)[:, None]
    intervals = [stats.mean_interval(rng.normal(0.5, spread, (tasks, 5))) for _ in range(3000)]
    assert 0.92 <= np.mean([i.low <= 0.5 <= i.high for i in intervals]) <= 0.98


@pytest.mark.slow
def test_family_error_when_all_are_equal():
    """Eight equal designs: anything called different in at most 7% of boards."""
    rng = np.random.default_rng(8)
    spread = np.linspace(0.5, 1.5, 6)[None, :, None]
    boards = [rng.normal(0, spread, (8, 6, 5)) + rng.normal(0, spread, (1, 6, 5)) for _ in range(400)]
    assert np.mean([stats.significantly_better(board).any() for board in boards]) <= 0.07


def test_twenty_seeds_of_one_task_are_as_unsure_as_t_says():
    """Bootstrapped means of normal scores are narrower by sqrt((n - 1) / n) and know no t: the level makes up for both."""
    interval = stats.mean_interval(scipy_stats.norm.ppf((np.arange(20) + 0.5) / 20))
    assert interval.high - interval.low == near(2 * 2.093024 * interval.se, rel=0.03)


def test_each_task_draws_seeds_of_its_own():
    """Two tasks that mirror each other: drawn together their mean would never move."""
    low, high = stats.bootstrap([[0, 1, 2, 3], [3, 2, 1, 0]])
    assert low < 1.5 < high


def test_strengths_and_win_rates_are_where_the_likelihood_is_steepest_nowhere():
    strength = stats.bradley_terry([[0, 5], [0, 0]], alpha=0.1)
    assert strength == near([strength[0], -strength[0]])
    assert 5 / (1 + np.exp(2 * strength[0])) == near(0.2 * strength[0], abs=1e-5)
    preferred, gap = np.array([1, 1, 0.5, 0, 1, 0]), np.array([9.0, 7, 2, -1, -8, 4])
    found, x = stats.win_rate(preferred, gap, ridge=0.5), np.tanh(gap / gap.std())
    missed = 1 / (1 + np.exp(-np.log(found.controlled / (1 - found.controlled)) - found.length * x)) - preferred
    assert (missed.sum(), (missed * x).sum() + found.length) == near((0, 0), abs=1e-4)


def test_an_interval_that_rests_on_anchors_holds_what_it_promises():
    """Q of ten runs on a scale whose ends five runs each were asked for, as on the cpu board."""
    from rewardbench import tables

    rng, held = np.random.default_rng(1), []
    for _ in range(4000):
        low, high, gold = 0.2 + 0.034 * rng.normal(size=5), 0.94 + 0.032 * rng.normal(size=5), 0.92 + 0.02 * rng.normal(size=10)
        width = high.mean() - low.mean()
        q = (gold - low.mean()) / width
        ends = ((q.mean() - 1) * low.std(ddof=1), q.mean() * high.std(ddof=1))
        _, below, above = tables.interval(q, [(abs(e) / 5**0.5 / width, 4) for e in ends])
        held.append(below <= (0.92 - 0.2) / 0.74 <= above)
    assert np.mean(held) == near(0.95, abs=0.01)  # .92 with the errors of the ends taken as known well


def test_five_seeds_that_all_learnt_say_little_of_one_ruin_in_ten():
    """What the page on limits says of them."""
    assert stats.exact_share(0, 5)[1] == near(0.52, abs=0.005)
    rng, wrong, seen = np.random.default_rng(0), 0, 0
    for _ in range(1000):
        one = np.where(rng.random(5) < 0.1, 0.0, 1.0) + 0.02 * rng.normal(size=5)
        other = 0.9 + 0.02 * rng.normal(size=5)  # of the same mean, and steady
        wrong += stats.paired_difference(one, other).p < 0.05
        seen += one.min() < 0.5
    assert wrong > 500 > seen
