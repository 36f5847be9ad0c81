"""Do the parts of form, length and repetition pay what TRL pays, and what their standards say, on any text?"""

import json as json_
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from rewardbench.rewards import format, length, repetition
from rewardbench.types import RewardError, UserError

near = pytest.approx
trl = pytest.importorskip("trl.rewards")
marked = some.lists(
    some.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "a", "\n", " ", "<think", "狼", "\r\n", "\u2028"]), max_size=12
).map("".join)
any_text = some.one_of(marked, some.text(max_size=60))
ids = some.lists(some.integers(0, 5), max_size=40)


def chat(texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


# --- TRL -----------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(some.lists(any_text, min_size=1, max_size=5))
@example(["<think></think>", "<think>\n</think>\nx", "<think></think><think>", "\n<think></think>", "<think></think", "</think><think>"])
def test_think_tags_are_trls(texts):
    assert format.think_tags(texts) == trl.think_format_reward(chat(texts))


@given(some.lists(ids, min_size=1, max_size=4), some.integers(1, 5), some.floats(-3, 0))
def test_the_penalty_for_repetition_is_trls(batch, n, most):
    theirs = trl.get_repetition_penalty_reward(n, most)(batch)
    assert repetition.penalty([""] * len(batch), batch, n, most) == near(theirs)


@given(some.lists(ids, min_size=1, max_size=4), some.integers(1, 40), some.integers(0, 40))
def test_the_punishment_for_length_is_trls(batch, most, cache):
    theirs = trl.get_soft_overlong_punishment(most, cache)(batch)
    assert length.soft_overlong([""] * len(batch), batch, most, cache) == near(theirs)


SAID = [r"\boxed{\frac{1}{3}}", r"so \boxed{7}", r"\boxed{12}", r"It is \boxed{0.5}.", "no box"]


@pytest.mark.parametrize("solution", [r"\frac{1}{3}", "7", r"\frac{1}{2}"])
@pytest.mark.parametrize("tokens", [0, 1, 30, 50, 99, 100, 250])
def test_the_cosine_is_trls(solution, tokens):
    """Its rule of what is right, math_verify, agrees on plain numbers and fractions."""
    pytest.importorskip("math_verify")
    theirs = trl.get_cosine_scaled_reward(100)(chat(SAID), [f"${solution}$"] * 5, [[1] * tokens] * 5)
    assert length.cosine_scaled(SAID, [[1] * tokens] * 5, [solution] * 5, 100) == near(theirs)
    bounds = {"min_value_wrong": -2.0, "max_value_wrong": -1.5, "min_value_correct": 0.1, "max_value_correct": 3.0}
    theirs = trl.get_cosine_scaled_reward(100, **bounds)(chat(SAID), [f"${solution}$"] * 5, [[1] * tokens] * 5)
    assert length.cosine_scaled(SAID, [[1] * tokens] * 5, [solution] * 5, 100, **bounds) == near(theirs)


def test_no_answer_abstains():
    assert length.cosine_scaled([r"\boxed{7}"] * 2, [[1]] * 2, [None, ""]) == [None, None]


def test_a_target_is_met_in_words_or_in_tokens():
    texts = ["one two three", "", "狼跑了"]
    assert length.target(texts, [[1]] * 3, length=3, slack=3) == [1.0, 0.0, 1.0]
    assert length.target(texts, [[1]] * 3, length=3, slack=4, unit="tokens") == [0.5] * 3
    assert length.target(["a " * 50], [[1]], length=3, slack=4) == [0.0]


@pytest.mark.parametrize(
    ("part", "params"),
    [
        (length.target, {"unit": "characters"}),
        (repetition.penalty, {"max_penalty": 0.5}),
        (repetition.penalty, {"ngram_size": 0}),
        (length.cosine_scaled, {"answer": ["7"], "max_len": 0}),
    ],
)
def test_parameters_that_mean_nothing_are_said(part, params):
    with pytest.raises(UserError, match=part.__name__):
        part(["a"], [[1]], **params)


# --- patterns ------------------------------------------------------------------------------------


def test_a_pattern_is_found_or_is_all():
    texts = ["id: 12", "id: 12 \n", "x id: 12", "", "１２"]
    assert format.matches(texts, r"id: \d+") == [1, 1, 1, 0, 0]
    assert format.matches(texts, r"id: \d+", whole=True) == [1, 0, 0, 0, 0]
    assert format.matches(texts) == [1, 1, 1, 0, 1]
    assert format.matches(texts, r"(?s).*\d") == [1, 1, 1, 0, 1]


@pytest.mark.parametrize("bad", ["(", "[a", "*", "(?P<a>x)(?P<a", 7])
def test_a_bad_pattern_is_named(bad):
    with pytest.raises(UserError, match=r"format\.matches: pattern"):
        format.matches(["a"], bad)


def test_a_pattern_that_never_ends_is_a_failure_and_no_hang(monkeypatch):
    monkeypatch.setattr(format, "PATIENCE", 0.2)
    began = time.monotonic()
    with pytest.raises(RewardError, match="backtracks"):
        format.matches(["a" * 60 + "b"], r"(?:(?:a|aa)+)+c|(a|a|b?)*$x", whole=True)
    assert time.monotonic() - began < 5


# --- JSON ----------------------------------------------------------------------------------------

value = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value)
def test_whatever_is_written_as_json_is_json(thing):
    text = json_.dumps(thing, ensure_ascii=False)
    assert format.json([text, f" {text}\n", text + " x", text + "]"]) == [1, 1, 0, 0]


