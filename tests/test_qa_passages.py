"""Does the task on passages read SQuAD's layout, and does its gold tell an answer from what merely shares its words?"""

import json
import os
import re
import shutil
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import asking
import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from rewardbench import find, given, scoring
from rewardbench.calling import When
from rewardbench.measures import matching
from rewardbench.stats.intervals import clustered
from rewardbench.types import Prompt

NAME = "qa/passages"
HOME = find.task_folder(NAME)
TASK, GOLD = find.task(NAME), find.gold(NAME)
WORLD, CODE = (find.tasks._module(HOME, module) for module in ("world", "gold"))
ROWS = asking.examples(NAME)
some, refused = partial(asking.some, TASK), partial(asking.refused, TASK)
PASSAGE = ROWS[0]["prompt"]["truth"]["passage"]
KEEPER = asking.prompt_of(ROWS[0])
NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()


def article(n: int) -> dict:  # type: ignore[type-arg]
    """An article with two short passages, three questions on each, and a long passage."""
    paragraphs = []
    for k in range(2):
        told = f"Village {n}-{k} has {n + k + 20} wells.  Its mayor is Ann{n} Bo{k}. It lies near river R{n}."
        asked = (("How many wells?", str(n + k + 20)), ("Who is the mayor?", f"Ann{n} Bo{k}"), ("Which river?", f"river R{n}"))
        qas = [{"id": q, "question": f"{q} ", "answers": [{"text": a, "answer_start": 0}]} for q, a in asked]
        paragraphs.append({"context": told, "qas": qas})
    long = {"context": "word " * 120, "qas": [{"question": "What?", "answers": [{"text": "word"}]}]}
    return {"title": f"Village_{n}", "paragraphs": [*paragraphs, long]}


@pytest.fixture
def file(own_data: Path) -> Path:
    """A file in SQuAD's layout with sixty articles."""
    return write(own_data / WORLD.PLACE, [article(n) for n in range(60)])


def write(path: Path, articles: list) -> Path:  # type: ignore[type-arg]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": "1.1", "data": articles}))
    return path


# --- prompts ----------------------------------------------------------------------------------------


def test_no_article_stands_in_two_splits_and_all_short_passages_stand_in_one(file: Path) -> None:
    found = {split: {p.columns["passage"] for p in some(split, 400)} for split in ("train", "dev", "test")}
    villages = {split: {re.findall(r"\d+", text)[0] for text in texts} for split, texts in found.items()}
    assert all(villages.values())
    assert sum(map(len, villages.values())) == len(set.union(*villages.values())) == 60
    assert sum(map(len, found.values())) == 120


def test_a_stream_is_shuffled_by_its_seed_and_goes_on_epoch_by_epoch(file: Path) -> None:
    size = len(WORLD.items("dev"))
    one, same, other = ([p.id for p in some("dev", 3 * size, seed)] for seed in (7, 7, 8))
    assert one == same != other
    assert sorted(one[:size]) == sorted(one[size : 2 * size])
    assert one[:size] != one[size : 2 * size]
    assert len(set(one)) == size


def test_a_prompt_asks_for_few_words_and_shows_the_answers_to_rewards_as_declared(file: Path) -> None:
    prompt = some("train", 1)[0]
    assert prompt.columns["answer"] == prompt.columns["references"] == prompt.truth["answers"]
    assert set(TASK.verifiable) == {"answer", "references"}
    assert prompt.text == f"{prompt.columns['passage']}\n\nQuestion: {prompt.columns['question']}\nAnswer with a few words of the passage and nothing else."
    assert "  " not in prompt.text
    assert prompt.columns["answer"][0] in prompt.columns["passage"]
    assert TASK.one_answer


