"""Does the task of short word problems keep scenes apart, and does its gold follow the calculation to the answer?"""

import json
import os
import re
import time
from collections import Counter
from functools import partial
from pathlib import Path

import asking
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from rewardbench import find, given, scoring
from rewardbench.calling import When
from rewardbench.stats.intervals import clustered
from rewardbench.types import Prompt

NAME = "qa/svamp"
HOME = find.task_folder(NAME)
TASK, GOLD = find.task(NAME), find.gold(NAME)
WORLD = find.tasks._module(HOME, "world")
some, refused = partial(asking.some, TASK), partial(asking.refused, TASK)
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


def test_no_scene_stands_in_two_splits_and_all_problems_stand_in_one(file: Path) -> None:
    texts = {split: {p.text for p in some(split, 400)} for split in ("train", "dev", "test")}
    assert sum(map(len, texts.values())) == len(set.union(*texts.values())) == 240
    scenes = {split: {re.sub(r"sells \d", "", text) for text in found} for split, found in texts.items()}
    assert all(scenes.values())
    assert sum(map(len, scenes.values())) == len(set.union(*scenes.values())) == 80


def scenes(*texts: str) -> list[str]:
    """The scenes of problems given as "story|question"."""
    return WORLD.scenes([WORLD.Problem(*text.split("|"), "1") for text in texts])


def test_texts_are_one_scene_by_way_of_a_third() -> None:
    a, b, c = "some red hens lay many eggs.|so?", "some red hens lay many pies.|so?", "some red hens eat many pies.|so?"
    assert len(set(scenes(a, c))) == 2
    assert len(set(scenes(a, c, b))) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann has 4 red cups here.|How many?", "Bo has seven red cups here.|How many?", True),
        ("red cups here.|how many were there in all?", "red cups here.|what does each of them cost now?", True),
        ("tiny hens.|how many eggs did they lay in that week?", "old cows.|how many eggs did they lay in that week?", True),
        ("tiny hens peck.|how many eggs are left?", "brown bread rises.|how many loaves are left?", False),
    ],
)
def test_another_question_other_people_and_numbers_make_no_other_scene(one: str, other: str, same: bool) -> None:
    found = scenes(one, other)
    assert (found[0] == found[1]) == same
    assert scenes(other, one) == found[::-1]


def test_a_prompt_names_its_scene(file: Path) -> None:
    named = {p.id: WORLD.cluster(p) for split in ("train", "dev", "test") for p in some(split, 400)}
    assert len(named) == 240
    assert len(set(named.values())) == 80


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


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("3 * 4 = 12", 1), ("$3 × $4 = $12.00", 1), ("3 hens x 4 eggs = 12 eggs", 1), ("3*4=12", 1), ("12 = 3 * 4", 1), ("(6 - 3) * 4 = 12.", 1),
        ("3 * 5 = 15, 15 - 3 = 12", 1), ("3 times 4 equals 12", 1), ("6 * 2 = 12", 0.5), ("6 + 6 = twelve", 1), ("6 + 6 = 3 * 4 = 12", 1),
        ("6 + 6 = 6 * 2 = 12", 0.5), ("5 * 3 - 5 + 2 = 12", 1), ("5 * 3 - 5 + 1 + 1 = 12", 0.5),
        ("The answer is 3 * 4 = 12.", 1), ("100 * 3 / 25 = 12", 0.5), ("7 + 5 = 12", 0.5), ("3 * 4 = 13 - 1 = 12", 0.5), ("3 + 4 = 8. So 12", 0.5),
        ("twelve", 0.5), ("about 12 eggs", 0.5), ("12 12", 0.5), ("= 12", 0.5), ("12/1", 0), ("3 * 4 = 12?", 1), ("It isn't 12", 0), ("11, 12", 0), ("11 and 12", 0), ("11 12 kg", 0),
        ("3 * 4 = 12 or 6 * 4 = 24", 0), ("Either 12", 0), ("10 = 11 = 12", 0), ("-12", 0), ("1.2", 0), ("120", 0), ("1200 / 100 = 12", 0.5), ("1/0 = 12", 0.5),
        ("3 * 4", 0), ("12 eggs. The answer is 7", 0), ("The answer is 12. 5 days", 0.5), ("99" * 300, 0), ("((((3*4)))) = 12", 1), ("¹² = ½", 0), ("", 0),
    ],
)  # fmt: skip
def test_a_calculation_is_followed_to_its_number(text: str, score: float) -> None:
    assert GOLD.score(EGGS, text) == score
    assert GOLD.kind(EGGS, text)


RED = Prompt("r", text="Ann has 8 red pens and 3 blue ones. How many has she?", truth="11")
BOXES = Prompt("b", text="Ann fills 8 boxes with 3 pens each. How many are that?", truth="24")


