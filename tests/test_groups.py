"""Does a row of a prompt and all its completions say of each token what the plain model says?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_engine import PROMPTS, TASK, batches_of, lora
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

from rewardbench.algorithms.grpo import Grpo
from rewardbench.engine import attend, groups
from rewardbench.engine.forward import forward
from rewardbench.engine.head import log_probability
from rewardbench.engine.learn import learn
from rewardbench.engine.optimise import adam
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import ALIGNED
from rewardbench.policies.settings import Tile
from rewardbench.types import State, Want

SHAPES = ["llama", "qwen2", "qwen3", "neox"]


@pytest.mark.parametrize("architecture", SHAPES)
def test_our_attention_repeats_the_stock_one(tmp_path, architecture):
    policy, _ = lora(tmp_path, [1], architecture)
    assert attend.able(policy.model)
    assert policy.model.config._attn_implementation != attend.NAME


def test_a_run_that_is_no_number_does_not_speak_for_the_model(tmp_path):
    """As when a pack is resumed in which a run has blown up."""
    policy, stacked = lora(tmp_path, [1, 2])
    stacked.flatten()
    stacked.flat[0][1] = float("nan")
    assert attend.able(policy.model, 2)
    stacked.flat[0][0] = float("nan")
    attend.TRIED.clear()
    assert not attend.able(policy.model, 2)  # nothing was seen


def test_every_adapter_lies_where_kernels_for_one_layer_serve_all(tmp_path):
    _, stacked = lora(tmp_path, [1, 2])
    for p in stacked.params.values():
        p.data = p.data[..., :-1].contiguous()  # of a size that is no multiple of anything
    before = {name: p.detach().clone() for name, p in stacked.params.items()}
    stacked.flatten()
    for n, (name, p) in enumerate(stacked.params.items()):
        assert torch.equal(p, before[name])
        assert p.storage_offset() % ALIGNED == 0, name
        p.grad.fill_(float(n + 1))
    assert stacked.flat[0].stride(0) % ALIGNED == 0
    assert stacked.flat[1].sum() == sum(float(n + 1) * p.numel() for n, p in enumerate(stacked.params.values()))


def test_a_runs_weights_are_fetched_as_they_are(tmp_path):
    for flat in (False, True):
        _, stacked = lora(tmp_path, [1, 2, 3])
        if flat:
            stacked.flatten()
        stacked.params["state.value"] = torch.nn.Parameter(torch.arange(1.0, 7).view(3, 2))
        for r in range(3):
            found = stacked.alone(r)
            assert list(found) == list(stacked.params)
            assert all(torch.equal(value, stacked.lead(name)[r]) for name, value in found.items())
            found["state.value"].zero_()
            assert stacked.params["state.value"][r].all()


def test_a_layer_that_asks_for_more_is_not_run_with_our_attention(tmp_path, monkeypatch):
    policy, _ = lora(tmp_path, [1], "qwen2")
    for layer in policy.model.model.layers:
        layer.self_attn.sliding_window = 4
    assert not attend.able(policy.model)


SMALL = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 256}
MOST = [
    ("mistral", {"sliding_window": None}, True),
    ("mistral", {"sliding_window": 4}, False),  # shorter than the text of the probe
    ("gemma2", {"head_dim": 8, "layer_types": ["full_attention"] * 2, "attn_logit_softcapping": 50.0}, False),
    ("gemma2", {"head_dim": 8, "layer_types": ["full_attention"] * 2, "attn_logit_softcapping": None}, True),
    ("gpt_oss", {"head_dim": 8, "num_local_experts": 4, "layer_types": ["full_attention"] * 2}, False),  # sinks
    ("diffllama", {}, False),  # a layer attends twice
]


@pytest.mark.parametrize(("kind", "asked", "told"), MOST, ids=[f"{kind}-{told}" for kind, _, told in MOST])
def test_a_model_whose_attention_is_more_than_ours_is_refused(kind, asked, told):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SMALL, **asked)).eval()
    assert attend.able(model, 2) is told


def test_layers_that_share_keys_among_other_numbers_of_heads_are_refused():
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **SMALL)).eval()
    assert attend.able(model)
    attend.TRIED.clear()
    model.model.layers[1].self_attn = LlamaAttention(AutoConfig.for_model("llama", **{**SMALL, "num_key_value_heads": 4}), 1)
    model.model.layers[1].self_attn.config = model.config
    assert not attend.able(model)


@pytest.mark.parametrize("architecture", SHAPES)
@pytest.mark.parametrize("gap", [False, True])
def test_log_probabilities_and_gradients_are_those_of_the_eager_path(tmp_path, architecture, gap):
    policy, stacked = lora(tmp_path, [1, 2, 3], architecture)
    wants = [Want(PROMPTS, 4, 0.8), None if gap else Want(PROMPTS, 4), Want(PROMPTS[:2] if gap else PROMPTS, 5)]
    batches = sample(policy, stacked, TASK, wants, ["a", "b", "c"], 12)
    found = {}
    for name, ask in (("eager", lambda: forward(policy, stacked, batches).logp), ("groups", lambda: groups.logp_of(policy, stacked, batches))):
        for p in stacked.params.values():
            p.grad = None
        logp = ask()
        total, told = 0.0, []
        for r, batch in enumerate(batches):
            if batch is not None:
                P, K, T = batch.ids.shape
                T = min(T, logp.shape[-1])
                mine = torch.from_numpy(batch.mine[..., :T])
                own = torch.where(mine, logp[r, : P * K, :T].reshape(P, K, T), 0.0)
                weight = torch.from_numpy(np.random.default_rng(r).normal(size=(P, K, T))).float()
                total = total + (own * weight).sum()
                told.append(own.detach())
        total.backward()
        found[name] = told, {n: p.grad.clone() for n, p in stacked.params.items()}
    for one, other in zip(*(found[n][0] for n in found), strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-5)
    for name, gradient in found["eager"][1].items():
        torch.testing.assert_close(found["groups"][1][name], gradient, atol=1e-4, rtol=1e-3)


def test_a_completion_cannot_see_its_siblings(tmp_path):
    policy, stacked = lora(tmp_path, [1])
    [batch] = batches_of(policy, stacked, 1)
    before = groups.logp_of(policy, stacked, [batch])
    batch.ids[:, 1:] = 5  # all but the first completion say something else
    after = groups.logp_of(policy, stacked, [batch])
    mine = torch.from_numpy(batch.mine).reshape(before.shape[1], -1)[:, : before.shape[-1]]
    first = torch.arange(before.shape[1]) % 4 == 0
    torch.testing.assert_close(before[0][first], after[0][first], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(before[0][~first][mine[~first]], after[0][~first][mine[~first]], atol=1e-3)


def test_the_head_says_and_teaches_what_a_softmax_over_all_words_does(monkeypatch):
    monkeypatch.setattr("rewardbench.engine.head.CHUNK", 4)
    g = torch.Generator().manual_seed(0)
    head = torch.nn.Linear(6, 11)
    hidden = torch.randn(10, 6, generator=g, requires_grad=True)
    ids, heat = torch.randint(11, (10,), generator=g), torch.linspace(0.5, 1.5, 10)
    weight = torch.randn(10, generator=g)
    ours = log_probability(hidden, head, ids, heat)
    plain = -F.cross_entropy(head(hidden) / heat[:, None], ids, reduction="none")
    torch.testing.assert_close(ours, plain)
    [one], [other] = (torch.autograd.grad((x * weight).sum(), hidden, retain_graph=True) for x in (ours, plain))
    torch.testing.assert_close(one, other)


@pytest.mark.filterwarnings("ignore:grad and param do not obey")
def test_in_a_tile_a_run_has_the_same_rows_beside_any_other(tmp_path):
    policy, stacked = lora(tmp_path, [1, 2])
    settings = replace(policy.settings, P=4, K=4, micro=16, tile=Tile(runs=2, prompt=96))
    few, many = sample(policy, stacked, TASK, [Want(PROMPTS[:2], 2), Want(PROMPTS, 4)], ["a", "b"], 12)
    shapes = {groups.room(pair, settings) for pair in ([few, None], [few, many], [many, few])}
    assert len(shapes) == 1
    [room] = shapes
    alone, beside = (groups.laid_out(pair, policy.pad, room) for pair in ([few, None], [few, many]))
    assert alone.ids.shape == beside.ids.shape
    assert groups._most(alone, room) == groups._most(beside, room) == (96, 12)
    for name in ("ids", "position", "part"):
        np.testing.assert_array_equal(getattr(alone, name)[: room.P], getattr(beside, name)[: room.P])
    own = slice(room.P * room.K * room.T)
    for name in ("before", "place", "said"):
        np.testing.assert_array_equal(getattr(alone, name)[own], getattr(beside, name)[own])
    loose = [groups.room(pair, replace(settings, tile=None)) for pair in ([few, None], [few, many])]
    assert loose[0] != loose[1]


def test_adapters_laid_out_as_one_tensor_learn_the_same(tmp_path):
    ends = []
    for flat in (False, True):
        policy, stacked = lora(tmp_path, [1, 2])
        if flat:
            stacked.flatten()
        opt = adam({n: p for n, (p, _) in stacked.moved().items()}, 2, (0.9, 0.95), 0.01)
        assert set(opt.m) == ({"adapters"} if flat else set(stacked.params))
        for seed in range(3):
            batches = batches_of(policy, stacked, 2)
            gains = [np.random.default_rng(10 * seed + r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
            learnt = learn(policy, stacked, opt, Grpo(), batches, gains, [State()] * 2, torch.full((2,), 1e-2))
        ends.append(({n: stacked.lead(n).clone() for n in stacked.params}, learnt.norm))
    for name, value in ends[0][0].items():
        torch.testing.assert_close(ends[1][0][name], value, atol=1e-5, rtol=1e-3)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-4)


def test_while_nothing_moves_adapters_are_multiplied_from_a_copy_that_is_as_they_are_now(tmp_path):
    policy, stacked = lora(tmp_path, [1, 2])
    policy.model.to(torch.bfloat16)
    for p in stacked.params.values():
        p.data = p.data.float()
    stacked.flatten()
    ids = torch.arange(12).view(2, 6) + 5
    for move in (0.0, 0.3):
        stacked.flat[0].add_(move)
        with torch.no_grad():
            plain = policy.model(input_ids=ids).logits
            with stacked.still():
                assert torch.equal(policy.model(input_ids=ids).logits, plain)
                stacked.flat[0].add_(1.0)
                assert torch.equal(policy.model(input_ids=ids).logits, plain)  # it is a copy
            assert not torch.equal(policy.model(input_ids=ids).logits, plain)  # and left behind
            stacked.flat[0].add_(-1.0)


@pytest.mark.parametrize("algorithm", [Grpo(), Grpo(passes=2), Grpo(minibatches=3)], ids=["once", "passes", "parts"])
def test_drift_is_how_far_what_was_decoded_lies_from_what_is_trained(tmp_path, algorithm):
    policy, stacked = lora(tmp_path, [1, 2])
    batches = sample(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], 12)
    opt = adam({n: p for n, (p, _) in stacked.moved().items()}, 2, (0.9, 0.95), 1.0)
    gains = [np.ones(b.mine.shape, dtype=np.float32) for b in batches]
    off = [replace(b, logp=b.logp + shift) for b, shift in zip(batches, (0.0, 0.5))]
    found = learn(policy, stacked, opt, algorithm, off, gains, [State()] * 2, torch.zeros(2))
    np.testing.assert_allclose(found.drift, [0.0, 0.5], atol=1e-4)
