"""Does the word-problem task read its data well, and tell an answer from a list of numbers? On made-up rows."""

import importlib
import json
import os
import re
import tomllib
from functools import partial
from itertools import islice
from pathlib import Path

import asking
import pytest

from rewardbench import find
from rewardbench.seeds import split_of
from rewardbench.types import Prompt

HOME = Path(__file__).resolve().parents[1] / "tasks" / "qa" / "math"
REAL = os.environ.get("REWARDBENCH_DATA", "")
task, gold = find.task("qa/math"), find.gold("qa/math")
refused = partial(asking.refused, task)
TRUTH = Prompt("x", text="A made-up question?", columns={"answer": "1200"}, truth="1200")


def problem(i: int) -> dict[str, str]:
    question = f"Pia has {i} nuts and finds {i + 1}. How many?"
    return {"question": question, "answer": f"<<{i}+{i + 1}>>\n#### {2 * i + 1:,}"}


@pytest.fixture
def data(own_data: Path) -> Path:
    """A folder in GSM8K's layout: 120 problems to learn from, 20 to test on, one of them in both files."""
    folder = own_data / "qa" / "gsm8k"
    folder.mkdir(parents=True)
    train, test = [problem(i) for i in range(600, 720)], [problem(i) for i in range(20)]
    for name, rows in (("train", [*train, test[3]]), ("test", test)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows) + "\n")
    return folder


def questions(split: str, count: int, seed: int = 1) -> list[str]:
    return [p.text for p in islice(task.prompts(split, seed), count)]


def test_splits_are_disjoint_and_cover_the_files(data: Path) -> None:
    sets = {s: set(questions(s, 300)) for s in ("train", "dev", "test")}
    assert len(sets["test"]) == 20
    assert len(sets["train"]) + len(sets["dev"]) == 120
    assert len(set.union(*sets.values())) == 140
    assert 0 < len(sets["dev"]) < 40


def test_the_share_of_test_is_folded_into_train(data: Path) -> None:
    bare = {" ".join(t.split("\n")[0].lower().split()) for t in questions("train", 300)}
    assert {split_of(t) for t in bare} == {"train", "test"}


def test_a_stream_is_shuffled_by_its_seed_and_goes_on_epoch_by_epoch(data: Path) -> None:
    one, same, other = (questions("test", 60, seed) for seed in (7, 7, 8))
    assert one == same != other
    epochs = [one[:20], one[20:40], one[40:]]
    assert all(sorted(e) == sorted(one[:20]) for e in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_prompt_shows_the_answer_to_rewards_as_declared(data: Path) -> None:
    first = next(task.prompts("train", 1))
    assert first.columns == {"answer": first.truth}
    assert re.fullmatch(r"\d+", first.truth)
    assert task.verifiable == ("answer",)
    assert task.one_answer
    assert "####" not in first.text.split("\n")[0]


def test_missing_data_says_which_file_and_which_variable(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "test.jsonl").unlink()
    assert "REWARDBENCH_DATA" in refused()
    assert "qa/gsm8k/test.jsonl" in refused()
    monkeypatch.delenv("REWARDBENCH_DATA")
    assert "set REWARDBENCH_DATA" in refused()


@pytest.mark.parametrize(
    "row",
    ["{", "[]", "null", "7", '{"question": "How many?"}', '{"question": "a", "answer": null}',
     '{"question": "", "answer": "#### 3"}', '{"question": 3, "answer": "#### 3"}',
     '{"question": "How many?", "answer": "3"}', '{"question": "How many?", "answer": "#### three"}'],
)
def test_a_damaged_row_is_named_by_file_and_line(data: Path, row: str) -> None:
    with (data / "train.jsonl").open("a") as file:
        file.write(row + "\n")
    assert "qa/gsm8k/train.jsonl, line 123," in refused()


def test_bytes_that_are_no_text_and_an_empty_file_are_said(data: Path) -> None:
    (data / "test.jsonl").write_text("")
    assert "split 'test'" in refused("test")


def test_another_file_than_the_published_one_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("REWARDBENCH_DATA", str(data.parents[1]))
    assert "qa/gsm8k/train.jsonl is not the published file" in refused()


def test_unreadable_bytes_are_said(data: Path) -> None:
    (data / "train.jsonl").write_bytes(b"\xff\xfe{}")
    assert "train.jsonl cannot be read" in refused()


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1200", True), ("$1,200.00", True), ("**1200**", True), ("1200.", True),
        ("= 1200", True), ("\\boxed{1200}", True),
        ("-1200", False), ("12000", False), ("1 200", False), ("1200%", True), ("1200/1", True), ("1200/2", False),
        ("Answer: 1200", True), ("####1200", True), ("####\n1200", True), ("The answer is not 1200.", True),
        ("The answer is 7.\nThe answer is 1200.", False), (" ".join(map(str, range(1190, 1201))), False),
        ("1 and 2 and 3 and 1200", False), ("Either 12 or 1200", False), ("1,2,3,1200", False), ("", False),
        ("####", False),
        ("600 + 600 = 1200", True), ("1500 - 300 = 1200 kg are left", True), ("99" * 4000, False), ("1/0", False),
        ("\u0661\u0662", False), ("²", False),
    ],
)  # fmt: skip
def test_the_final_number_is_read_as_people_write_it(text: str, right: bool) -> None:
    assert gold.score(TRUTH, text) == float(right)
    assert gold.kind(TRUTH, text)


