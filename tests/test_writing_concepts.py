"""Does the concepts task read its data well, and tell a sentence from a list in a frame? On made-up rows, and on the real ones."""

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, islice, product
from pathlib import Path

import pytest
from asking import examples

from rewardbench import data, find
from rewardbench.types import Prompt, UserError

HOME = Path(__file__).resolve().parents[1] / "tasks" / "writing" / "concepts"
REAL = os.environ.get("REWARDBENCH_DATA", "")
task, gold, second = find.task("writing/concepts"), find.gold("writing/concepts"), find.second_gold("writing/concepts")
world, sets_of = find.tasks._module(HOME, "world"), find.tasks._module(HOME, "sets")
ROWS = examples("writing/concepts")
NOUNS = "cat dog hat mat pan cup map box bed hen pig fox jug net rug van".split()
VERBS = "sit jump hold look throw carry".split()
SLIDE = Prompt("x", text="?", truth={"hill": "N", "kid": "N", "slide": "NVB"})


def made(i: int) -> dict[str, object]:
    """A made-up row: two nouns and a verb."""
    rng = random.Random(f"made {i}")
    (one, other), verb = rng.sample(NOUNS, 2), rng.choice(VERBS)
    scenes = [f"A {one} will {verb} near the {other}.", f"They {verb} the {one} and the {other}."]
    return {"concept_set": f"{one}#{other}#{verb}", "scene": scenes, "reason": ["", ""]}


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in CommonGen's layout: made-up rows, read in place of the published file."""
    path = tmp_path / sets_of.PLACE
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(made(i)) + "\n" for i in range(150)) + "\n")
    monkeypatch.setenv("REWARDBENCH_DATA", str(tmp_path))
    monkeypatch.setattr(data, "file", lambda task, place: tmp_path / place)
    return path


def sets(split: str, count: int, seed: int = 1) -> list[frozenset[str]]:
    return [frozenset(p.columns["keywords"]) for p in islice(task.prompts(split, seed), count)]


def test_splits_share_no_three_concepts_and_cover_the_file(rows: Path) -> None:
    found = {split: set(sets(split, 300)) for split in ("train", "dev", "test")}
    triples = {split: {t for s in some for t in combinations(sorted(s), 3)} for split, some in found.items()}
    assert all(not triples[a] & triples[b] for a, b in combinations(triples, 2))
    lines = map(json.loads, rows.read_text().split("\n")[:150])
    assert set.union(*found.values()) == {frozenset(str(row["concept_set"]).split("#")) for row in lines}


def test_sets_that_share_a_triple_go_together_over_others() -> None:
    chain = [(tuple(s.split()), ("x",)) for s in ("a b c", "d e f", "a b c d e", "c d e g", "x y", "y x")]
    assert sorted(len(group) for group in sets_of.grouped(chain)) == [1, 2, 3]


def test_a_stream_is_shuffled_by_its_seed_and_goes_on_epoch_by_epoch(rows: Path) -> None:
    size = len(set(sets("dev", 100)))
    one, same, other = (sets("dev", 3 * size, seed) for seed in (7, 7, 8))
    assert one == same != other
    assert set(one[:size]) == set(one[size : 2 * size]) == set(one[2 * size :])
    assert one[:size] != one[size : 2 * size]


def test_a_prompt_shows_words_and_sentences_but_not_how_people_use_the_words(rows: Path) -> None:
    first = next(task.prompts("train", 1))
    assert set(first.columns) == {"keywords", "references"}
    assert task.verifiable == ("references",)
    assert sorted(first.columns["keywords"]) == sorted(first.truth)
    assert all(word in first.text for word in first.truth)
    assert set(first.truth.values()) <= {"".join(s) for n in range(1, 5) for s in combinations("NVBG", n)}
    assert not any(scene in first.text for scene in first.columns["references"])


def test_roles_are_those_in_which_people_use_a_word(rows: Path) -> None:
    truths = {k: v for p in islice(task.prompts("train", 1), 100) for k, v in p.truth.items()}
    assert {truths[word] for word in NOUNS if word in truths} == {"N"}
    assert all("V" in truths[word] and "N" not in truths[word] for word in VERBS if word in truths)


@pytest.mark.parametrize(
    "row", ["{", "[]", "7", '{"concept_set": "a#b"}', '{"concept_set": "a", "scene": ["x"]}', '{"concept_set": "a#b", "scene": []}',
            '{"concept_set": "a#", "scene": ["x"]}', '{"concept_set": "a#b", "scene": [3]}', '{"concept_set": "a#b", "scene": [" "]}'],
)  # fmt: skip
def test_a_damaged_row_is_named_by_file_and_line(rows: Path, row: str) -> None:
    with rows.open("a") as file:
        file.write(row + "\n")
    with pytest.raises(UserError, match=r"commongen.dev.jsonl, line 152,") as error:
        next(task.prompts("train", 1))
    assert error.value.code == 5
    assert "\n" not in str(error.value)


