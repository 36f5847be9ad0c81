"""Does the way of decoding that a GPU takes say what the eager path says? Run here on a CPU, step by step."""

import gc
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_engine import PROMPTS, TASK, lora

from rewardbench.engine import quick, slots
from rewardbench.engine.sample import choose, sample
from rewardbench.policies.settings import Tile
from rewardbench.types import Prompt, Task, Want

ARRAYS = ("ids", "mine", "turn", "ended")


@pytest.fixture
def both():
    """What the two paths sample, and the calls that the quick one made."""

    def ask(policy, stacked, task, wants, names, T):
        eager = sample(policy, stacked, task, wants, names, T)
        stacked.flatten()
        fast = sample(policy, stacked, task, wants, names, T)
        stacked.flat = None
        return eager, fast

    return ask


def same(one, other):
    for a, b in zip(one, other, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.text == b.text
            assert a.messages == b.messages
            assert a.spans == b.spans
            for name in ARRAYS:
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
            np.testing.assert_allclose(a.logp, b.logp, atol=2e-5)
            np.testing.assert_allclose(a.entropy, b.entropy, atol=2e-5)


def likely(policy, token):
    """Make a token likely wherever the policy is: its logit is raised by a bias."""
    head = policy.model.lm_head
    head.bias = torch.nn.Parameter(torch.zeros(head.out_features), requires_grad=False)
    head.bias[token] = np.log(head.out_features / 8)


def test_a_card_with_less_room_than_was_reckoned_samples_in_smaller_calls(tmp_path, both, monkeypatch):
    policy, stacked = lora(tmp_path, [1, 2])
    policy.settings = replace(policy.settings, P=1, K=2)
    policy.wide, policy.longest, asked, whole = 8, 12, [], quick.room

    def room(model, R, rows, L, T):
        asked.append(rows)
        if rows > 2 * 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(model, R, rows, L, T)

    monkeypatch.setattr(quick, "room", room)
    same(*both(policy, stacked, TASK, [Want(PROMPTS[:2], 4)] * 2, ["a", "b"], 5))
    assert (asked, policy.wide) == ([2 * 8, 2 * 2], 0)
    asked.clear()
    sample(policy, stacked, TASK, [Want(PROMPTS[:2], 4)] * 2, ["a", "b"], 5)
    assert asked == []


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3", "neox"])
def test_the_quick_path_says_what_the_eager_one_says(tmp_path, both, architecture):
    policy, stacked = lora(tmp_path, [1, 2, 3], architecture)
    wants = [Want(PROMPTS, 4, 0.8), None, Want(PROMPTS[:2], 5)]
    same(*both(policy, stacked, TASK, wants, ["a", "b", "c"], 12))
    assert quick.SHELF[stacked.model]


def test_a_call_is_cut_as_training_asks_and_the_same_is_said(tmp_path, both, monkeypatch):
    policy, stacked = lora(tmp_path, [1, 2])
    policy.settings = type(policy.settings)(P=1, K=5)
    calls = []
    whole = quick._call
    monkeypatch.setattr(quick, "_call", lambda *a: (calls.append(a[4].shape), whole(*a)))
    same(*both(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], 12))
    assert calls == [(10,)] * 3  # 12 completions a run in calls of 5
    calls.clear()
    policy.wide = 10
    same(*both(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], 12))
    assert calls == [(20,)] * 2  # and where there is room in calls of 10, the last of which has two to say


def test_finished_rows_are_packed_away(tmp_path, both, monkeypatch):
    policy, stacked = lora(tmp_path, [1, 2])
    policy.settings = type(policy.settings)(P=3, K=8)
    likely(policy, policy.eos)
    counts = []
    whole = quick.go
    monkeypatch.setattr(quick, "go", lambda model, s, rows, count: (counts.append(rows), whole(model, s, rows, count)))
    monkeypatch.setattr(quick, "LOOK", 2)
    eager, fast = both(policy, stacked, TASK, [Want(PROMPTS, 8)] * 2, ["a", "b"], 24)
    same(eager, fast)
    assert set(counts) >= {48, 24}
    assert sorted(counts, reverse=True) == counts


