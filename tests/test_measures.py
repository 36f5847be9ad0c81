"""Do the measures of variety and agreement give the published and hand-worked answers?"""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from rewardbench.measures import agreement, diversity
from rewardbench.types import UserError

near = pytest.approx
TEXTS = ["the cat sat on the mat", "the cat sat on the mat", "a dog ran in the park"]
counts = some.lists(some.integers(1, 6), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("n", "pooled", "adjusted"),
    [(1, 10 / 18, 0.829482), (2, 10 / 15, 0.931604), (3, 8 / 12, 0.870246), (4, 6 / 9, 0.811358)],
)
def test_distinct(n, pooled, adjusted):
    assert diversity.distinct_n(TEXTS, n) == near(pooled)
    assert diversity.expectation_adjusted_distinct(TEXTS, n, vocabulary=20) == near(adjusted, abs=1e-6)


def test_distinct_by_text():
    means = [np.mean([diversity.distinct_n([t], n) for t in TEXTS]) for n in (1, 2, 3, 4)]
    assert means == near([0.888889, 1, 1, 1], abs=1e-6)


def test_distinct_of_nothing():
    assert diversity.distinct_n([], 2) == diversity.expectation_adjusted_distinct(["a"], 2, 20) == 0


def test_self_bleu():
    assert diversity.self_bleu(TEXTS) == near(69.3722, abs=1e-4)
    assert diversity.self_bleu([TEXTS[0], "the cat sat on the rug", TEXTS[2]]) == near(53.3613, abs=1e-4)
    assert diversity.self_bleu(["one two three four"] * 3) == near(100)
    assert diversity.self_bleu(["a b c d", "e f g h"]) == near(0)
    with pytest.raises(UserError):
        diversity.self_bleu(["alone"])


def test_compression():
    assert diversity.compression_ratio(TEXTS) == near(67 / 47)
    assert diversity.compression_ratio([]) == 1
    assert diversity.compression_ratio(TEXTS, 22) == diversity.compression_ratio(TEXTS[:1])


@pytest.mark.parametrize(
    ("matrix", "q", "answer"),
    [
        (np.eye(4), 1, 4),
        (np.ones((3, 3)), 1, 1),
        (np.kron(np.eye(2), np.ones((2, 2))), 1, 2),
        ([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], 1, 2.1573),
        ([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], 0, 3),
        ([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], 0.5, 2.420348),
        ([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], 2, 1.948052),
        ([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], inf, 1.578947),
    ],
)
def test_vendi(matrix, q, answer):
    assert diversity.vendi(matrix, q) == near(answer, abs=5e-5)


def test_vendi_of_classes_is_the_hill_number():
    shares = np.zeros((4, 4))
    shares[:3, :3] = 1
    shares[3, 3] = 1
    assert diversity.vendi(shares) == near(1.754765, abs=1e-6)
    hills = [diversity.hill([0.5, 0.3, 0.2], q) for q in (0, 1, 2, inf)]
    assert hills == near([3, 2.800094, 2.631579, 2], abs=1e-6)


@pytest.mark.parametrize(
    "bad",
    [
        [[1, 0.9, 0], [0.9, 1, 0.9], [0, 0.9, 1]],
        [[1, 0.5], [0.4, 1]],
        [[2, 0], [0, 1]],
        [[1, np.nan], [np.nan, 1]],
        [1, 2],
    ],
)
def test_vendi_refuses_what_is_no_similarity(bad):
    with pytest.raises(UserError):
        diversity.vendi(bad)


def test_rarefaction():
    answers = [diversity.rarefied_distinct([5, 3, 2], k) for k in (1, 2, 5, 10)]
    assert answers == near([1, 1.688889, 2.690476, 3], abs=1e-6)
    assert diversity.rarefied_distinct([], 3, 5) == 0


def test_utility():
    assert diversity.utility([0] * 10, [10] * 10) == near(2.2405804992)
    assert diversity.utility(range(10), [10] * 10) == near(10)
    assert diversity.utility([0, 1, 0, 2], [4, 8, 9, 2]) == near(3.869919, abs=1e-6)


@pytest.mark.parametrize(
    ("n", "right", "k", "answer"), [(10, 3, 1, 0.3), (10, 3, 5, 0.916667), (5, 4, 2, 1), (5, 0, 3, 0)]
)
def test_pass_at_k(n, right, k, answer):
    assert diversity.pass_at_k(n, right, k) == near(answer, abs=1e-6)


def test_pass_area():
    curve = [diversity.pass_at_k(16, 4, k) for k in (1, 2, 4, 8, 16)]
    assert curve == near([0.25, 0.45, 0.728022, 0.961538, 1], abs=1e-6)
    assert diversity.pass_area(16, 4) == near(0.691140, abs=1e-6)


def test_hypervolume():
    points = [(0.9, 0.2), (0.8, 0.5), (0.6, 0.7), (0.3, 0.9), (0.5, 0.5)]
    assert diversity.hypervolume(points) == diversity.hypervolume(points[:4]) == near(0.60)
    assert diversity.hypervolume([(1, 0.5), (0.5, 1)]) == near(0.75)
    assert diversity.hypervolume([]) == 0


