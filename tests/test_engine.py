"""Is a run in a pack the run it would be alone, and is what was sampled what was learnt from?"""

import gc
import weakref
from contextlib import nullcontext
from dataclasses import dataclass, replace
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import make_policy

from rewardbench.algorithms.grpo import Grpo
from rewardbench.engine import learn as engine
from rewardbench.engine import spell as spelling
from rewardbench.engine.forward import own_logp
from rewardbench.engine.optimise import adam, update
from rewardbench.engine.sample import sample
from rewardbench.engine.spell import spell
from rewardbench.engine.stack import Stack, StackedLinear, stack
from rewardbench.policies.load import load
from rewardbench.policies.settings import open_folder
from rewardbench.types import Prompt, State, Task, Want

PROMPTS = [Prompt("a", text="Ann has 3."), Prompt("b", text="What is it?"), Prompt("c", text="the red fox runs and sees Ben.")]
TASK = Task(prompts=lambda split, seed: iter(PROMPTS), max_tokens=12)


def lora(tmp_path, seeds, architecture="llama", dtype=torch.float32):
    """A fresh policy with an adapter a seed, B moved off zero so that runs differ."""
    path = tmp_path / f"{architecture}0"
    path = path if path.exists() else make_policy(tmp_path, architecture)
    policy = load(open_folder("x", path))
    stacked = stack(policy.model, list(seeds), "lora", rank=4, alpha=8.0)
    with torch.no_grad():
        for name, p in stacked.params.items():
            if name.endswith(".B"):
                for r, seed in enumerate(seeds):
                    g = torch.Generator().manual_seed(len(name) * 1000 + seed)
                    p[r] = torch.randn(p.shape[1:], generator=g) * 0.1
    return policy, stacked


def batches_of(policy, stacked, count, T=12):
    wants = [Want(PROMPTS, 4)] * count
    return sample(policy, stacked, TASK, wants, [f"train/{r}" for r in range(count)], T)


def test_decoding_and_training_agree_on_log_probabilities(policy):
    stacked = stack(policy.model, [1], "full")
    [batch] = sample(policy, stacked, TASK, [Want(PROMPTS, 4, 0.7)], ["train/1/0"], 12)
    [again] = own_logp(policy, stacked, [batch], 0, start=False)
    assert batch.mine.any()
    np.testing.assert_allclose(batch.logp, again, atol=2e-5)
    assert (batch.logp[batch.mine] < 0).all()
    assert (batch.logp[~batch.mine] == 0).all()


def test_a_completion_does_not_depend_on_what_else_is_in_the_batch(policy):
    stacked = stack(policy.model, [1], "full")
    [many] = sample(policy, stacked, TASK, [Want(PROMPTS, 4)], ["s"], 12)
    [one] = sample(policy, stacked, TASK, [Want(PROMPTS[:1], 2)], ["s"], 12)
    assert one.text[0] == many.text[0][:2]


def test_streams_differ_and_repeat(policy):
    stacked = stack(policy.model, [1], "full")
    texts = [sample(policy, stacked, TASK, [Want(PROMPTS, 4)], [n], 12)[0].text for n in ("a", "a", "b")]
    assert texts[0] == texts[1] != texts[2]


def test_spans_cut_the_text_at_tokens(policy):
    stacked = stack(policy.model, [1], "full")
    [batch] = sample(policy, stacked, TASK, [Want(PROMPTS, 4)], ["s"], 12)
    for p in range(3):
        for k in range(4):
            text, spans = batch.text[p][k], batch.spans[p][k]
            own = [i for i in range(len(spans)) if batch.mine[p, k, i]]
            assert "".join(text[slice(*spans[i])] for i in own) == text
            ids = batch.ids[p, k][batch.mine[p, k]]
            assert text == policy.tokenizer.decode(ids, skip_special_tokens=True)


def test_spell_falls_back_where_tokens_share_a_character():
    class Bytes:
        all_special_ids = ()

        def __len__(self):
            return 256

        def decode(self, ids, **_):
            return bytes(ids).decode("utf-8", errors="replace")

        __hash__ = object.__hash__

    ids = list("aé!".encode())
    text, spans = spell(Bytes(), ids)
    assert text == "aé!"
    assert spans[0] == (0, 1)
    assert spans[-1][1] == 3


