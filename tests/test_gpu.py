"""What holds on a GPU alone: graphs say what single steps say, packs what their runs say alone. Skipped without a card."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from making import make_policy
from test_engine import PROMPTS, TASK

from rewardbench import fence, worker
from rewardbench.algorithms.grpo import Grpo
from rewardbench.engine import fused, graph, groups, kernel, passage, quick, slots
from rewardbench.engine.learn import learn
from rewardbench.engine.optimise import adam
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import load
from rewardbench.policies.settings import Tile, open_folder
from rewardbench.types import State, Want

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]
LORA = 'kind = "lora"\nrank = 4\nalpha = 8.0\nP = 3\nK = 4\ndtype = "{}"\n'
TYPES = {"float32": (1e-4, 1e-3), "bfloat16": (5e-2, 3e-2)}
"""dtype -> what solo and pack may differ by in a log-probability, and in a gradient (of its largest entry)."""


def packed(tmp_path, seeds, dtype):
    """A policy on the card whose query heads share their keys, an adapter a seed, moved off its start."""
    path = tmp_path / dtype / "qwen30"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        make_policy(path.parent, "qwen3", settings=LORA.format(dtype))
    policy = load(open_folder("x", path))
    stacked = stack(policy.model, list(seeds), "lora", rank=4, alpha=8.0)
    stacked.flatten()
    with torch.no_grad():
        for name, p in stacked.params.items():
            if name.endswith(".B"):
                for r, seed in enumerate(seeds):
                    g = torch.Generator().manual_seed(len(name) * 1000 + seed)
                    p[r] = (torch.randn(p.shape[1:], generator=g) * 0.1).to(p.device)
    return policy, stacked


def said(policy, stacked, names):
    return sample(policy, stacked, TASK, [Want(PROMPTS, 4)] * stacked.R, names, 12)


def fenced():
    """In a fresh process behind the fence: a product, what is compiled, what is captured, memory that a card reads."""
    worker.card_there()
    x = torch.ones(64, 64, device="cuda")
    doubled = torch.compile(lambda a: (a * 2).sum())(x)
    out = torch.zeros(64, 64, device="cuda")
    again = graph.captured(lambda: out.copy_(x @ x), lambda: out.copy_(x @ x))
    out.zero_()
    again()
    return [float(doubled), float(out[0, 0]), float(torch.ones(8).pin_memory().to("cuda").sum())]


def test_a_worker_uses_the_card_from_behind_its_fence():
    """Before anything else of a sweep: what a driver, a compiler and the memory of a host ask for is not refused."""
    assert fence.apart(fenced, timeout=240) == [8192.0, 64.0, 8.0]


@pytest.mark.parametrize("dtype", TYPES)
def test_a_graph_says_what_steps_one_by_one_say(tmp_path, dtype, monkeypatch):
    policy, stacked = packed(tmp_path, [1, 2], dtype)
    graphed = said(policy, stacked, ["a", "b"])
    again = said(policy, stacked, ["a", "b"])
    quick.SHELF.clear()

    monkeypatch.setattr(slots, "_graph", lambda model, own: partial(slots._once, model, own))
    monkeypatch.setenv(fused.VARIABLE, "0")
    steps = said(policy, stacked, ["a", "b"])
    for one, two, three in zip(graphed, again, steps, strict=True):
        assert one.text == two.text
        np.testing.assert_array_equal(one.logp, two.logp)
        # compiled sums round otherwise: up to the first word that another noise would have said, numbers are near
        same = np.cumprod(one.ids == three.ids, axis=-1).astype(bool) & one.mine
        assert same.mean() >= (0.5 if dtype == "bfloat16" else 0.99) * one.mine.mean()
        np.testing.assert_allclose(one.logp[same], three.logp[same], atol=0.1 if dtype == "bfloat16" else 1e-3)


@pytest.mark.parametrize("shape", [(3, 3, 64), (2, 2, 8), (1, 17, 48), (2, 1, 80)])
@pytest.mark.parametrize("dtype", kernel.APART)
def test_the_kernel_finds_what_stock_attention_finds(dtype, shape):
    device = torch.device("cuda")
    assert all(kernel.tried(device, dtype, *shape, t) <= kernel.APART[dtype] for t in (0, 1, 63, 64, 200))


def test_a_step_is_compiled_and_attends_by_the_kernel(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(fused.VARIABLE, "1")
    policy, stacked = packed(tmp_path, [1, 2], "bfloat16")
    said(policy, stacked, ["a", "b"])
    assert [own.ours for own in quick.SHELF[stacked.model].values()] == [True]
    assert not fused.PLAIN
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("dtype", TYPES)
def test_a_run_in_a_pack_is_what_it_is_alone_on_fixed_tokens(tmp_path, dtype):
    policy, pack = packed(tmp_path, [1, 2, 3], dtype)
    batches = said(policy, pack, ["a", "b", "c"])
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
    logp = groups.logp_of(policy, pack, batches)
    together = gradients(policy, pack, batches, gains)
    near, slope = TYPES[dtype]
    for r, seed in enumerate([1, 2, 3]):
        other, alone = packed(tmp_path, [seed], dtype)
        solo = groups.logp_of(other, alone, [batches[r]])
        assert (solo[0] - logp[r, :, : solo.shape[-1]]).abs().max() <= near
        mine = gradients(other, alone, [batches[r]], [gains[r]])[0]
        assert (mine - together[r]).abs().max() <= slope * mine.abs().max()


def gradients(policy, stacked, batches, gains, algorithm=None):
    """[R, n]: the gradient of each run's loss (of the last update), nothing moved."""
    opt = adam({n: p for n, (p, _) in stacked.moved().items()}, stacked.R, (0.9, 0.95), 1.0)
    rate = torch.zeros(stacked.R, device="cuda")
    learn(policy, stacked, opt, algorithm or Grpo(), batches, gains, [State()] * stacked.R, rate)
    return stacked.flat[1].clone()


