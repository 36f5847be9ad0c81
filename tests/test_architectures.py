"""Which models can be policies? Small random ones of each kind are reckoned, sampled, or refused in one line."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from making import make_policy
from sweeping import one_line, rbench

from rewardbench import admission
from rewardbench.engine import attend, quick, step, tryout
from rewardbench.engine.stack import StackedLinear, adapted
from rewardbench.engine.tryout import try_out
from rewardbench.plan import plan
from rewardbench.policies import card
from rewardbench.policies.load import load, reader
from rewardbench.policies.settings import open_folder, read_settings
from rewardbench.spec import Spec
from rewardbench.types import Prompt, Task, UserError

pytestmark = pytest.mark.usefixtures("toy")

LORA = 'kind = "lora"\nrank = 4\nP = 3\nK = 4\n[steps]\nquick = 2\n'
PLAIN = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256}
GROUPS = {**PLAIN, "num_key_value_heads": 2}
SIZED = {**GROUPS, "head_dim": 16}
OLD = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
           "n_shared_experts": 1, "n_group": 1, "topk_group": 1, "shared_expert_intermediate_size": 16}  # fmt: skip
CHOOSING, SIZED_CHOOSING = {**GROUPS, **EXPERTS}, {**SIZED, **EXPERTS}
TRIED = {
    **dict.fromkeys(["gpt_neox", "phi", "persimmon", "biogpt"], PLAIN),
    **dict.fromkeys(["llama", "qwen2", "phi3", "mistral", "stablelm", "cohere", "cohere2", "olmo", "olmo2", "granite"], GROUPS),
    **dict.fromkeys(["starcoder2", "smollm3", "exaone4", "nemotron", "arcee", "apertus", "bitnet", "doge"], GROUPS),
    **dict.fromkeys(["qwen3", "gemma", "gemma2", "gemma3_text", "glm", "glm4", "ernie4_5", "seed_oss"], SIZED),
    "hunyuan_v1_dense": SIZED,
    "helium": {**GROUPS, "head_dim": 8},
    "falcon": {**PLAIN, "alibi": False},
    "opt": {"hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256,
            "word_embed_proj_dim": 16},
    "gptj": {**OLD, "rotary_dim": 4},
    "codegen": {**OLD, "rotary_dim": 4, "n_ctx": 256},
    "gpt_bigcode": OLD,
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "gpt_neo": {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]],
                "max_position_embeddings": 256},
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 256},
    "xglm": {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 48, "max_position_embeddings": 256},
    **dict.fromkeys(["mixtral", "qwen2_moe", "olmoe", "granitemoe", "phimoe", "ernie4_5_moe", "dots1"], CHOOSING),
    **dict.fromkeys(["qwen3_moe", "gpt_oss"], SIZED_CHOOSING),
}  # fmt: skip
"""Kind -> the sizes of a small one."""
REFUSED = {
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
    "lfm2": {**GROUPS, "layer_types": ["conv", "full_attention"]},
    "qwen3_next": SIZED_CHOOSING,
    "recurrent_gemma": {**PLAIN, "num_key_value_heads": 1, "lru_width": 32, "attention_window_size": 64},
    "minimax": CHOOSING,
}
PROMPTS = [Prompt("a", text="What is it"), Prompt("b", text="Ann sees the red fox and the cat . 1 2 3")]
TASK = Task(prompts=lambda split, seed: iter(PROMPTS), max_tokens=12)


def made(folder: Path, kind: str, settings: str = LORA, **sizes: object) -> Path:
    """A policy folder of a small random model of that kind."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    path = make_policy(folder, settings=settings)
    (path / "model.safetensors").unlink()
    ids = {"vocab_size": len(AutoTokenizer.from_pretrained(path)), "pad_token_id": 0, "eos_token_id": 2, "bos_token_id": None}
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes, **ids)).float().save_pretrained(path)
    return path


def firsts(path: Path, **more: object):
    """The folder, and the first run of a sweep with it."""
    policy = open_folder("mine", path)
    runs, _ = plan(Spec(tasks=("toy/colours",), designs=("reference",), seeds=(1,), budget="quick", **more), policy)
    return policy, runs[:1]


def refused(path: Path) -> str:
    """What admission says, in one line."""
    policy, runs = firsts(path)
    with pytest.raises(UserError) as error:
        admission.admit(policy, runs, path)
    assert error.value.code == 5
    assert "\n" not in str(error.value)
    assert not admission._ready
    return str(error.value)


