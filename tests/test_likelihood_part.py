"""Does the likelihood part say what the model says, and prefer text in its order?"""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweeping import environment

from rewardbench import find
from rewardbench.reward_models.parts import likelihood
from rewardbench.types import UserError


def demonstrations(task: str, count: int) -> list[str]:
    """Texts as the task's demonstrations write them; of a dialogue, the policy's turns."""
    show, found = find.demonstrate(task), []
    for prompt in itertools.islice(find.task(task).prompts("dev", 1), count):
        said = show(prompt, random.Random(prompt.id), 0.0)
        found.append(said if isinstance(said, str) else "\n".join(m["content"] for m in said if m["role"] == "assistant"))
    return found


@pytest.mark.parametrize("task", ["writing/story", "dialogue/booking"])
def test_a_demonstration_is_likelier_than_its_words_in_another_order(task: str) -> None:
    told = demonstrations(task, 30)
    rng = random.Random(1)
    shuffled = [" ".join(rng.sample(text.split(), len(text.split()))) for text in told]
    pairs = list(zip(likelihood.fluency(told), likelihood.fluency(shuffled)))
    assert all(fluent > wrong for fluent, wrong in pairs), pairs


def test_the_mean_is_the_models_own_loss() -> None:
    """transformers' own loss of one text at a time, without padding, is the mean over a padded batch."""
    import torch

    policy = likelihood.loaded("tiny")
    texts = ["The wolf ran.", "One day the bear found a key in the cave and was happy.", "key"]
    found = likelihood.means(texts)
    for text, mean in zip(texts, found):
        ids = torch.tensor([[policy.eos, *policy.tokenizer(text, add_special_tokens=False)["input_ids"]]])
        with torch.no_grad():
            loss = policy.model(input_ids=ids, labels=ids).loss
        assert mean == pytest.approx(-float(loss), abs=1e-5)


def test_a_window_pays_less_for_what_is_too_likely_or_too_unlikely() -> None:
    told = demonstrations("writing/story", 10)
    prose = likelihood.means(told)
    low, high = min(prose), max(prose)
    assert likelihood.fluency(told, low=low, high=high) == [1.0] * len(told)
    far = likelihood.fluency(told, high=low - 0.5, slack=1.0)
    assert far == pytest.approx([max(0.0, 1 - (m - low + 0.5)) for m in prose])
    assert likelihood.fluency(["wolf wolf cave the the"], low=low, slack=0.5)[0] < 1


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_any_text_has_a_value_that_hardly_depends_on_its_neighbours(texts: list[str]) -> None:
    paid = likelihood.fluency(texts)
    assert all(math.isfinite(p) and 0 <= p <= 1 for p in paid)
    assert paid == pytest.approx([likelihood.fluency([text])[0] for text in texts], abs=1e-5)


def test_extremes() -> None:
    assert likelihood.fluency([]) == []
    assert likelihood.fluency(["", "\ud800", "wolf " * 1000])[0] == 0.0
    assert likelihood.fluency([""], high=-1.0) == [0.0]


def test_a_wrong_model_is_one_line() -> None:
    with pytest.raises(UserError, match="'tinny' is no folder and no shipped policy") as raised:
        likelihood.fluency(["a"], model="tinny")
    assert raised.value.code == 5
    with pytest.raises(UserError, match="not the one asked for"):
        likelihood.fluency(["a"], digest="0" * 64)
    assert likelihood.fluency(["a"], digest=find.policy("tiny").digest) == likelihood.fluency(["a"])
    with pytest.raises(UserError, match=r"slack = 0"):
        likelihood.fluency(["a"], slack=0)


def test_listing_the_parts_loads_no_torch() -> None:
    code = "import sys; from rewardbench import find; assert 'likelihood.fluency' in find.parts(); import rewardbench.reward_models.parts.likelihood; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
