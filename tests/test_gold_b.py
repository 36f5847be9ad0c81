"""Do the second golds read their cards: known answers, the range, no raise on any text, the same answer twice?"""

import copy
import sys
import time

import pytest
from asking import examples, prompt_of
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardbench import find
from rewardbench.types import Prompt, UserError

NAMES = [
    "qa/lookup", "qa/math", "qa/passages", "qa/svamp", "writing/story", "writing/concepts", "writing/verse", "writing/open",
    "dialogue/booking", "dialogue/knowledge",
]  # fmt: skip
TALKS = {"dialogue/booking", "dialogue/knowledge"}


def second(name):
    """The module of a task's second gold."""
    return find.tasks._module(find.task_folder(name), "gold_b")


def lookup(question, answer, asked, **numbers):
    """A prompt of qa/lookup about cups."""
    facts = " ".join(f"{name} has {count} cups." for name, count in numbers.items())
    ask, what = {
        "lookup": (f"How many cups does {asked[0]} have?", "number"),
        "sum": (f"How many cups do {' and '.join(asked)} have together?", "number"),
        "more": (f"Who has more cups, {' or '.join(asked)}?", "name"),
    }[question]
    truth = {"answer": answer, "question": question, "asked": asked, "thing": "cups", "numbers": numbers}
    return Prompt("a", text=f"Answer with one {what}. {facts} {ask}", truth=truth)


HAS = lookup("lookup", "4", ["Ann"], Ann=4, Ben=7, Cora=2)
SUM = lookup("sum", "11", ["Ann", "Ben"], Ann=4, Ben=7)
MORE = lookup("more", "Ben", ["Ann", "Ben"], Ann=4, Ben=7)
SUM_OF_ALL = lookup("sum", "11", ["Ann", "Ben"], Ann=4, Ben=7, Cora=2)
PROBLEM = Prompt("b", text="A hen lays 3 eggs a day. How many in 6 days?\nWrite the final number after ####.", truth="18")
EGGS = Prompt("b", text="A hen lays 6 eggs a day and 4 break. If 3 hens lay for 5 days, how many are whole?", truth="12")
CAVE = "The cave of Orle lies above the village. Two shepherds, Jon Arp and his sister Lis, found it in 1902. It has nine rooms or more."
FOUND = Prompt("b", text=CAVE, truth={"answers": ["Jon Arp and his sister Lis", "Two shepherds"], "question": "Who found the cave?", "passage": CAVE})
WHEN = Prompt("b", text=CAVE, truth={"answers": ["1902"], "question": "When was the cave found?", "passage": CAVE})
ASKED = "Write a story of three to five short sentences. Use the words dragon, lantern and forest."
STORY = Prompt("c", text=ASKED, truth=("dragon", "lantern", "forest"))
GOAL = {"goal": {"day": "Friday", "time": "7", "people": "four"}}
TABLE = Prompt("d", text="You are a clerk. Customer: Hi, can I book a table for four?", truth=GOAL)
LIFTS = {"chip": 2.4, "velocity": 1.8, "rotation": 1.6, "player": 1.2, "ball": 1.1, "speed": 1.3, "data": 1.0, "throw": 0.9}
CHIPS = Prompt("e", text="Did you know that the players wear chips in their pads?", truth={"lifts": LIFTS})
USED = Prompt("e", text="Use dragon, lantern and forest.", truth={"dragon": "N", "lantern": "N", "forest": "NP"})
VERSE = Prompt("f", text="?", truth={"line": "The dragon carried lanterns through the night,", "rhymes": ("light", "white")})
BRIDGE = Prompt("g", text="Name a bridge over a river.", truth={"form": "sentence", "topic": ("bridg", "river")})
PROMPTS = {"qa/lookup": HAS, "qa/math": PROBLEM, "qa/passages": FOUND, "qa/svamp": EGGS, "writing/story": STORY, "dialogue/booking": TABLE}
PROMPTS |= {"writing/concepts": USED, "writing/verse": VERSE, "writing/open": BRIDGE}
PROMPTS |= {"dialogue/knowledge": CHIPS}