@given(some.lists(some.tuples(some.floats(0, 1), some.floats(0, 1)), max_size=7), some.randoms())
def test_hypervolume_ignores_order_and_duplicates(points, random):
    shuffled = points + points[:1]
    random.shuffle(shuffled)
    area = diversity.hypervolume(shuffled)
    assert 0 <= area <= 1 + 1e-9
    assert area == near(diversity.hypervolume(points))


@given(counts)
def test_rarefaction_rises_to_the_number_of_classes(classes):
    path = [diversity.rarefied_distinct(classes, k) for k in range(1, sum(classes) + 1)]
    assert path[0] == near(1)
    assert path[-1] == near(len(classes))
    assert (np.diff(path) > -1e-12).all()


@given(some.lists(some.text(max_size=30), min_size=1, max_size=5))
def test_any_text_has_a_number(texts):
    assert 0 <= diversity.distinct_n(texts, 1) <= 1
    assert np.isfinite(diversity.compression_ratio(texts))


def test_icc_of_shrout_and_fleiss():
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = agreement.icc(ratings)
    shown = (found.one, found.agreement, found.consistency, found.mean_agreement, found.mean_consistency)
    assert shown == near((0.1657, 0.2898, 0.7148, 0.6201, 0.9093), abs=5e-5)
    assert agreement.icc(np.ones((3, 3))).agreement == 0
    with pytest.raises(UserError):
        agreement.icc([[1, np.nan], [2, 3]])


def test_kendall():
    assert agreement.kendall_tau_b([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]) == near(0.6)
    assert agreement.kendall_tau_b([1, 1, 2, 3], [1, 2, 2, 3]) == near(0.8)
    for n, answer in ((4, 0.6667), (6, 0.8667), (8, 0.9286)):
        assert agreement.kendall_tau_b(range(n), [1, 0, *range(2, n)]) == near(answer, abs=5e-5)
    assert agreement.kendall_tau_b([1, 1, 1], [1, 2, 3]) == 0


def test_spearman_brown():
    assert agreement.spearman_brown(0.70) == near(0.824, abs=5e-4)


def test_precision_at_a_variety():
    points = [(0.9, 0.2), (0.8, 0.5), (0.6, 0.7), (0.3, 0.9), (0.5, 0.5)]
    assert [diversity.precision_at(points, v) for v in (0, 0.5, 0.6, 0.95)] == [0.9, 0.8, 0.6, 0]
    assert diversity.precision_at([], 0.5) == 0


def test_repetition_and_homogenisation():
    assert diversity.self_repetition(TEXTS) == near(2 / 3 * np.log(4))
    assert diversity.self_repetition(["a b c", "a b c"]) == 0
    assert diversity.self_repetition([]) == 0
    assert diversity.homogenisation(np.ones((3, 3))) == 1
    assert diversity.homogenisation(np.eye(3)) == 0
    with pytest.raises(UserError):
        diversity.homogenisation([[1.0]])


def test_a_template_is_seen_across_prompts_alone():
    def share(texts):
        return diversity.distinct_n(texts, 1)

    frame = [["yes a", "no b"], ["yes a", "no b"]]
    free = [["yes a", "no b"], ["well c", "oh d"]]
    assert diversity.per_input(frame, share) == diversity.per_input(free, share) == 1
    assert (diversity.across_input(frame, share), diversity.across_input(free, share)) == (0.5, 1)
    with pytest.raises(UserError):
        diversity.across_input([["a"], ["a", "b"]], share)
    with pytest.raises(UserError):
        diversity.per_input([], share)


def test_intervals_hold_where_a_board_has_a_floor_and_some_designs_are_noisier_than_others():
    """Half of the designs lie on the floor, which never moves; of the others a few have most of the noise."""
    rng = np.random.default_rng(3)
    means, noise = np.r_[np.zeros(20), np.linspace(0.2, 1, 20)], np.r_[np.zeros(20), np.tile([0.02, 0.02, 0.04, 0.1], 5)]
    true, plain, wide = means.var() / (means.var() + np.mean(noise**2)), 0, 0
    for _ in range(300):
        drawn = rng.integers(0, 40, 40)
        table = means[drawn, None] + noise[drawn, None] * rng.normal(size=(40, 5))
        interval = agreement.icc_interval(table)
        low, high = agreement.no_narrower(interval, lambda x: agreement.icc(x).agreement, table)
        plain += interval[0] <= true <= interval[1]
        wide += low <= true <= high
        assert low <= interval[0] <= interval[1] <= high
    assert plain < 0.85 * 300
    assert wide > 0.91 * 300


@pytest.mark.parametrize("tau", [0.6, 0.95])
def test_the_interval_of_an_order_holds_near_one_too(tau):
    rng, r, plain, wide = np.random.default_rng(5), np.sin(np.pi * tau / 2), 0, 0
    for _ in range(200):
        one = rng.normal(size=30)
        both = np.array([one, r * one + np.sqrt(1 - r**2) * rng.normal(size=30)]).T
        found = agreement.kendall_tau_b(*both.T)
        interval = agreement.rank_interval(found, 30, "kendall")
        low, high = agreement.no_narrower(interval, lambda x: agreement.kendall_tau_b(*x.T), both)
        plain += interval[0] <= tau <= interval[1]
        wide += low <= tau <= high
    assert wide > 0.92 * 200
    assert tau < 0.9 or plain < 0.9 * 200
