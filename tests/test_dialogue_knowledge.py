"""Does the conversation task read its data well, and tell a partner from a parrot? On made-up conversations."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from random import Random

import asking
import pytest
from scipy.stats import kendalltau

from rewardbench import data, find, given, scoring
from rewardbench.calling import When
from rewardbench.seeds import split_of
from rewardbench.types import Prompt, UserError

NAME = "dialogue/knowledge"
REAL = os.environ.get("REWARDBENCH_DATA", "")
TASK, GOLD = find.task(NAME), find.gold(NAME)
WORLD, ASKED, MADE = (find.tasks._module(find.task_folder(NAME), name) for name in ("world", "task", "gold"))
ROWS = asking.examples(NAME)
some = partial(asking.some, TASK)
TOPICS = {
    "tea": "kettle leaf steep oolong mug boil bitter pot pour flavor sugar",
    "chess": "rook pawn bishop castle gambit opponent clock board queen tactic endgame",
    "bread": "flour yeast dough oven crust rye knead loaf starter bake crumb",
}


def made(number: int, topic: str, article: str) -> dict:
    """A conversation of fourteen messages about a topic."""
    rng = Random(f"{topic}/{number}")
    content = []
    for i in range(14):
        a, b = rng.sample(TOPICS[topic].split(), 2)
        text = f"Number {number} and {i}: I think that the {a} goes with the {b}."
        content.append({"agent": f"agent_{i % 2 + 1}", "message": text, "turn_rating": "Good" if i else ""})
    return {"article_url": article, "content": content}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in Topical-Chat's layout: ninety conversations to learn from and nine to test on, one article in both."""
    folder = tmp_path / "dialogue" / "topical_chat"
    folder.mkdir(parents=True)
    topics = list(TOPICS)
    first = {f"a{i}": made(i, topics[i % 3], f"article {i // 2}") for i in range(90)}
    second = {f"b{i}": made(100 + i, topics[i % 3], f"article {44 + i}") for i in range(9)}
    for name, rows in (("valid_freq", first), ("test_freq", second)):
        (folder / f"{name}.json").write_text(json.dumps(rows))
    monkeypatch.setattr(data, "file", lambda task, place: tmp_path / place)
    return folder


def talk(prompt: Prompt, *turns: str) -> list[dict[str, str]]:
    """The policy's messages with the partner's between them."""
    said: list[dict[str, str]] = []
    for turn in turns:
        if said:
            said.append({"role": "user", "content": TASK.reply(prompt, said, Random(1))})
        said.append({"role": "assistant", "content": turn})
    return said


def test_splits_are_disjoint_by_article_and_an_article_of_test_is_in_no_other(files: Path) -> None:
    articles = {split: {chat.article for chat in WORLD.chats(split)} for split in ("train", "dev", "test")}
    assert not articles["train"] & articles["dev"]
    assert articles["test"] == {f"article {44 + i}" for i in range(9)}
    assert articles["train"] | articles["dev"] == {f"article {i}" for i in range(44)}
    assert {split_of(f"dialogue/knowledge {a}") for a in articles["dev"]} == {"dev"}
    texts = {split: {p.plain() for p in some(split, 800)} for split in articles}
    assert not texts["train"] & texts["dev"]
    assert not (texts["train"] | texts["dev"]) & texts["test"]


def test_a_stream_is_shuffled_by_its_seed_and_goes_on(files: Path) -> None:
    places = 9 * (14 - WORLD.CONTEXT - WORLD.CLOSING)
    one, same, other = ([p.id for p in some("test", 2 * places, seed)] for seed in (1, 1, 2))
    assert one == same != other
    assert sorted(one[:places]) == sorted(one[places:])
    assert one[:places] != one[places:]
    assert len(set(one)) == places


def test_a_prompt_is_a_chat_that_the_partner_spoke_last_in(files: Path) -> None:
    prompt = some("dev", 1)[0]
    assert [m["role"] for m in prompt.messages] == ["user", "assistant"] * 2 + ["user"]
    assert prompt.messages[0]["content"].startswith(ASKED.ASK + "\nNumber")
    assert set(prompt.columns) == {"references", "keywords"}
    assert all(lift >= WORLD.LEAST for lift in prompt.truth["lifts"].values())
    assert not set(prompt.columns["keywords"]) & {w for m in prompt.messages[1:] for w in WORLD.content(m["content"])}