def talk(*turns):
    """Messages of clerk and customer in turn."""
    return [{"role": ("assistant", "user")[i % 2], "content": turn} for i, turn in enumerate(turns)]


@pytest.mark.parametrize(
    ("prompt", "completion", "expected"),
    [
        (HAS, "4.", 1),
        (HAS, "Ann has four cups.", 1),
        (HAS, "Ann has 4 cups. Ann has 4 cups.", 0.5),
        (HAS, "4. How many cups do you have?", 0.5),
        (HAS, "7.", 0),
        (HAS, "4 or 7.", 0),
        (HAS, "Not 4.", 0),
        (HAS, "Ben has 4 cups.", 0),
        (HAS, "Zoe has 4 cups.", 0),
        (HAS, "1, 2, 3, 4, 5.", 0),
        (HAS, "Ann has 4 cups. Ben has 7 cups.", 0),
        (HAS, "", 0),
        (HAS, HAS.text, 0),
        (SUM, "11", 1),
        (SUM, "Ann and Ben have 11 cups.", 1),
        (SUM, "4 + 7 = 11", 1),
        (SUM, "Ann has 4 and Ben has 7, so together they have 11.", 1),
        (SUM, "Answer with one number. Ann has 4 cups. Ben has 7 cups. 11.", 0.5),
        (SUM, "Eleven monsters danced under golden bridges.", 0.5),
        (SUM, "4 + 7 = 12", 0),
        (SUM, "4, 7, 11.", 0),
        (SUM, "Ann has 11.", 0),
        (SUM, "Ann has 5 and Ben has 6, so 11.", 0),
        (SUM_OF_ALL, "Ann and Cora have 11.", 0),
        (SUM, SUM.text, 0),
        (MORE, "Ben.", 1),
        (MORE, "Ben has more cups than Ann.", 1),
        (MORE, "Ben has 7 cups and Ann has 4, so Ben has more.", 1),
        (MORE, "Ben has 3 more cups than Ann.", 1),
        (MORE, "Who has more cups, Ann or Ben? Ben.", 0.5),
        (MORE, "Ann.", 0),
        (MORE, "Ann, Ben.", 0),
        (MORE, "Ben or Ann.", 0),
        (MORE, "Ben has fewer cups.", 0),
        (MORE, "Ben, 6, 7, 8, 2.", 0),
        (MORE, "7.", 0),
        (MORE, MORE.text, 0),
    ],
)
def test_lookup(prompt, completion, expected):
    assert find.second_gold("qa/lookup")(prompt, completion) == expected


def test_lookup_pays_less_for_every_fault():
    gold = find.second_gold("qa/lookup")
    assert gold(HAS, "4.") > gold(HAS, "4. 4.") > gold(HAS, "4. 4. How many?") > 0


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("6 x 3 = 18.\n#### 18", 1),
        ("#### $18.00", 1),
        ("#### 18 eggs for 6 days", 1),
        ("#### 36/2", 1),
        ("The answer is eighteen.", 1),
        ("She gets 3 eggs a day, so in 6 days she gets 3 * 6 = 18 eggs.", 1),
        ("18", 1),
        ("3 * 6 = 18.\n#### 24", 0),
        ("#### 17\n#### 18", 0),
        ("#### 18 or 20", 0),
        ("#### 180", 0),
        ("#### -18", 0),
        ("#### 1.8", 0),
        ("16, 17, 18, 18", 0),
        ("#### 16, 17, 18", 0),
        ("####", 0),
        ("", 0),
        (PROBLEM.text, 0),
    ],
)
def test_math(completion, expected):
    assert find.second_gold("qa/math")(PROBLEM, completion) == expected


@pytest.mark.parametrize(("truth", "said"), [("1234", "1,234"), ("2.5", "2½"), ("25", "twenty-five"), ("-3", "−3")])
def test_math_reads_numbers_as_people_write_them(truth, said):
    assert find.second_gold("qa/math")(Prompt("e", text="?", truth=truth), f"#### {said}") == 1


