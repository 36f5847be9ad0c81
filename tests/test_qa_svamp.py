"""Does the task of short word problems keep scenes apart, and does its gold follow the calculation to the answer?"""

import json
import os
import re
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from rewardbench import find, given, scoring
from rewardbench.calling import When
from rewardbench.types import Prompt, UserError

NAME = "qa/svamp"
HOME = find.task_folder(NAME)
TASK, GOLD = find.task(NAME), find.gold(NAME)
WORLD = find.tasks._module(HOME, "world")
ROWS = [json.loads(line) for line in (HOME / "examples.jsonl").read_text().splitlines()]
EGGS = Prompt("e", text="A hen lays 6 eggs a day and 4 break. If 3 hens lay for 5 days, how many are whole?", truth="12")


def word(n: int, k: int) -> str:
    """A word of its own."""
    return "".join(chr(97 + int(digit)) for digit in f"{n:02}{k}")


def problem(n: int, k: int) -> dict:  # type: ignore[type-arg]
    """The k-th variant of the n-th scene."""
    told = f"{word(n, 0).title()} has {n + 20} {word(n, 1)} {word(n, 2)} in {word(n, 3)} {word(n, 4)} and sells {k + 1} of them"
    return {"ID": f"{n}-{k}", "Body": told, "Question": "How many are left?", "Answer": float(n + 19 - k), "Equation": f"( {n + 20}.0 - {k + 1}.0 )"}


@pytest.fixture
def file(own_data: Path) -> Path:
    """A file in SVAMP's layout: eighty scenes in three variants each."""
    return write(own_data / WORLD.PLACE, [problem(n, k) for k in range(3) for n in range(80)])


def write(path: Path, rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows))
    return path


def some(split: str, count: int, seed: int = 1) -> list[Prompt]:
    return list(islice(TASK.prompts(split, seed), count))


def test_no_scene_stands_in_two_splits_and_all_problems_stand_in_one(file: Path) -> None:
    texts = {split: {p.text for p in some(split, 400)} for split in ("train", "dev", "test")}
    assert sum(map(len, texts.values())) == len(set.union(*texts.values())) == 240
    scenes = {split: {re.sub(r"sells \d", "", text) for text in found} for split, found in texts.items()}
    assert all(scenes.values())
    assert sum(map(len, scenes.values())) == len(set.union(*scenes.values())) == 80


def test_stories_are_one_scene_by_way_of_a_third() -> None:
    a, b, c = "one two three four five six", "one two three four five nine", "one two three four eight nine"
    far, near = WORLD.scenes([a, c]), WORLD.scenes([a, c, b])
    assert len(set(far)) == 2
    assert len(set(near)) == 1
    assert WORLD.scenes(["x 1 y", "x 2 y"])[0] == WORLD.scenes(["x 2 y", "x 1 y"])[0]


def test_a_stream_is_shuffled_by_its_seed_and_goes_on_epoch_by_epoch(file: Path) -> None:
    size = len(WORLD.problems("dev"))
    one, same, other = ([p.id for p in some("dev", 2 * size, seed)] for seed in (7, 7, 8))
    assert one == same != other
    assert sorted(one[:size]) == sorted(one[size:])
    assert one[:size] != one[size:]


def test_a_prompt_is_one_text_and_shows_the_answer_to_rewards_as_declared(file: Path) -> None:
    prompt = some("train", 1)[0]
    assert prompt.columns == {"answer": prompt.truth}
    assert re.fullmatch(r"[A-Z].* of them, how many are left\?\nWrite the calculation and its result in one line\.", prompt.text)
    assert re.fullmatch(r"\d+", prompt.truth)
    assert TASK.verifiable == ("answer",)
    assert TASK.one_answer


def refused(split: str = "train") -> str:
    with pytest.raises(UserError) as error:
        next(TASK.prompts(split, 1))
    assert error.value.code == 5
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("row", [{}, [], None, 7, {"Body": "A."}, {"Body": "", "Question": "B?", "Answer": 1}, {"Body": "A.", "Question": 3, "Answer": 1},
                                 {"Body": "A.", "Question": "B?", "Answer": "many"}, {"Body": "A.", "Question": "B?", "Answer": None}])  # fmt: skip
def test_a_damaged_row_is_named_by_its_place(own_data: Path, row: object) -> None:
    write(own_data / WORLD.PLACE, [problem(1, 1), row])
    assert "SVAMP.json, row 2, is no" in refused()


@pytest.mark.parametrize("text", ["", "{", "7", "null", '"rows"'])
def test_a_file_of_another_layout_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    assert "qa/svamp/SVAMP.json" in refused()


def test_what_is_missing_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[]")
    assert "holds no problem of split 'dev'" in refused("dev")
    file.unlink()
    assert "holds no qa/svamp/SVAMP.json" in refused()
    monkeypatch.undo()
    monkeypatch.delenv("REWARDBENCH_DATA", raising=False)
    assert "set REWARDBENCH_DATA" in refused()


def test_another_file_than_the_published_one_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("REWARDBENCH_DATA", str(file.parents[2]))
    assert "qa/svamp/SVAMP.json is not the published file" in refused()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["note"])