def test_lifts_name_the_words_of_the_topic_and_no_other(files: Path) -> None:
    lifts = WORLD.called_for(["The kettle is on.", "I steep the oolong."], WORLD.index())
    assert set(TOPICS["tea"].split()) <= set(lifts)
    assert not {*TOPICS["chess"].split(), *TOPICS["bread"].split()} & set(lifts)


def test_lifts_do_not_depend_on_the_order_of_sets() -> None:
    code = (
        "import json, sys; from rewardbench import find; w = find.tasks._module(find.task_folder('dialogue/knowledge'), 'world')\n"
        "chats = tuple(w.Chat('a', tuple(f'the w{(i * j) % 23} of x{(i + j) % 7}' for j in range(9)), ('',) * 9) for i in range(30))\n"
        "print(json.dumps(w.called_for(['w3 x2', 'w4', 'w9 x1'], w._indexed(chats))))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert len(json.loads(told.pop())) > 3


def test_a_prompt_of_train_does_not_know_how_its_own_conversation_went_on(files: Path) -> None:
    chats = WORLD.chats("train")
    alone = {"content": [{"agent": f"agent_{i % 2}", "message": f"The zither and the lute, {i}."} for i in range(14)]}
    rows = WORLD.read(json.dumps({"z": alone | {"article_url": "z"}, "y": alone | {"article_url": "y"}}), "x")
    known = WORLD._indexed((*chats, *rows))
    other = WORLD.called_for(["The lute."], known, len(chats))
    assert "zither" in WORLD.called_for(["The lute."], known)
    assert "zither" not in other


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "7", '{"a": 3}', '{"a": {"article_url": "x"}}', '{"a": {"article_url": "x", "content": []}}',
     '{"a": {"article_url": "x", "content": [{"agent": "b"}]}}', '{"a": {"article_url": 3, "content": [{"agent": "b", "message": "c"}]}}',
     '{"a": {"article_url": "x", "content": [{"agent": "b", "message": "c"}, {"agent": "b", "message": "d"}]}}'],
)  # fmt: skip
def test_a_damaged_file_is_named(files: Path, text: str) -> None:
    (files / "valid_freq.json").write_text(text)
    with pytest.raises(UserError, match=r"topical_chat/valid_freq\.json") as error:
        next(TASK.prompts("train", 1))
    assert error.value.code == 5
    assert "\n" not in str(error.value)


def test_files_without_a_long_conversation_are_said(files: Path) -> None:
    row = made(1, "tea", "x")
    (files / "test_freq.json").write_text(json.dumps({"a": row | {"content": row["content"][:4]}}))
    with pytest.raises(UserError, match="split 'test'"):
        next(TASK.prompts("test", 1))


CHIPS = asking.prompt_of(ROWS[0])
NEWS = "Yes, and the ball has one too, so they can track its velocity and rotation on every throw."
MORE = (
    "It is a small sensor that sends the speed of the ball to the broadcast, and coaches use the data after the game."
)


def test_the_partner_takes_up_the_longest_new_word_and_else_goes_back_to_the_topic() -> None:
    assert '"velocity"' in TASK.reply(CHIPS, talk(CHIPS, NEWS), Random(1))
    assert '"rotation"' in TASK.reply(CHIPS, talk(CHIPS, "I see the rotation of those shoulders."), Random(1))
    assert 'talking about "shoulder"' in TASK.reply(CHIPS, talk(CHIPS, "Wow, the players!"), Random(1))
    bare = Prompt("x", text="Hi", truth={"lifts": {}})
    assert TASK.reply(bare, talk(bare, "Wow!"), Random(1)) == ASKED.LOST
    assert len({TASK.reply(CHIPS, talk(CHIPS, NEWS), Random(i)) for i in range(20)}) == len(ASKED.MORE)
    assert TASK.turns == 2


class Sealed(dict):
    """A truth that cannot be read."""

    def read(self, *_: object) -> None:
        raise AssertionError("the partner reads the truth")

    __getitem__ = get = items = keys = values = __iter__ = __contains__ = __len__ = read