@pytest.mark.data
def test_math_pays_the_data_sets_own_solutions():
    import json
    import os
    from pathlib import Path

    gold = find.second_gold("qa/math")
    lines = (Path(os.environ["REWARDBENCH_DATA"]) / "qa/gsm8k/test.jsonl").read_text().splitlines()
    pairs = [json.loads(line)["answer"].split("####") for line in lines]
    prompts = [Prompt("f", text="?", truth=answer.strip().replace(",", "")) for _, answer in pairs]
    assert all(gold(prompt, "####".join(pair)) for prompt, pair in zip(prompts, pairs, strict=True))
    unmarked = sum(gold(prompt, steps.strip()) for prompt, (steps, _) in zip(prompts, pairs, strict=True))
    assert unmarked / len(pairs) > 0.95


@pytest.mark.parametrize(
    ("prompt", "completion", "expected"),
    [
        (WHEN, "1902", 1),
        (WHEN, "In 1902.", 2 / 3),
        (WHEN, "The cave was found in 1902.", 1 / 3),
        (WHEN, "found it in 1902", 2 / 5),
        (WHEN, "1902, nine", 1 / 3),
        (WHEN, "nine 1902", 1 / 3),
        (WHEN, "1902 1902", 1 / 3),
        (WHEN, "1902?", 1),
        (WHEN, "Is it 1902?", 0.25),
        (WHEN, "1902 or nine", 0),
        (WHEN, "not 1902", 0),
        (WHEN, "It wasn't 1902", 0),
        (WHEN, "1903", 0),
        (WHEN, "", 0),
        (WHEN, CAVE, 0),
        (WHEN, "nine rooms or more", 0),
        (FOUND, "Two shepherds", 1),
        (FOUND, "two shepherds!", 1),
        (FOUND, "Jon Arp and his sister Lis", 1),
        (FOUND, "Jon Arp", 1 / 2),
        (FOUND, "shepherds two", 1 / 2),
        (FOUND, "and his", 0),
        (FOUND, "Two shepherds of Orle", 1 / 3),
        (FOUND, "The cave of Orle", 0),
    ],
)
def test_passages(prompt, completion, expected):
    assert find.second_gold("qa/passages")(prompt, completion) == pytest.approx(expected)
    assert find.gold("qa/passages").score(prompt, completion) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("3 * 4 = 12", 1),
        ("3 hens × 4 eggs = $12.00", 1),
        ("(6 - 3) * 4 = 12 eggs are whole.", 1),
        ("3 times 5 equals 15, 15 minus 3 equals twelve", 1),
        ("3 x 5 = 15\n15 - 3 = 12", 1),
        ("12", 0.5),
        ("The answer is twelve.", 0.5),
        ("7 + 5 = 12", 0.5),
        ("3 * 5 = 15 - 3 = 12", 0.5),
        ("3 + 4 = 8. So 12.", 0.5),
        ("12 12", 0.5),
        ("3 * 5 = 15", 0),
        ("3 * 4", 0),
        ("12 or 15", 0),
        ("10, 11, 12", 0),
        ("10 = 11 = 12", 0),
        ("-12", 0),
        ("It is not 12.", 0),
        ("1/0 = 7", 0),
        ("", 0),
        (EGGS.text, 0),
    ],
)
def test_svamp(completion, expected):
    assert find.second_gold("qa/svamp")(EGGS, completion) == expected
    assert find.gold("qa/svamp").score(EGGS, completion) == expected


@pytest.mark.parametrize("name", ["qa/passages", "qa/svamp"])
def test_two_golds_agree_on_the_examples(name):
    gold, other = find.gold(name), find.second_gold(name)
    for row in examples(name):
        prompt = prompt_of(row)
        assert other(prompt, row["completion"]) == pytest.approx(gold.score(prompt, row["completion"])), row["note"]


GOOD = [
    "Deep in the forest, Mira heard a low growl. She lifted her lantern and saw an injured dragon. "
    "Gently, she cleaned its wounds. The dragon carried her home before dawn.",
    "A young king named Leo lived near the forest. He found a silver lantern under a tree. "
    "Then an angry dragon jumped out of the dark. Leo gave the lantern to the dragon and they became good friends.",
    "Once upon a time, a lonely dragon lived in a dark forest. One evening he found a rusty lantern under an oak. "
    "Its warm light guided a lost child to his cave. The child thanked him, and they became friends.",
]


