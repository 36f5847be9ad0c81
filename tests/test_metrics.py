"""Do the axes and flags give the hand-worked answers, and stay silent when nothing happened?"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from rewardbench.metrics import (
    collapsed,
    dead_signal,
    efficiency,
    failed,
    hacked,
    kl_runaway,
    no_learning,
    normalised,
    over_trained,
    overoptimisation,
    quality,
    reliability,
    stability,
    time_to_threshold,
    truncated,
)
from rewardbench.types import Anchor, Curve, UserError

near = pytest.approx
UNIT = Anchor(0.0, 1.0, 0.0, 0.0)
path = arrays(np.float64, some.integers(2, 12), elements=some.floats(0, 1))


def curve(gold, prompts=8, samples=4, noise=0.0, tokens=None, budget=None, **over) -> Curve:
    """A run whose mean gold at each evaluation is given, the same on every prompt, plus seeded noise."""
    gold = np.asarray(gold, dtype=np.float64)
    shape = (len(gold), prompts, samples)
    wide = np.broadcast_to(gold[:, None, None], shape) + noise * np.random.default_rng(1).normal(size=shape)
    tokens = (
        np.arange(len(gold), dtype=np.float64) if tokens is None else np.asarray(tokens, dtype=np.float64)
    )
    values = {
        "steps": np.arange(len(gold)),
        "tokens": tokens,
        "gold": wide,
        "reward": np.zeros(shape),
        "kl": np.zeros(shape),
        "length": np.full(shape, 10.0),
        "ended": np.ones(shape, dtype=bool),
        "entropy": np.ones(len(gold)),
        "budget_steps": len(gold) - 1,
        "budget_tokens": float(max(tokens[-1], 1) if budget is None else budget),
    }
    for name, value in over.items():
        wide_value = np.asarray(value)
        spread = name in ("reward", "kl", "length", "ended") and wide_value.ndim == 1
        values[name] = np.broadcast_to(wide_value[:, None, None], shape) if spread else value
    return Curve(**values)


def test_quality_is_the_mean_of_the_last_two_on_the_scale():
    anchor = Anchor(0.2, 0.7, 0.01, 0.01)
    assert quality.quality(curve([0.2, 0.3, 0.5, 0.8]), anchor) == near((0.6 + 1.2) / 2)
    assert quality.quality(curve([0.2, 0.1]), anchor) == near(-0.2)
    assert quality.quality(curve([0.7]), anchor) == near(1)
    assert quality.quality(curve([0.2, 0.9, 0.9], failed=True), anchor) == 0


@pytest.mark.parametrize(
    "anchor", [Anchor(0.5, 0.5, 0, 0), Anchor(0.5, 0.4, 0, 0), Anchor(0.5, 0.6, 0.03, 0.03)]
)
def test_a_scale_that_noise_could_have_made_is_refused(anchor):
    with pytest.raises(UserError, match="no scale"):
        quality.quality(curve([0, 1]), anchor)


def test_without_anchors_gold_stays_raw():
    assert normalised.normalised(curve([0.2, 0.4]), None).tolist() == near([0.2, 0.4])


@pytest.mark.parametrize(
    ("x", "y", "answer"),
    [
        ([0, 1, 2, 3, 4], [0, 0.4, 0.6, 0.7, 0.7], 0.5125),
        ([0, 1, 4], [0, 0.5, 1], 0.625),
        ([0, 1, 2, 3, 4], [0, 0.8, 0.2, 0.2, 0.2], 0.325),
        ([0, 1, 2, 3, 4], [0, 0.8, 0.8, 0.8, 0.8], 0.7),
    ],
)
def test_efficiency(x, y, answer):
    assert efficiency.efficiency(curve(y, tokens=x), UNIT) == near(answer)


def test_efficiency_of_terse_extra_and_failed_runs():
    assert efficiency.efficiency(curve([0, 1], tokens=[0, 1], budget=4), UNIT) == near((0.5 + 3) / 4)
    assert efficiency.efficiency(curve([0, 1], tokens=[0, 8], budget=4), UNIT) == near(0.25)
    assert efficiency.efficiency(curve([0, 1], tokens=[0, 1], budget=4, failed=True), UNIT) == near(0.125)
    assert efficiency.efficiency(curve([0, 1], tokens=[0, 8], budget=4, failed=True), UNIT) == near(0.25)
    assert efficiency.efficiency(curve([0.5], tokens=[0], budget=4), UNIT) == near(0.5)
    assert efficiency.efficiency(curve([0, -1, 2], tokens=[0, 1, 2]), UNIT) == near(0.25)
    with pytest.raises(UserError):
        efficiency.efficiency(curve([0, 1, 1], tokens=[0, 2, 1]), UNIT)


@given(path)
def test_rising_curves_have_one_minus_the_mean_time_to_threshold(values):
    rising = np.sort(values)
    x = np.arange(len(rising), dtype=float)
    thresholds = (np.arange(400) + 0.5) / 400
    times = [time_to_threshold.time_to_threshold(x, rising, t, sustained=1) for t in thresholds]
    gone = np.mean(np.minimum(times, x[-1])) / x[-1]
    assert efficiency.area(x, rising, x[-1]) == near(1 - gone, abs=5e-3)


@pytest.mark.parametrize("of", [stability.stability, lambda run, unit: over_trained.evidence(run, unit)["regret"]])
def test_no_last_digit_decides_which_of_equal_falls_is_read(of):
    """Gold that has few values falls equally far at several places; another unit must not choose another of them."""
    units = [Anchor(0.203906, 0.944336, 0.0, 0.0), Anchor(0.2039, 0.9443, 0.0, 0.0), Anchor(0.1, 0.84043, 0.0, 0.0)]
    for seed in range(100):
        gold = np.random.default_rng(seed).integers(0, 2, (11, 8, 2)) * 0.5 + 0.25
        run = replace(curve(np.zeros(11)), gold=gold)
        assert np.ptp([of(run, unit) for unit in units]) < 1e-4


def test_stability_of_a_fall():
    assert stability.stability(curve([0, 0.8, 0.3, 0.5]), UNIT) == near(0.5)
    assert stability.stability(curve([0, 0.5, 1]), UNIT) == 1
    assert stability.stability(curve([0, 1.5, 0.2]), UNIT) == 0
    assert stability.stability(curve([0, 0.5, 1], failed=True), UNIT) == 0
    assert stability.stability(curve([0, -0.6, -0.6, -0.6]), UNIT) == 0


def test_peak_comes_before_trough():
    assert float(
        stability.worst_fall(np.array([0.2, 0.1, 0.9, 0.5]), np.array([0.2, 0.1, 0.8, 0.6]))
    ) == near(0.3)


def test_split_halves_see_no_fall_in_noise():
    flat = curve([0.5] * 11, 32, 8)
    rng = np.random.default_rng(3)
    noisy = [replace(flat, gold=rng.binomial(1, 0.5, flat.gold.shape).astype(float)) for _ in range(200)]
    falls = np.array([1 - stability.stability(run, UNIT) for run in noisy])
    naive = np.array([reliability.drawdown(run.gold.mean(axis=(1, 2))).max() for run in noisy])
    floor = stability.noise_floor(noisy[0], UNIT)
    assert floor == near(falls.mean(), abs=0.01)
    assert floor < naive.mean() / 2
    assert stability.noise_floor(flat, UNIT) == 0


def test_noise_floor_repeats_and_takes_one_sample():
    run = curve([0.5] * 5, samples=1, noise=0.1)
    assert 0 < stability.noise_floor(run, UNIT) == stability.noise_floor(run, UNIT)
    with pytest.raises(UserError):
        stability.stability(curve([0, 1], prompts=1), UNIT)


def test_overoptimisation_of_a_run():
    gold, reward = np.array([0.2, 0.5, 0.7, 0.4, 0.3]), np.array([0.0, 1, 2, 3, 4])
    run = curve(gold, noise=0.05, kl=[0.0, 1, 4, 9, 16], reward=reward)
    noisy = replace(run, reward=run.reward + np.random.default_rng(2).normal(size=run.reward.shape))
    found = overoptimisation.overoptimisation(noisy)
    assert found.drop > 0
    assert found.tau_after < 0
    assert found.law is not None
    assert found.law.beta > 0
    still = overoptimisation.overoptimisation(curve([0.5, 0.5], reward=np.full(2, np.nan)))
    assert (still.peak, still.gap, still.area, still.law) == (0, 0, 0, None)


def rows(*values):
    """A [E, N, n] array from [E, N] with two samples a prompt."""
    return np.repeat(np.array(values, dtype=float)[:, :, None], 2, axis=2)


def test_hacked():
    falling = curve([0.8, 0.6, 0.4, 0.4], noise=0.05, reward=[0.0, 1, 2, 2])
    assert hacked.hacked(falling)
    assert not hacked.hacked(curve([0.4, 0.6, 0.8], noise=0.05, reward=[0.0, 1, 2]))
    assert not hacked.hacked(curve([0.8, 0.6, 0.4], noise=0.05, reward=[2.0, 1, 0]))
    assert not hacked.hacked(curve([0.8, 0.6, 0.4], reward=np.full(3, np.nan)))
    assert not hacked.hacked(curve([0.8], reward=[1.0]))


def test_hacked_reads_paired_prompts():
    gold = rows([0.9, 0.1, 0.8, 0.2], [0.8, 0.0, 0.7, 0.1], [0.8, 0.0, 0.7, 0.1])
    shown = hacked.change(gold)
    assert shown == near((-0.1, 0))
    assert hacked.change(rows([0.5, 0.5], [0.5, 0.5])) == (0, 0)


def test_prompts_that_abstained_are_left_out():
    reward = rows([0, 0, np.nan], [1, 2, 5])
    assert hacked.change(reward) == near((1.5, 0.5))


def test_hacked_is_rare_when_nothing_happens():
    rng = np.random.default_rng(5)
    runs = [
        replace(
            curve([0.5] * 11, 32, 8),
            gold=rng.binomial(1, 0.5, (11, 32, 8)).astype(float),
            reward=rng.normal(size=(11, 32, 8)),
        )
        for _ in range(300)
    ]
    assert np.mean([hacked.hacked(run) for run in runs]) < 0.02
    assert np.mean([over_trained.over_trained(run, UNIT) for run in runs]) < 0.02


def test_over_trained():
    assert over_trained.over_trained(curve([0, 0.4, 0.8, 0.8, 0.8, 0.5, 0.4, 0.4], noise=0.05), UNIT)
    assert not over_trained.over_trained(curve([0, 0.4, 0.6, 0.8, 0.8], noise=0.05), UNIT)
    assert not over_trained.over_trained(curve([0.5] * 6), UNIT)
    shown = over_trained.evidence(curve([0, 0.8, 0.8, 0.8, 0.5, 0.5, 0.5]), UNIT)
    assert shown == near({"regret": 0.3, "se": 0})
    assert over_trained.evidence(curve([0, 0.2, 0.4]), UNIT)["regret"] == 0
    assert not over_trained.over_trained(curve([0.5]), UNIT)


def test_collapsed():
    assert collapsed.collapsed(curve([0, -0.6, -0.6, -0.5]), UNIT)
    assert not collapsed.collapsed(curve([0, -0.6, -0.6, 0, -0.6]), UNIT)
    # y' cannot reach -.5 where low is a third of the way up: a quarter of it is the bound
    known, vague = Anchor(0.2, 0.9, 0.01, 0.01), Anchor(0.2, 0.9, 0.03, 0.01)
    assert collapsed.hard_collapse(curve([0.2, 0.05, 0.04, 0.0]), known)
    assert not collapsed.hard_collapse(curve([0.2, 0.05, 0.06, 0.0]), known)
    assert not collapsed.hard_collapse(curve([0.2, 0.05, 0.04, 0.0]), vague)
    assert not collapsed.collapsed(curve([0, -0.6, -0.6, -0.6]), None)
    gone = curve([0] * 6, entropy=np.array([1, 0.5, 0.3, 0.1, 0.1, 0.1]))
    assert collapsed.collapsed(gone, UNIT)
    assert collapsed.collapsed(gone, None)
    assert not collapsed.collapsed(gone, UNIT, one_answer=True)
    assert not collapsed.collapsed(curve([0] * 6, entropy=np.full(6, 0.04)), UNIT)
    assert not collapsed.collapsed(curve([0.5]), UNIT)


def test_truncated():
    assert truncated.truncated(curve([0] * 5, ended=[True, True, False, False, False]))
    assert truncated.truncated(curve([0] * 4, length=[9, 0, 0, 0]))
    assert not truncated.truncated(curve([0] * 5, ended=[True, False, False, True, False]))
    assert truncated.evidence(curve([0, 0], ended=[True, False])) == {"start": 0, "end": 1}


def test_kl_runaway():
    assert kl_runaway.kl_runaway(curve([0] * 4, kl=[0.0, 5, 30, 30]))
    assert not kl_runaway.kl_runaway(curve([0] * 4, kl=[0.0, 5, 8, 30]))
    assert not kl_runaway.kl_runaway(curve([0.0], kl=[0.0]))


def test_dead_signal():
    assert dead_signal.dead_signal([0.1] * 5 + [0.9] * 10)
    assert not dead_signal.dead_signal([0.9, 0.1] * 20)
    assert dead_signal.dead_signal([np.nan] * 10)
    assert not dead_signal.dead_signal([])


def test_no_learning_and_failed():
    assert no_learning.no_learning([0.1, -0.1, 0.05])
    assert not no_learning.no_learning([-0.5, -0.6, -0.55])
    with pytest.raises(UserError):
        no_learning.no_learning([0.5])
    assert failed.failed(curve([0, 1], failed=True))
    assert not failed.failed(curve([0, 1]))


@given(path, some.floats(0.1, 5), some.floats(-3, 3))
def test_rescaling_a_reward_changes_no_rank_and_no_flag(gold, factor, offset):
    run = curve(gold, noise=0.05, reward=np.linspace(0, 1, len(gold)))
    other = replace(run, reward=factor * run.reward + offset)
    assert quality.quality(run, UNIT) == quality.quality(other, UNIT)
    assert stability.stability(run, UNIT) == stability.stability(other, UNIT)
    assert hacked.hacked(run) == hacked.hacked(other)


@given(path)
def test_axes_stay_in_range(gold):
    run = curve(gold, noise=0.3)
    assert 0 <= stability.stability(run, UNIT) <= 1
    assert 0 <= efficiency.efficiency(run, UNIT) <= 1
    assert 0 <= stability.noise_floor(run, UNIT, draws=50) <= 1


def test_two_seeds_that_gain_the_same_step_of_gold_by_chance_have_learnt_nothing_yet():
    step = 1 / 256
    assert no_learning.no_learning([step, step])
    assert not no_learning.no_learning([0.5, 0.5, 0.5])