def test_a_question_asked_twice_has_the_answers_of_both(own_data: Path) -> None:
    asked = article(1)
    asked["paragraphs"][0]["qas"].append({"question": "Which river?", "answers": [{"text": "R1"}, {"text": "river R1"}]})
    write(own_data / WORLD.PLACE, [asked])
    split = WORLD.split("Village_1")
    assert [i.answers for i in WORLD.items(split) if i.question == "Which river?"] == [("river R1", "R1"), ("river R1",)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: a.pop("title"), lambda a: a.pop("paragraphs"), lambda a: a["paragraphs"][0].pop("context"),
        lambda a: a["paragraphs"][0].update(context=7), lambda a: a["paragraphs"][0]["qas"][0].pop("question"),
        lambda a: a["paragraphs"][0]["qas"][0].update(answers=[]), lambda a: a["paragraphs"][0]["qas"][0].update(answers=None),
        lambda a: a["paragraphs"][0]["qas"][0].update(answers=[{"text": "nowhere"}]), lambda a: a["paragraphs"][0]["qas"][0].update(answers=[{"text": ""}]),
    ],
)  # fmt: skip
def test_a_damaged_article_is_named_by_its_place(own_data: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    damaged = article(1)
    spoil(damaged)
    write(own_data / WORLD.PLACE, [article(0), damaged])
    assert "xquad.en.json, article 2, is not in SQuAD's layout" in refused()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"rows": []}'])
def test_a_file_of_another_layout_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    assert "is not in SQuAD's layout" in refused()


def test_what_is_missing_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, [article(1)])
    other = next(s for s in ("train", "dev", "test") if s != WORLD.split("village 1"))
    assert f"holds no passage under 120 words of split '{other}'" in refused(other)
    file.unlink()
    assert "holds no qa/xquad/xquad.en.json" in refused()
    monkeypatch.delenv("REWARDBENCH_DATA")
    assert "set REWARDBENCH_DATA" in refused()


def test_another_file_than_the_published_one_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("REWARDBENCH_DATA", str(file.parents[2]))
    assert "qa/xquad/xquad.en.json is not the published file" in refused()


def test_a_copy_of_the_folder_without_the_hash_is_a_task_on_ones_own_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    copy = shutil.copytree(HOME, tmp_path / "tasks" / "qa" / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    sources = (copy / "sources.toml").read_text()
    (copy / "sources.toml").write_text(re.sub("sha256 = .*", "", sources))
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path / "tasks"))
    monkeypatch.setenv("REWARDBENCH_DATA", str(file.parents[2]))
    prompt = next(find.task("qa/mine").prompts("train", 1))
    assert "Village" in prompt.text
    assert find.gold("qa/mine").score(prompt, prompt.truth["answers"][0]) == 1


# --- gold -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "true", "f1"),
    [
        ("Denver Broncos", "the Denver Broncos!", 1), ("Broncos", "Denver Broncos", 2 / 3), ("Denver Broncos of Denver", "Denver Broncos", 2 / 3),
        ("Carolina Panthers", "Denver Broncos", 0), ("Santa Clara, California", "Santa Clara California", 1), ("Levi's stadium", "Levis Stadium", 1),
        ("a", "the", 0), ("", "Denver", 0), ("one one two", "one two two", 2 / 3), ("24–10", "24-10", 1), ("24-10", "2410", 1),
        ("“Levi’s”", "Levis", 1), ("Ｌｅｖｉ", "Levi", 1), ("Le\u200bvi", "Levi", 1), ("£5", "$5", 1), ("5 °C", "5 C", 1), ("é", "e\u0301", 1), ("é", "e", 0),
    ],
)  # fmt: skip
def test_f1_is_that_of_squads_evaluation(said: str, true: str, f1: float) -> None:
    """By hand, by the rules of its script (version 1.1: two empty answers share no word and get 0), in marks of any script."""
    assert CODE.f1(WORLD.words(said), WORLD.words(true)) == pytest.approx(f1)


def bare(text: str) -> list[str]:
    """SQuAD's words without the dash that these texts hold, which its script leaves standing."""
    return matching.normalised(text.replace("–", "")).split()


spoken = st.lists(st.sampled_from([*PASSAGE.split(), "The", "or", "Bern", "of", "?", "-", "and", "é–"]), max_size=25).map(" ".join)


