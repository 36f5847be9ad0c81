"""Does diversity against precision count what it says: kinds among precise samples, against untrained?"""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from rewardbench.metrics import diversity
from rewardbench.types import Bank, UserError

near = pytest.approx


def bank(kinds, gold, temperatures=(1.0,), bar=0.5) -> Bank:
    kinds, gold = np.asarray(kinds), np.asarray(gold, dtype=np.float64)
    shape = (len(temperatures), -1, kinds.shape[-1])
    return Bank(np.array(temperatures), gold.reshape(shape), kinds.reshape(shape), bar)


def test_frontier_counts_kinds_among_precise_samples():
    one = bank([["a", "b", "b", "c", "d"]], [[1, 1, 1, 0, 0.5]])
    assert diversity.frontier(one).tolist() == [[0.8, 0.5]]
    assert diversity.frontier(bank([["a", "b"]], [[0, 0]])).tolist() == [[0, 0]]
    assert diversity.frontier(bank([["a", "a"]], [[1, 1]])).tolist() == [[1, 0]]


def test_diversity_is_the_gain_over_untrained():
    best = bank([["a", "b", "c", "d"]], np.ones((1, 4)))
    none = bank([["a", "b", "c", "d"]], np.zeros((1, 4)))
    assert diversity.diversity(best, none) == near(1)
    assert diversity.diversity(none, best) == near(-1)
    assert diversity.diversity(best, best) == 0
    with pytest.raises(UserError, match="same temperatures"):
        diversity.diversity(best, replace(none, temperatures=np.array([0.5])))


def test_diversity_over_a_grid():
    kinds = [[["a", "a", "a"]], [["a", "b", "a"]], [["a", "b", "c"]]]
    gold = [[[1, 1, 1]], [[1, 1, 1]], [[1, 1, 0]]]
    grid = bank(kinds, gold, (0.5, 1.0, 1.5))
    assert diversity.frontier(grid).ravel().tolist() == near([1, 0, 1, 0.5, 2 / 3, 0.5])
    none = replace(grid, gold=np.zeros((3, 1, 3)))
    assert diversity.diversity(grid, none) == near(0.5)


@given(
    some.lists(some.tuples(some.sampled_from("abc"), some.booleans()), min_size=4, max_size=8), some.data()
)
def test_lifting_a_sample_to_the_bar_never_lowers_variety(samples, data):
    kinds, right = [s[0] for s in samples], [s[1] for s in samples]
    lifted = list(right)
    lifted[data.draw(some.integers(0, len(right) - 1))] = True
    for k in (2, 3, len(right)):
        before = diversity.frontier(bank([kinds], [right]), k)
        after = diversity.frontier(bank([kinds], [lifted]), k)
        assert (after >= before - 1e-9).all()


def test_unequal_samples_are_rarefied_exactly():
    kinds, right = ["a", "a", "b", "c", "d", "b"], [1, 0, 1, 1, 0, 1]
    whole = bank([kinds], [right])
    draws = [[i for i in pick if right[i]] for pick in combinations(range(6), 4)]
    expected = np.mean([max(len({kinds[i] for i in pick}) - 1, 0) / 3 for pick in draws])
    assert diversity.frontier(whole, 4)[0, 1] == near(expected)


def test_pass_at_k_area():
    right = bank([["x"] * 16] * 2, [[1] * 4 + [0] * 12, [0] * 16])
    assert diversity.pass_at_k_area(right) == near(0.691140 / 2, abs=1e-6)
    with pytest.raises(UserError):
        diversity.pass_at_k_area(bank([["x"] * 8], [[1] * 8]))