@pytest.mark.parametrize(
    "text",
    ["", " ", "{a: 1}", "{'a': 1}", "[1,]", "NaN", "[Infinity]", "-Infinity", "```json\n{}\n```", "{} {}", "01", "[" * 10_000, '"\n"', "\x00"],
)
def test_what_only_looks_like_json_is_none(text):
    assert format.json([text]) == [0.0]


PERSON = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "additionalProperties": False,
}


def test_a_schema_is_kept():
    said = ['{"name": "Ann", "age": 3}', '{"name": "Ann", "age": -1}', '{"age": 3}', '{"name": "Ann", "x": 1}', "[]", "{", "9" * 5000]
    assert format.json(said, PERSON) == [1, 0, 0, 0, 0, 0, 0]
    assert format.json(said, PERSON, broken=0.5) == [1, 0.5, 0.5, 0.5, 0.5, 0, 0.5]
    within = {"$defs": {"n": {"type": "integer"}}, "type": "array", "items": {"$ref": "#/$defs/n"}}
    assert format.json(["[1, 2]", '["a"]'], within) == [1, 0]


def test_a_schema_that_is_none_or_lies_elsewhere_is_named():
    with pytest.raises(UserError, match="no JSON Schema"):
        format.json(["1"], {"type": "nothing"})
    with pytest.raises(UserError, match=r"https://example\.org/x"):
        format.json(["1"], {"$ref": "https://example.org/x"})


# --- tags ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "paid"),
    [
        ("<think>a</think><answer>b</answer>", 1),
        ("x <think></think> y\n<answer>狼</answer> z", 1),
        ("<answer>b</answer><think>a</think>", 0),
        ("<think>a<answer>b</answer></think>", 0),
        ("<think>a</think><think>a</think><answer>b</answer>", 0),
        ("<think>a</think><answer>b", 0),
        ("</think><think><answer>b</answer>", 0),
        ("", 0),
    ],
)
def test_tags_stand_once_and_in_order(text, paid):
    assert format.tags([text]) == [paid]


def test_the_order_of_tags_is_a_list():
    assert format.tags(["<a></a>"], ["a"]) == [1]
    for bad in ("think", []):
        with pytest.raises(UserError, match=r"format\.tags"):
            format.tags(["x"], bad)