class Words:
    """Words behind spaces, of which the first of a text lacks its own; token 0 is special without being told so."""

    all_special_ids = ()
    calls = 0

    def __len__(self):
        return 50

    def decode(self, ids, skip_special_tokens=False, **_):
        Words.calls += 1
        return "".join(f" w{i}" for i in ids if i or not skip_special_tokens).removeprefix(" ")

    __hash__ = object.__hash__


def test_spell_looks_past_a_token_that_writes_nothing():
    """Behind one that is left out each word would be the first, and texts were decoded once for each of their tokens."""
    ids = [3, 4, 5] * 40
    Words.calls = 0
    text, spans = spell(Words(), ids)
    assert text == " ".join(f"w{i}" for i in ids)
    assert [text[a:b] for a, b in spans] == ["w3", *(f" w{i}" for i in ids[1:])]
    assert Words.calls < 20


def test_spell_decodes_what_shares_a_character_and_no_more():
    class Bytes:
        calls = 0

        def __len__(self):
            return 256

        def decode(self, ids, **_):
            Bytes.calls += 1
            return bytes(ids).decode("utf-8", errors="replace")

        __hash__ = object.__hash__

    text, spans = spell(Bytes(), list(("a" * 100 + "é").encode()))
    assert text == "a" * 100 + "é"
    assert spans[-2:] == [(100, 100), (100, 101)]
    assert Bytes.calls < 20


@given(st.lists(st.sampled_from(["a", "é", "€", "𝄞", "!"]), min_size=1, max_size=12).map("".join), st.integers(0, 40))
def test_spell_gives_a_shared_character_to_the_token_that_completes_it(said, cut):
    class Bytes:
        def __len__(self):
            return 256

        def decode(self, ids, **_):
            return bytes(ids).decode("utf-8", errors="replace")

        __hash__ = object.__hash__

    ids = list(said.encode())[: cut or None]
    text, spans = spell(Bytes(), ids)
    ends = [len(bytes(ids[: n + 1]).decode("utf-8", errors="ignore")) for n in range(len(ids))]
    whole = [b for _, b in spans if b <= ends[-1]]
    assert whole == ends[: len(whole)]
    assert text.startswith(bytes(ids).decode("utf-8", errors="ignore"))


def test_a_tokenizer_is_let_go_with_its_pack(tmp_path):
    policy = load(open_folder("x", make_policy(tmp_path)))
    sample(policy, stack(policy.model, [1], "full"), TASK, [Want(PROMPTS, 4)], ["s"], 12)
    left = weakref.ref(policy.tokenizer)
    del policy
    gc.collect()
    assert left() is None


def test_what_is_remembered_of_texts_has_an_end(monkeypatch):
    monkeypatch.setattr(spelling, "MOST", 3)
    words = Words()
    for _ in range(2):
        told = [spelling.spelled(words, (i,)) for i in range(1, 9)]
        assert [text for text, _ in told] == [f"w{i}" for i in range(1, 9)]
        assert len(spelling._tables[words].whole) <= 3


def test_a_lesson_on_the_device_is_the_lesson_in_single_precision(policy):
    stacked = stack(policy.model, [1], "full")
    [batch] = sample(policy, stacked, TASK, [Want(PROMPTS, 4)], ["s"], 12)
    lesson = engine.Lesson(batch, np.random.default_rng(0).normal(size=batch.ids.shape), old=batch.logp)
    nothing, there = engine.on_device([None, lesson], torch.device("cpu"))
    assert nothing is None
    assert there.ref is None
    assert there.gain.dtype == there.old.dtype == there.batch.logp.dtype == torch.float32
    for name in ("ids", "mine", "turn", "ended", "logp"):
        np.testing.assert_array_equal(getattr(there.batch, name).numpy(), getattr(batch, name))
    np.testing.assert_allclose(there.gain.numpy(), lesson.gain, atol=1e-6)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "neox"])