@pytest.fixture(autouse=True)
def nobody_waits():
    admission._ready.clear()
    yield
    admission._ready.clear()


@pytest.mark.parametrize("kind", TRIED)
def test_what_is_said_to_be_supported_is_reckoned_and_sampled(kind, tmp_path):
    folder = open_folder(kind, made(tmp_path, kind, **TRIED[kind]))
    shape, policy = card.shape_of(folder.path, folder.settings), load(folder)
    config, layers = policy.model.config, adapted(policy.model, ())
    assert shape.adapted == sum(m.in_features + m.out_features for _, m in layers)
    assert (shape.layers, shape.hidden) == (config.num_hidden_layers, config.hidden_size)
    assert shape.words == policy.words
    with torch.no_grad():
        cache = policy.model(input_ids=torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values.layers[0]
    assert shape.kept == sum(x.shape[1] * x.shape[3] for x in (cache.keys, cache.values))
    assert shape.shared == config.num_attention_heads // cache.keys.shape[1]
    try_out(policy, TASK, PROMPTS)


def test_the_documentation_names_what_is_tried_and_what_is_refused():
    rows = (Path(__file__).parents[1] / "docs" / "gpu.md").read_text().splitlines()
    [tried] = [row.split("|")[1] for row in rows if "sampled with adapters in the tests" in row]
    [other] = [row.split("|")[1] for row in rows if row.endswith(" | refused |")]
    assert re.findall(r"`(.+?)`", tried) == sorted(TRIED)
    assert re.findall(r"`(.+?)`", other) == sorted(REFUSED)


def test_what_a_config_leaves_open_follows_from_the_rest(tmp_path):
    path = made(tmp_path, "gpt2", settings=LORA.replace("lora", "full"), **OLD)
    settings = read_settings(tmp_path / "llama0.toml")
    assert json.loads((path / "config.json").read_text())["n_inner"] is None
    assert card.shape_of(path, settings).inner == 4 * 32
    admission.admit(*firsts(path), path)  # its layers are no linear ones, so that all of it is trained
    (path / "config.json").write_text('{"model_type": "gpt2", "n_embd": 32, "vocab_size": 9}')
    with pytest.raises(UserError, match=r"how large the model is cannot be read .*'num_attention_heads'"):
        card.shape_of(path, settings)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_is_refused_by_its_name_before_anything_runs(kind, tmp_path):
    told = refused(made(tmp_path, kind, **REFUSED[kind]))
    assert told.startswith("policy 'mine' is a ")
    assert f"{kind.replace('_', '')}forcausallm" in told.lower()
    assert told.endswith("; take a decoder with attention alone (docs/gpu.md)")


def test_a_refusal_ends_a_sweep_with_a_line_and_no_run_has_failed(tmp_path):
    path = made(tmp_path, "mamba", **REFUSED["mamba"])
    said = rbench("run", "--task", "toy/colours", "--policy", path, "--seeds", "1", "--budget", "quick", "--out", tmp_path / "x")
    assert said.code == 5
    assert "Traceback" not in said.err
    assert "is a MambaForCausalLM, which cannot be run here" in one_line(said)
    states = [json.loads(file.read_text())["status"] for file in tmp_path.glob("x/runs/*/status.json")]
    assert set(states) == {"partial"}


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_a_trial_leaves_the_policy_as_it_was_and_takes_no_second_copy_of_its_weights(kind, tmp_path, monkeypatch):
    policy = load(open_folder("x", make_policy(tmp_path, settings=f'kind = "{kind}"\nrank = 4\n')))
    model = policy.model
    before = {n: (x, x.clone()) for n, x in model.state_dict(keep_vars=True).items()}
    modules, state = dict(model.named_modules()), torch.get_rng_state()
    held, whole = [], tryout.sample
    monkeypatch.setattr(tryout, "sample", lambda p, *rest: (held.extend(p.model.parameters()), whole(p, *rest)))
    try_out(policy, TASK, PROMPTS)
    assert {id(x) for x in held} >= {id(x) for x in model.parameters()}
    after = model.state_dict(keep_vars=True)
    assert all(after[n] is x and torch.equal(x, copy) for n, (x, copy) in before.items())
    assert modules == dict(model.named_modules())
    assert not any(isinstance(m, StackedLinear) for m in modules.values())
    assert not any(model in table for table in (attend.TRIED, attend._numbered, quick.SHELF, step.TRIED))
    assert torch.equal(state, torch.get_rng_state())


# --- tokenizers and templates --------------------------------------------------------------------


@pytest.fixture
def model(llama: Path, tmp_path: Path) -> Path:
    """A copy of the random Llama."""
    return Path(shutil.copytree(llama, tmp_path / "mine"))


def special(path: Path, **tokens: str) -> None:
    """Give the tokenizer tokens that its model does not know."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.add_special_tokens(tokens)
    tokenizer.save_pretrained(path)


def test_a_pad_token_that_the_model_does_not_know_is_not_used(model):
    special(model, pad_token="[PAD]")
    policy = load(open_folder("mine", model))
    assert policy.tokenizer.pad_token_id == policy.words
    assert policy.pad == policy.eos
    admission.admit(*firsts(model), model)


def test_tokens_that_the_model_does_not_know_are_refused(model):
    template = model / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|user|>", "[ASK]").replace("<|{{ m['role'] }}|>", "[ASK]"))
    special(model, additional_special_tokens=["[ASK]"])
    told = refused(model)
    assert "toy/colours's prompts hold token 65, and its model knows 65, from 0 on" in told
    special(model, eos_token="[EOS]")
    assert "its tokenizer ends a turn with token 66, and its model knows 65" in refused(model)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ raise_exception('no system here') }}", "(TemplateError: no system here); mend or remove its chat template"),
        ("{% for m in messages %}{{ m['role'] }", "(TemplateSyntaxError: unexpected '}'); mend or remove its chat template"),
    ],
)
def test_a_template_that_breaks_is_named_before_anything_runs(template, told, model):
    (model / "chat_template.jinja").write_text(template)
    assert told in refused(model)


def test_a_template_in_which_a_partner_cannot_answer_is_named_where_one_does(model, monkeypatch):
    (model / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    task = admission.find.task("toy/colours")
    admission.admit(*firsts(model), model)
    admission._ready.clear()
    monkeypatch.setattr(admission.find, "task", lambda name: replace(task, turns=2))
    assert "cannot read the prompts of toy/colours (IndexError: list index out of range)" in refused(model)


def test_what_a_limit_explains_is_no_fault_of_the_policy(model, monkeypatch):
    def full(*asked: object) -> None:
        raise MemoryError

    monkeypatch.setattr(admission, "try_out", full)
    with pytest.raises(MemoryError):
        admission.admit(*firsts(model), model)


def test_a_template_is_told_the_same_date_on_every_day(model):
    template, chat = model / "chat_template.jinja", Prompt("a", text="hi").chat()
    clock = "{% if strftime_now is defined %}{% set now = strftime_now( '%d %b %Y, %H:%M:%S.%f' ) %}{% endif %}"
    template.write_text(clock + "{{ now + strftime_now(\"'%y\") }} {{ messages[0]['content'] }}")
    for read in (reader, load):
        assert read(open_folder("mine", model)).render(chat) == "26 Jul 2024, 00:00:00.000000'24 hi"
    template.write_text("{% set how = '%H' %}{{ strftime_now(how) }}")
    assert "its chat template reads the clock" in refused(model)


@pytest.mark.parametrize("kind", ["llama", "opt"])
def test_a_prompt_and_a_completion_have_to_fit(kind, tmp_path):
    path = made(tmp_path, kind, **{**TRIED[kind], "max_position_embeddings": 12})
    policy, (run,) = firsts(path)
    longest = max(len(load(policy).prompt_ids(p)) for p in admission.evaluated(admission.find.task("toy/colours"), run, "dev"))
    told = refused(path)
    assert "policy 'mine' reads 12 tokens at once, and toy/colours asks for " in told
    assert f" of a prompt and {run.max_tokens} of a completion; set a smaller max_tokens under [tasks.\"toy/colours\"]" in told
    asked = int(told.partition("asks for ")[2].split()[0])
    assert asked >= longest
    (path.parent / "llama0.toml").write_text(f'{LORA}\n[tasks."toy/colours"]\nmax_tokens = {12 - asked}\n')
    admission.admit(*firsts(path), path)