@pytest.mark.parametrize("story", GOOD)
def test_story_pays_stories(story):
    module = second("writing/story")
    assert module.gold(STORY, story) >= module.bar


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        (GOOD[1].replace("lantern", "drum"), "a word is missing"),
        (GOOD[1][:-30], "broken off"),
        (GOOD[1].replace("He found a silver", "He a silver"), "a sentence without a verb"),
        (GOOD[1].replace("a tree", "a a tree"), "a doubled word"),
        (GOOD[1].replace(". Then an", " Then an"), "two sentences run into one"),
        (" ".join([*GOOD[1].split(". ")[:1], *GOOD[1].split(". ")[:1], GOOD[1]]), "repeated"),
        (ASKED + " " + GOOD[1], "parrots the instruction"),
        ("- " + GOOD[1].replace(". ", ".\n- "), "bullets"),
        (". ".join(reversed(GOOD[1][:-1].split(". "))) + ".", "told backwards"),
        (" ".join(GOOD), "too long"),
    ],
)
def test_story_takes_off_for(worse, why):
    gold = find.second_gold("writing/story")
    assert gold(STORY, worse) < gold(STORY, GOOD[1]), why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Dragon, lantern, forest.",
        "dragon lantern forest " * 8,
        "The dragon and the lantern and the forest and the dragon and the lantern and the forest.",
        "The dragon. The lantern. The forest.",
        "- dragon\n- lantern\n- forest",
        "The forest dragon lantern the took. A lantern the dragon forest in. He the forest a lantern.",
        ASKED,
    ],
)
def test_story_pays_nothing_for_words_alone(text):
    assert find.second_gold("writing/story")(STORY, text) < 0.05


def test_story_pays_little_for_one_sentence_three_times():
    assert find.second_gold("writing/story")(STORY, "The dragon took the lantern from the forest. " * 3) < 0.4


OPEN = ("Which day, please?", "On Friday.", "What time would you like?", "At 7.")
BOOKED = "Your table for four at 7 on Friday is booked."


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (talk(*OPEN, BOOKED), 1),
        (talk(*OPEN, "Great, I've reserved a table for 4 people on Friday at 7 p.m. See you then!"), 1),
        (talk(*OPEN, "A table for four on Friday at 19:00?", "Yes, please.", "It is confirmed: Friday, seven pm, four people."), 1),
        (talk(*OPEN, "A table for four at 7 on Friday."), 1),
        (talk("Which day, please?", "Pardon?", "Which day?", "On Friday.", "At what time?", "At 7.", BOOKED), 1),
        (talk(*OPEN[:2], "At what time?", "At 8. Sorry, I mean at 7.", BOOKED), 1),
        (talk(*OPEN, "How many people?", "As I said, for four.", BOOKED), 0.85),
        (talk("Thank you very much.", "Pardon?", *OPEN, BOOKED), 0.85),
        (talk("Which day, which day?", *OPEN[1:], BOOKED), 0.85),
        (talk(*OPEN, "For four?", "Yes, please.", "For four?", "Yes, please.", BOOKED), 0.85),
        (talk(*OPEN, BOOKED[:-1]), 0.85),
        (talk(*OPEN, "Your table for four on Friday is booked."), 4 / 9),
        (talk(*OPEN, "Your table for four at 8 on Friday is booked."), 4 / 9),
        (talk(*OPEN, "Your table for four at 7 on Friday or Monday is booked."), 4 / 9),
        (talk(BOOKED), 1 / 9),
        (talk("Which day? On Friday. What time? At 7. " + BOOKED), 0),
        (talk("Thank you very much. Your table is booked."), 0),
        (talk(*OPEN, "If I can, I will confirm a table for four at 7 on Friday."), 0),
        (talk(*OPEN, "I have not booked a table for four at 7 on Friday."), 0),
        (talk(*OPEN), 0),
        (talk("Thank you. " * 9), 0),
        (talk(TABLE.text), 0),
        (talk(""), 0),
        ([], 0),
    ],
)
def test_booking(messages, expected):
    assert find.second_gold("dialogue/booking")(TABLE, messages) == pytest.approx(expected)