@settings(max_examples=200, deadline=None)
@drawn(said=spoken, row=st.sampled_from(ROWS))
def test_gold_is_f1_or_less_and_only_an_exact_match_is_precise(said: str, row: dict) -> None:  # type: ignore[type-arg]
    prompt = Prompt(**row["prompt"])
    answers = prompt.truth["answers"]
    best = max(matching.token_f1(" ".join(bare(said)), answer) for answer in answers)
    assert 0 <= GOLD.score(prompt, said) <= best + 1e-9
    assert (GOLD.score(prompt, said) == 1) == any(bare(said) == bare(a) for a in answers)


@settings(max_examples=100, deadline=None)
@drawn(start=st.integers(0, 40), size=st.integers(1, 9))
def test_a_short_quotation_with_a_word_of_the_answer_gets_plain_f1(start: int, size: int) -> None:
    said = " ".join(PASSAGE.split()[start : start + size])
    assert GOLD.score(KEEPER, said) == pytest.approx(matching.token_f1(said, "Ida Brandt"))


def test_what_pays_under_plain_f1_without_an_answer_gets_nothing(file: Path) -> None:
    prompts = some("dev", 30)
    for write_ in (lambda p: p.text, lambda p: p.columns["passage"] * 2, lambda p: "of and in to", lambda p: f"{p.truth['answers'][0]} or well 7",
                   lambda p: f"not {p.truth['answers'][0]}", lambda p: "", lambda p: "Answer with a few words of the passage and nothing else."):  # fmt: skip
        assert max(GOLD.score(p, write_(p)) for p in prompts) == 0
        assert len({GOLD.kind(p, "") for p in prompts}) == 1


def test_two_candidates_are_a_worse_bet_than_one_of_them(file: Path) -> None:
    for p in some("dev", 60):
        others = [i.answers[0] for i in WORLD.items("dev") if i.passage == p.columns["passage"] and i.question != p.columns["question"]]
        for other in others:
            both = max(GOLD.score(p, f"{p.truth['answers'][0]}{between}{other}") for between in (", ", " ", "; ", "\n", " and "))
            assert both < (1 + GOLD.score(p, other)) / 2
            assert GOLD.score(p, f"{p.truth['answers'][0]} or {other}") == 0


@settings(max_examples=100, deadline=None)
@drawn(junk=st.lists(st.sampled_from("zebra purple kitchen lamp Oslo 1812 flood keeper Ida".split()), min_size=1, max_size=4), first=st.booleans())
def test_words_beside_the_answer_that_are_not_at_home_halve_it(junk: list[str], first: bool) -> None:
    said = " ".join([*junk, "Ida Brandt"] if first else ["Ida Brandt", *junk])
    plain = matching.token_f1(said, "Ida Brandt")
    assert GOLD.score(KEEPER, said) == pytest.approx(plain if junk == ["keeper"] and plain else plain / 2)


@pytest.mark.parametrize("wrap", ["“{}”", "‘{}’.", "«{}»", "{}\u200b", "**{}**", "（{}）", "— {} —"])
def test_marks_of_any_script_around_an_answer_are_nothing(file: Path, wrap: str) -> None:
    for p in some("dev", 30):
        assert GOLD.score(p, wrap.format(p.truth["answers"][0])) == 1


@pytest.mark.parametrize("said", ["I think {}", "{}, I guess", "Probably {}", "{} perhaps", "I believe it is {}", "It is likely {}", "is\u200bn't {}", "o\u200br {}"])
def test_an_answer_in_doubt_is_none(said: str) -> None:
    assert GOLD.score(KEEPER, said.format("Ida Brandt")) == 0


def test_an_answer_made_of_small_words_can_be_given() -> None:
    told = {"answers": ["not at all"], "question": "How far did it go?", "passage": "It went not at all. Who did? The king did not."}
    assert GOLD.score(Prompt("s", text="?", truth=told), "Not at all.") == 1


# --- designs ----------------------------------------------------------------------------------------


def paid(design: str, texts: list[str]) -> list[float]:
    """What a design pays each of some texts for the first example's prompt."""
    made = find.bind(find.design(design, NAME), NAME)
    batch = given.batch([KEEPER], [texts])
    return [float(x) for x in scoring.pay(made, batch, When("test", 0, 0.0), scoring.start(made), 60.0).batch.reward[0]]


