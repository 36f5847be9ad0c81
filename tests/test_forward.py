"""Do the engine's short cuts (shared prompts, buckets, a direct forward) compute what the plain model computes?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from making import make_policy
from transformers import AutoModelForCausalLM, DynamicCache, LlamaConfig

from rewardbench import find
from rewardbench.engine import forward as forward_
from rewardbench.engine import step
from rewardbench.engine.prefix import ROOM, Prefix, read
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import load
from rewardbench.policies.settings import open_folder
from rewardbench.types import Prompt, Task, Want

PROMPTS = [Prompt("a", text="Ann has 3."), Prompt("b", text="What is it?"), Prompt("c", text="the red fox runs and sees Ben.")]
TASK = Task(prompts=lambda split, seed: iter(PROMPTS), max_tokens=24)
SHAPES = ["llama", "qwen2", "qwen3", "neox", "tiny"]


@pytest.fixture(params=SHAPES)
def model_of(request, tmp_path):
    """A policy of each architecture, random weights or the shipped ones."""
    if request.param == "tiny":
        return load(find.policy("tiny"))
    return load(open_folder("x", make_policy(tmp_path, request.param)))


def one_by_one(policy, batch):
    """Log-probability of every own token, from the whole text of one completion at a time, nothing shared or padded."""
    P, K, T = batch.ids.shape
    rows = []
    for p in range(P):
        for k in range(K):
            ids = torch.tensor([[*batch.context[p], *batch.ids[p, k].tolist()]])
            logits = policy.model(input_ids=ids, use_cache=False).logits[0] / batch.temperature
            start = len(batch.context[p])
            every = logits[start - 1 : -1].log_softmax(-1)
            rows.append(every.gather(-1, ids[0, start:, None])[:, 0])
    return torch.stack(rows).view(P, K, T)


def test_log_probabilities_and_gradients_are_those_of_each_completion_alone(model_of):
    stacked = stack(model_of.model, [1], "full")
    [batch] = sample(model_of, stacked, TASK, [Want(PROMPTS, 16, 0.8)], ["s"], 24)
    mine = torch.from_numpy(batch.mine)
    lengths = batch.mine.sum(-1)
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=batch.mine.shape)).float() * mine
    found = {}
    for name in ("shared", "alone"):
        model_of.model.zero_grad()
        if name == "shared":
            logp = forward_.forward(model_of, stacked, [batch]).logp[0].view(*batch.mine.shape[:2], -1)
            logp = torch.nn.functional.pad(logp, (0, batch.mine.shape[2] - logp.shape[2]))
        else:
            logp = one_by_one(model_of, batch)
        (logp * weight).sum().backward()
        gradients = {n: p.grad.clone() for n, p in model_of.model.named_parameters() if p.grad is not None}
        found[name] = (torch.where(mine, logp.detach(), 0.0), gradients)
    assert lengths.min() < lengths.max()
    torch.testing.assert_close(found["shared"][0], found["alone"][0], atol=2e-5, rtol=1e-5)
    for name, gradient in found["alone"][1].items():
        torch.testing.assert_close(found["shared"][1][name], gradient, atol=2e-4, rtol=1e-3)


def test_buckets_are_used_where_lengths_differ_and_entropy_and_hidden_survive_them(policy, monkeypatch):
    stacked = stack(policy.model, [1], "full")
    [batch] = sample(policy, stacked, TASK, [Want(PROMPTS, 16)], ["s"], 24)
    needs = frozenset({"entropy", "hidden"})
    monkeypatch.setattr(forward_, "BUCKET_COST", 0)
    assert len(forward_._cuts(forward_._lengths(batch, 48)[None])) > 1
    cut = forward_.forward(policy, stacked, [batch], needs)
    monkeypatch.setattr(forward_, "BUCKET_COST", 10**9)
    whole = forward_.forward(policy, stacked, [batch], needs)
    mine = torch.from_numpy(batch.mine).view(1, 48, -1)[..., : whole.logp.shape[-1]]
    for name in ("logp", "entropy", "hidden"):
        a, b = getattr(cut, name), getattr(whole, name)
        torch.testing.assert_close(a[mine], b[mine], atol=2e-5, rtol=1e-5)


@given(arrays(np.int64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.integers(1, 90)))
def test_buckets_hold_every_completion_once_and_are_long_enough(lengths):
    cuts = forward_._cuts(lengths)
    for r, row in enumerate(lengths):
        assert sorted(i for members, _ in cuts for i in members[r].tolist()) == list(range(len(row)))
        assert all(row[members[r]].max() <= top for members, top in cuts)
    assert len({members.shape[0] for members, _ in cuts}) == 1


SAID = 2 * ROOM + 3


def decoded(policy, contexts, ask):
    """Logits of forced tokens, more than there is room for at once, after prompts of different length, the rows
    cut to half on the way.
    """
    size = policy.model.config.vocab_size
    start = read(policy.model, [contexts], policy.pad, policy.eos)
    prefix = start.prefix.take(torch.tensor([0, 0, 1, 2]))
    prefix.make_room()
    said = torch.arange(4 * SAID).view(4, SAID) % size
    seen = []
    for t in range(SAID):
        seen.append(ask(prefix, said[:, t], t))
        if t == 2:
            prefix, said = prefix.take(torch.tensor([3, 1])), said[[3, 1]]
    return seen


@torch.inference_mode()
def test_the_direct_forward_is_used_where_it_repeats_the_stock_one_and_nowhere_else(model_of):
    quick = step.direct(model_of.model, 64)
    kind = model_of.model.config.model_type
    assert (quick is not None) == (kind in ("llama", "qwen2", "smollm3")), kind  # qwen3 norms its queries, neox differs
    if quick is not None:
        contexts = [model_of.prompt_ids(p) for p in PROMPTS]
        ours = decoded(model_of, contexts, quick)
        theirs = decoded(model_of, contexts, lambda *args: step.stock(model_of.model, *args))
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("contexts", [[(5,)] * 3, [(5,), (6, 7), (8,)]])
def test_prompts_shorter_than_the_window_of_a_layer(contexts):
    policy = load(find.policy("tiny"))
    ours = decoded(policy, contexts, step.direct(policy.model, 64))
    theirs = decoded(policy, contexts, lambda *args: step.stock(policy.model, *args))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_what_says_nothing_at_the_start_is_read_when_it_moves(policy):
    """The probe is asked once, when biases are still 0."""
    config = {**policy.model.config.to_dict(), "mlp_bias": True, "attention_bias": True}
    torch.manual_seed(0)
    policy.model = AutoModelForCausalLM.from_config(LlamaConfig(**config)).eval()
    attention = policy.model.model.layers[0].self_attn
    attention.q_proj.bias = None  # a layer beside others that have one
    stacked = stack(policy.model, [1], "full")
    assert step.direct(policy.model, 64) is not None
    with torch.no_grad():
        for name, p in policy.model.named_parameters():
            if name.endswith("bias"):
                p.copy_(torch.randn(p.shape))
    [batch] = sample(policy, stacked, TASK, [Want(PROMPTS, 4)], ["s"], 12)
    [again] = forward_.own_logp(policy, stacked, [batch], 0, start=False)
    np.testing.assert_allclose(batch.logp, again, atol=2e-5)


def test_a_model_with_a_parameter_that_direct_does_not_read_is_left_to_the_library(policy):
    assert step.direct(policy.model, 64) is not None
    policy.model.model.layers[1].input_layernorm.bias = torch.nn.Parameter(torch.zeros(32))
    assert step.direct(policy.model, 64) is None


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_a_model_whose_angles_change_with_the_length_is_left_to_the_library(policy, kind):
    policy.model.model.rotary_emb.rope_type = kind
    assert step.direct(policy.model, 64) is None


def test_a_model_whose_angles_are_asked_for_otherwise_is_left_to_the_library(policy, monkeypatch):
    def other(x, position_ids, layer_type):
        raise AssertionError

    monkeypatch.setattr(policy.model.model.rotary_emb, "forward", other)
    assert step.direct(policy.model, 64) is None


def test_adapters_are_not_run_directly(policy):
    stack(policy.model, [1, 2], "lora", rank=2)
    assert step.direct(policy.model, 64) is None


@torch.inference_mode()
def test_a_prefix_keeps_its_rows_while_others_are_taken_from_it(policy):
    prefix = read(policy.model, [[policy.prompt_ids(p) for p in PROMPTS]], policy.pad, policy.eos).prefix
    before = [layer.keys.clone() for layer in prefix.cache.layers]
    taken = prefix.take(torch.tensor([2, 2, 0]))
    taken.make_room()
    for t in range(4):
        step.stock(policy.model, taken, torch.tensor([5, 6, 7]), t)
    for layer, kept in zip(prefix.cache.layers, before, strict=True):
        assert torch.equal(layer.keys, kept)
    for layer, kept in zip(taken.cache.layers, before, strict=True):
        assert torch.equal(layer.keys[:, :, : kept.shape[2]], kept[[2, 2, 0]])
        assert layer.keys.shape[2] == kept.shape[2] + 4


def test_a_mask_grows_with_what_follows():
    prefix = Prefix(DynamicCache(), torch.tensor([[False, True]]), torch.tensor([[1]]), 2)
    assert prefix.mask(2).tolist() == [[False, True, True, True]]
    assert prefix.mask(1).tolist() == [[False, True, True]]
    assert Prefix(DynamicCache(), None, torch.tensor([[1]]), 2).mask(3) is None
