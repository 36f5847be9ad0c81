"""Does the verse task hear rhyme, syllables and stress? On made-up lines; on the sonnets and a pronouncing dictionary."""

import json
import os
import random
import re
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest

from rewardbench import data, find
from rewardbench.types import Prompt, UserError

HOME = Path(__file__).resolve().parents[1] / "tasks" / "writing" / "verse"
REAL = os.environ.get("REWARDBENCH_DATA", "")
task, gold, second = find.task("writing/verse"), find.gold("writing/verse"), find.second_gold("writing/verse")
world = find.tasks._module(HOME, "world")
asked = find.tasks._module(HOME, "task")
ROWS = [json.loads(line) for line in (HOME / "examples.jsonl").read_text().splitlines()]
ENDS = ["day", "night", "sea", "rain"]


def sonnet(i: int) -> dict[str, object]:
    return {"number": i, "lines": [f"The {i}th made-up line runs on to {n} and {ENDS[n % 4]}," for n in range(14)]}


@pytest.fixture
def sonnets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made-up sonnets and plays in the layout of the published ones, read in their place."""
    for place, text in ((world.SONNETS, json.dumps({"sonnets": [sonnet(i) for i in range(60)]})), (world.PLAYS, "Away, bright pain!")):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(text)
    monkeypatch.setattr(data, "file", lambda task, place: tmp_path / place)
    return tmp_path


def test_a_sonnet_is_of_one_split_and_every_line_a_prompt(sonnets: Path) -> None:
    found = {s: {p.columns["line"] for p in islice(task.prompts(s, 1), 900)} for s in ("train", "dev", "test")}
    numbers = [{re.findall(r"\d+", line)[0] for line in lines} for lines in found.values()]
    assert sum(map(len, numbers)) == 60 == len(set.union(*numbers))
    assert sum(map(len, found.values())) == 60 * 14


def test_the_truth_is_what_rhymes_and_rewards_do_not_see_it(sonnets: Path) -> None:
    prompt = next(p for p in task.prompts("train", 1) if p.columns["line"].endswith("day,"))
    assert prompt.truth["rhymes"] == ("away",)
    assert set(prompt.columns) == {"line", "references"}
    assert '"day"' in prompt.text


@pytest.mark.parametrize("text", ["{", "[]", '{"sonnets": [{"lines": [""]}]}', '{"sonnets": [{"lines": []}]}', '{"sonnets": [3]}'])
def test_a_damaged_file_is_said(sonnets: Path, text: str) -> None:
    (sonnets / world.SONNETS).write_text(text)
    with pytest.raises(UserError) as error:
        next(task.prompts("train", 1))
    assert error.value.code == 5
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["note"])
def test_lines_in_our_own_words_get_their_gold(row: dict) -> None:  # type: ignore[type-arg]
    prompt = Prompt(**row["prompt"])
    score = gold.score(prompt, row["completion"])
    assert score == pytest.approx(row["gold"], abs=1e-4)
    assert gold.kind(prompt, row["completion"]) == row["kind"]
    assert (score >= gold.bar) == row["precise"]
    assert gold.score(prompt, [{"role": "assistant", "content": row["completion"]}]) == score
    assert second(prompt, row["completion"]) == pytest.approx(score, abs=0.4)


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [("night", "white", 1, 1), ("love", "prove", 0.7, 0.9), ("day", "weigh", 1, 1), ("pleasure", "treasure", 1, 1), ("lies", "eyes", 1, 1),
     ("increase", "peace", 1, 1), ("walked", "talked", 1, 1), ("stone", "moan", 1, 1), ("day", "day", 0, 0), ("night", "day", 0, 0),
     ("time", "thine", 0, 0), ("cold", "cord", 0, 0), ("running", "thinking", 0.4, 0.6), ("quite", "sight", 1, 1), ("brings", "things", 1, 1)],
)  # fmt: skip
def test_rhymes_are_heard(one: str, other: str, least: float, most: float) -> None:
    assert least <= world.rhyme(one, other) <= most
    assert world.rhyme(one, other) == world.rhyme(other, one)


def test_any_text_is_measured() -> None:
    prompt = Prompt(**ROWS[0]["prompt"])
    for text in ["", " ", "'", "mmm", "Pst!", "\x00", "é", "a" * 3000, "the " * 900, "'tis o'er", "\n\n7\n", "y", "e'e'e"]:
        assert 0 <= gold.score(prompt, text) <= 1
        assert gold.kind(prompt, text)
        assert 0 <= second(prompt, text) <= 1


# --- the real files ------------------------------------------------------------------------------------


def couplets() -> list[tuple[str, str]]:
    """(line, its rhyme) of all sonnets of fourteen lines."""
    text = data.text(HOME / "world.py", world.SONNETS)
    return [pair for lines in world.sonnets(text) for pair in world.pairs(lines)]


def known() -> frozenset[str]:
    found: frozenset[str] = world.vocabulary(*(data.text(HOME / "world.py", p) for p in (world.SONNETS, world.PLAYS)))
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_shakespeare_rhymes_and_scans_and_a_shuffle_does_not() -> None:
    """The figures of the card."""
    rng, some, words = random.Random(0), couplets(), known()
    texts: dict[str, list[float]] = defaultdict(list)
    for line, partner in some:
        prompt = asked.prompt_of(line, partner, words)
        shuffled = " ".join(rng.sample(partner.split(), len(partner.split())))
        for name, text in (("partner", partner), ("shuffled", shuffled), ("other", rng.choice(some)[0]), ("itself", line),
                           ("word", prompt.truth["rhymes"][0] if prompt.truth["rhymes"] else "")):  # fmt: skip
            texts[name].append(gold.score(prompt, text))
    means = {name: mean(scores) for name, scores in texts.items()}
    assert means == pytest.approx({"partner": 0.80, "shuffled": 0.14, "other": 0.11, "itself": 0.01, "word": 0.08}, abs=0.02)
    counts = {split: len({p.id for p in islice(task.prompts(split, 1), 2500)}) for split in ("train", "dev", "test")}
    assert sum(counts.values()) == len({line for line, _ in some})
    assert min(counts.values()) > 100


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_the_rules_agree_with_a_pronouncing_dictionary() -> None:
    """Of the words of sonnets and plays that the dictionary has: syllables, stress, and rhymes on the last syllable."""
    pronouncing = pytest.importorskip("pronouncing")
    said = {w: pronouncing.phones_for_word(w) for w in sorted(known()) if "'" not in w}
    said = {w: phones for w, phones in said.items() if phones}
    rng = random.Random(0)
    syllables = [any(world.syllables(w)[0] <= pronouncing.syllable_count(p) <= world.syllables(w)[1] for p in ps) for w, ps in said.items()]
    beats = {w: {pronouncing.stresses(p) for p in ps} for w, ps in said.items()}
    longer = [w for w in said if world.stress(w) is not None and all(len(p) > 1 for p in beats[w])]
    stressed = [any(p[world.stress(w) : world.stress(w) + 1] in ("1", "2") for p in beats[w]) for w in longer]
    ends: dict[str, list[str]] = defaultdict(list)
    ours: dict[str, list[str]] = defaultdict(list)
    last = {w: {re.sub(r"\d", "", re.findall(r"\S+\d[^\d]*$", p)[0]).strip() for p in ps} for w, ps in said.items()}
    for w in said:
        ours[world._heard(w)].append(w)
        for end in last[w]:
            ends[end].append(w)
    heard, right = [], []
    for w in rng.sample(sorted(said), 4000):
        other, mine = rng.choice(ends[sorted(last[w])[0]]), rng.choice(ours[world._heard(w)])
        heard += [world._heard(w) == world._heard(other)] * (other != w)
        right += [bool(last[w] & last[mine])] * (mine != w)
    figures = [mean(list(map(float, some))) for some in (syllables, stressed, heard, right)]
    assert figures == pytest.approx([0.97, 0.88, 0.81, 0.87], abs=0.02)
