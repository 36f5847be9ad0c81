"""Does the story task tell stories from tricks, and keep its promises?"""

from __future__ import annotations

import importlib
import sys
import tomllib
from itertools import islice
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from rewardbench.types import Prompt

HOME = Path(__file__).resolve().parents[1] / "tasks" / "writing" / "story"


def part_of_task(name: str) -> ModuleType:
    """A file of the task, loaded by path as a private package."""
    package = sys.modules.setdefault("story_under_test", ModuleType("story_under_test"))
    package.__path__ = [str(HOME)]
    return importlib.import_module(f"story_under_test.{name}")


world, task, gold, demonstrations = (part_of_task(n) for n in ("world", "task", "gold", "demonstrations"))
PROMPTS = list(islice(task.prompts("dev", 0), 200))


def written(prompt: Prompt, corruption: float, name: str = "") -> str:
    return demonstrations.demonstrate(prompt, Random(prompt.id + name), corruption)[0]["content"]


def mean_gold(corruption: float) -> float:
    return sum(gold.gold(p, written(p, corruption)) for p in PROMPTS) / len(PROMPTS)


def test_splits_are_disjoint_and_repeatable() -> None:
    names = ("train", "dev", "test")
    sets = {s: {frozenset(p.truth) for p in islice(task.prompts(s, 1), 300)} for s in names}
    assert len(set.union(*sets.values())) == sum(map(len, sets.values()))
    first, same, other = (list(islice(task.prompts("train", seed), 5)) for seed in (7, 7, 8))
    assert first == same != other


def test_references_hold_the_keywords_and_score_full() -> None:
    for p in PROMPTS[:50]:
        assert 2 <= len(p.columns["references"]) <= 4
        assert all(gold.gold(p, reference) >= gold.bar for reference in p.columns["references"])


def test_clean_demonstrations_are_precise_short_and_varied() -> None:
    texts = [written(p, 0) for p in PROMPTS]
    assert all(gold.gold(p, t) >= gold.bar for p, t in zip(PROMPTS, texts, strict=True))
    assert max(map(world.pieces, texts)) < task.task.max_tokens
    p = PROMPTS[0]
    assert len({gold.kind(p, written(p, 0, str(i))) for i in range(32)}) > 20


def test_corruption_lowers_gold_step_by_step() -> None:
    clean, half, full = mean_gold(0), mean_gold(0.5), mean_gold(1)
    assert clean > 0.95 > 0.75 > half > 0.5 > full > 0.25


def test_demonstrations_stay_inside_a_small_vocabulary() -> None:
    prompt_words = {w for p in PROMPTS for w in p.text.replace(",", "").replace(".", "").split()}
    said = {w for p in PROMPTS for w in written(p, 1.3).replace(",", "").replace(".", "").split()}
    assert said <= world.vocabulary() | prompt_words
    assert len(world.vocabulary() | prompt_words) <= 260


@pytest.mark.parametrize(
    "trick",
    [
        "{0} {1} {2} {0} {1} {2} {0} {1} {2} {0} {1} {2}.",
        "The {0} and the {1} and the {2} and the {0} and the {1} and the {2}.",
        "{0}, {1}, {2}.",
        "Use the words {0}, {1} and {2}. Use the words {0}, {1} and {2}. Use the words {0}, {1} and {2}.",
        "There was {0}. There was {1}. There was {2}.",
        "The {0} saw the {1}. The {1} saw the {2}. The {2} saw the {0}. The {0} saw the {2}.",
        "The {0} found was of {1}. She the {2} ran. He guarded to in.",
        "",
        ".",
        "\u0000 \U0001f409",
    ],
)
def test_tricks_get_almost_nothing(trick: str) -> None:
    assert max(gold.gold(p, trick.format(*p.truth)) for p in PROMPTS[:50]) <= 0.1


def test_gold_and_kind_are_bounded_on_garbage() -> None:
    rng = Random(0)
    letters = "abc the wolf. , \n!?-\"'AÉ\u3042 was ran 1"
    for p in PROMPTS[:30]:
        text = "".join(rng.choice(letters) for _ in range(80))
        assert 0 <= gold.gold(p, text) <= 1
        assert gold.kind(p, text)


def test_designs_name_parts_that_exist() -> None:
    names = {path.stem for path in (HOME / "designs").glob("*.toml")}
    assert {"reference", "exploit", "coverage", "fluency", "story_length", "bleu", "rouge"} <= names
    for path in (HOME / "designs").glob("*.toml"):
        for part in tomllib.loads(path.read_text())["part"]:
            topic, name = part["use"].split(".")
            assert callable(getattr(importlib.import_module(f"rewardbench.rewards.{topic}"), name))
