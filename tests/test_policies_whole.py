"""Is a policy folder that lacks something, or holds something else, refused in one line that says what to do?"""

import json
import shutil
from pathlib import Path

import pytest
from making import make_policy
from safetensors.torch import load_file, save_file
from sweeping import one_line, rbench

from rewardbench.policies.load import load
from rewardbench.policies.reading import missing
from rewardbench.policies.settings import Folder, Settings, open_folder
from rewardbench.policies.whole import shown
from rewardbench.types import UserError

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture
def model(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the random Llama, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(llama, tmp_path / "mine"))


def config(folder: Path, **more: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


def weights(folder: Path, keep: object) -> None:
    path = folder / "model.safetensors"
    found = {k: v for k, v in load_file(path).items() if keep(k)}
    save_file(found, path, metadata={"format": "pt"})


def refused(folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """What loading says, in one line, and nothing beside it."""
    with pytest.raises(UserError) as error:
        load(open_folder(folder.name, folder))
    assert error.value.code == 5
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
    return str(error.value)


def test_weights_that_no_file_holds_are_never_made_up(model, capfd):
    weights(model, lambda name: "layers.1" not in name)
    told = refused(model, capfd)
    assert told.startswith("policy 'mine' (mine): 9 weights of its config are not in its files (first: model.layers.1.")
    assert told.endswith("an incomplete copy, or another architecture; fetch it again")
    said = rbench("run", "--task", "toy/colours", "--policy", model, "--budget", "quick", "--seeds", "1", "--out", "s", "--yes")
    assert said.code == 5
    assert "9 weights of its config are not in its files" in said.err


def test_weights_of_another_size_or_architecture_are_refused(model, capfd):
    config(model, intermediate_size=64)
    assert "6 weights of its files are not as large as its config says (first: model.layers.0.mlp" in refused(model, capfd)
    config(model, intermediate_size=48, model_type="qwen3", architectures=["Qwen3ForCausalLM"])
    assert "4 weights of its config are not in its files" in refused(model, capfd)


def test_weights_that_the_config_does_not_want_are_told_of(model, capfd):
    config(model, num_hidden_layers=1)
    load(open_folder("mine-and-more", model))
    assert capfd.readouterr().err.splitlines() == [
        "mine-and-more: 9 weights of its files are not in its config, and left out (first: model.layers.1.input_layernorm.weight)"
    ]


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3", "neox"])
def test_whole_folders_load_and_tied_weights_are_not_missing(architecture, tmp_path):
    """The Llama's head is tied to its embedding, and stands in no file."""
    model = load(open_folder("x", make_policy(tmp_path, architecture))).model
    head, names = model.get_output_embeddings().weight, dict(model.named_parameters(remove_duplicate=False))
    [last] = [n for n, p in names.items() if p is head and "embed_tokens" not in n]
    tied = head is model.get_input_embeddings().weight
    assert tied == (architecture == "llama")
    assert missing(model, {"missing_keys": [last]}) == ([] if tied else [last])
    assert set(missing(model, {"missing_keys": list(names)})) == set(names)


def test_custom_code_is_never_run_nor_asked_for(model, capfd, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *a: pytest.fail("it asks"))
    (model / "x.py").write_text("raise SystemExit('it ran')\n")
    config(model, model_type="mine", auto_map={"AutoConfig": "x.C", "AutoModelForCausalLM": "x.M"})
    assert refused(model, capfd) == "policy 'mine' needs custom code, which is never run here"


def test_what_cannot_be_loaded_says_why_at_its_path(model, capfd):
    config(model, model_type="newthing")
    assert refused(model, capfd).startswith("policy 'mine' (mine) cannot be loaded: The checkpoint you are trying to load has")


DAMAGE = {
    "config": (lambda m: (m / "config.json").write_text("{"), "its config.json cannot be read"),
    "config-list": (lambda m: (m / "config.json").write_text("[]"), "its config.json cannot be read: it is no object"),
    "tokenizer": (lambda m: (m / "tokenizer.json").unlink(), "holds no tokenizer files"),
    "weights": (lambda m: (m / "model.safetensors").unlink(), "holds no weights (*.safetensors)"),
    "bin": (lambda m: (m / "model.safetensors").rename(m / "pytorch_model.bin"), "a .bin is not read, since it can run code"),
    "cut": (lambda m: (m / "model.safetensors").write_bytes((m / "model.safetensors").read_bytes()[:-9]), "cut off"),
    "long": (lambda m: (m / "model.safetensors").open("ab").write(b"more"), "damaged or cut off"),
    "lfs": (lambda m: (m / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\nsize 9\n"), "git lfs pull"),
    "shard": (
        lambda m: (m / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-2.safetensors"}}'),
        "model-2.safetensors is missing",
    ),
    "adapter": (lambda m: (m / "adapter_config.json").write_text("{}"), "holds an adapter (adapter_config.json): merge it"),
    "empty-gguf": (lambda m: [(m / "config.json").unlink(), (m / "m.gguf").write_bytes(b"PK34")], "m.gguf is no GGUF file"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_plan_and_a_run_say_at_once_what_a_folder_lacks(name, model, tmp_path):
    damage, told = DAMAGE[name]
    damage(model)
    asked = ("--task", "toy/colours", "--policy", model, "--budget", "quick", "--seeds", "1")
    for words in (("plan", *asked), ("run", *asked, "--out", tmp_path / "s", "--yes")):
        said = rbench(*words)
        assert said.code == 5, said.err
        one_line(said, "policy 'mine'", told)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("name", ["qwen.tiktoken", "vocab.bpe", "vocab.txt", "merges.txt", "tekken.json", "bpe.model"])
def test_whatever_a_tokenizer_is_read_from_is_part_of_the_hash(name, model):
    before = open_folder("mine", model).digest
    (model / name).write_text("a")
    one = open_folder("mine", model).digest
    (model / name).write_text("b")
    assert len({before, one, open_folder("mine", model).digest}) == 3


def test_a_tokenizer_that_is_not_whole_has_a_sentence_of_its_own(model, capfd):
    (model / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="its tokenizer files are not all there"):
        load(Folder("mine", model, Settings(), ""))
    assert capfd.readouterr() == ("", "")


def test_a_path_is_shown_as_a_user_would_write_it(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert [shown(Path(p)) for p in ("m", str(tmp_path / "a" / "m"), "../m")] == ["m", "m", str(tmp_path / "m")]
    assert shown(tmp_path / "home" / "m") == "~/m"
