"""Do rules pay what Python itself says of their conditions, and is a wrong rule refused in one line?"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardbench import find, scoring
from rewardbench import given as given_
from rewardbench.calling import When
from rewardbench.design import parse
from rewardbench.measures import rule_language
from rewardbench.rewards import dialogue, length, politeness, rules
from rewardbench.types import Message, Prompt, UserError

WHEN = When("t", 0, 0.0)
ASK: Message = {"role": "assistant", "content": "Which day, please?"}
TOLD: Message = {"role": "user", "content": "On Friday, thanks."}
CLOSED: Message = {"role": "assistant", "content": "Thank you. Booked on Friday at 7."}
OPENING: list[Message] = [{"role": "user", "content": "Customer: A table at 7."}]


def rule(condition: str, then: Any = 1.0, **more: Any) -> dict[str, Any]:
    return {"name": "r", "if": condition, "then": then, **more}


# --- conditions ---------------------------------------------------------------------------------------

NAMES = ("a.b", "few", "x.y")
amounts = st.recursive(
    st.one_of(st.sampled_from(NAMES), st.integers(0, 9).map(str), st.floats(0, 9).map(repr)),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"), inner.map(lambda a: f"-{a}")
    ),
    max_leaves=4,
)
compared = st.tuples(
    amounts, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), amounts, st.sampled_from(["", " < few", " >= 2"])
).map(lambda t: f"{t[0]} {t[1]} {t[2]}{t[3]}")
conditions = st.recursive(
    compared,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda c: f"not ({c})"),
    ),
    max_leaves=4,
)


class Topic:
    """What stands left of a dot, for Python itself."""


@settings(max_examples=300, deadline=None)
@given(condition=conditions, then=amounts, values=st.lists(st.integers(0, 4).map(float), min_size=3, max_size=3))
def test_a_rule_pays_what_python_says(condition: str, then: str, values: list[float]) -> None:
    a, x = Topic(), Topic()
    a.b, few, x.y = values
    known = {"a": a, "few": few, "x": x}
    read = rule_language.rule_from({"name": "r", "if": condition, "then": then, "else": -3}, 1)
    try:
        expected = float(eval(then, {}, known)) if eval(condition, {}, known) else -3.0
    except ZeroDivisionError:
        expected = None
    assert rule_language.pays(read, dict(zip(NAMES, values))) == (None if expected is None else pytest.approx(expected))


WRONG = {
    "length.words": "column 1: 'length.words' is a number, not a condition; compare it, as in 'length.words > 0'",
    "length.words > 0 and 1": "column 22: '1' is a number, not a condition",
    "length.word > 0": "feature 'length.word' is no shipped part, did you mean 'length.words'?",
    "lenght.words > 0": "did you mean 'length.words'?",
    "__import__('os').system('x') == 0": "column 1: \"__import__('os').system('x')\" is none of: numbers, + - * /, features",
    "length.words ** 9 > 1": "column 1: 'length.words ** 9' is none of",
    "2 < (lambda: 3)": "column 6: 'lambda: 3' is none of",
    "length.words in (1, 2)": "is none of: comparisons, and, or, not",
    "length.words > True": "column 16: 'True' is none of",
    "length.words > 'a'": "column 16: \"'a'\" is none of",
    "(length.words > 0) + 1 > 0": "column 2: 'length.words > 0' is none of",
    "length.words >": "`if` cannot be read, column",
    "": "is none of",
    "length.words > 0\nand é > [1]": "line 2, column 9: '[1]' is none of",
    "rules.score > 0": "'rules.score' is no shipped part",
    "dialogue.closed == 1": "reads the messages of a dialogue: use `rules.dialogue`",
    "a" * 3 + " > 1e999": "is none of",
}


@pytest.mark.parametrize("condition", WRONG)
def test_a_wrong_condition_is_one_line_that_says_where(condition: str) -> None:
    with pytest.raises(UserError) as raised:
        rules.check("text", {"rules": [rule(condition)]})
    assert WRONG[condition] in str(raised.value)
    assert "rule 'r'" in str(raised.value)


TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "no rules": ({}, "no rule is given"),
    "a key": ({"rule": []}, "unknown parameter 'rule', did you mean 'rules'?"),
    "no list": ({"rules": "x"}, "not a list of tables"),
    "a rule's key": ({"rules": [rule("1 > 0", thn=1)]}, "rule 'r': unknown key 'thn', did you mean 'then'?"),
    "no then": ({"rules": [{"name": "r", "if": "1 > 0"}]}, "rule 'r': `then` is missing"),
    "an if that is a number": ({"rules": [{"name": "r", "if": 1, "then": 1}]}, "`if` is not a text"),
    "then is a truth": ({"rules": [rule("1 > 0", True)]}, "`then` = True is neither"),
    "then is a comparison": ({"rules": [rule("1 > 0", "1 > 0")]}, "`then`, column 1: '1 > 0' is none of"),
    "twice": ({"rules": [rule("1 > 0"), rule("1 > 0")]}, "two rules are called 'r'"),
    "no use": ({"rules": [rule("f > 0")], "features": {"f": {"low": 1}}}, "feature 'f' has no `use`"),
    "a wrong use": ({"rules": [rule("f > 0")], "features": {"f": {"use": "length.wrds"}}}, "mean 'length.words'?"),
    "a wrong param": (
        {"rules": [rule("f > 0")], "features": {"f": {"use": "length.words", "lo": 1}}},
        "feature 'f' (length.words) has no parameter 'lo', did you mean 'low'?",
    ),
    "a feature with dots": ({"rules": [rule("1 > 0")], "features": {"a.b": {"use": "length.words"}}}, "not one word"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_wrong_table_is_one_line(case: str) -> None:
    params, words = TABLES[case]
    with pytest.raises(UserError) as raised:
        rules.check("text", params)
    assert words in str(raised.value)


def test_a_design_with_a_wrong_rule_is_refused_before_anything_runs(tmp_path: Any) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[part]]\nuse = "rules.score"\n[[part.params.rules]]\nif = "length.wods > 1"\nthen = 1\n')
    with pytest.raises(UserError, match=r"rule 'rule 1'.*did you mean 'length.words'") as raised:
        find.design(str(file), "writing/story")
    assert raised.value.code == 2


# --- features -----------------------------------------------------------------------------------------


def test_features_are_the_parts_themselves() -> None:
    texts = ["One two three.", "", "Thank you, please."]
    few = {"few": {"use": "length.words", "low": 3, "high": 3, "slack": 4}}
    asked = [
        {"name": "w", "if": "1 > 0", "then": "length.words"},
        {"name": "f", "if": "1 > 0", "then": "few"},
        {"name": "p", "if": "politeness.courtesies >= 0.5", "then": 2, "else": -1},
    ]
    paid = rules.score(texts, ["p"] * 3, asked, few)
    assert paid["w"] == length.words(texts)
    assert paid["f"] == length.words(texts, 3, 3, 4)
    assert paid["p"] == [2 if p >= 0.5 else -1 for p in politeness.courtesies(texts)]


def test_each_feature_is_called_once_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(length, "words", lambda completions: calls.append(1) or [1.0] * len(completions))
    asked = [{"name": str(i), "if": "length.words > 0 or length.words < 9", "then": "length.words"} for i in range(3)]
    assert rules.score(["a", "b"], ["p"] * 2, asked) == {str(i): [1.0, 1.0] for i in range(3)}
    assert len(calls) == 1


def test_a_rule_abstains_where_a_feature_does_and_where_it_divides_by_nothing() -> None:
    answers = {"answer": ["7", "Ben"]}  # `close` has nothing to say of a name
    asked = [rule("answers.close >= 0 or length.words > 0"), rule("1 / (length.words - length.words) > 0", name="z")]
    paid = rules.score(["7.", "Ben."], ["p"] * 2, asked, **answers)
    assert paid == {"r": [1.0, None], "z": [None, None]}


def test_a_dialogue_has_features_of_both_forms() -> None:
    chats = [[ASK, TOLD, CLOSED], [CLOSED]]
    asked = [
        {"name": "turns", "if": "1 > 0", "then": "dialogue.turns"},
        {"name": "polite", "if": "1 > 0", "then": "politeness.courtesies"},
        {"name": "agreed", "if": "dialogue.agreed == 1 and polite == 1", "then": 1, "else": -1},
        {"name": "echo", "if": "1 > 0", "then": "null.echo"},
    ]
    slots = [["day", "time"]] * 2
    paid = rules.dialogue(chats, [OPENING] * 2, asked, {"polite": {"use": "politeness.courtesies", "cap": 1}}, slots=slots)
    assert paid["turns"] == dialogue.turns(chats)
    assert paid["agreed"] == [1.0, -1.0]
    assert paid["polite"] == [0.5, 0.25]  # the customer's thanks are not the clerk's
    assert paid["echo"] == [2 / 5, 2 / 5]  # "at" and "7.", of five words of the opening


def test_a_missing_column_is_one_line() -> None:
    with pytest.raises(UserError, match=r"feature .keywords\.coverage. needs the column 'keywords'"):
        rules.score(["a"], ["p"], [rule("keywords.coverage > 0")])


def test_rules_may_read_siblings_and_chance() -> None:
    made = parse(
        '[[part]]\nuse = "rules.score"\nparams = { rules = [{ name = "new", if = "diversity.distinct > 0 and null.random >= 0",'
        " then = 1 }] }",
        "d",
    )
    contestant = find.bind(made, "writing/story")
    batch = given_.batch([Prompt("a", text="p")], [["one two", "one two", "three four"]])
    paid = scoring.pay(contestant, batch, WHEN, scoring.start(contestant), 9.0).batch
    assert paid.reward.tolist() == [[0, 0, 1]]


def test_known_names_are_those_that_find_has() -> None:
    assert set(rules.known()) == {name for name in find.parts() if not name.startswith("rules.")}


# --- explaining ---------------------------------------------------------------------------------------


def test_explain_says_what_fired_and_adds_up_to_the_score() -> None:
    design = find.design("rules", "dialogue/booking")
    params = dict(design.parts[0].params)
    chat = [ASK, TOLD, CLOSED]
    told = rules.explain(chat, OPENING, **params, slots=["day", "time"])
    assert told[0] == "agreed values: holds (dialogue.closed = 1, dialogue.agreed = 1), pays 0.5"
    assert "something made up: does not hold (dialogue.invented = 0), pays 0" in told
    paid = rules.dialogue([chat], [OPENING], **params, slots=[["day", "time"]])
    total = sum(float(line.rpartition("pays ")[2]) for line in told)
    assert math.isclose(total, sum(v[0] for v in paid.values()))
    assert math.isclose(total, 1.05)


def test_explain_says_why_a_rule_abstains() -> None:
    told = rules.explain("Ben.", "p", [rule("answers.close > 0"), rule("1 / 0 > 1", name="z")], answer="Ben")
    assert told == ["r: abstains (answers.close = nothing): answers.close abstains", "z: abstains: a division by 0"]