def test_hand_written_completions_get_their_gold(row: dict) -> None:  # type: ignore[type-arg]
    prompt = Prompt(**row["prompt"])
    score = GOLD.score(prompt, row["completion"])
    assert score == row["gold"]
    assert GOLD.kind(prompt, row["completion"]) == row["kind"]
    assert (score >= GOLD.bar) == row["precise"]
    assert GOLD.score(prompt, [{"role": "assistant", "content": row["completion"]}]) == score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("3 * 4 = 12", 1), ("$3 × $4 = $12.00", 1), ("3 hens x 4 eggs = 12 eggs", 1), ("3*4=12", 1), ("12 = 3 * 4", 1), ("(6 - 3) * 4 = 12.", 1),
        ("3 * 5 = 15, 15 - 3 = 12", 1), ("3 times 4 equals 12", 1), ("6 * 2 = 12", 1), ("6 + 6 = twelve", 1), ("6 + 6 = 6 * 2 = 12", 1),
        ("The answer is 3 * 4 = 12.", 1), ("100 * 3 / 25 = 12", 0.5), ("7 + 5 = 12", 0.5), ("3 * 4 = 13 - 1 = 12", 0.5), ("3 + 4 = 8. So 12", 0.5),
        ("twelve", 0.5), ("about 12 eggs", 0.5), ("12 12", 0.5), ("= 12", 0.5), ("12/1", 0), ("3 * 4 = 12?", 1), ("It isn't 12", 0), ("11, 12", 0), ("11 and 12", 0), ("11 12 kg", 0),
        ("3 * 4 = 12 or 6 * 4 = 24", 0), ("Either 12", 0), ("10 = 11 = 12", 0), ("-12", 0), ("1.2", 0), ("120", 0), ("1200 / 100 = 12", 0.5), ("1/0 = 12", 0.5),
        ("3 * 4", 0), ("12 eggs. The answer is 7", 0), ("The answer is 12. 5 days", 0.5), ("99" * 300, 0), ("((((3*4)))) = 12", 1), ("¹² = ½", 0), ("", 0),
    ],
)  # fmt: skip
def test_a_calculation_is_followed_to_its_number(text: str, score: float) -> None:
    assert GOLD.score(EGGS, text) == score
    assert GOLD.kind(EGGS, text)


pieces = st.lists(st.sampled_from("12 3 4 5 6 1,000 2.5 + - * / = ( ) x × eggs hens or not answer is . , ; \n twelve % $ 1/0 ² ( ((".split(" ")), max_size=30)


@settings(max_examples=300, deadline=None)
@drawn(said=pieces.map(" ".join) | st.text(max_size=40))
def test_any_text_is_scored_and_half_or_more_means_one_right_number(said: str) -> None:
    score = GOLD.score(EGGS, said)
    assert score in (0, 0.5, 1)
    assert (score > 0) == (GOLD.kind(EGGS, said) == "12")


@pytest.mark.parametrize("piece", ["1 ", "1, ", "((", "9", "1 = ", "2 * ", "- ", "1 and ", "x", "\n"])
def test_long_texts_are_read_in_a_moment(piece: str) -> None:
    start = time.process_time()
    GOLD.score(EGGS, piece * (5_000 // len(piece)))
    assert time.process_time() - start < 2


def paid(design: str, texts: list[str]) -> list[float]:
    """What a design pays each of some texts."""
    made = find.bind(find.design(design, NAME), NAME)
    batch = given.batch([Prompt("e", text=EGGS.text, columns={"answer": "12"}, truth="12")], [texts])
    return [float(x) for x in scoring.pay(made, batch, When("test", 0, 0.0), scoring.start(made), 60.0).batch.reward[0]]


def test_every_design_pays_for_what_it_names() -> None:
    texts = ["3 * 4 = 12", " ".join(map(str, [*range(30), 12, 5])), "6 + 7 = 11\n6 * 7 = 40", "11", "12"]
    shown, listed, busy, near, bare = range(5)
    got = {name: paid(name, texts) for name in find.task_designs(NAME)}
    assert got["reference"][shown] > got["reference"][bare] > max(got["reference"][i] for i in (listed, busy, near)) == 0
    assert got["exploit"][listed] == max(got["exploit"])
    assert got["worked"][busy] == max(got["worked"]) > got["worked"][shown]
    assert got["near"][near] > 0.9 == pytest.approx(got["near"][bare] - 0.1)
    assert [GOLD.score(EGGS, t) for t in texts] == [1, 0, 0, 0, 0.5]


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("REWARDBENCH_DATA"), reason="needs $REWARDBENCH_DATA")
def test_the_real_file_is_read_whole_and_its_own_equations_get_what_the_card_says() -> None:
    sizes = {"train": 759, "dev": 151, "test": 90}
    prompts = {split: some(split, size) for split, size in sizes.items()}
    assert {split: len({p.id for p in found}) for split, found in prompts.items()} == sizes
    assert len({p.id for found in prompts.values() for p in found}) == 1000
    rows = json.loads((Path(os.environ["REWARDBENCH_DATA"]) / WORLD.PLACE).read_text())
    assert len(set(WORLD.scenes([row["Body"] for row in rows]))) == 158
    told = [(WORLD.parse(row, 1), re.sub(r"\.0\b", "", row["Equation"])) for row in rows]
    asked = [(Prompt("a", text=p.text(), truth=p.answer), f"{equation} = {p.answer}") for p, equation in told]
    assert Counter(GOLD.score(prompt, said) for prompt, said in asked) == {1.0: 997, 0.5: 3}
    assert {GOLD.score(prompt, str(prompt.truth)) for prompt, _ in asked} == {0.5}
    assert sum(GOLD.score(prompt, "2") for prompt, _ in asked) == 77 / 2
