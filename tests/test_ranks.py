"""Are all pairs of a board what one pair at a time gives, fast, and do ranks, resolution and weights tell the truth?"""

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from scipy.special import nctdtr
from scipy.stats import beta, false_discovery_control, t

from rewardbench import stats
from rewardbench.types import UserError

near = pytest.approx
shapes = some.tuples(some.integers(1, 6), some.integers(1, 4), some.integers(2, 9))
tenths = some.integers(-10, 20).map(lambda v: v / 10)
boards = arrays(np.float64, shapes, elements=some.one_of(some.floats(-1, 2), tenths))


def one_at_a_time(scores):
    """What beats what, from `paired_difference` and `holm` of each pair in turn."""
    pairs = list(combinations(range(len(scores)), 2))
    family = [stats.paired_difference(scores[i], scores[j]) for i, j in pairs]
    beats = np.zeros((len(scores), len(scores)), dtype=bool)
    for (i, j), c, p in zip(pairs, family, stats.holm([c.p for c in family]), strict=True):
        if p < 0.05:
            beats[(i, j) if c.difference > 0 else (j, i)] = True
    return family, beats


@settings(max_examples=300, deadline=None)
@given(boards)
def test_all_pairs_are_what_one_at_a_time_gives(scores):
    family, beats = one_at_a_time(scores)
    pairs = stats.all_pairs(scores)
    for name in ("difference", "se", "df", "p"):
        assert getattr(pairs, name) == near([getattr(c, name) for c in family], rel=1e-9, abs=1e-12), name
    p = np.array(stats.holm([c.p for c in family]))
    if not (np.abs(p - 0.05) < 1e-9).any():
        assert (stats.significantly_better(scores) == beats).all()
    assert list(zip(pairs.first.tolist(), pairs.second.tolist())) == list(combinations(range(len(scores)), 2))


def test_a_real_board_one_at_a_time():
    """Twelve designs apart by noise, seeds above and below the bootstrap's limit, one and several tasks."""
    rng = np.random.default_rng(3)
    for tasks, seeds in ((1, 5), (6, 5), (1, 25), (3, 20)):
        scores = np.linspace(0, 1, 12)[:, None, None] + rng.normal(0, 0.2, (12, tasks, seeds))
        beats = stats.significantly_better(scores)
        assert (beats == one_at_a_time(scores)[1]).all()
        assert 0 < beats.sum() < 66
        ranks = stats.rank_intervals(scores)
        assert (ranks[:, 0] <= ranks[:, 1]).all()
        assert (ranks[:, 0] == 1 + beats.sum(axis=0)).all()


def test_a_thousand_designs_take_seconds():
    """Half a million pairs at five seeds: neighbours lie .002 apart, each with noise of .0005 a seed."""
    scores = np.linspace(0, 2, 1000)[:, None, None] + np.random.default_rng(4).normal(0, 5e-4, (1000, 1, 5))
    began = time.process_time()
    ranks = stats.rank_intervals(scores)
    assert time.process_time() - began < 3
    width = ranks[:, 1] - ranks[:, 0]
    assert 0 < np.median(width) < 20
    true = np.arange(1000, 0, -1)
    assert ((ranks[:, 0] <= true) & (true <= ranks[:, 1])).all()
    pairs = stats.all_pairs(scores)
    for m in np.random.default_rng(5).integers(0, len(pairs.p), 30):
        alone = stats.paired_difference(scores[pairs.first[m]], scores[pairs.second[m]])
        assert (pairs.p[m], pairs.difference[m]) == near((alone.p, alone.difference))


def test_boards_that_are_none_are_refused():
    with pytest.raises(UserError, match="same tasks and seeds"):
        stats.rank_intervals([[0.1, 0.2], [0.1, 0.2, 0.3]])
    with pytest.raises(UserError, match="one seed"):
        stats.rank_intervals([[0.1], [0.2]])
    with pytest.raises(UserError, match="NaN"):
        stats.rank_intervals([[0.1, np.nan], [0.2, 0.2]])
    with pytest.raises(UserError, match="at least 2"):
        stats.resolution([[0.1, 0.2]])
    assert stats.rank_intervals([[0.1, 0.2]]).tolist() == [[1, 1]]


@given(arrays(np.float64, some.integers(1, 30), elements=some.floats(1e-6, 1)))
def test_holm_is_between_each_p_and_bonferroni(p):
    raised = stats.adjusted(p)
    assert (raised >= p - 1e-15).all()
    assert (raised <= np.minimum(p * len(p), 1) + 1e-12).all()
    assert (raised >= false_discovery_control(p, method="bh") - 1e-12).all()


