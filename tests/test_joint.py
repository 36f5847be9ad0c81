"""Are layers that read the same numbers found, and do they say as one product what they say alone?"""

import numpy as np
import pytest
import torch
from test_engine import batches_of, lora
from test_fused import compiling, slopes, spoken
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.aot_autograd import make_boxed_func

from rewardbench.engine import fused
from rewardbench.engine.joint import joints
from rewardbench.engine.stack import stack

aten = torch.ops.aten


def flat(tmp_path, architecture="llama", dtype=torch.float32):
    policy, stacked = lora(tmp_path, [1, 2], architecture)
    policy.model.to(dtype)
    for p in stacked.params.values():
        p.data = p.data.float()
    stacked.flatten()
    return policy, stacked


def names(stacked):
    known = {m: n.rpartition(".")[2] for n, m in stacked.model.named_modules()}
    return [[known[m] for m in joint.members] for joint in stacked.joints]


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3", "neox"])
def test_layers_that_read_the_same_are_found(tmp_path, architecture):
    _, stacked = flat(tmp_path, architecture)
    stacked.join()
    block = [["q_proj", "k_proj", "v_proj"], ["gate_proj", "up_proj"]]
    assert names(stacked) == ([] if architecture == "neox" else block * stacked.model.config.num_hidden_layers)


def test_they_are_joined_where_blocks_are_compiled(tmp_path, monkeypatch):
    _, stacked = flat(tmp_path)
    assert not stacked.joints
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    _, stacked = flat(tmp_path)
    assert stacked.joints


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_alone_they_say_what_they_said(tmp_path, architecture):
    policy, stacked = flat(tmp_path, architecture)
    batches = batches_of(policy, stacked, 2)
    before, numbers = slopes(policy, stacked, batches), sum(p.numel() for p in policy.model.parameters())
    weights = {n: p.clone() for n, p in policy.model.state_dict().items()}
    stacked.join()
    after = slopes(policy, stacked, batches)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert numbers == sum(p.numel() for p in policy.model.parameters())
    assert all(torch.equal(p, weights[n]) for n, p in policy.model.state_dict().items())
    joint = stacked.joints[0]
    assert {m.base.weight.untyped_storage().data_ptr() for m in joint.members} == {joint.weight.data_ptr()}


def counting(found):
    """A backend that notes the products of each graph."""

    def noted(graph, example):
        asked = [getattr(n.target, "overloadpacket", None) for n in graph.graph.nodes]
        found.append([kind for kind in asked if kind in (aten.mm, aten.addmm, aten.bmm)])
        return make_boxed_func(graph)

    return aot_autograd(fw_compiler=noted)


@pytest.mark.parametrize(("architecture", "products"), [("llama", 4), ("qwen3", 4), ("neox", 4), ("apart", 7)])
def test_compiled_a_block_has_a_product_for_each_thing_that_is_read(tmp_path, monkeypatch, architecture, products):
    policy, stacked = flat(tmp_path, "llama" if architecture == "apart" else architecture)
    batches = batches_of(policy, stacked, 2)
    plain, said = slopes(policy, stacked, batches), spoken(policy, stacked)
    if architecture != "apart":
        stacked.join()
    graphs = []
    compiling(monkeypatch, counting(graphs))
    fused.TRIED.clear()
    ours = slopes(policy, stacked, batches)
    assert [b.text for b in spoken(policy, stacked)] == [b.text for b in said]
    torch.testing.assert_close(ours[0], plain[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours[1], plain[1], atol=1e-4, rtol=1e-3)
    blocks = [g for g in graphs if aten.bmm in g]
    assert [(len(g) - g.count(aten.bmm), g.count(aten.bmm)) for g in blocks] == [
        (products, 2 * products),  # learning, and its way back
        (products, 4 * products),
        (products, 2 * products),  # sampling
    ]
    assert all(joint.told is None for joint in stacked.joints)


def test_at_the_start_no_adapter_is_in_the_product(tmp_path, monkeypatch):
    policy, stacked = flat(tmp_path)
    ids = torch.tensor([[5, 6, 7], [8, 9, 10]])
    with torch.no_grad(), stacked.start():
        plain = policy.model(input_ids=ids, use_cache=False).logits
    stacked.join()
    compiling(monkeypatch, "aot_eager")
    fused.TRIED.clear()
    with torch.no_grad(), fused.blocks(policy.model):
        taught = policy.model(input_ids=ids, use_cache=False).logits
        with stacked.start():
            start = policy.model(input_ids=ids, use_cache=False).logits
    torch.testing.assert_close(start, plain)
    assert not torch.allclose(taught, plain, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_held_while_nothing_moves_is_what_the_adapters_are_now(tmp_path, dtype):
    _, stacked = flat(tmp_path, dtype=dtype)
    stacked.join()
    for _ in range(2):
        with torch.no_grad():
            stacked.flat[0].add_(torch.randn_like(stacked.flat[0]))
        with stacked.still():
            for joint in stacked.joints:
                for ours, now in zip(joint.near, joint._halves(dtype), strict=True):
                    assert ours.dtype == dtype
                    assert torch.equal(ours, now)
        assert all(joint.near is None for joint in stacked.joints)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_a_compiled_pack_says_what_its_adapters_are_now(tmp_path, monkeypatch, architecture):
    """What sampling multiplies is a copy: it has to follow where learning moved them."""
    policy, stacked = flat(tmp_path, architecture)
    found = []
    for compile_ in (False, True):
        if compile_:
            stacked.join()
            compiling(monkeypatch, "aot_eager")
            fused.TRIED.clear()
        start = stacked.flat[0].clone()
        for seed in range(3):
            found.append(spoken(policy, stacked))
            made = torch.Generator().manual_seed(seed)
            stacked.flat[0].add_(torch.randn(start.shape, generator=made) * 0.05)
        stacked.flat[0].copy_(start)
    for plain, ours in zip(found[:3], found[3:], strict=True):
        for one, other in zip(plain, ours, strict=True):
            assert one.text == other.text
            np.testing.assert_allclose(one.logp, other.logp, atol=2e-5)
    assert len({batch.text for batches in found for batch in batches}) == 6  # they did move


def test_the_second_halves_lie_on_a_diagonal(tmp_path):
    _, stacked = flat(tmp_path)
    stacked.join()
    joint = stacked.joints[0]
    down, up = joint._halves(torch.float32)
    whole = up @ down
    for m in joint.members:
        torch.testing.assert_close(whole[:, m.start : m.start + m.base.out_features], m.B @ m.A)


class Odd(nn.Module):
    """Two layers that are asked twice, two of which one has a bias, and two that read the same, but not one after the
    other.
    """

    def __init__(self):
        super().__init__()
        for name in "abcefgh":
            setattr(self, name, nn.Linear(4, 4, bias=name == "c"))
        self.words = nn.Embedding(3, 4)

    def forward(self, input_ids, use_cache):
        x = self.words(input_ids)
        y = self.a(x) + self.b(x)
        y = self.a(y) + self.b(y)
        z = self.c(y) + self.e(y)
        return self.f(z) + self.g(self.h(z) + self.f(z).sum())


def test_layers_that_are_asked_otherwise_stay_apart():
    model = Odd()
    stacked = stack(model, [1, 2], "lora", rank=2)
    assert joints(model, list(stacked._layers().values()), 2) == []
    assert not any(m.joint for m in stacked._layers().values())
