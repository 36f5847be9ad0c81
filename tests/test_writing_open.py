"""Does the open task keep questions apart, and tell one answer of the asked form from chaff? On made-up rows, and the real ones."""

import json
import os
import random
from collections import Counter
from itertools import islice
from pathlib import Path
from statistics import fmean as mean

import pytest
from asking import examples

from rewardbench import data, find
from rewardbench.types import Prompt, UserError

HOME = Path(__file__).resolve().parents[1] / "tasks" / "writing" / "open"
REAL = os.environ.get("REWARDBENCH_DATA", "")
task, gold, second = find.task("writing/open"), find.gold("writing/open"), find.second_gold("writing/open")
world = find.tasks._module(HOME, "world")
ROWS = examples("writing/open")
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
    assert set(prompt.truth) == {"form", "topic", "field"}
    assert prompt.truth["form"] == "sentence"


@pytest.mark.parametrize("line", ["{", "[]", '{"prompt": "a"}', '{"prompt": "", "prompt_paraphrases": []}', '{"prompt": "a", "prompt_paraphrases": [3]}'])
def test_a_damaged_row_is_named_by_file_and_line(rows: Path, line: str) -> None:
    with rows.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=r"curated.jsonl, line 31,") as error:
        next(task.prompts("train", 1))
    assert error.value.code == 5


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["note"])
def test_the_second_gold_of_the_examples_is_the_milder_one(row: dict) -> None:
    prompt = Prompt(**row["prompt"])
    score, other = gold.score(prompt, row["completion"]), second(prompt, row["completion"])
    assert other > score - 0.15  # it knows no answers by name, no denial and no glue: it is the milder one
    assert not row["precise"] or other == pytest.approx(score, abs=0.15)


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