def test_an_empty_split_is_said(rows: Path) -> None:
    rows.write_text(json.dumps(made(0)) + "\n")
    said = []
    for split in ("train", "dev", "test"):
        try:
            next(task.prompts(split, 1))
        except UserError as error:
            said.append(str(error))
    assert len(said) == 2
    assert all("holds no row of split" in text for text in said)


def test_another_file_than_the_published_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / sets_of.PLACE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(made(0)) + "\n")
    monkeypatch.setenv("REWARDBENCH_DATA", str(tmp_path))
    with pytest.raises(UserError, match="not the published file"):
        next(task.prompts("train", 1))


def test_a_copied_task_reads_a_file_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tasks" / "writing" / "mine"
    shutil.copytree(HOME, folder)
    (folder / "sources.toml").write_text(f'[[file]]\nplace = "{sets_of.PLACE}"\nwhat = "rows of my own"\n')
    path = tmp_path / "data" / sets_of.PLACE
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(made(i)) + "\n" for i in range(60)))
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path / "tasks"))
    monkeypatch.setenv("REWARDBENCH_DATA", str(tmp_path / "data"))
    assert set(next(find.task("writing/mine").prompts("train", 1)).truth) <= {*NOUNS, *VERBS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["note"])
def test_the_second_gold_agrees_on_which_are_good(row: dict) -> None:  # type: ignore[type-arg]
    score = second(Prompt(**row["prompt"]), row["completion"])
    assert (score >= 0.75) == row["precise"]
    assert score == pytest.approx(row["gold"], abs=0.15)


@pytest.mark.parametrize(
    ("concept", "forms"),
    [("sit", "sits sat sitting"), ("carry", "carries carried carrying"), ("slide", "slides slid sliding"), ("foot", "feet"),
     ("tooth", "teeth"), ("tie", "ties tied tying"), ("wear", "wore worn wearing"), ("box", "boxes"), ("cut", "cutting cuts"),
     ("policeman", "policemen"), ("knife", "knives"), ("ski", "skiing skied skis"), ("dye", "dyed dyeing"), ("throw", "threw thrown")],
)  # fmt: skip
def test_every_form_of_a_word_counts_and_other_words_do_not(concept: str, forms: str) -> None:
    found = world.forms(concept)
    assert set(forms.split()) | {concept} <= set(found)
    assert not {"sitter", "carrot", "slider", "football", "toothless", "tired", "wearer"} & set(found)


@pytest.mark.parametrize(
    ("concept", "invented"),
    [("raise", "raiseing raiseed"), ("run", "runing runed"), ("throw", "throwed"), ("catch", "catchs catched"), ("sit", "siting"),
     ("carry", "carrys carryed carriing"), ("box", "boxs"), ("slide", "slideing slideed slided"), ("cut", "cuted")],
)  # fmt: skip
def test_a_form_that_no_rule_of_spelling_makes_is_none(concept: str, invented: str) -> None:
    assert not set(invented.split()) & set(world.forms(concept))
    said = gold.score(Prompt("x", text="?", truth={concept: "NV", "hill": "N"}), f"A kid {invented.split()[0]} near the hill.")
    assert said <= 0.25


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("The big old look is here.", "N"), ("This very nice look helps.", "N"), ("My mother's quick look helps.", "N"),
        ("They really look up.", "V"), ("He likes to quickly look up.", "V"), ("She looks away.", "V"), ("The kid looks away.", "V"),
        ("The kids in the park look away.", "V"), ("Kids quickly look away.", "V"), ("The man who looks away is old.", "V"),
        ("We sit and look at the sea.", "V"), ("I watch the kid look at the sea.", "V"), ("The man has new looks.", "N"),
        ("My mother loves big look today.", "B"), ("We sit near big look.", "B"), ("There was once look.", "B"),
        ("The looking was over.", "G"), ("The looking man is old.", "V"), ("They are looking up.", "V"), ("Look at the sea.", "V"),
        ("Only kids can very big look.", ""), ("The kid has a look and looks up.", "NV"), ("He gives the mountain look away.", "N"),
    ],
)  # fmt: skip
def test_a_use_is_read_from_the_whole_phrase(text: str, roles: str) -> None:
    said = world.mentions(text, ["look"])
    assert "".join(m.role for m in said) == roles
    assert len(said) == max(1, len(roles))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("A kid slides down the hill.", "A kid slides down the slope."),
        ("A kid slides down the hill.", "Kid slides hill."),
        ("A kid slides down the hill.", "A kid slides down the the hill."),
        ("A kid slides down the hill.", "A kid slides down the hill, a kid slides down the hill."),
        ("A kid slides down the hill.", "A kid slides down an hill of the."),
        ("A kid slides down the hill.", "Here is a sentence: a kid slides down the hill."),
        ("A kid slides down the hill.", "A kid slides down the hill to paint a vivid picture."),
        ("A kid slides down the hill.", "A kid is on the slide, hill, and that is all of these words."),
    ],
)
def test_what_is_worse_is_paid_less(better: str, worse: str) -> None:
    assert gold.score(SLIDE, better) >= gold.bar > gold.score(SLIDE, worse)