def test_a_run_in_a_pack_equals_its_solo_run(tmp_path, architecture):
    policy, pack = lora(tmp_path, [1, 2, 3], architecture)
    batches = batches_of(policy, pack, 3)
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
    together = gradients(policy, pack, batches, gains)
    logp = own_logp(policy, pack, batches, 0, start=False)
    for r, seed in enumerate([1, 2, 3]):
        alone_policy, alone = lora(tmp_path, [seed], architecture)
        solo = gradients(alone_policy, alone, [batches[r]], [gains[r]])
        [solo_logp] = own_logp(alone_policy, alone, [batches[r]], 0, start=False)
        np.testing.assert_allclose(solo_logp, logp[r], atol=1e-5)
        for name in solo:
            torch.testing.assert_close(solo[name][0], together[name][r], atol=1e-5, rtol=1e-4)


def gradients(policy, stacked, batches, gains):
    """Gradients of the GRPO loss for every run, [R, ...], without moving any weight."""
    opt = adam({n: stacked.lead(n) for n in stacked.params}, stacked.R, (0.9, 0.95), 1.0)
    algorithm = Grpo()
    engine.learn(policy, stacked, opt, algorithm, batches, gains, [State()] * len(batches), torch.zeros(stacked.R))
    return {n: stacked.gradient(n).clone() for n in stacked.params}


def test_masking_permuting_and_blowing_up_the_others_changes_nothing(tmp_path):
    policy, pack = lora(tmp_path, [1, 2, 3])
    batches = batches_of(policy, pack, 3)
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
    before = gradients(policy, pack, batches, gains)
    masked = gradients(policy, pack, [batches[0], None, None], [gains[0], None, None])
    policy2, turned = lora(tmp_path, [3, 2, 1])
    permuted = gradients(policy2, turned, batches[::-1], gains[::-1])
    with torch.no_grad():
        for name, p in pack.params.items():
            if name.endswith(".A"):
                p[2] = float("nan")
    blown = gradients(policy, pack, batches, gains)
    for name in before:
        torch.testing.assert_close(masked[name][0], before[name][0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(permuted[name][2], before[name][0], atol=1e-5, rtol=1e-4)
        assert torch.equal(blown[name][:2], before[name][:2])
    assert any(not blown[n][2].isfinite().all() for n in blown)


def test_a_run_that_blew_up_is_quarantined():
    params = {"w": torch.ones(2, 3)}
    opt = adam(params, 2, (0.9, 0.95), 1.0)
    gradients = {"w": torch.tensor([[float("nan")] * 3, [1.0, 2.0, 3.0]])}
    size = update(opt, params, gradients, torch.full((2,), 0.1), torch.tensor([True, True]))
    assert not size[0].isfinite()
    assert (params["w"][0] == 1).all()
    assert opt.steps.tolist() == [0, 1]
    assert (params["w"][1] != 1).all()


@pytest.mark.parametrize("size", [1.0, 1e-3])
def test_adam_is_torch_adam(size):
    """A small gradient is not drawn up to the clip."""
    rng = torch.Generator().manual_seed(0)
    start = torch.randn(4, 3, generator=rng)
    ours = {"w": start.clone()[None]}
    theirs = torch.nn.Parameter(start.clone())
    opt = adam(ours, 1, (0.9, 0.95), 0.5)
    peer = torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.95))
    for _ in range(7):
        g = size * torch.randn(4, 3, generator=rng)
        update(opt, ours, {"w": g[None]}, torch.tensor([0.01]), torch.tensor([True]))
        theirs.grad = g.clone()
        torch.nn.utils.clip_grad_norm_([theirs], 0.5)
        peer.step()
    torch.testing.assert_close(ours["w"][0], theirs.data, atol=1e-7, rtol=1e-5)


