"""Is the shipped policy what its page says: small, stock, lossless, imperfect, and made by its recipe?"""

import json
import random
from itertools import islice

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rewardbench import find
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import load
from rewardbench.policies.tiny import recipe
from rewardbench.types import Want

FOLDER = find.policy("tiny").path
TASKS = sorted(recipe.TASKS)


@pytest.fixture(scope="module")
def policy():
    torch.set_num_threads(1)
    return load(find.policy("tiny"))


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


def back(tokenizer, text):
    return tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"])


def words(tokenizer):
    """The vocabulary in the order of its ids."""
    known = tokenizer.get_vocab()
    return sorted(known, key=known.get)


def test_the_folder_is_small_and_holds_no_code_for_transformers_to_run():
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()) < 2_000_000
    config = json.loads((FOLDER / "config.json").read_text())
    assert "auto_map" not in config
    assert "auto_map" not in json.loads((FOLDER / "tokenizer_config.json").read_text())
    assert not [p.name for p in FOLDER.iterdir() if p.suffix in (".bin", ".pt", ".pkl")]


def test_it_loads_as_a_stock_architecture_with_every_weight_from_the_file():
    model, report = AutoModelForCausalLM.from_pretrained(FOLDER, output_loading_info=True)
    assert type(model).__module__.startswith("transformers.models.")
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]
    assert model.num_parameters() == 254_688
    assert (model.config.num_hidden_layers, model.config.hidden_size, model.config.vocab_size) == (2, 96, 336)
    assert (model.config.layer_types, model.config.sliding_window) == (["sliding_attention", "full_attention"], 3)
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


def test_the_first_layer_sees_two_tokens_back(policy):
    """A third token back reaches the last position through the second layer only."""
    ids = torch.arange(20, 30)[None]
    for place, reaches in ((-1, True), (-3, True), (-4, False)):
        other = ids.clone()
        other[0, place] = 100
        with torch.inference_mode():
            one, two = (policy.model(i, output_hidden_states=True).hidden_states[1][0, -1] for i in (ids, other))
        assert bool((one != two).any()) == reaches, place


def test_publishing_it_in_another_class_changes_no_number(tokenizer):
    taught = recipe.model_of(len(tokenizer)).eval()
    ids = torch.tensor([[3, *tokenizer("Ann has 7 cups.")["input_ids"], 2, 4]])
    with torch.inference_mode():
        torch.testing.assert_close(recipe.published(taught).eval()(ids).logits, taught(ids).logits)


@pytest.mark.parametrize("task", TASKS)
def test_prompts_and_demonstrations_are_read_without_loss(task, tokenizer):
    show = find.demonstrate(task)
    for prompt in islice(find.task(task).prompts("dev", 1), 100):
        said = [m for c in (0.0, 1.0) for m in show(prompt, random.Random(f"{prompt.id}/{c}"), c)]
        for message in [*prompt.chat(), *said]:
            assert back(tokenizer, message["content"]) == message["content"]


@pytest.mark.parametrize("temperature", [1.0, 1.5])
@pytest.mark.parametrize("name", TASKS)
def test_whatever_it_says_is_read_back_without_loss(name, temperature, policy):
    task = find.task(name)
    want = Want(list(islice(task.prompts("dev", 2), 8)), 4, temperature)
    [batch] = sample(policy, stack(policy.model, [0], "full"), task, [want], ["lossless"], task.max_tokens)
    every = [m for row in batch.messages for one in row for m in one]
    said = [m["content"] for m in every if m["role"] == "assistant"]
    assert len(set(said)) > 8
    assert [t for t in said if back(policy.tokenizer, t) != t] == []
    heard = {m["content"] for m in every if m["role"] == "user"}
    # one word of the customer's is unknown to this policy: see docs/known-limits.md
    assert [t for t in heard if not t.startswith("No, ") and back(policy.tokenizer, t) != t] == []


@pytest.mark.parametrize("task", TASKS)
def test_the_vocabulary_lacks_no_word_of_the_prompts(task, policy):
    for split in ("train", "dev", "test"):
        ids = {i for p in islice(find.task(task).prompts(split, 3), 200) for i in policy.prompt_ids(p)}
        assert policy.tokenizer.unk_token_id not in ids


def test_a_chat_is_rendered_as_the_recipe_taught_it(policy):
    index = {w: i for i, w in enumerate(words(policy.tokenizer))}
    for name in TASKS:
        prompt = next(find.task(name).prompts("dev", 4))
        ids, _ = recipe.encoded(index, prompt, [{"role": "assistant", "content": ""}])
        assert list(policy.prompt_ids(prompt)) == ids[: len(policy.prompt_ids(prompt))]
        assert ids[len(policy.prompt_ids(prompt)) - 1] == index["<|assistant|>"]


@pytest.mark.parametrize("task", TASKS)
def test_it_is_neither_hopeless_nor_good(task, policy):
    assert 0.15 <= recipe.measure(policy.model, policy.tokenizer, task, 48, 4)["gold"] <= 0.5


@pytest.mark.slow
def test_the_recipe_finds_the_vocabulary_that_ships(tokenizer):
    assert recipe.vocabulary() == words(tokenizer)


@pytest.mark.slow
def test_a_few_steps_of_the_recipe_are_deterministic(tokenizer):
    index = {w: i for i, w in enumerate(words(tokenizer))}

    def three_steps():
        model = recipe.model_of(len(index))
        before = {n: p.clone() for n, p in model.state_dict().items()}
        list(islice(recipe.teach(model, index, recipe.PHASES[0]), 3))
        return before, model.state_dict()

    was_on = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        (before, first), (_, second) = three_steps(), three_steps()
    finally:
        torch.use_deterministic_algorithms(was_on)
    assert all(torch.equal(first[n], second[n]) for n in first)
    assert not all(torch.equal(first[n], before[n]) for n in first)