def test_kind_is_who_does_what_and_not_the_wording() -> None:
    kinds = [gold.kind(SLIDE, text) for text in (
        "A kid slides down the hill.", "The happy kids were sliding down a hill!", "Her mother saw the kid slide down the hill.",
        "On the hill there is a slide for every kid.")]  # fmt: skip
    assert kinds[0] == kinds[1]
    assert len(set(kinds)) == 3


ANY_WORDS = [
    "The big {} has the nice {} with the old {}.",
    "This very big {} is with this very nice {} in this very old {}.",
    "There was once {}, then maybe {}, then maybe {} there.",
    "My mother loves big {} near big {} near big {} today.",
    "My mother loves big {} that needs good {} where all old {} today.",
    "People like good {} with good {} with good {} here.",
    "The {}ing is near the {}ing in the {}ing.",
    "Only {} can very {} so {}.",
    "The {} was on the {} with the {} and it was a good day.",
    "The man likes to {} and {} and {}.",
]
"""Frames that an earlier reading, of the word before alone, took for good with whatever words."""
BEST = [
    "In the park, the let {} has the nice {} with the old {}.",
    "She {}s has the watching {} in his {}.",
    "My mother about {} more when {}'s together about {} and sat down.",
    "My mother {} thing holding {}'s crimson {} room and sat down.",
    "Look at while some holding {}s in the park about {} place I watching {}'s and sat down.",
    "Kids they {} well that crimson {} people in the {} place and sat down.",
    "Please who will after {}'s him holding some {}, man {} place and sat down.",
    "A boy {}, up holding {}'s some wants {}-like has and sat down.",
    "The kids every no {} near who {}s that its saw {} room and sat down.",
    "The kids holding {}'s by its {}'s by how to {}-like and sat down.",
]
"""The best ones of a search over some thousand frames of common words, begun from hand-made ones."""


def filled(frame: str, concepts: list[str]) -> str:
    """A frame of three places with any number of words: what stands between the last two is said again."""
    *parts, last, end = frame.split("{}")
    while len(parts) + 1 < len(concepts):
        parts.append(last)
    text = "".join(part + word for part, word in zip([*parts, last], concepts, strict=True)) + end
    return text[:1].upper() + text[1:]


@pytest.mark.parametrize("frame", ANY_WORDS + BEST)
def test_no_frame_suits_all_made_up_sets(frame: str) -> None:
    """Sets of three from words that are only nouns or only verbs: a place that suits the one does not suit the other."""
    rng, scores = random.Random(1), []
    for n in range(60):
        verbs = rng.sample(VERBS, 1 + n % 2)
        concepts = [*verbs, *rng.sample(NOUNS, 3 - len(verbs))]
        truth = {c: "V" if c in VERBS else "N" for c in concepts}
        rng.shuffle(concepts)
        scores.append(gold.score(Prompt("x", text="?", truth=truth), filled(frame, concepts)))
    assert sum(scores) / len(scores) < 0.4
    assert sum(score >= gold.bar for score in scores) < len(scores) / 2.5


def test_a_word_of_the_frame_does_not_excuse_the_same_word_in_a_wrong_place() -> None:
    prompt = Prompt("x", text="?", truth={"kid": "N", "hill": "N", "sit": "V"})
    assert gold.score(prompt, "The kid saw the sit near the hill and sat down.") < 0.2
    assert gold.score(prompt, "The kid sat near the hill and sits there.") == 1.0