def test_a_partner_speaks_in_between(tmp_path, both):
    def reply(prompt, messages, rng):
        return None if len(messages) > 3 else rng.choice(["Ben runs.", "It is red, and what?"])

    policy, stacked = lora(tmp_path, [1, 2])
    likely(policy, policy.eos)
    task = Task(prompts=lambda split, seed: iter(PROMPTS), max_tokens=24, turns=3, reply=reply)
    eager, fast = both(policy, stacked, task, [Want(PROMPTS, 4)] * 2, ["a", "b"], 24)
    same(eager, fast)
    assert max(b.turn.max() for b in fast) == 2


@pytest.mark.parametrize("turns", [1, 3])
def test_a_turn_ends_with_any_token_that_the_model_ends_it_with(tmp_path, both, turns):
    """Its tokenizer may name one alone."""
    policy, stacked = lora(tmp_path, [1, 2])
    policy.model.generation_config.eos_token_id = [2, 4, 10_000]
    assert policy.ends == (2, 4)
    likely(policy, 4)
    task = Task(prompts=TASK.prompts, max_tokens=24, turns=turns, reply=lambda *_: "Ben runs.")
    eager, fast = both(policy, stacked, task, [Want(PROMPTS, 4)] * 2, ["a", "b"], 24)
    same(eager, fast)
    for batch in eager:
        last = batch.mine & np.isin(batch.ids, [2, 4])
        assert (batch.ids[last] == 4).any()
        assert (last.sum(2) == batch.turn.max(2) + batch.ended).all()
        assert not any("assistant" in text for row in batch.text for text in row)


def test_slots_are_kept_from_call_to_call(tmp_path, both):
    policy, stacked = lora(tmp_path, [1])
    for name in ("a", "b"):
        same(*both(policy, stacked, TASK, [Want(PROMPTS, 4)], [name], 12))
    same(*both(policy, stacked, TASK, [Want([Prompt("l", text="the red fox " * 14)], 4)], ["c"], 12))
    assert len(quick.SHELF[stacked.model]) == 2


def test_slots_that_became_too_small_are_let_go(tmp_path, both):
    policy, stacked = lora(tmp_path, [1])
    left = []
    for text in ("the red fox", "the red fox " * 14):
        same(*both(policy, stacked, TASK, [Want([Prompt("l", text=text)], 4)], ["a"], 12))
        left += [weakref.ref(own) for own in quick.SHELF[stacked.model].values()]
    gc.collect()
    assert [ref() is None for ref in left] == [True, False]


@pytest.mark.parametrize("kept", [[0, 1, 2, 3, 4, 5, 6, 7], [1, 3, 4, 6], [2, 5]])
def test_rows_that_go_on_find_their_prompt_at_one_of_them(tmp_path, kept):
    policy, stacked = lora(tmp_path, [1, 2])
    contexts = [policy.prompt_ids(p) for p in (*PROMPTS[:2], *PROMPTS[:2])]
    owner = torch.tensor([0, 0, 1, 1, 2, 3, 3, 2])
    own = slots.room(stacked.model, 2, 8, 32, 4)
    with torch.inference_mode():
        slots.fill(stacked.model, own, contexts, owner, torch.zeros(8, 4, dtype=torch.float64), torch.ones(8, 1))
        slots.pack(own, torch.tensor(kept))
    leader = own.leader[: len(kept)]
    assert (leader < len(kept)).all()
    assert (owner[kept][leader] == owner[kept]).all()
    assert (leader[leader] == leader).all()
    for x in (*own.keys, *own.values):
        assert torch.equal(x[leader, :, : own.L], x[: len(kept), :, : own.L])
    assert own.start[: len(kept)].tolist() == [own.L - len(contexts[n]) for n in owner[kept]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 128, 129, 700]), st.floats(0.3, 3))