@pytest.mark.parametrize(
    "text",
    [
        "8 + 3 = 11 (8 red, 3 blue)", "Answer: 11 (8 + 3)", "11 pens (8 + 3 = 11)", "(8 + 3 = 11)", "8 + 3 = 11. That is 8 red and 3 blue.",
        "8 + 3 = 11; check: 11 - 3 = 8", "8 + 3 = 11. To verify, 11 - 8 = 3.", "8 + 3 = **11**", "**8 + 3 = 11**", "*8 + 3 = 11*", "_8 + 3 = 11_", "`8 + 3 = 11`",
        "8 + 3 = \\boxed{11}", "8 ＋ 3 ＝ 11", "\\(8 + 3 = 11\\)", "\\[8 + 3 = 11\\]", "$8 + 3 = 11$", "$$8 + 3 = 11$$", "8 \\text{ red} + 3 \\text{ blue} = 11", "[8 + 3] = 11",
        "- 8 + 3 = 11", "• 8 + 3 = 11", "1. 8 + 3 = 11\n2. So 11.", "Step 1: 8 + 3 = 11", "8\u200b + 3 = 11", "8 (red) + 3 (blue) = 11 (pens)", "8 added to 3 is equal to 11",
    ],
)  # fmt: skip
def test_a_right_calculation_is_read_as_people_and_models_write_it(text: str) -> None:
    assert GOLD.score(RED, text) == 1
    assert GOLD.kind(RED, text) == "11"


@pytest.mark.parametrize("sum_", ["8 multiplied by 3", "8 \\times 3", "8 \\cdot 3", "8 (boxes) x 3 (pens)", "8 × (3)", "8 ∗ 3", "8 boxes times 3 pens"])
def test_a_product_is_read_in_all_its_signs(sum_: str) -> None:
    assert GOLD.score(BOXES, f"{sum_} = 24") == 1
    assert GOLD.score(BOXES, f"{sum_} = 25") == 0


@pytest.mark.parametrize(
    "text",
    [
        "11 / 1 = 11", "11 * 1 = 11", "1 * 11 = 11", "11 + 0 = 11", "8 + 2 + 1 = 11", "8 + 1 = 9, 9 + 2 = 11", "1 * 2 = 2, 2 + 1 = 3, 3 * 2 = 6, 6 + 2 = 8, 8 + 3 = 11",
        "2 + 2 + 2 + 2 + 2 + 1 = 11", "100 / 100 = 1, 8 + 3 * 1 = 11", "3 + 8 + 3 - 2 - 1 = 11", "3 + 3 + 3 + 2 = 11", "3 * 3 + 2 = 11", "8 + 3 - 3 + 2 + 1 = 11", "8 + 4 = 12, 12 - 1 = 11", "3 + 3 + 3 + 3 - 1 = 11", "8 + 3 = 12. 11", "8 + 3 = 10 + 1 = 11",
        "1 + 1 = 2, 2 + 1 = 3, 3 + 3 = 6, 6 + 3 = 9, 9 + 2 = 11", "8 - 3 = 5, 5 + 5 = 10, 10 + 1 = 11, 11 + 3 = 14, 14 - 3 = 11, 11 * 1 = 11",
    ],
)  # fmt: skip
def test_a_calculation_that_is_not_made_of_told_numbers_is_none(text: str) -> None:
    assert GOLD.score(RED, text) == 0.5


@pytest.mark.parametrize("idle", ["8 * 1", "1 * 8", "8 / 1", "8 + 0", "8 - 0", "8 + 3 - 3", "3 + 8 - 3", "8 * 3 / 3", "8 + 8 - 8", "8 * 8 / 8", "8 * 2 / 2", "(8)"])
def test_a_told_number_is_not_shown_by_coming_back_to_it(idle: str) -> None:
    same = Prompt("s", text=f"{RED.text} 8 are hers.", truth="8")
    assert GOLD.score(same, f"{idle} = 8") == 0.5
    assert GOLD.score(same, f"8 + 3 = 11, 11 - 3 = 8. {idle} = 8") == 0.5
    assert GOLD.score(Prompt("h", text="Of 16 hens 8 leave. How many stay?", truth="8"), "16 - 8 = 8") == 1


@pytest.mark.parametrize(
    "text",
    [
        "I guess 7. Or 9. Or 10. 11.", "1 apple. 2 apples. 3 apples. 11 apples.", "\n".join(map(str, [*range(1, 10), 11])), "7. 11.", "11 (or 12)", "11 (12, 13)",
        "8 + 3 = 11, 12", "8 + 3 = 11. 12.", "9. 8 + 3 = 11", "11; check: or 12", "1. 9\n2. 10\n3. 11", "11 or 8", "11 (or 8)", "The answer is 9. The answer is 11.",
    ],
)  # fmt: skip
def test_other_numbers_offered_make_several(text: str) -> None:
    assert GOLD.score(RED, text) == 0


pieces = st.lists(st.sampled_from("12 3 4 5 6 1,000 2.5 + - * / = ( ) x × eggs hens or not answer is . , ; \n twelve % $ 1/0 ² ( (( ** \\times [ ＝ check".split(" ")), max_size=30)