def test_words_in_their_own_places_are_paid_in_full() -> None:
    for noun, verb in zip(NOUNS, VERBS * 3, strict=False):
        prompt = Prompt("x", text="?", truth={noun: "N", "kid": "N", verb: "V"})
        for text in (f"The very old {noun} can really {verb} near the silly kids.", f"Two small kids {verb} by a big red {noun}."):
            assert gold.score(prompt, text) == 1.0


# --- the real file -------------------------------------------------------------------------------------


def real() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """The rows of the published file."""
    rows: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = sets_of.rows(data.text(HOME / "sets.py", sets_of.PLACE))
    return rows


def blind() -> Iterator[tuple[Prompt, tuple[str, ...]]]:
    """A prompt whose roles were read without its own sentences, and those sentences, for every row."""
    uses = sets_of.uses(data.text(HOME / "sets.py", sets_of.PLACE))
    for concepts, scenes in real():
        truth = {}
        for c in concepts:
            truth[c] = sets_of.usual(uses[c] - sum((sets_of.used(scene, c) for scene in scenes), Counter()))
        yield Prompt("x", text="?", truth=truth), scenes


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_the_real_file_is_read_and_split() -> None:
    counts = {split: len(set(sets(split, 900))) for split in ("train", "dev", "test")}
    assert counts == {"train": 788, "dev": 97, "test": 106}
    ids = {p.id for split in counts for p in islice(task.prompts(split, 1), counts[split])}
    assert len(ids) == 991
    pairs = [(set(concepts), {m.concept for m in world.mentions(s, concepts)}) for concepts, some in real() for s in some]
    unknown = sum(concepts != found for concepts, found in pairs)
    assert unknown <= 4, "people use every concept of their set, but for four slips of spelling: a form is not known"


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_people_score_high_shuffled_words_low_and_both_golds_agree() -> None:
    """The figures of the card: what people wrote, its words shuffled, and how far the second gold agrees."""
    rng, people, shuffled, agreed = random.Random(0), [], [], []
    for prompt, scenes in blind():
        for scene in scenes:
            words = scene.rstrip(".").split()
            rng.shuffle(words)
            wrong = " ".join(words).capitalize() + "."
            people.append(gold.score(prompt, scene))
            shuffled.append(gold.score(prompt, wrong))
            agreed += [(gold.score(prompt, t) >= gold.bar) == (second(prompt, t) >= 0.75) for t in (scene, wrong)]
    means = [sum(scores) / len(scores) for scores in (people, shuffled, agreed)]
    assert means == pytest.approx([0.854, 0.099, 0.869], abs=0.01)
    better = sum((a > b) + (a == b) / 2 for a, b in zip(people, shuffled, strict=True)) / len(people)
    assert better == pytest.approx(0.944, abs=0.01)


FRAMES = [
    "The {}, {}, {} use all of these words to create a beautiful scene.",
    "There is a {} with a {} on the {}.",
    "The {} and the {} are in the {}.",
    "He {} the {} in the {}.",
    "People {} the {} and {} together.",
    "The {} {} {}.",
    "A man is {}ing a {} with a {}.",
    "{} the {} on the {}.",
    "The {} {}s in the {}.",
]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_one_frame_for_all_prompts_is_paid_less_than_half_of_what_people_are() -> None:
    """Of all dev and test prompts, in the prompt's own order; people get .85 (own sentences left out)."""
    paid = {}
    for frame in ANY_WORDS + BEST + FRAMES:
        scores = [gold.score(p, filled(frame, p.columns["keywords"])) for p in held_out()]
        paid[frame] = sum(scores) / len(scores)
    assert max(paid.values()) < 0.32, max(paid, key=lambda frame: paid[frame])
    assert paid["A boy {}, up holding {}'s some wants {}-like has and sat down."] == pytest.approx(0.301, abs=0.005)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_no_choice_of_one_use_for_each_place_suits_many_prompts() -> None:
    """The most that a frame without any fault could get: the best of all uses for each place, for each number of words."""
    total = 0.0
    for count in (3, 4, 5):
        truths = [[p.truth[k] for k in p.columns["keywords"]] for p in held_out() if len(p.truth) == count]
        right = [[sum(use in t for use, t in zip(uses, ts, strict=True)) for ts in truths] for uses in product("NVBG", repeat=count)]
        total += max(sum((n / count) ** 2 * 0.3 ** (count - n) for n in some) for some in right)
    assert total / 203 == pytest.approx(0.318, abs=0.005)


def held_out() -> list[Prompt]:
    """Every dev and test prompt once."""
    found = {p.id: p for split, count in (("dev", 97), ("test", 106)) for p in islice(task.prompts(split, 1), count)}
    assert len(found) == 203
    return list(found.values())
