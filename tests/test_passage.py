"""Does a pass that is done again in the same memory say and teach what one that is made anew does?"""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_engine import PROMPTS, TASK, batches_of
from test_fused import flat, slopes

from rewardbench.algorithms.grpo import Grpo
from rewardbench.engine import fused, groups, passage
from rewardbench.engine.forward import own_logp
from rewardbench.engine.learn import learn
from rewardbench.engine.optimise import adam
from rewardbench.engine.sample import sample
from rewardbench.types import State, Want


@pytest.fixture
def again(monkeypatch):
    """As on a card, but nothing is compiled, and what would be captured is made anew; passes that were done again."""
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    monkeypatch.setattr(fused, "compiled", lambda function, **how: function)
    fused.TRIED.clear()
    passage.SHELF.clear()
    done, call = [], passage.Passage.__call__
    monkeypatch.setattr(passage.Passage, "__call__", lambda made, *asked: done.append(made) or call(made, *asked))
    return done


def plainly(monkeypatch, ask):
    """What is said where nothing is done again."""
    with monkeypatch.context() as patch:
        patch.setattr(fused, "wanted", lambda device: False)
        return ask()


def test_a_pass_that_is_done_again_says_and_teaches_the_same(tmp_path, monkeypatch, again):
    policy, stacked = flat(tmp_path)
    lessons = [batches_of(policy, stacked, 2, T) for T in (12, 12, 11, 30, 12, 30, 28)]
    for n, lesson in enumerate(lessons):
        for batch in lesson:  # numbers differ, shapes do not
            batch.ids[batch.mine] = (batch.ids[batch.mine] + n) % 50
        ours = slopes(policy, stacked, lesson)
        plain = plainly(monkeypatch, lambda lesson=lesson: slopes(policy, stacked, lesson))
        assert all(torch.equal(a, b) for a, b in zip(ours, plain, strict=True)), n
    # the first of each of two shapes is made as it stands
    assert len(again) == len(lessons) - 2
    assert len(set(again)) == 2


def test_one_pass_serves_for_reading_too_and_without_adapters_it_is_another(tmp_path, monkeypatch, again):
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    slopes(policy, stacked, batches)  # a model is tried at its first gradient
    for _ in range(3):
        with torch.no_grad():
            stacked.flat[0].mul_(1.1)
        ways = [
            lambda: slopes(policy, stacked, batches)[1],
            lambda: own_logp(policy, stacked, batches, 0, start=False)[0],
            lambda: own_logp(policy, stacked, batches, 0, start=True)[0],
        ]
        told = [torch.as_tensor(ask()) for ask in ways]
        assert all(torch.equal(one, torch.as_tensor(plainly(monkeypatch, ask))) for one, ask in zip(told, ways, strict=True))
        assert not torch.equal(told[1], told[2])
    assert {made.graded for made in again} == {True, False}
    assert len(set(again)) == 2
    assert {key[:2] for key in passage.SHELF[stacked.model]} == {(True, False), (False, True)}


def test_two_passes_may_add_to_one_gradient(tmp_path, monkeypatch, again):
    """As micro-batches do."""
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    for _ in range(2):
        once = slopes(policy, stacked, batches)[1]
    stacked.forget()
    for _ in range(2):
        logp = groups.logp_of(policy, stacked, batches)
        (logp * torch.linspace(-1, 1, logp.numel()).view(logp.shape)).sum().backward()
    assert len(again) == 3
    assert torch.equal(stacked.flat[1], once + once)


def test_what_cannot_be_captured_is_said_once_and_made_as_it_stands(tmp_path, monkeypatch, again, capsys):
    policy, stacked = flat(tmp_path)
    monkeypatch.setattr(passage, "Passage", lambda *asked: 1 / 0)
    found = [slopes(policy, stacked, batches_of(policy, stacked, 2)) for _ in range(4)]
    assert all(torch.equal(one, found[0][1]) for _, one in found)
    assert capsys.readouterr().err.splitlines() == [
        "the pass of learning is not captured, which costs speed: ZeroDivisionError: division by zero"
    ]


