"""Is a compiled pass of learning the plain one, and kept only if it is?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_engine import PROMPTS, TASK, batches_of, lora

from rewardbench.algorithms.grpo import Grpo
from rewardbench.engine import fused, groups, quick, slots
from rewardbench.engine.forward import own_logp
from rewardbench.engine.learn import learn
from rewardbench.engine.optimise import adam
from rewardbench.engine.sample import sample
from rewardbench.policies.settings import Tile
from rewardbench.types import State, Want


def slopes(policy, stacked, batches):
    """Log-probabilities, and the gradient of a sum of them that tells each token apart."""
    stacked.forget()
    logp = groups.logp_of(policy, stacked, batches)
    (logp * torch.linspace(-1, 1, logp.numel()).view(logp.shape)).sum().backward()
    return logp.detach(), stacked.flat[1].clone()


def flat(tmp_path, architecture="llama"):
    policy, stacked = lora(tmp_path, [1, 2], architecture)
    stacked.flatten()
    stacked.join()
    return policy, stacked


def compiling(monkeypatch, backend):
    """As on a card, by that backend; it tells how often a graph was compiled."""
    torch.compiler.reset()
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    fused.compiled.cache_clear()
    made, whole = [], torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, **how: made.append(f) or whole(f, backend=backend, **how))
    return made


def instead(monkeypatch, block):
    """Blocks are compiled to that; all else to itself."""
    monkeypatch.setattr(fused, "compiled", lambda f, **how: block if f is fused._through else f)


def as_it_was(model):
    return not any("forward" in m.__dict__ for m in model.modules())


def test_compiled_blocks_say_and_teach_what_plain_ones_do(tmp_path, monkeypatch):
    policy, stacked = flat(tmp_path)
    batches = [batches_of(policy, stacked, 2, T) for T in (12, 20, 9)]
    plain = [slopes(policy, stacked, b) for b in batches]
    made = compiling(monkeypatch, "aot_eager")
    fused.TRIED.clear()
    torch._dynamo.utils.counters.clear()
    torch._dynamo.utils.compilation_time_metrics.clear()
    for b, (logp, slope) in zip(batches, plain, strict=True):
        ours = slopes(policy, stacked, b)
        torch.testing.assert_close(ours[0], logp, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(ours[1], slope, atol=1e-4, rtol=1e-3)
    assert made.count(fused._through) == 1
    assert fused.TRIED[policy.model]
    assert as_it_was(policy.model)
    # one block's code serves all blocks, and rows of any length; beside it what is asked of the head; each traced once
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 2
    assert len(torch._dynamo.utils.compilation_time_metrics["bytecode_tracing"]) == 2


def spoken(policy, stacked, names=("a", "b")):
    quick.SHELF.clear()
    return sample(policy, stacked, TASK, [Want(PROMPTS, 4)] * 2, list(names), 12)


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "neox"])
def test_a_step_of_compiled_blocks_says_what_plain_ones_say(tmp_path, monkeypatch, architecture):
    policy, stacked = flat(tmp_path, architecture)
    plain = [spoken(policy, stacked, names) for names in (("a", "b"), ("c", "d"))]
    made = compiling(monkeypatch, "aot_eager")
    fused.TRIED.clear()
    torch._dynamo.utils.counters.clear()
    ours = [spoken(policy, stacked, names) for names in (("a", "b"), ("c", "d"))]
    for one, other in zip([*plain[0], *plain[1]], [*ours[0], *ours[1]], strict=True):
        assert one.text == other.text
        np.testing.assert_allclose(one.logp, other.logp, atol=1e-5)
    assert {fused._through, slots.draw} == set(made)
    assert as_it_was(policy.model)
    # one block that reads prompts and says one token, its attention left out; and the draw
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 2


def test_a_length_that_is_by_chance_that_of_another_side_is_still_free(tmp_path, monkeypatch):
    policy, stacked = flat(tmp_path)
    assert policy.model.config.hidden_size == 32  # and a prompt has room for 32
    compiling(monkeypatch, "aot_eager")
    fused.TRIED.clear()
    torch._dynamo.utils.counters.clear()
    graphs = []
    for prompts in (PROMPTS[:1], PROMPTS):
        quick.SHELF.clear()
        sample(policy, stacked, TASK, [Want(prompts, 4)] * 2, ["a", "b"], 12)
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert graphs == [2, 2]  # a block and a draw, of whatever height


def test_adapters_that_lie_in_a_copy_are_one_kind_of_call(tmp_path, monkeypatch):
    """As on a card: a base in bfloat16, adapters multiplied from views of one copy, each layer's at another place."""
    policy, stacked = lora(tmp_path, [1, 2])
    policy.model.to(torch.bfloat16)
    for p in stacked.params.values():
        p.data = p.data.float()
    stacked.flatten()
    stacked.join()
    assert stacked.copy is not None
    compiling(monkeypatch, "aot_eager")
    fused.TRIED.clear()
    torch._dynamo.utils.counters.clear()
    spoken(policy, stacked)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 2
    for T in (12, 9):
        slopes(policy, stacked, batches_of(policy, stacked, 2, T))
    assert fused.TRIED[policy.model]
    # learning beside it, and what is asked of the head
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 4