def test_a_word_is_drawn_as_from_the_running_sum_over_all(seed, V, heat):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(64, V, generator=g) * 3
    logits[:, : V // 3] = float("-inf")
    uniform = torch.rand(64, 1, generator=g, dtype=torch.float64)
    uniform[0], uniform[1] = 0.0, 1 - 2**-53
    token, logp, entropy = slots.draw(logits, uniform, torch.full((64, 1), heat))
    plain = choose(logits, uniform[:, 0], torch.full((64, 1), heat), None)
    assert (token[:, 0] == plain[0]).float().mean() > 0.98  # rounding may decide at a border
    assert (token >= V // 3).all()
    every = (logits / heat).log_softmax(-1)
    torch.testing.assert_close(logp, every.gather(1, token), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(entropy[:, 0], plain[2], atol=1e-5, rtol=1e-4)


def test_a_row_that_is_no_number_is_drawn_from_without_a_word():
    logits = torch.randn(3, 300)
    before = slots.draw(logits, torch.full((3, 1), 0.3, dtype=torch.float64), torch.ones(3, 1))
    logits[1] = float("nan")
    after = slots.draw(logits, torch.full((3, 1), 0.3, dtype=torch.float64), torch.ones(3, 1))
    assert 0 <= int(after[0][1]) < 300
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one[::2], other[::2])


def test_in_a_tile_every_call_has_its_whole_shape(tmp_path, monkeypatch):
    policy, stacked = lora(tmp_path, [1, 2])
    stacked.flatten()
    likely(policy, policy.eos)
    heights, whole = [], quick.go
    monkeypatch.setattr(quick, "go", lambda model, s, rows, count: (heights.append(rows), whole(model, s, rows, count)))
    monkeypatch.setattr(quick, "LOOK", 2)
    shapes = {}
    for tile in (None, Tile(runs=2, prompt=96)):
        policy.settings = replace(policy.settings, P=3, K=8, tile=tile)
        for name, wants in (("full", [Want(PROMPTS, 8)] * 2), ("few", [Want(PROMPTS[:1], 1)] * 2)):
            quick.SHELF.clear()
            heights.clear()
            sample(policy, stacked, TASK, wants, ["a", "b"], 24)
            shapes[name, tile is None] = set(heights), set(quick.SHELF[policy.model])
    assert shapes["full", False] == shapes["few", False] == ({48}, {(48, 96, 24)})
    assert min(shapes["full", True][0]) < 48  # elsewhere rows leave,
    assert shapes["few", True][1] != shapes["full", True][1]  # and calls are as large as they have to be


def test_prompts_are_read_by_a_graph_from_the_second_call_on_if_that_goes(tmp_path, monkeypatch, capsys):
    policy, stacked = lora(tmp_path, [1, 2])
    stacked.flatten()
    replayed, broken = [], []

    def captured(run):
        if broken:
            raise RuntimeError("no capture today")
        return lambda: replayed.append(run) or run()

    monkeypatch.setattr(slots, "wanted", lambda device: True)
    monkeypatch.setattr(slots, "captured", captured)

    def spoken():
        return [b.text for b in sample(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], 12)]

    texts = [spoken() for _ in range(3)]
    assert texts[0] == texts[1] == texts[2]
    assert len(replayed) == 2
    broken.append(True)
    quick.SHELF.clear()
    assert all(spoken() == texts[0] for _ in range(3))
    assert len(replayed) == 2
    assert capsys.readouterr().err.count("the reading of prompts is not captured, which costs speed: RuntimeError: no capture today") == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, torch.OutOfMemoryError])
def test_a_step_that_cannot_be_captured_is_done_as_it_stands(tmp_path, monkeypatch, capsys, error):
    policy, stacked = lora(tmp_path, [1, 2])
    stacked.flatten()
    made = slots.room(policy.model, 2, 4, 8, 4)
    monkeypatch.setattr(slots, "_graph", lambda *_: (_ for _ in ()).throw(error("full")))
    done: list[int] = []
    monkeypatch.setattr(slots, "_once", lambda model, some: done.append(len(some.fed)))
    card = SimpleNamespace(fed=SimpleNamespace(device=SimpleNamespace(type="cuda")), steps={}, front=made.front)
    for rows in (2, 4):
        slots.go(policy.model, card, rows, 3)
    assert done == [2, 2, 2, 4, 4, 4]
    assert capsys.readouterr().err == f"a step of sampling is not captured, which costs speed: {error.__name__}: full\n"


def test_a_model_and_its_slots_are_let_go_with_their_pack(tmp_path):
    policy, stacked = lora(tmp_path, [1, 2])
    stacked.flatten()
    sample(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], 12)
    [own] = quick.SHELF[stacked.model].values()
    left = [weakref.ref(x) for x in (stacked.model, stacked, own, own.keys[0])]
    del policy, stacked, own
    gc.collect()
    assert [ref() for ref in left] == [None] * 4
