"""Are two judges of the same cases compared as published examples have it?"""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from rewardbench.stats import paired_shares
from rewardbench.types import UserError

near = pytest.approx


def judged(both, first, second, neither):
    """Two columns with these counts."""
    return [1] * (both + first) + [0] * (second + neither), [1] * both + [0] * first + [1] * second + [0] * neither


@pytest.mark.parametrize(
    ("counts", "gap", "low", "high"),
    [
        ((59, 6, 16, 80), -0.0621, -0.1186, -0.0046),  # Cavo 2012, as R's contingencytables gives it
        ((14, 5, 0, 22), 0.122, 0.011, 0.226),  # Altman et al. 2000, "Statistics with Confidence", table 6.2
    ],
)
def test_published_intervals(counts, gap, low, high):
    found = paired_shares(*judged(*counts))
    assert (found.difference, found.low, found.high) == near((gap, low, high), abs=6e-4 if low > 0 else 6e-5)


def test_the_exact_p_is_that_of_a_coin():
    """Bentur 2009: 1 against 7; twice the chance of at most one head in eight."""
    found = paired_shares(*judged(1, 1, 7, 12))
    assert (found.first_only, found.second_only, found.n) == (1, 7, 21)
    assert found.p == near(2 * (1 + 8) / 2**8)
    assert found.p == near(2 * scipy_stats.binom.cdf(1, 8, 0.5))


def test_one_judge_twice_is_no_proof_and_exchanging_them_changes_the_sign():
    same = paired_shares([1] * 11, [1] * 11)
    assert (same.difference, same.p) == (0, 1)
    assert -0.3 < same.low < 0 < same.high < 0.3
    one, other = judged(7, 4, 1, 3)
    there, back = paired_shares(one, other), paired_shares(other, one)
    assert (back.difference, back.low, back.high) == near((-there.difference, -there.high, -there.low))
    assert back.p == there.p


def test_the_interval_covers():
    """Judges that are right on .8 and .6 of the cases and share half of them: 93-98% of the intervals hold .2."""
    rng, held = np.random.default_rng(31), 0
    for _ in range(1500):
        luck = rng.random((30, 2))
        luck[:, 1] = np.where(rng.random(30) < 0.5, luck[:, 0], luck[:, 1])
        found = paired_shares(luck[:, 0] < 0.8, luck[:, 1] < 0.6)
        held += found.low <= 0.2 <= found.high
    assert 0.93 <= held / 1500 <= 0.985


@pytest.mark.parametrize("columns", [([], []), ([1, 0], [1]), ([[1]], [[1]])])
def test_what_is_no_pair_of_columns_is_refused(columns):
    with pytest.raises(UserError):
        paired_shares(*columns)