def test_what_cannot_be_compiled_is_said_once_and_done_as_it_stands(tmp_path, monkeypatch, capsys):
    policy, stacked = flat(tmp_path)
    plain = spoken(policy, stacked)
    fused.TRIED.clear()
    monkeypatch.setattr(fused, "PLAIN", set())
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    monkeypatch.setattr(fused, "compiled", lambda f, **how: broken)
    for _ in range(2):
        ours = spoken(policy, stacked)
        assert [b.text for b in ours] == [b.text for b in plain]
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" is not")[0] for line in said] == ["a block", "draw"]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["llama", "qwen3", "neox"])
def test_kernels_that_were_compiled_say_and_teach_the_same(tmp_path, monkeypatch, architecture):
    policy, stacked = flat(tmp_path, architecture)
    batches = [batches_of(policy, stacked, 2, T) for T in (12, 20)]
    plain = [slopes(policy, stacked, b) for b in batches]
    before = spoken(policy, stacked)
    compiling(monkeypatch, "inductor")
    fused.TRIED.clear()
    after = spoken(policy, stacked)
    assert [b.text for b in before] == [b.text for b in after]
    for b, (logp, slope) in zip(batches, plain, strict=True):
        ours = slopes(policy, stacked, b)
        torch.testing.assert_close(ours[0], logp, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(ours[1], slope, atol=1e-3, rtol=1e-2)
    assert fused.TRIED[policy.model]


def broken(block, *args, **kwargs):
    raise RuntimeError("no such\nkernel")


def wrong(block, *args, **kwargs):
    return 1.5 * type(block).forward(block, *args, **kwargs)


class Leaning(torch.autograd.Function):
    """Right on the way forward, wrong on the way back."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, slope):
        return 1.5 * slope


def leaning(block, *args, **kwargs):
    return Leaning.apply(type(block).forward(block, *args, **kwargs))


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (broken, "a block is not compiled, which costs speed: RuntimeError: no such"),
        (wrong, "the pass of learning is not compiled, which costs speed: ArithmeticError: its numbers are not"),
        (leaning, "the pass of learning is not compiled, which costs speed: ArithmeticError: its numbers are not"),
    ],
)
def test_a_pass_that_cannot_be_compiled_is_made_as_it_stands(tmp_path, monkeypatch, capsys, block, told):
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    plain = slopes(policy, stacked, batches)
    fused.TRIED.clear()
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    instead(monkeypatch, block)
    for _ in range(2):
        ours = slopes(policy, stacked, batches)
        assert torch.equal(ours[0], plain[0])
        assert torch.equal(ours[1], plain[1])
    said = capsys.readouterr().err
    assert said.startswith(told)
    assert said.count("\n") == 1
    assert as_it_was(policy.model)


def test_a_full_card_is_said_and_not_taken_for_a_compilers_fault(tmp_path, monkeypatch):
    def full(block, *args, **kwargs):
        raise torch.OutOfMemoryError("full")

    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    fused.TRIED.clear()
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    instead(monkeypatch, full)
    with pytest.raises(torch.OutOfMemoryError):
        slopes(policy, stacked, batches)
    assert as_it_was(policy.model)
    assert policy.model not in fused.TRIED  # it is asked again


def test_in_a_tile_nothing_is_compiled_when_learning(tmp_path, monkeypatch):
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    fused.TRIED.clear()
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    instead(monkeypatch, broken)
    policy.settings = replace(policy.settings, P=3, K=4, tile=Tile(runs=2, prompt=96))
    slopes(policy, stacked, batches)
    assert policy.model not in fused.TRIED


def plainly(block, *args, **kwargs):
    return type(block).forward(block, *args, **kwargs)


def test_reading_alone_tries_nothing_and_a_first_try_waits_for_a_gradient(tmp_path, monkeypatch, capsys):
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    fused.TRIED.clear()
    monkeypatch.setattr(fused, "wanted", lambda device: True)
    instead(monkeypatch, plainly)
    with torch.no_grad(), stacked.start():  # as KL reads the start policy, before anything is learnt
        groups.logp_of(policy, stacked, batches)
    assert policy.model not in fused.TRIED
    slopes(policy, stacked, batches)
    assert fused.TRIED[policy.model]
    assert capsys.readouterr().err == ""


class Breaking(Leaning):
    """Right, until the way back of its n-th call."""

    calls = 0

    @staticmethod
    def backward(ctx, slope):
        Breaking.calls += 1
        if Breaking.calls > 4:  # the try's blocks pass, and those of the first lesson
            raise RuntimeError("no kernel for this length")
        return slope


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_what_cannot_be_compiled_later_is_learnt_as_it_stands(tmp_path, monkeypatch, capsys, where):
    calls, ends = [], []

    def failing(block, *args, **kwargs):
        calls.append(block)
        if where == "backward":
            return Breaking.apply(plainly(block, *args, **kwargs))
        if len(calls) > 4:
            raise RuntimeError("no kernel for this length")
        return plainly(block, *args, **kwargs)

    for compile_ in (False, True):
        policy, stacked = flat(tmp_path)
        Breaking.calls = 0
        monkeypatch.setattr(fused, "wanted", lambda device, told=compile_: told)
        instead(monkeypatch, failing)
        opt = adam({n: p for n, (p, _) in stacked.moved().items()}, 2, (0.9, 0.95), 1.0)
        for seed in range(2):
            batches = batches_of(policy, stacked, 2)
            gains = [np.random.default_rng(seed + r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
            told = learn(policy, stacked, opt, Grpo(), batches, gains, [State()] * 2, torch.full((2,), 1e-2))
            assert told.faults == (None, None)
        ends.append(stacked.flat[0].clone())
    assert torch.equal(*ends)
    assert fused.TRIED[policy.model] is False
    what = "a block" if where == "forward" else "the pass of learning"
    assert capsys.readouterr().err.count(f"{what} is not compiled, which costs speed: RuntimeError: no kernel") == 1


def test_an_error_of_the_plain_pass_is_raised(tmp_path, monkeypatch):
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    monkeypatch.setattr(fused, "wanted", lambda device: False)
    opt = adam({n: p for n, (p, _) in stacked.moved().items()}, 2, (0.9, 0.95), 1.0)
    monkeypatch.setattr(type(policy.model.model), "forward", broken)
    with pytest.raises(RuntimeError, match="no such"):
        learn(policy, stacked, opt, Grpo(), batches, [np.ones(b.mine.shape) for b in batches], [State()] * 2, torch.zeros(2))


def test_the_try_sees_a_gradient_behind_a_norm(tmp_path, monkeypatch, capsys):
    """Of a mean of squares it is rounding alone: two passes that round otherwise would seem to be two."""
    policy, stacked = flat(tmp_path)
    batches = batches_of(policy, stacked, 2)
    policy.model.to(torch.bfloat16)
    for p in stacked.params.values():
        p.data = p.data.float()
    fused.TRIED.clear()
    monkeypatch.setattr(fused, "wanted", lambda device: True)

    def otherwise(block, hidden, *args, **kwargs):
        found = type(block).forward(block, hidden, *args, **kwargs)
        turns = torch.cos(torch.arange(found.numel())).view(found.shape)
        return (found.float() * (1 + 2**-8 * turns)).to(found.dtype)  # half of the last digit of bfloat16

    instead(monkeypatch, otherwise)
    groups.logp_of(policy, stacked, batches)
    assert fused.TRIED[policy.model], capsys.readouterr().err


@pytest.mark.parametrize(("device", "told", "asked"), [("cpu", None, False), ("cuda", None, True), ("cuda", "0", False), ("cuda", "1", True)])
def test_what_is_compiled_is_asked_of_the_card_and_the_variable(monkeypatch, device, told, asked):
    monkeypatch.delenv(fused.VARIABLE, raising=False)
    if told is not None:
        monkeypatch.setenv(fused.VARIABLE, told)
    assert fused.wanted(torch.device(device)) == asked


def test_runs_that_are_no_number_do_not_speak_for_the_others():
    plain = [torch.ones(3, 4), torch.ones(3, 2, 2)]
    for value, told in ((1.0, True), (1.05, True), (1.5, False)):
        ours = [x.clone() for x in plain]
        ours[0][2] = value
        assert fused._near([plain, ours], 0.1) is told
    broken = [x.clone() for x in plain]
    broken[1][0] = float("nan")
    assert fused._near([broken, broken], 0.1)
    wrong = [x.clone() for x in broken]
    wrong[0][1] = 2.0
    assert not fused._near([broken, wrong], 0.1)
    assert not fused._near([plain, broken], 0.1)  # the compiled pass alone makes no number of it
    assert not fused._near([[x * float("nan") for x in plain]] * 2, 0.1)


def test_the_start_policy_which_evaluations_alone_ask_is_never_compiled_for(tmp_path, monkeypatch):
    policy, stacked = flat(tmp_path)
    compiling(monkeypatch, "aot_eager")
    fused.TRIED.clear()
    batches = batches_of(policy, stacked, 2)
    slopes(policy, stacked, batches)
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for _ in range(3):
        own_logp(policy, stacked, batches, 0, start=True)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before + 1  # what the head is asked
