"""Do precision, recall, density, coverage and the divergence frontier have their published values?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rewardbench.measures.support import frontier_area, support
from rewardbench.types import UserError

REAL, MADE = [[0], [1], [2], [10], [11], [12]], [[0.5], [1.5], [1.2], [0.8], [30], [31]]


def test_known_answers_of_points():
    """prdc 0.2 on the same points."""
    found = support(REAL, MADE, k=1)
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), pytest.approx(1 / 6))
    assert (found.density, found.coverage) == (pytest.approx(4 / 3), 0.5)


def test_two_outliers_make_recall_whole_and_leave_coverage():
    away = support(REAL, [*MADE[:4], [500], [-500]], k=1)
    assert away.recall == 1
    assert away.coverage == 0.5


@settings(max_examples=30)
@given(arrays(float, (12, 3), elements=st.floats(-5, 5), unique=True), st.floats(0.1, 10), st.floats(-9, 9))
def test_neither_scale_nor_place_matters(points, scale, shift):
    first, second = points[:6], points[6:]
    plain, moved = support(first, second, k=2), support(first * scale + shift, second * scale + shift, k=2)
    for a, b in zip(vars(plain).values(), vars(moved).values(), strict=True):
        assert a == pytest.approx(b, abs=0.35)  # a point on a ball's edge may fall to either side of it


def test_equal_sets_cover_each_other():
    points = np.random.default_rng(0).normal(size=(200, 4))
    found = support(points, np.random.default_rng(1).normal(size=(200, 4)))
    assert min(found.precision, found.recall, found.coverage) > 0.9
    assert found.density == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("real", "made", "k"), [([[0]], [[1], [2]], 1), ([[0, 1], [1, 2]], [[1], [2]], 1), (REAL, MADE, 0)])
def test_sets_without_neighbours_are_refused(real, made, k):
    with pytest.raises(UserError, match="more than k"):
        support(real, made, k=k)


@pytest.mark.parametrize(
    ("p", "q", "area"),
    [([1, 0], [0, 1], 0.004072), ([0.5, 0.5], [0.9, 0.1], 0.671096), ([0.5, 0.5], [0.5, 0.5], 1), ([0.3, 0.7], [0.3, 0.7], 1)],
)
def test_known_answers_of_the_frontier(p, q, area):
    assert frontier_area(p, q) == pytest.approx(area, abs=1e-6)


@given(arrays(float, 5, elements=st.floats(0.01, 1)), arrays(float, 5, elements=st.floats(0.01, 1)))
def test_the_frontier_is_symmetric_and_below_1(p, q):
    assert 0 < frontier_area(p, q) <= 1 + 1e-9
    assert frontier_area(p, q) == pytest.approx(frontier_area(q, p), abs=1e-9)


def test_histograms_that_are_none_are_refused():
    for p, q in (([1], [1, 2]), ([0, 0], [1, 1]), ([-1, 2], [1, 1])):
        with pytest.raises(UserError, match="two histograms"):
            frontier_area(p, q)