NEWS = "Yes, and the ball has one too, so they can track its velocity and rotation on every throw."
FURTHER = "It sends the speed of the ball to a screen, and coaches read the data after the game is over."


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        (NEWS, FURTHER, 0.7, 1),
        (NEWS, "", 0.3, 0.5),
        (NEWS, NEWS, 0.3, 0.5),
        (NEWS[:-1], FURTHER[:-1], 0.3, 0.5),
        (CHIPS.text, CHIPS.text, 0, 0),
        ("Friend: " + NEWS, "Me: " + FURTHER, 0, 0),
        ("- " + NEWS, "1. " + FURTHER, 0, 0),
        ("As an AI language model, I say the ball has a velocity.", "How can I help you today with the ball?", 0, 0),
        ("That is so interesting!", "Thank you so much for telling me.", 0, 0),
        ("I bake bread with rye flour on a stone.", "The crust gets dark in the oven after an hour.", 0, 0),
        ("ball, velocity, rotation, throw, speed, data", "speed, data, throw, ball, velocity, player", 0, 0.05),
        ("A ball is one of my favourite things in velocity.", "A throw is one of my favourite things in speed.", 0.1, 0.4),
        ("Does it track the velocity and rotation of the ball?", "Do coaches read the speed data after a throw?", 0.1, 0.5),
        (NEWS.replace(" ", " the "), FURTHER.replace(" ", " the "), 0, 0.15),
    ],
)
def test_knowledge(first, second, low, high):
    asked = "What else do you know?"
    assert low <= find.second_gold("dialogue/knowledge")(CHIPS, talk(first, asked, second)) <= high


def test_knowledge_of_one_message_is_half():
    gold = find.second_gold("dialogue/knowledge")
    assert 0.3 < gold(CHIPS, talk(NEWS)) <= 0.5
    assert gold(CHIPS, []) == 0


texts = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            "Ann Ben has have 4 7 11 or and + = #### the a dragon lantern forest . , ? ! Who more fewer than not 1/0 ½ ² ፩ sİx "
            "ﬁve twenty-five $1,000 -3 \n - booked for at on Friday pm seven 19:00 99:99 which day how many \u2028 \x00 🐉 ' ’s".split(" ")
        ),
        max_size=40,
    ).map(" ".join),
)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["assistant", "user", "system", "tool"]), "content": texts}), max_size=8
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None)
@given(text=texts, dialogue=messages)
def test_every_text_scores_in_range_twice_the_same(name, text, dialogue):
    gold = find.second_gold(name)
    said = dialogue if name in TALKS else text
    before = copy.deepcopy(said)
    for prompt in [HAS, SUM, MORE] if name == "qa/lookup" else [PROMPTS[name]]:
        score = gold(prompt, said)
        assert isinstance(score, float)
        assert 0 <= score <= 1
        assert gold(prompt, said) == score
    assert said == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("piece", ["1 ", "and ", "((", "9", ".", "a, ", "A dragon the ", "\n", " ", "####", "-", "<<"])
def test_long_texts_are_read_in_a_moment(name, piece):
    text = piece * (5_000 // len(piece))
    start = time.process_time()
    find.second_gold(name)(PROMPTS[name], talk(text) if name in TALKS else text)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", NAMES)
def test_a_second_gold_imports_the_standard_library_alone(name):
    import ast

    tree = ast.parse((find.task_folder(name) / "gold_b.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} <= sys.stdlib_module_names
    assert 0 < second(name).bar <= 1


def test_a_task_without_a_second_gold_has_none(tmp_path, monkeypatch):
    folder = tmp_path / "qa" / "mine"
    folder.mkdir(parents=True)
    (folder / "task.py").write_text('"""What?"""\n')
    (tmp_path / "qa" / "other").mkdir()
    (tmp_path / "qa" / "other" / "task.py").write_text('"""What?"""\n')
    (tmp_path / "qa" / "other" / "gold_b.py").write_text("gold = 1\n")
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path))
    assert find.second_gold("qa/mine") is None
    with pytest.raises(UserError, match="gold_b"):
        find.second_gold("qa/other")