def test_designs_pay_for_what_they_name() -> None:
    texts = ["Ida Brandt", PASSAGE, "Ida Brandt, Petrel", "Salt store."]
    answer, passage, two, short = range(4)
    got = {name: paid(name, texts) for name in find.task_designs(NAME)}
    assert got["reference"][answer] == max(got["reference"]) == 1
    assert got["reference"][short] == got["reference"][passage] == 0
    assert got["exploit"][passage] == got["exploit"][answer] == got["exploit"][two] == 1
    assert got["f1"][two] == pytest.approx(0.8)
    assert got["rouge"][two] == pytest.approx(0.8)
    assert got["brevity"][short] > got["brevity"][answer]
    assert np.argmax(got["grounded"]) == passage


# --- the real file ----------------------------------------------------------------------------------


def own(prompt: Prompt, items: list) -> dict[str, list[str]]:  # type: ignore[type-arg]
    """Completions of the card's table for a question: the data's own texts and plain mixtures of them."""
    told, answer = prompt.truth, prompt.truth["answers"][0]
    others = [i.answers[0] for i in items if i.question != told["question"]]
    holds = [s for s in re.split(r"(?<=[.!?])\s", told["passage"]) if answer in s][:1]
    return {
        "the marked answer": [answer], '"The answer is …"': [f"The answer is {answer}."], "the sentence that holds it": holds,
        "it and the answer to another question on the passage": [f"{answer}, {o}" for o in others],
        'the same with "or" between': [f"{answer} or {o}" for o in others],
        "the answer to another question": others, "the passage": [told["passage"]], "the question": [told["question"]],
    }  # fmt: skip


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("REWARDBENCH_DATA"), reason="needs $REWARDBENCH_DATA")
def test_the_real_file_is_read_whole_and_its_own_texts_get_what_the_card_says() -> None:
    splits = {split: list(WORLD.items(split)) for split in ("train", "dev", "test")}
    assert {split: len(items) for split, items in splits.items()} == {"train": 500, "dev": 68, "test": 101}
    assert {s: len({i.article for i in items}) for s, items in splits.items()} == {"train": 35, "dev": 6, "test": 6}
    assert sum(map(len, ({i.article for i in items} for items in splits.values()))) == 47
    by, got = defaultdict(list), defaultdict(list)
    for item in (item for items in splits.values() for item in items):
        by[item.passage].append(item)
    prompts = [p for split, items in splits.items() for p in some(split, len(items))]
    assert len({p.id for p in prompts}) == 669
    for p in prompts:
        for name, texts in own(p, by[p.truth["passage"]]).items():
            plain = [max(CODE.f1(WORLD.words(t), WORLD.words(a)) for a in p.truth["answers"]) for t in texts]
            got[name] += list(zip((GOLD.score(p, t) for t in texts), plain, strict=True))
    card = (HOME / "README.md").read_text()
    for name, pairs in got.items():
        gold, plain = (f"{np.mean(column):.3f}" for column in zip(*pairs, strict=True))
        line = f"| {name} | {gold} | {plain} |"
        assert line.replace("| 0.", "| .") in card, line
    blind = {"run of capitalised words gets": r"(?:[A-Z]\w+ ?)+", "its first eight words": r"(?:\S+\s+){8}"}
    for name, run in blind.items():
        texts = [max(re.findall(run, p.columns["passage"])[: 1 if "eight" in name else None], key=len) for p in prompts]
        mean, se = clustered([GOLD.score(p, t) for p, t in zip(prompts, texts, strict=True)], [WORLD.cluster(p) for p in prompts])
        assert f"{name} {mean:.3f} ({se:.3f})".replace("0.", ".") in card, (mean, se)
    assert len({WORLD.cluster(p) for p in prompts}) == 47
    curly = [GOLD.score(p, f"“{p.truth['answers'][0]}”".replace("-", "‑").replace("'", "’")) for p in prompts]
    assert min(curly) == 1
    assert max(Counter(GOLD.kind(p, p.truth["answers"][0]) for p in prompts).values()) < 10