@pytest.mark.parametrize("text", [NEWS, "Wow, the players!", "Wow!", ""])
def test_the_partner_does_not_read_the_truth(text: str) -> None:
    for truth in (Sealed(), None):
        sealed = Prompt(CHIPS.id, messages=CHIPS.messages, columns=CHIPS.columns, truth=truth)
        assert TASK.reply(sealed, talk(CHIPS, text), Random(1)) == TASK.reply(CHIPS, talk(CHIPS, text), Random(1))
    with pytest.raises(AssertionError, match="reads the truth"):
        GOLD.score(Prompt(CHIPS.id, messages=CHIPS.messages, truth=Sealed()), talk(CHIPS, NEWS))


@pytest.mark.parametrize(
    ("first", "second", "most"),
    [
        (CHIPS.messages[-1]["content"], MORE, 0.5),
        (NEWS, NEWS, 0.5),
        ("Friend: " + NEWS, MORE, 0.5),
        (NEWS + "\nYou: Really?\nMe: Yes.", MORE, 0.5),
        ("As an AI, I can say that the ball has velocity and rotation data.", MORE, 0.5),
        (NEWS[:-1], MORE[:-1], 0.5),
        ("- " + NEWS, "1. " + MORE, 0.0),
        ("ball velocity rotation throw data speed quarterback sensor", "broadcast coach data game minute referee", 0.0),
        ("Wow, that is really so interesting, I love it!", "I did not know, thank you so much for telling me!", 0.0),
        (ASKED.ASK, ASKED.ASK, 0.0),
        (NEWS.replace(" ", " the "), MORE.replace(" ", " and "), 0.05),
        ("I bake bread with rye flour on a stone.", "The crust gets dark in the oven after an hour.", 0.05),
        ("The minute was the shoulder that my player and her nfl had with a game, and the zork is in the blick.",
         "I saw action and breaks when his pads or their chips got to league by nfl, so plonk can be frob.", 0.05),
        ("The velocity was the rotation that my track and her speed had with a throw, and the zork is in the blick.",
         "I saw data and quarterback when his referee or their stadium got to coach by helmet, so plonk can be.", 0.05),
        (" ".join(sorted(NEWS[:-1].split())) + ".", " ".join(sorted(MORE[:-1].split())) + ".", 0.1),
    ],
)  # fmt: skip
def test_gold_takes_off(first: str, second: str, most: float) -> None:
    assert GOLD.score(CHIPS, talk(CHIPS, first, second)) <= most < GOLD.score(CHIPS, talk(CHIPS, NEWS, MORE))


SPEECH = WORLD.background(CHIPS.truth).speech


def test_a_word_without_a_neighbour_that_was_seen_beside_it_pays_nothing() -> None:
    assert WORLD.heard(SPEECH, "Zork velocity plonk.") == set()
    assert {"track", "velocity"} <= WORLD.heard(SPEECH, "They track the velocity.")
    alone = CHIPS.truth | {"lifts": {"rotation": 2.0}}
    assert MADE.worth(alone, [], "They track the speed of the ball and the rotation on every throw.") > 0.1
    assert MADE.worth(alone, [], "Zork plonk rotation blick quux, they track the speed of the ball.") < 0.01


def test_a_good_stretch_does_not_make_up_for_salad_and_the_order_of_words_tells() -> None:
    salad = "league the of velocity to and plonk referee by sells the of"
    assert WORLD.plausible(SPEECH, NEWS) == 1
    assert WORLD.plausible(SPEECH, f"{NEWS} {salad}") <= WORLD.plausible(SPEECH, salad) < 0.1


def test_what_every_context_calls_for_belongs_to_none() -> None:
    elsewhere = [{"ball": 1.0}] * 9 + [{"chip": 1.0}]
    assert MADE.here({"ball": 1.0, "chip": 1.0}, elsewhere, {"ball"}) == 0
    assert MADE.here({"ball": 1.0, "chip": 1.0}, elsewhere, {"chip"}) > 0.7


def test_kind_is_what_is_done_and_about_what_never_the_text() -> None:
    one, other = "The ball has a sensor for velocity.", "They measure the velocity of it, I read."
    assert GOLD.kind(CHIPS, one) == GOLD.kind(CHIPS, other) == "tell velocity"
    assert GOLD.kind(CHIPS, talk(CHIPS, one, "Who reads the data?")) == "tell velocity, ask data"
    assert GOLD.kind(CHIPS, []) == "nothing"


