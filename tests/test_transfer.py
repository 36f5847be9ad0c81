"""Is it seen whether one board foretells another: the order, and the decisions that both make?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from rewardbench.boards.transfer import sentence, transfer
from rewardbench.types import UserError


def board(means, spread=0.02, seeds=5, stream=0):
    rng = np.random.default_rng(stream)
    return {f"d{i}": rng.normal(m, spread, seeds) for i, m in enumerate(means)}


def test_the_same_order_with_other_numbers_is_foretold_whole():
    steps = np.linspace(0, 1, 8)
    found = transfer(board(steps), board(0.2 + steps**2 / 2, stream=1))
    assert found.tau > 0.9
    assert found.same == found.resolved > 15
    assert found.share == 1.0
    assert found.share_low == pytest.approx(0.025 ** (1 / found.resolved), abs=1e-3)


def test_two_that_change_places_are_a_decision_that_differs():
    means = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    turned = [0.2, 0.0, 0.4, 0.6, 0.8, 1.0]
    found = transfer(board(means), board(turned, stream=1))
    assert (found.designs, found.resolved - found.same) == (6, 1)
    assert found.tau == pytest.approx(kendalltau(means, turned).statistic)


def test_what_one_board_does_not_resolve_is_no_decision():
    found = transfer(board([0, 0.2, 0.4, 0.6, 0.8]), board([0.5] * 5, stream=3))
    assert (found.resolved, found.share, found.share_low) == (0, None, None)
    assert found.only_first == 10
    assert "none is told apart by both" in sentence("t", found, "a", "b")


def test_designs_of_one_board_alone_do_not_count_and_four_are_too_few():
    one, other = board(np.linspace(0, 1, 9)), board(np.linspace(0, 1, 6))
    assert transfer(one, other).designs == 6
    with pytest.raises(UserError, match="4 designs stand on both"):
        transfer(one, dict(list(other.items())[:4]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_boards_change_places(seed):
    rng = np.random.default_rng(seed)
    one, other = board(rng.random(7), 0.1, stream=seed), board(rng.random(7), 0.1, 4, seed + 1)
    a, b = transfer(one, other), transfer(other, one)
    assert (a.tau, a.resolved, a.same) == (pytest.approx(b.tau), b.resolved, b.same)
    assert (a.only_first, a.only_second) == (b.only_second, b.only_first)
    whole = transfer(one, one)
    assert (whole.tau, whole.same, whole.only_first) == (1.0, whole.resolved, 0)