def test_micro_batching_changes_nothing(tmp_path):
    policy, pack = lora(tmp_path, [1, 2])
    batches = batches_of(policy, pack, 2)
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
    whole = gradients(policy, pack, batches, gains)
    policy.settings = replace(policy.settings, micro=4)
    pieces = gradients(policy, pack, batches, gains)
    for name in whole:
        torch.testing.assert_close(whole[name], pieces[name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("ordered", [True, False])
def test_what_sums_in_order_puts_every_switch_back(monkeypatch, ordered):
    filling, was = torch.utils.deterministic, torch.are_deterministic_algorithms_enabled()
    card = SimpleNamespace(flat=[SimpleNamespace(device=torch.device("cuda"))])
    monkeypatch.setattr(filling, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(ordered)
    try:
        with engine._in_order(card):
            assert (torch.are_deterministic_algorithms_enabled(), filling.fill_uninitialized_memory) == (True, False)
        assert (torch.are_deterministic_algorithms_enabled(), filling.fill_uninitialized_memory) == (ordered, True)
    finally:
        torch.use_deterministic_algorithms(was)


def many_prompts(count):
    return [Prompt(str(n), text=text) for n, text in zip(range(count), ["Ann has 3.", "What is it?", "the red fox runs.", "Ben sees", "Cid", "a dog 1"])]


def taught(policy, stacked, batches, gains, algorithm):
    """What learning from these batches came to, and the weights after it, [R, ...]."""
    opt = adam({n: stacked.lead(n) for n in stacked.params}, stacked.R, (0.9, 0.95), 1.0)
    rate = torch.full((stacked.R,), 1e-2)
    learnt = engine.learn(policy, stacked, opt, algorithm, batches, gains, [State()] * stacked.R, rate)
    return learnt, opt.steps.tolist(), {n: stacked.lead(n).clone() for n in stacked.params}


@pytest.mark.parametrize("sizes", [(4, 2), (6, 4), (1, 5)])
@pytest.mark.parametrize("options", [{}, {"minibatches": 2}, {"minibatches": 3, "passes": 2, "kl": 0.1}], ids=str)
@pytest.mark.parametrize("micro", [0, 4, 6])
def test_runs_with_different_numbers_of_prompts_learn_what_they_learn_alone(tmp_path, sizes, options, micro):
    policy, pack = lora(tmp_path, [1, 2])
    wants = [Want(many_prompts(count), k) for count, k in zip(sizes, (4, 2))]
    batches = sample(policy, pack, TASK, wants, ["a", "b"], 12)
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
    policy.settings = replace(policy.settings, micro=micro)
    learnt, steps, weights = taught(policy, pack, batches, gains, Grpo(**options))
    assert learnt.faults == (None, None)
    for r in range(2):
        alone_policy, alone = lora(tmp_path, [r + 1])
        alone_policy.settings = policy.settings
        solo, solo_steps, solo_weights = taught(alone_policy, alone, [batches[r]], [gains[r]], Grpo(**options))
        assert steps[r] == solo_steps[0] == min(options.get("minibatches", 1), sizes[r]) * options.get("passes", 1)
        for name in ("loss", "norm", "drift"):
            assert getattr(learnt, name)[r] == pytest.approx(getattr(solo, name)[0], abs=1e-5, rel=1e-3)
        for name, value in solo_weights.items():
            torch.testing.assert_close(weights[name][r], value[0], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(("prompts", "minis", "parts"), [(3, 4, [1, 1, 1]), (4, 3, [2, 1, 1]), (6, 4, [2, 2, 1, 1]), (2, 1, [2])])
def test_minibatches_are_nearly_equal_and_losses_are_means_over_the_updates_made(tmp_path, prompts, minis, parts):
    policy, stacked = lora(tmp_path, [1])
    batches = sample(policy, stacked, TASK, [Want(many_prompts(prompts), 2)], ["a"], 12)
    gains = [np.ones(batches[0].mine.shape)]
    cut = engine.minibatches(engine.Lesson(batches[0], gains[0]), minis)
    assert [len(x.batch.ids) for x in cut if x is not None] == parts
    assert len(cut) == minis
    learnt, steps, _ = taught(policy, stacked, batches, gains, Constant(minibatches=minis))
    assert steps == [len(parts)]
    assert learnt.loss[0] == pytest.approx(7.0)


@dataclass(frozen=True)
class Constant(Grpo):
    """Its loss is 7."""

    def loss(self, now, batch, advantages, state):
        return now.logp.sum() * 0.0 + 7.0


def test_a_loss_that_raises_leaves_its_run_where_it_was_and_moves_the_others(tmp_path):
    class Unlucky(Grpo):
        def loss(self, now, batch, advantages, state):
            if (advantages == 13).any():
                raise ValueError("unlucky")
            return super().loss(now, batch, advantages, state)

    found = []
    for bad in (1.0, 13.0):
        policy, pack = lora(tmp_path, [1, 2])
        batches = batches_of(policy, pack, 2)
        gains = [np.full(b.mine.shape, g) for b, g in zip(batches, (1.0, bad))]
        before = {n: pack.lead(n).clone() for n in pack.params}
        found.append(taught(policy, pack, batches, gains, Unlucky(minibatches=3)))
    (_, _, good), (learnt, steps, weights) = found
    assert learnt.faults[0] is None
    assert str(learnt.faults[1]) == "unlucky"
    assert steps == [3, 0]
    for name in weights:
        assert torch.equal(weights[name][1], before[name][1])
        torch.testing.assert_close(weights[name][0], good[name][0], atol=1e-5, rtol=1e-4)


def test_the_start_policy_is_the_start_policy(tmp_path, policy):
    lora_policy, pack = lora(tmp_path, [1, 2])
    batches = batches_of(lora_policy, pack, 2)
    ref = own_logp(lora_policy, pack, batches, 0, start=True)
    full = stack(policy.model, [1], "full")
    [base] = own_logp(policy, full, [batches[0]], 0, start=False)
    np.testing.assert_allclose(ref[0], base, atol=1e-5)
    with torch.no_grad():
        next(iter(full.params.values())).add_(1.0)
    [moved] = own_logp(policy, full, [batches[0]], 0, start=False)
    [start] = own_logp(policy, full, [batches[0]], 0, start=True)
    np.testing.assert_allclose(start, base, atol=1e-6)
    assert np.abs(moved - base).max() > 1e-3


def partner(prompt, messages, rng: Random):
    """Answers once with a word of its own."""
    return rng.choice(["Friday.", "it is Ben."]) if len(messages) < 3 else None


def test_the_partners_words_are_masked_and_its_turns_counted(policy):
    task = Task(prompts=TASK.prompts, max_tokens=40, turns=3, reply=partner)
    stacked = stack(policy.model, [1], "full")
    allowed = np.zeros(len(policy.tokenizer), dtype=bool)
    allowed[[2, 5, 6, 7, 8]] = True  # the end of a turn is likely
    [batch] = sample(policy, stacked, task, [Want(PROMPTS, 4, 1.0, allowed)], ["s"], 40)
    replied = 0
    for p in range(3):
        for k in range(4):
            messages = batch.messages[p][k]
            assert [m["role"] for m in messages] == ["assistant", "user"] * (len(messages) // 2) + ["assistant"] * (
                len(messages) % 2
            )
            theirs = [m["content"] for m in messages if m["role"] == "user"]
            replied += len(theirs)
            own = batch.ids[p, k][batch.mine[p, k]]
            assert set(own.tolist()) <= {2, 5, 6, 7, 8}
            assert batch.text[p][k] == "\n".join(m["content"] for m in messages if m["role"] == "assistant")
            assert batch.turn[p, k].max() == len(theirs)
            whole = list(batch.context[p]) + batch.ids[p, k][: len(batch.spans[p][k])].tolist()
            if batch.ended[p, k]:
                chat = PROMPTS[p].chat() + list(messages)
                rendered = policy.tokenizer.apply_chat_template(chat, tokenize=False)
                assert policy.tokenizer.decode(whole) == policy.tokenizer.decode(policy.tokenizer(rendered)["input_ids"])
    assert replied > 5
    [again] = own_logp(policy, stacked, [batch], 0, start=False)
    np.testing.assert_allclose(batch.logp, again, atol=2e-5)


def test_adapters_are_turned_once_for_all_tokens_of_a_completion(tmp_path, monkeypatch):
    """Into a base's half precision; afterwards they are as they were, and move."""
    policy, stacked = lora(tmp_path, [1])
    policy.model.to(torch.bfloat16)
    layers = [m for m in policy.model.modules() if isinstance(m, StackedLinear)]
    for layer in layers:
        layer.A.data, layer.B.data = layer.A.data.float(), layer.B.data.float()
    near = []
    layers[0].register_forward_pre_hook(lambda module, args: near.append(module.near))

    def ask():
        return sample(policy, stacked, TASK, [Want(PROMPTS, 4)], ["a"], 12)[0]

    with_copies = ask()
    assert len({id(pair) for pair in near}) == 1
    assert [x.dtype for x in near[0]] == [torch.bfloat16] * 2
    assert all(layer.near is None for layer in layers)
    monkeypatch.setattr(Stack, "still", lambda self: nullcontext())
    without = ask()
    np.testing.assert_array_equal(with_copies.ids, without.ids)
    np.testing.assert_array_equal(with_copies.logp, without.logp)