def test_short_of_memory_for_a_graph_the_pass_is_made_as_it_stands_and_nothing_is_kept_of_it(tmp_path, monkeypatch, again, capsys):
    policy, stacked = flat(tmp_path)
    half = []

    def full(*asked):
        made = whole(*asked)
        with torch.enable_grad():
            made._forth(stacked)
        half.append(weakref.ref(made.found[0]))
        raise torch.OutOfMemoryError("full")

    whole = passage.Passage
    monkeypatch.setattr(passage, "Passage", full)
    gc.disable()  # nothing waits for it
    try:
        found = [slopes(policy, stacked, batches_of(policy, stacked, 2, T)) for T in (12, 12, 12, 30, 30)]
    finally:
        gc.enable()
    assert torch.equal(found[0][1], found[2][1])
    assert [ref() for ref in half] == [None]
    assert not any(passage.SHELF[stacked.model].values())
    assert capsys.readouterr().err == "the pass of learning is not captured, which costs speed: OutOfMemoryError: full\n"


def test_a_model_whose_passes_are_done_again_is_let_go(tmp_path, again):
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    for _ in range(3):
        slopes(policy, stacked, batches)
        own_logp(policy, stacked, batches, 0, start=True)
    own_logp(policy, stacked, batches, 0, start=False)  # a way back that never comes
    left = [weakref.ref(x) for x in (stacked.model, stacked, *again)]
    assert len(left) > 2
    again.clear()
    del policy, stacked
    gc.collect()
    assert [ref() for ref in left] == [None] * len(left)


def test_no_more_passes_are_kept_than_there_is_room_for(tmp_path, monkeypatch, again):
    policy, stacked = flat(tmp_path)
    monkeypatch.setattr(passage, "MOST", 1)
    short, long = ([sample(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], T)] * 3 for T in (12, 60))
    for batches in short + long:
        slopes(policy, stacked, batches)
    assert len(again) == 2
    assert [made is None for made in passage.SHELF[stacked.model].values()] == [False, True]


def test_where_nothing_is_wanted_nothing_is_kept(tmp_path, again, monkeypatch):
    policy, stacked = flat(tmp_path)
    monkeypatch.setattr(fused, "wanted", lambda device: False)
    for _ in range(3):
        slopes(policy, stacked, batches_of(policy, stacked, 2))
    assert not again
    assert stacked.model not in passage.SHELF


@pytest.mark.parametrize("algorithm", [Grpo(passes=2), Grpo(minibatches=2), Grpo(kl=0.1)], ids=["passes", "parts", "kl"])
@pytest.mark.parametrize("micro", [0, 4])
def test_whatever_an_algorithm_reads_beforehand_it_learns_the_same(tmp_path, monkeypatch, again, algorithm, micro):
    policy, stacked = flat(tmp_path)
    policy.settings = replace(policy.settings, micro=micro)
    batches = batches_of(policy, stacked, 2)
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
    start = stacked.flat[0].clone()

    def taught():
        stacked.flat[0].copy_(start)
        opt = adam({n: p for n, (p, _) in stacked.moved().items()}, 2, (0.9, 0.95), 1.0)
        for _ in range(3):
            learn(policy, stacked, opt, algorithm, batches, gains, [State()] * 2, torch.full((2,), 0.01))
        return stacked.flat[0].clone()

    ours, plain = taught(), plainly(monkeypatch, taught)
    assert again
    assert torch.equal(ours, plain)
    assert not torch.equal(ours, start)


def test_the_first_pass_of_a_shape_goes_all_the_way(tmp_path, again):
    """One that only reads loads no kernel of the way back, and cannot be loaded while it is captured."""
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    for _ in range(3):
        own_logp(policy, stacked, batches, 0, start=False)
    assert not again
    slopes(policy, stacked, batches)
    assert not again
    own_logp(policy, stacked, batches, 0, start=False)
    assert len(again) == 1


def test_passes_share_the_room_of_the_largest(tmp_path, again):
    policy, stacked = flat(tmp_path)
    lessons = [sample(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], T) for T in (60, 12, 30)]
    for lesson in lessons * 2:
        slopes(policy, stacked, lesson)
    made = set(again)
    assert len(made) == 3
    assert len({p.hidden.data_ptr() for p in made}) == len(passage._rooms[stacked.model]) == 1