def test_blocks_are_compiled_and_teach_what_plain_ones_do(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(fused.VARIABLE, "1")
    policy, pack = packed(tmp_path, [1, 2], "float32")
    lessons = []
    for length in (12, 20, 9):
        batches = sample(policy, pack, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], length)
        lessons.append((batches, [np.random.default_rng(length).normal(size=b.mine.shape) for b in batches]))
    ours = [gradients(policy, pack, *lesson) for lesson in lessons]
    assert fused.TRIED[pack.model], capsys.readouterr().err
    monkeypatch.setitem(fused.TRIED, pack.model, False)
    for slope, lesson in zip(ours, lessons, strict=True):
        plain = gradients(policy, pack, *lesson)
        assert (slope - plain).abs().max() <= 1e-3 * plain.abs().max()


@pytest.mark.parametrize("dtype", TYPES)
def test_a_captured_pass_teaches_bit_for_bit_what_one_made_anew_does(tmp_path, capsys, monkeypatch, dtype):
    monkeypatch.setenv(fused.VARIABLE, "1")
    policy, pack = packed(tmp_path, [1, 2, 3], dtype)
    lessons = []
    for n, length in enumerate((12, 12, 30, 12, 30, 30)):
        batches = sample(policy, pack, TASK, [Want(PROMPTS, 4)] * 3, [f"a{n}", f"b{n}", f"c{n}"], length)
        lessons.append((batches, [np.random.default_rng(n).normal(size=b.mine.shape) for b in batches]))
    start = pack.flat[0].clone()
    ours = [gradients(policy, pack, *lesson) for lesson in lessons]
    assert torch.equal(pack.flat[0], start)  # nothing was learnt in between
    made = passage.SHELF[pack.model].values()
    assert len(made) >= 2, capsys.readouterr().err
    assert all(p is not None for p in made)
    monkeypatch.setattr(passage, "_made", lambda *asked: None)  # each pass as it stands
    for n, (slope, lesson) in enumerate(zip(ours, lessons, strict=True)):
        assert torch.equal(slope, gradients(policy, pack, *lesson)), n