# --- what can be resolved ------------------------------------------------------------------------


@pytest.mark.parametrize("df", [4, 9, 24])
@pytest.mark.parametrize("comparisons", [1, 28, 4950])
def test_a_detectable_difference_has_its_power(df, comparisons):
    """The noncentral t of the named difference exceeds the adjusted limit in 80 of 100 tests."""
    needed = float(stats.detectable_difference(1.0, df, comparisons))
    assert 1 - nctdtr(df, needed, t.isf(0.025 / comparisons, df)) == near(0.8, abs=1e-6)


def test_a_detectable_difference_has_its_power_when_simulated():
    rng = np.random.default_rng(5)
    needed = float(stats.detectable_difference(0.2 / np.sqrt(5), 4, comparisons=10))
    gaps = rng.normal(needed, 0.2, (20_000, 5))
    found = gaps.mean(axis=1) / (gaps.std(axis=1, ddof=1) / np.sqrt(5)) > t.isf(0.025 / 10, 4)
    assert found.mean() == near(0.8, abs=0.01)


def test_sum_of_quantiles_is_near_for_one_comparison_and_short_for_many():
    comparison = stats.paired_difference([0.01, -0.02, 0.015, 0, 0.005], [0] * 5)
    alone = float(stats.detectable_difference(comparison.se, comparison.df))
    assert alone == near(stats.minimum_detectable_difference(comparison), rel=0.015)
    many = t.isf(0.025 / 28, 4) + t.isf(0.2, 4)
    assert 1 - nctdtr(4, many, t.isf(0.025 / 28, 4)) == near(0.707, abs=0.001)


def test_resolution_of_a_board():
    noise = np.array([0, 0.01, -0.01, 0.02, -0.02])
    twin = np.array([0.3, -0.3, 0.2, -0.2, 0.1])
    scores = [0.5 + noise, 0.5 - noise, 0.4 + twin]
    gaps = [stats.paired_difference(a, b) for a, b in combinations(scores, 2)]
    each = [float(stats.detectable_difference(g.se, g.df, 3)) for g in gaps]
    found = stats.resolution(scores)
    assert (found.median, found.worst, found.pairs) == (near(np.median(each)), near(max(each)), 3)
    assert stats.resolution([[0.1, 0.1], [0.1, 0.1]]).worst == 0
    apart = float(stats.detectable_difference(stats.FLOOR / np.sqrt(2), 1))
    assert stats.resolution([[0.1, 0.1], [0.2, 0.2]]).worst == near(apart)


def test_seeds_needed():
    """Cohen's table for two samples: 64 and 17; strictly .8 at 1.5 and 2 deviations takes 9 and 6 (.797 at 8, .791 at 5)."""
    assert [stats.seeds_needed(effect) for effect in (0.5, 1, 1.5, 2)] == [64, 17, 9, 6]
    assert stats.seeds_needed(0.5, paired=True) == 34  # Cohen's table for one sample
    assert stats.seeds_needed(1, comparisons=28) > stats.seeds_needed(1)
    n = stats.seeds_needed(0.8, paired=True, comparisons=10)
    assert float(stats.detectable_difference(1 / np.sqrt(n), n - 1, 10)) <= 0.8
    assert float(stats.detectable_difference(1 / np.sqrt(n - 1), n - 2, 10)) > 0.8
    for bad in (0, 1e-5):
        with pytest.raises(UserError):
            stats.seeds_needed(bad)


def test_pairing():
    rng = np.random.default_rng(19)
    common = rng.normal(size=(3, 4000))
    a, b = (np.sqrt(0.6) * common + np.sqrt(0.4) * rng.normal(size=(3, 4000)) for _ in range(2))
    assert stats.pairing(a, b) == near(0.6, abs=0.03)
    assert stats.pairing(a + np.array([[0], [9], [-5]]), b) == near(stats.pairing(a, b))
    assert stats.pairing(a[:1], b[:1]) == near(np.corrcoef(a[0], b[0])[0, 1])
    assert stats.pairing([0.5, 0.5], [0.1, 0.2]) == 0
    narrowed = stats.welch(a - b)[1] / np.hypot(stats.welch(a)[1], stats.welch(b)[1])
    assert narrowed == near(np.sqrt(1 - 0.6), abs=0.03)


# --- weights and fronts --------------------------------------------------------------------------