@settings(max_examples=300, deadline=None)
@drawn(said=pieces.map(" ".join) | st.text(max_size=40))
def test_any_text_is_scored_and_half_or_more_means_one_right_number(said: str) -> None:
    score = GOLD.score(EGGS, said)
    assert score in (0, 0.5, 1)
    assert (score > 0) == (GOLD.kind(EGGS, said) == "12")


@pytest.mark.parametrize("piece", ["1 ", "1, ", "((", "9", "1 = ", "2 * ", "- ", "1 and ", "x", "\n", "(", "(1)", "\\", "**", "{", "check = ", "\\frac{"])
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
    sizes = {"train": 779, "dev": 121, "test": 100}
    prompts = {split: some(split, size) for split, size in sizes.items()}
    assert {split: len({p.id for p in found}) for split, found in prompts.items()} == sizes
    assert len({p.id for found in prompts.values() for p in found}) == 1000
    named = {split: {WORLD.cluster(p) for p in found} for split, found in prompts.items()}
    assert {split: len(found) for split, found in named.items()} == {"train": 91, "dev": 16, "test": 13}
    assert len(set.union(*named.values())) == 120
    words = {split: [frozenset(re.findall("[a-z]+", p.text.split("\n")[0].lower())) for p in found] for split, found in prompts.items()}
    near = [any(WORLD._alike(a, b) for b in words["train"]) for split in ("dev", "test") for a in words[split]]
    assert (len(near), sum(near)) == (221, 0)
    rows = json.loads((Path(os.environ["REWARDBENCH_DATA"]) / WORLD.PLACE).read_text())
    told = [(WORLD.parse(row, 1), re.sub(r"\.0\b", "", row["Equation"])) for row in rows]
    asked = [(Prompt("a", text=p.text(), truth=p.answer), f"{equation} = {p.answer}") for p, equation in told]
    assert Counter(GOLD.score(prompt, said) for prompt, said in asked) == {1.0: 997, 0.5: 3}
    assert {GOLD.score(prompt, str(prompt.truth)) for prompt, _ in asked} == {0.5}
    assert sum(GOLD.score(prompt, "2") for prompt, _ in asked) == 77 / 2


def difference(text: str, last: bool) -> str:
    """The larger less the smaller of the last or first two numbers told, blindly."""
    told = WORLD.numbers(text)
    low, high = sorted(told[-2:] if last else told[:2]) if len(told) > 1 else (0, 0)
    return f"{WORLD.shown(high)} - {WORLD.shown(low)} = {WORLD.shown(high - low)}" if high else "0"


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("REWARDBENCH_DATA"), reason="needs $REWARDBENCH_DATA")
def test_what_blind_rules_and_forged_calculations_get_is_what_the_card_says() -> None:
    sizes, card = {"train": 779, "dev": 121, "test": 100}, (HOME / "README.md").read_text()
    prompts = {split: some(split, size) for split, size in sizes.items()}
    rules = {"last": lambda p: difference(p.text, True), "first": lambda p: difference(p.text, False), "always": lambda p: "2"}
    head = {"last": "larger less smaller of the last two numbers", "first": "the same of the first two", "always": "always \"2\""}
    for rule, write_ in rules.items():
        groups = [[p for found in prompts.values() for p in found], *prompts.values()]
        cells = [clustered([GOLD.score(p, write_(p)) for p in found], [WORLD.cluster(p) for p in found]) for found in groups]
        line = f"| {head[rule]} | " + " | ".join(f"{mean:.3f} ({se:.3f})" for mean, se in cells) + " |"
        assert line.replace("0.", ".") in card, line
    every = [p for found in prompts.values() for p in found]
    assert {GOLD.score(p, f"{p.truth} / 1 = {p.truth}") for p in every} == {0.5}
    lucky = ((p, t, sign, c) for p in every for t in WORLD.numbers(p.text) for sign in "+-*/" for c in (1, 2, 100))
    lucky = ((p, f"{WORLD.shown(t)} {sign} {c} = {p.truth}") for p, t, sign, c in lucky if c not in WORLD.numbers(p.text))
    assert {GOLD.score(p, said) for p, said in lucky} == {0.5}
    assert {GOLD.score(p, f"{p.truth} * 2 / 2 = {p.truth}") for p in every} == {0.5}
    assert {GOLD.score(p, "\n".join([*map(str, range(1, 10)), p.truth])) for p in every} == {0.0}
    doubled = [GOLD.score(p, doublings(int(p.truth))) for p in every if p.truth.isdigit() and int(p.truth) > 1]
    assert f"{sum(score == 1 for score in doubled)} of {len(doubled)} " in card


def doublings(number: int) -> str:
    """A true calculation of the number from one by doubling and adding one."""
    steps, value = ["1 * 2 = 2"], 1
    for bit in f"{number:b}"[1:]:
        steps.append(f"{value} * 2 = {2 * value}")
        value *= 2
        if bit == "1":
            steps.append(f"{value} + 1 = {value + 1}")
            value += 1
    return ", ".join(steps)