def test_every_design_pays_for_what_it_names() -> None:
    paid = {name: paid_by(name) for name in ("reference", "exploit", "worked", "marked")}
    clean, listed, busy = range(3)
    assert paid["reference"][clean] > max(paid["reference"][listed], paid["reference"][busy])
    assert paid["exploit"][listed] > paid["exploit"][clean]
    assert paid["worked"][busy] > paid["worked"][clean]
    assert paid["marked"][clean] == paid["marked"][busy] == 1
    texts = completions()
    assert [gold.score(TRUTH, t) for t in texts] == [1, 0, 0]


def completions() -> list[str]:
    step = "Step {0}: the mill grinds {0} + {0} = 8 sacks of flour and then it grinds some more."
    busy = "\n".join(step.format(i) for i in range(4))
    return ["#### 1200", " ".join(map(str, [*range(30), 1200, 5])), busy + "\n#### 6"]


def paid_by(name: str) -> list[float]:
    """The composed reward of the three completions."""
    total = [0.0] * 3
    for part in tomllib.loads((HOME / "designs" / f"{name}.toml").read_text())["part"]:
        topic, _, function = part["use"].partition(".")
        call = getattr(importlib.import_module(f"rewardbench.rewards.{topic}"), function)
        asked = {"completions": completions(), "answer": ["1200"] * 3}
        names = call.__code__.co_varnames[: call.__code__.co_argcount + call.__code__.co_kwonlyargcount]
        scores = call(**{k: v for k, v in asked.items() if k in names}, **part.get("params", {}))
        total = [t + part["weight"] * s for t, s in zip(total, scores, strict=True)]
    return total


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_the_real_file_is_read_and_its_own_solutions_are_right() -> None:
    path = Path(REAL) / "qa" / "gsm8k" / "test.jsonl"
    rows = {r["question"].strip(): r["answer"] for r in map(json.loads, path.read_text().splitlines())}
    prompts = list(islice(task.prompts("test", 1), len(rows)))
    assert len({p.id for p in prompts}) == len(rows) == 1319
    solved = [re.sub(r"<<[^>]*>>", "", rows[p.text.rpartition("\n")[0]]) for p in prompts]
    scores = [gold.score(p, text) for p, text in zip(prompts, solved, strict=True)]
    assert sum(scores) == len(scores)
    bare = [gold.score(p, text.rpartition("####")[0]) for p, text in zip(prompts, solved, strict=True)]
    assert sum(bare) / len(bare) > 0.9
    train, dev = ({p.id for p in islice(task.prompts(s, 1), n)} for s, n in (("train", 6800), ("dev", 700)))
    assert not train & dev
    assert not (train | dev) & {p.id for p in prompts}
