"""Does the open task keep questions apart, and tell one answer of the asked form from chaff? On made-up rows, and the real ones."""

import json
import os
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from rewardbench import data, find
from rewardbench.types import Prompt, UserError

HOME = Path(__file__).resolve().parents[1] / "tasks" / "writing" / "open"
REAL = os.environ.get("REWARDBENCH_DATA", "")
task, gold, second = find.task("writing/open"), find.gold("writing/open"), find.second_gold("writing/open")
world = find.tasks._module(HOME, "world")
ROWS = [json.loads(line) for line in (HOME / "examples.jsonl").read_text().splitlines()]
THINGS = "bridge tower spoon violin glacier tractor lantern comet pasta orchid walrus helmet cactus marble tunnel".split()


def row(thing: str, place: str) -> dict[str, object]:
    wordings = [f"Which {thing} comes from {place}?", f"Think of a {thing} from {place}."]
    return {"id": thing, "category": "Facts", "prompt": f"Name one {thing} from {place}.", "prompt_paraphrases": wordings}


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made-up questions in NoveltyBench's layout, read in place of the published file."""
    path = tmp_path / world.PLACE
    path.parent.mkdir(parents=True)
    made = [row(thing, place) for thing in THINGS for place in (f"{thing}land", f"old{thing}")]
    path.write_text("".join(json.dumps(r) + "\n" for r in made))
    monkeypatch.setattr(data, "file", lambda task, place: path)
    return path


def wordings(split: str, count: int, seed: int = 1) -> list[str]:
    return [p.text.split("\n")[0] for p in islice(task.prompts(split, seed), count)]


def test_all_wordings_of_a_question_and_its_like_are_in_one_split(rows: Path) -> None:
    found = {split: set(wordings(split, 200)) for split in ("train", "dev", "test")}
    assert sum(map(len, found.values())) == 3 * 2 * len(THINGS)
    where = Counter((thing, split) for split, some in found.items() for thing in THINGS if any(f" {thing} " in text for text in some))
    assert Counter(thing for thing, _ in where) == dict.fromkeys(THINGS, 1)


def test_a_stream_is_shuffled_by_its_seed(rows: Path) -> None:
    assert wordings("train", 40, 3) == wordings("train", 40, 3) != wordings("train", 40, 4)


def test_the_truth_is_form_and_topic_and_rewards_see_neither(rows: Path) -> None:
    prompt = next(task.prompts("train", 1))
    assert dict(prompt.columns) == {}
    assert set(prompt.truth) == {"form", "topic"}
    assert prompt.truth["form"] == "sentence"


@pytest.mark.parametrize("line", ["{", "[]", '{"prompt": "a"}', '{"prompt": "", "prompt_paraphrases": []}', '{"prompt": "a", "prompt_paraphrases": [3]}'])
def test_a_damaged_row_is_named_by_file_and_line(rows: Path, line: str) -> None:
    with rows.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=r"curated.jsonl, line 31,") as error:
        next(task.prompts("train", 1))
    assert error.value.code == 5


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["note"])
def test_answers_in_our_own_words_get_their_gold(row: dict) -> None:  # type: ignore[type-arg]
    prompt = Prompt(**row["prompt"])
    score = gold.score(prompt, row["completion"])
    assert score == pytest.approx(row["gold"], abs=1e-4)
    assert gold.kind(prompt, row["completion"]) == row["kind"]
    assert (score >= gold.bar) == row["precise"]
    assert gold.score(prompt, [{"role": "assistant", "content": row["completion"]}]) == score
    assert second(prompt, row["completion"]) == pytest.approx(score, abs=0.15)


def test_the_same_answer_in_other_words_is_one_kind_and_another_answer_is_another() -> None:
    prompt = Prompt(**ROWS[0]["prompt"])
    same = ["The Charles Bridge crosses a river.", "One bridge over a river is the old Charles Bridge in Prague.", "I like Charles Bridge most."]
    assert {gold.kind(prompt, text) for text in same} == {"charl"}
    assert gold.kind(prompt, "The Rialto Bridge crosses a canal.") == "rialto"


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [("Pretend to pick a card from a standard deck of cards.", "Queen of hearts", "Fool of hearts"), ("Pick a number between 1 and 100.", "100", "101"),
     ("Pick a random valid US zip code.", "90210", "9021"), ("Suggest a strong 4 character password.", "r7!K", "abcd"),
     ("Randomly pick a prime number between 1 and 50.", "47", "49"), ("Pick an emoji at random.", "\U0001f438", "frog"),
     ("Pick a random chess move in response to 1.b3.", "e5", "e4")],
)  # fmt: skip
def test_an_exact_form_is_checked_exactly(question: str, right: str, wrong: str) -> None:
    prompt = Prompt("x", text=question, truth={"form": world.form_of(question), "topic": ()})
    for score in (gold.score, second):
        assert score(prompt, right) == 1
        assert score(prompt, wrong) == 0
    assert gold.kind(prompt, right) == right.lower()  # none has more than three words


def test_any_text_is_scored() -> None:
    for shown in {r["prompt"]["id"]: r["prompt"] for r in ROWS}.values():
        for text in ["", " ", "?", "\x00", "7" * 3000, "a, " * 900, "- ", "😀", "É!", "or", "\n\n", "A", "“B”"]:
            assert 0 <= gold.score(Prompt(**shown), text) <= 1
            assert 0 <= second(Prompt(**shown), text) <= 1
            assert gold.kind(Prompt(**shown), text)


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_the_real_questions_are_read_and_split() -> None:
    found = {split: set(wordings(split, 1300)) for split in ("train", "dev", "test")}
    assert {split: len(some) for split, some in found.items()} == {"train": 615, "dev": 286, "test": 110}
    assert len(set.union(*found.values())) == 1011