@pytest.mark.parametrize("algorithm", [Grpo(passes=2), Grpo(minibatches=2), Grpo(kl=0.1)], ids=["passes", "parts", "kl"])
@pytest.mark.parametrize("micro", [0, 4])
def test_whatever_an_algorithm_reads_beforehand_a_captured_pass_teaches_the_same(tmp_path, capsys, monkeypatch, algorithm, micro):
    monkeypatch.setenv(fused.VARIABLE, "1")
    policy, pack = packed(tmp_path, [1, 2, 3], "bfloat16")
    policy.settings = replace(policy.settings, micro=micro)
    batches = sample(policy, pack, TASK, [Want(PROMPTS, 4)] * 3, ["a", "b", "c"], 12)
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(batches)]
    ours = [gradients(policy, pack, batches, gains, algorithm) for _ in range(4)]
    assert any(p is not None for p in passage.SHELF[pack.model].values()), capsys.readouterr().err
    assert "not captured" not in capsys.readouterr().err
    monkeypatch.setattr(passage, "_made", lambda *asked: None)  # each pass as it stands
    plain = gradients(policy, pack, batches, gains, algorithm)
    assert all(torch.equal(slope, plain) for slope in ours)


def test_prompts_that_are_read_by_a_graph_are_continued_alike(tmp_path):
    policy, pack = packed(tmp_path, [1, 2], "bfloat16")
    names = [["a", "b"], ["c", "d"], ["a", "b"]]
    one, _, again = [said(policy, pack, n) for n in names]
    [own] = quick.SHELF[pack.model].values()
    assert all(reading.graph is not None for reading in own.readings.values())
    for before, after in zip(one, again, strict=True):
        assert before.text == after.text
        np.testing.assert_array_equal(before.logp, after.logp)


def test_a_run_that_is_no_number_leaves_the_others_bit_for_bit(tmp_path):
    policy, pack = packed(tmp_path, [1, 2, 3], "bfloat16")
    names = ["a", "b", "c"]
    before = said(policy, pack, names)
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(before)]
    whole = gradients(policy, pack, before, gains)
    pack.flat[0][1] = float("nan")
    after = said(policy, pack, names)
    for r in (0, 2):
        assert before[r].text == after[r].text
        np.testing.assert_array_equal(before[r].logp, after[r].logp)
    broken = gradients(policy, pack, before, gains)
    assert torch.equal(whole[[0, 2]], broken[[0, 2]])
    assert not broken[1].isfinite().all()


def tiled(tmp_path, seeds):
    policy, pack = packed(tmp_path, seeds, "bfloat16")
    policy.settings = replace(policy.settings, tile=Tile(runs=4, prompt=96))
    return policy, pack


@pytest.mark.parametrize("place", range(4))
def test_in_a_tile_neither_place_nor_company_changes_a_bit(tmp_path, place):
    policy, pack = tiled(tmp_path, [1, 2, 3, 4])
    together = said(policy, pack, ["a", "b", "c", "d"])
    gains = [np.random.default_rng(r).normal(size=b.mine.shape) for r, b in enumerate(together)]
    slopes = gradients(policy, pack, together, gains)
    seeds = [9, 9, 9, 9]
    seeds[place] = 1
    policy, other = tiled(tmp_path, seeds)
    others = [r for r in range(4) if r != place]
    other.flat[0][others[0]] = float("nan")
    wants = [Want(PROMPTS, 4) if r == place else None for r in range(4)]
    names = ["a" if r == place else "x" for r in range(4)]
    alone = sample(policy, other, TASK, wants, names, 12)
    assert alone[place].text == together[0].text
    np.testing.assert_array_equal(alone[place].logp, together[0].logp)
    own = [gains[0] if r == place else None for r in range(4)]
    assert torch.equal(gradients(policy, other, alone, own)[place], slopes[0])


def test_the_two_ways_of_decoding_agree_on_what_was_said(tmp_path):
    policy, pack = packed(tmp_path, [1, 2], "float32")
    fast = said(policy, pack, ["a", "b"])
    flat, pack.flat = pack.flat, None
    eager = said(policy, pack, ["a", "b"])
    pack.flat = flat
    for one, other in zip(fast, eager, strict=True):
        assert one.text == other.text
        np.testing.assert_allclose(one.logp, other.logp, atol=1e-4)


def test_rows_are_as_many_as_training_asks_whatever_an_evaluation_asks(tmp_path):
    policy, pack = packed(tmp_path, [1, 2], "bfloat16")
    policy.settings = replace(policy.settings, P=3, K=4)
    sample(policy, pack, TASK, [Want(PROMPTS, 4)] * 2, ["a", "b"], 12)
    sample(policy, pack, TASK, [Want(PROMPTS, 16)] * 2, ["a", "b"], 12)
    assert {rows for rows, _, _ in quick.SHELF[pack.model]} == {24}