def test_drawn_weights_are_dirichlet():
    """Of two designs, each alone on one axis, the first is in front where its weight is above a half: a Beta variable."""
    found = stats.sensitivity([[1, 0], [0, 1]], [6, 4], draws=20_000)
    assert found.front[0] == near(beta.sf(0.5, 8 * 0.6, 8 * 0.4), abs=0.01)
    assert found.front.sum() == near(1)
    assert (found.best.tolist(), found.worst.tolist()) == ([1, 1], [2, 2])


def test_a_dominating_design_is_always_in_front_and_ties_share():
    found = stats.sensitivity([[0.9, 0.9], [0.9, 0.9], [0.1, 0.2]], [0.5, 0.5])
    assert (found.best.tolist(), found.worst.tolist()) == ([1, 1, 3], [1, 1, 3])
    assert found.front.tolist() == [1, 1, 0]
    rounded = stats.sensitivity([[0.3, 0.3], [0.1 + 0.2, 0.3]], [0.5, 0.5])
    assert (rounded.worst.tolist(), rounded.front.tolist()) == ([1, 1], [1, 1])
    with pytest.raises(UserError):
        stats.sensitivity([[0.9, np.nan]], [0.5, 0.5])


@given(arrays(np.float64, some.tuples(some.integers(1, 8), some.just(3)), elements=some.floats(0, 1)), some.randoms())
def test_pareto_front_by_definition(points, random):
    marks = stats.pareto(points)
    for i, p in enumerate(points):
        beaten = any((q >= p).all() and (q > p).any() for q in points)
        assert marks[i] is (not beaten)
    assert any(marks)
    order = list(range(len(points)))
    random.shuffle(order)
    assert stats.pareto(points[order]) == [marks[i] for i in order]


def test_unknown_axes_are_neither_on_the_front_nor_beaten_by():
    assert stats.pareto([[0.9, None], [0.5, 0.5], [0.4, 0.4]]) == [None, True, False]
    assert stats.pareto([[None, None]]) == [None]


# --- what the rules promise, by simulation --------------------------------------------------------

UNEQUAL = np.linspace(0.5, 1.5, 6)[None, :, None]


@pytest.mark.slow
def test_family_error_of_verdicts_when_all_are_equal():
    """Seven comparisons with one baseline, nothing differs: a "better" or "worse" anywhere in at most 7% of families."""
    rng = np.random.default_rng(9)
    wrong = 0
    for _ in range(1500):
        board = rng.normal(0, UNEQUAL, (8, 6, 5))
        called = stats.verdicts([stats.paired_difference(board[0], other) for other in board[1:]])
        wrong += bool({"better", "worse"} & set(called))
    assert wrong / 1500 <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("tasks", [1, 6])
def test_rank_intervals_hold_all_true_ranks_together(step, tasks):
    """Eight designs `step` seed deviations apart: every true rank inside its interval in at least 93% of boards.

    Where all are equal any rank is a true one, so that an interval is right if it is not narrowed at all.
    """
    rng = np.random.default_rng(10)
    spread = np.linspace(0.5, 1.5, tasks)[None, :, None]
    held = []
    for _ in range(1000):
        board = -step * np.arange(8)[:, None, None] + rng.normal(0, spread, (8, tasks, 5))
        low, high = stats.rank_intervals(board).T
        true = np.arange(1, 9)
        held.append(((low <= true) & (true <= high)).all() if step else ((low == 1) & (high == 8)).all())
    assert np.mean(held) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("family", [1, 7])
def test_equivalence_is_rarely_called_at_the_margin(family):
    """True differences of exactly the margin: "equivalent" anywhere in at most 7% of families, above it more rarely."""
    rng = np.random.default_rng(11)
    wrong = []
    for truth in (stats.MARGIN, 2 * stats.MARGIN):
        called = 0
        for _ in range(1500):
            gaps = rng.normal(truth, 0.02 * UNEQUAL, (family, 6, 5))
            called += "equivalent" in stats.verdicts([stats.paired_difference(g, 0 * g) for g in gaps])
        wrong.append(called / 1500)
    assert wrong[0] <= 0.07
    assert wrong[1] < 0.005


@pytest.mark.slow
def test_equivalence_is_called_where_it_holds():
    """Designs that are equal, measured well: most are called equivalent."""
    rng = np.random.default_rng(12)
    gaps = rng.normal(0, 0.02 * UNEQUAL, (300, 6, 5))
    assert np.mean([stats.verdict(stats.paired_difference(g, 0 * g)) == "equivalent" for g in gaps]) > 0.8