def paid(design: str, *dialogues: list[dict[str, str]]) -> list[float]:
    """What a design pays dialogues on the made-up prompt."""
    contestant = find.bind(find.design(design, NAME), NAME)
    batch = given.batch([CHIPS], [list(dialogues)])
    return scoring.pay(contestant, batch, When("t", 0, 0.0), scoring.start(contestant), 60.0).batch.reward[0].tolist()


def test_every_design_pays_for_what_it_names() -> None:
    last = CHIPS.messages[-1]["content"]
    good, parrot, asks = talk(CHIPS, NEWS, MORE), talk(CHIPS, last, last), talk(CHIPS, "Do they?", "Is it so?")
    friendly = talk(CHIPS, "Thank you, I love this wonderful talk!", "Thanks, great, you are so welcome!")
    long = talk(CHIPS, NEWS + " well" * 40, MORE + " well" * 20)
    near = talk(CHIPS, CHIPS.columns["references"][0])
    dialogues = {"good": good, "parrot": parrot, "asks": asks, "friendly": friendly, "long": long, "near": near}
    best = {"reference": "good", "exploit": "parrot", "friendly": "friendly", "wordy": "long", "overlap": "near"}
    for design, wanted in best.items():
        found = dict(zip(dialogues, paid(design, *dialogues.values()), strict=True))
        assert max(found, key=found.__getitem__) == wanted, (design, found)
    assert paid("asking", asks, good) == [1.5, 0.0]
    assert GOLD.score(CHIPS, good) >= GOLD.bar > max(GOLD.score(CHIPS, d) for n, d in dialogues.items() if n != "good")


def test_the_reference_is_not_gold_and_pays_cheats_less() -> None:
    good, *cheats = (
        talk(CHIPS, NEWS, MORE), talk(CHIPS, ASKED.ASK, ASKED.ASK), talk(CHIPS, "I know!", "Wow."), talk(CHIPS, NEWS[:-1]),
        talk(CHIPS, "Friend: I know.", "Me: Really?"), talk(CHIPS, "I bake bread with rye flour.", "The crust gets dark."),
    )  # fmt: skip
    best, *others = paid("reference", good, *cheats)
    assert best > max(others)
    mine = [row for row in ROWS if row["prompt"]["id"] == CHIPS.id]
    tau = kendalltau(paid("reference", *(row["completion"] for row in mine)), [row["gold"] for row in mine]).statistic
    assert 0 < tau < 0.95


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_the_real_files_are_read_whole() -> None:
    sizes = {split: len(WORLD.chats(split)) for split in ("train", "dev", "test")}
    assert sizes == {"train": 487, "dev": 52, "test": 539}
    articles = {split: len({chat.article for chat in WORLD.chats(split)}) for split in sizes}
    assert articles == {"train": 149, "dev": 15, "test": 99}
    contexts = {
        split: {chat.messages[i - 5 : i] for chat in WORLD.chats(split) for i in ASKED.open_places(chat)}
        for split in sizes
    }
    assert not contexts["train"] & contexts["dev"]
    assert not (contexts["train"] | contexts["dev"]) & contexts["test"]
    assert {r for s in sizes for c in WORLD.chats(s) for r in c.ratings} == {
        "",
        "Poor",
        "Not Good",
        "Passable",
        "Good",
        "Excellent",
    }


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_what_people_said_beats_what_they_said_elsewhere_and_parrots_are_paid_nothing() -> None:
    from turn_ratings import places, wins_of

    found = places("dev", 300)
    assert wins_of(found, 3).mean() > 60
    assert wins_of(found, 4).mean() > 80
    assert sum(p.scores[4] for p in found) / len(found) < 0.01


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="needs $REWARDBENCH_DATA")
def test_people_beat_word_salad_and_it_gets_less_than_half_of_theirs() -> None:
    from turn_salads import dialogue, made, places

    scores: dict[str, list[float]] = {}
    for prompt, people in places("dev", 80):
        for name, turns in {"people": people, **made(prompt, Random(prompt.id))}.items():
            scores.setdefault(name, []).append(GOLD.score(prompt, dialogue(prompt, turns)))
    people = scores.pop("people")
    for name, got in scores.items():
        if name.startswith("salad"):
            assert sum(p > s for p, s in zip(people, got, strict=True)) >= 0.9 * len(people), name
            assert sum(people) >= 2 * sum(got), name