def test_an_emoji_is_one_picture_and_no_arrow_or_line() -> None:
    emoji = pytest.importorskip("regex")
    form = world.form_of("Pick an emoji at random.")
    prompt = Prompt("x", text="Pick an emoji at random.", truth={"form": form, "topic": ()})
    for text in ["\U0001f438", "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "\U0001f469\u200d\U0001f680", "\U0001f1eb\U0001f1f7", "\u2b50"]:
        assert gold.score(prompt, text) == 1, text
    for text in ["\u2192", "\u2500", "\u2605", "\u2764", "\U0001f438\U0001f438", "\U0001f1eb", "\ufe0f", "\u200d"]:
        assert gold.score(prompt, text) == 0, text
    single = [chr(n) for n in range(0x2000, 0x1FB00) if gold.score(prompt, chr(n)) == 1]
    assert len(single) > 1000
    assert not [sign for sign in single if not emoji.fullmatch(r"\p{Emoji_Presentation}|\p{Unassigned}", sign)]


BREW = Prompt(**next(row["prompt"] for row in ROWS if row["note"] == "a known answer"))


def test_noise_adds_no_kind_and_stays_below_the_bar() -> None:
    texts = [f"A drink with ginger is called {name}." for name in ("Lodupo", "Qwxyz", "Mirath", "Tovek")]
    assert {gold.kind(BREW, text) for text in texts} == {"other"}
    assert max(gold.score(BREW, text) for text in texts) < gold.bar / 1.5
    known = {gold.kind(BREW, f"A drink with ginger is {name}.") for name in ("tea", "beer", "ale")}
    assert known == {"tea", "beer", "ale"}


@pytest.mark.parametrize("text", ["There is no drink with ginger, only tea.", "I will not say that a drink with ginger is tea.",
    "Nobody brews a drink with ginger or tea.", "I don't know of a drink with ginger but tea.", "The drink brew using ginger is tea."])  # fmt: skip
def test_what_denies_refuses_or_glues_words_of_the_question_is_no_answer(text: str) -> None:
    assert gold.score(BREW, text) <= 0.3


def test_questions_for_the_same_answers_are_in_one_group() -> None:
    def ask(*some: str) -> object:
        return world.parse(json.dumps({"prompt": some[0], "prompt_paraphrases": list(some[1:])}), "x")

    pairs = [("Tell me a dad joke.", "Tell me a funny joke."), ("Buying a leather wallet: which store first?", "Buying a dress: list first 3 stores."),
             ("Name a filly.", "Name the dog in my story."), ("Roll a make-believe 20-sided die.", "Roll a big 20-sided die.")]  # fmt: skip
    for one, other in pairs:
        assert len(list(world.grouped([ask(one), ask(other)]))) == 1, one
    assert len(list(world.grouped([ask("Name one UFC fighter."), ask("Name one cocktail with rum.")]))) == 2


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
    assert {split: len(some) for split, some in found.items()} == {"train": 594, "dev": 209, "test": 208}
    assert len(set.union(*found.values())) == 1011
    questions = world.split_questions(data.text(HOME / "world.py", world.PLACE))
    assert {split: len(some) for split, some in questions.items()} == {"train": 54, "dev": 19, "test": 19}
    fields = [{q.field for q in some if q.field} for some in questions.values()]
    assert not fields[0] & fields[1] | fields[0] & fields[2] | fields[1] & fields[2]
    assert all(q.field for some in questions.values() for q in some if q.form in ("sentence", "text") or q.form.startswith("items"))


HEADS = ("all content words", "topic", "topic with", "topic of the", "last words", "wording")
FRAMES = ("The {} is in {}.", "The {} is {}.", "The {} is called {}.", "There is no {} in my house.", "I will not say which {} it is, friend.",
          "The {} {}.", "Once my {} was {}.", "A {} is what I call {} at home.", "Here the {} is {}.", "Everyone says that the {} is a {}.")  # fmt: skip


def head(kind: str, prompt: Prompt) -> str:
    """Words of a question, put together as somebody who has not understood it would."""
    asked = prompt.text.split("\n")[0]
    content = [w for w in world.words(asked) if w not in world.SMALL]
    topic = [w for w in dict.fromkeys(content) if world.stem(w) in prompt.truth["topic"]] or content
    return {"all content words": " ".join(content), "topic": " ".join(topic[:3]), "topic with": " with ".join(topic[:2]),
            "topic of the": " of the ".join(topic[:2]), "last words": " ".join(world.words(asked)[-5:]), "wording": asked.rstrip(".?")}[kind]  # fmt: skip


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_no_frame_comes_near_a_known_answer() -> None:
    """The figures of the card: 300 frames (heads x frames x fillings) on fifty sentence prompts, and known answers."""
    rng = random.Random(0)
    prompts = [p for split in ("train", "dev", "test") for p in islice(task.prompts(split, 1), 594 if split == "train" else 209)]
    prompts = rng.sample([p for p in prompts if p.truth["form"] == "sentence"], 50)
    anything = sorted(world.elsewhere())
    fillings = {"noise": lambda: "".join(rng.choice("bdfklmnprst") + rng.choice("aeiou") for _ in range(3)).capitalize(),
                "any question's answer": lambda: rng.choice(anything), "Paris": lambda: "Paris", "money": lambda: "money", "a friend": lambda: "a friend"}  # fmt: skip
    found = {(h, f, name): mean([gold.score(p, f.format(head(h, p), fill())) for p in prompts]) for h in HEADS for f in FRAMES for name, fill in fillings.items()}
    known = mean([gold.score(p, f"{head('topic with', p).capitalize()} makes me think of {rng.choice(p.truth['field'])}.") for p in prompts])
    by = {name: round(mean([v for key, v in found.items() if name in key]), 2) for name in (*HEADS, *fillings)}
    worst, (key, value) = sorted(found.values())[-5:], max(found.items(), key=lambda item: item[1])
    print(len(found), by, worst, key, value, known)
    assert value < known / 1.9
