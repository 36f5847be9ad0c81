"""Does the verse task hear rhyme, syllables and stress? On made-up lines; on the sonnets and a pronouncing dictionary."""

import json
import os
import random
import re
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from statistics import fmean as mean

import pytest
from asking import examples

from rewardbench import data, find
from rewardbench.types import Prompt, UserError

HOME = Path(__file__).resolve().parents[1] / "tasks" / "writing" / "verse"
REAL = os.environ.get("REWARDBENCH_DATA", "")
task, gold, second = find.task("writing/verse"), find.gold("writing/verse"), find.second_gold("writing/verse")
world, sound, flow = (find.tasks._module(HOME, name) for name in ("world", "sound", "flow"))
asked = find.tasks._module(HOME, "task")
ROWS = examples("writing/verse")
ENDS = ["day", "night", "sea", "rain"]


def sonnet(i: int) -> dict[str, object]:
    return {"number": i, "lines": [f"The {i}th made-up line runs on to {n} and {ENDS[n % 4]}," for n in range(14)]}


@pytest.fixture
def sonnets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made-up sonnets and plays in the layout of the published ones, read in their place."""
    for place, text in ((world.SONNETS, json.dumps({"sonnets": [sonnet(i) for i in range(60)]})), (world.PLAYS, "Away, bright pain, o flea!")):
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
def test_the_second_gold_of_the_examples_comes_near(row: dict) -> None:
    prompt = Prompt(**row["prompt"])
    assert second(prompt, row["completion"]) == pytest.approx(gold.score(prompt, row["completion"]), abs=0.4)


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [("night", "white", 1, 1), ("love", "prove", 0.7, 0.9), ("day", "weigh", 1, 1), ("pleasure", "treasure", 1, 1), ("lies", "eyes", 1, 1),
     ("increase", "peace", 1, 1), ("walked", "talked", 1, 1), ("stone", "moan", 1, 1), ("day", "day", 0, 0), ("night", "day", 0, 0),
     ("time", "thine", 0, 0), ("cold", "cord", 0, 0), ("running", "thinking", 0.4, 0.6), ("tongue", "wrong", 0.8, 0.8), ("memory", "injury", 0.8, 0.8), ("last", "taste", 0.8, 0.8), ("quite", "sight", 1, 1), ("brings", "things", 1, 1)],
)  # fmt: skip
def test_rhymes_are_heard(one: str, other: str, least: float, most: float) -> None:
    assert least <= sound.rhyme(one, other) <= most
    assert sound.rhyme(one, other) == sound.rhyme(other, one)


def grown() -> list[list[str]]:
    """Lines of a small grammar, enough of them to tell nouns from verbs by their neighbours."""
    rng = random.Random(0)
    nouns, verbs, shapes = "moon river lamp garden road winter".split(), "finds takes keeps leaves".split(), "cold silver green old".split()
    return [f"the {rng.choice(shapes)} {rng.choice(nouns)} {rng.choice(verbs)} my {rng.choice(nouns)}".split() for _ in range(600)]


def test_words_in_an_order_that_the_text_has_flow_and_others_do_not() -> None:
    lines = grown()
    order = flow.Order(lines, frozenset(word for line in lines for word in line))
    assert order.flow("the green lamp keeps my road".split()) == 1
    for line in ("my the keeps green road lamp", "the zq bf gk my pt", "keeps keeps finds the my old", "qua qua qua qua qua qua"):
        assert order.flow(line.split()) < 0.5, line


def test_flow_is_asked_where_a_prompt_says_by_what(sonnets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(p.truth["order"] == "verse" for p in islice(task.prompts("train", 1), 3))
    lines = grown()
    made = flow.Order(lines, frozenset(word for line in lines for word in line))
    monkeypatch.setitem(gold.score.__globals__, "order", lambda: made)
    shown = Prompt(**ROWS[0]["prompt"])
    asked_for = Prompt(shown.id, text=shown.text, truth={**shown.truth, "order": "verse"})
    line = "Of sky this red that dog in cat up white"
    assert gold.score(asked_for, line) < 0.2 * gold.score(shown, line)


def test_one_frame_with_many_rhymes_is_one_kind() -> None:
    prompt = Prompt(**ROWS[0]["prompt"])
    assert {gold.kind(prompt, f"And in my heart I always think of {word}.") for word in prompt.truth["rhymes"]} == {"heart|I|states"}


def test_a_line_whose_end_nothing_rhymes_with_is_no_prompt(sonnets: Path) -> None:
    lines = [[f"The {i}th made-up line runs on to {('month', 'day')[n % 2]}" for n in range(14)] for i in range(60)]
    (sonnets / world.SONNETS).write_text(json.dumps({"sonnets": [{"lines": some} for some in lines]}))
    assert {p.truth["line"].split()[-1] for p in islice(task.prompts("train", 1), 50)} == {"day"}


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


FIGURES = {"partner": 0.79, "held out": 0.69, "shuffled": 0.07, "end kept": 0.33, "other": 0.11, "itself": 0.01, "word": 0.01, "spliced": 0.66}
"""Mean gold of texts made of the sonnets, as the card has them."""


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_the_sonnets_are_so_many_and_every_line_has_a_rhyme() -> None:
    lengths = Counter(map(len, world.sonnets(data.text(HOME / "world.py", world.SONNETS))))
    assert lengths == {14: 153, 12: 1}
    counts = {split: len({p.id for p in islice(task.prompts(split, 1), 2500)}) for split in ("train", "dev", "test")}
    assert counts == {"train": 1708, "dev": 280, "test": 154}


FRAMES = {
    "nonsense of small words": "Of sky this red that dog in cat up {}", "no words": "The zq that bf the gk and pt so {}",
    "counting": "The two and three and four and five six {}", "a fluent frame": "And in my heart I always think of {}.",
}  # fmt: skip


def made_up(kinds: dict[str, list[str]], rng: random.Random) -> dict[str, list[str]]:
    """Family -> forty frames of random words; the first four know no grammar, the last two do."""
    small, draw = "of in that this the my thy and so for with to as but when if".split(), rng.choice
    return {
        "words of one syllable": [" ".join(draw(kinds["short"]) for _ in range(9)) + " {}" for _ in range(40)],
        "small words": [" ".join(draw(small) for _ in range(9)) + " {}" for _ in range(40)],
        "small, noun, small, noun": [" ".join(f"{draw(small)} {draw(kinds['noun'])}" for _ in range(4)) + " the {}" for _ in range(40)],
        "small, long, short": [" ".join(f"{draw(small)} {draw(kinds['long'])} {draw(kinds['short'])}" for _ in range(2)) + " the {}" for _ in range(40)],
        "noun verb noun": [f"The {draw(kinds['longnoun'])} {draw(kinds['verb'])} the {draw(kinds['longmore'])} {draw(kinds['noun'])} of my {{}}" for _ in range(40)],
        "one slot": [f"And in my {draw(kinds['noun'])} I always {draw(kinds['verb'])} of {{}}" for _ in range(40)],
    }  # fmt: skip


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_no_frame_without_grammar_comes_near_the_sonnets() -> None:
    """The figures of the card: known frames, and forty made-up ones a family, on sixty lines."""
    rng, order = random.Random(0), world.order()
    plain = [w for w in sorted(order.known) if order.counts[w] > 2 and "'" not in w]
    short = [w for w in plain if sound.syllables(w) == (1, 1)]
    long = [w for w in plain if sound.syllables(w) == (2, 2) and sound.stress(w) == 0]
    kinds = {"short": short, "long": long, "noun": [w for w in short if order.classes[w].startswith("NOUN")],
             "verb": [w for w in short if order.classes[w].startswith("VERB")], "longnoun": [w for w in long if order.classes[w].startswith("NOUN")],
             "longmore": [w for w in long if order.classes[w].endswith("of more")]}  # fmt: skip
    prompts = [asked.prompt_of(*pair, known()) for pair in rng.sample(couplets(), 60)]
    families = {**{name: [frame] for name, frame in FRAMES.items()}, **made_up(kinds, rng)}
    found = {name: mean([gold.score(p, frame.format(rng.choice(p.truth["rhymes"]))) for frame in frames for p in prompts]) for name, frames in families.items()}
    print({name: round(value, 2) for name, value in found.items()})
    fluent = {"a fluent frame", "noun verb noun", "one slot"}
    assert all(value < 0.42 for name, value in found.items() if name not in fluent), found


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_shakespeare_rhymes_and_scans_and_a_shuffle_does_not() -> None:
    """The figures of the card."""
    rng, words = random.Random(0), known()
    text = data.text(HOME / "world.py", world.SONNETS)
    texts: dict[str, list[float]] = defaultdict(list)
    held = [pair for split in ("dev", "test") for pair in world.split_lines(text)[split]]
    for line, partner in (some := couplets()):
        prompt = asked.prompt_of(line, partner, words)
        *inner, last = partner.split()
        shuffled = " ".join(rng.sample([*inner, last], len(inner) + 1))
        kept = " ".join([*rng.sample(inner, len(inner)), last])
        spliced = " ".join([*rng.choice(some)[0].split()[:-1], rng.choice(prompt.truth["rhymes"])])
        for name, said in (("partner", partner), ("shuffled", shuffled), ("end kept", kept), ("other", rng.choice(some)[0]), ("itself", line),
                           ("word", prompt.truth["rhymes"][0]), ("spliced", spliced)):  # fmt: skip
            texts[name].append(gold.score(prompt, said))
        if (line, partner) in held:
            texts["held out"].append(texts["partner"][-1])
    means = {name: mean(scores) for name, scores in texts.items()}
    print(means, {name: mean([float(score >= gold.bar) for score in texts[name]]) for name in texts})
    assert means == pytest.approx(FIGURES, abs=0.02)


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_the_rules_agree_with_a_pronouncing_dictionary() -> None:
    """Of the words of sonnets and plays that the dictionary has: syllables, stress, and rhymes on the last syllable."""
    pronouncing = pytest.importorskip("pronouncing")
    said = {w: pronouncing.phones_for_word(w) for w in sorted(known()) if "'" not in w}
    said = {w: phones for w, phones in said.items() if phones}
    rng = random.Random(0)
    syllables = [any(sound.syllables(w)[0] <= pronouncing.syllable_count(p) <= sound.syllables(w)[1] for p in ps) for w, ps in said.items()]
    beats = {w: {pronouncing.stresses(p) for p in ps} for w, ps in said.items()}
    longer = [w for w in said if sound.stress(w) is not None and all(len(p) > 1 for p in beats[w])]
    stressed = [any(p[sound.stress(w) : sound.stress(w) + 1] in ("1", "2") for p in beats[w]) for w in longer]
    ends: dict[str, list[str]] = defaultdict(list)
    ours: dict[str, list[str]] = defaultdict(list)
    last = {w: {re.sub(r"\d", "", re.findall(r"\S+\d[^\d]*$", p)[0]).strip() for p in ps} for w, ps in said.items()}
    for w in said:
        ours[sound.heard(w)].append(w)
        for end in last[w]:
            ends[end].append(w)
    heard, right = [], []
    for w in rng.sample(sorted(said), 4000):
        other, mine = rng.choice(ends[sorted(last[w])[0]]), rng.choice(ours[sound.heard(w)])
        heard += [sound.heard(w) == sound.heard(other)] * (other != w)
        right += [bool(last[w] & last[mine])] * (mine != w)
    figures = [mean(list(map(float, some))) for some in (syllables, stressed, heard, right)]
    assert figures == pytest.approx([0.97, 0.88, 0.81, 0.87], abs=0.02)
