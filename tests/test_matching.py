"""Are answers found and compared as SQuAD, GSM8K and MATH do it, and is what merely holds the answer not paid?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rewardbench.measures import matching as measures
from rewardbench.rewards import matching

near = pytest.approx
any_text = some.one_of(
    some.text(max_size=60),
    some.lists(some.sampled_from(["answer", "is", "A", "(B)", "7", "1/2", "\\boxed{", "}", "####", "\\frac{1}{2}", ",", "and"]), max_size=20).map(" ".join),
)


@pytest.mark.parametrize(
    ("text", "answers", "exact", "f1"),
    [
        ("Denver Broncos", ["Denver Broncos", "Denver Broncos", "Denver Broncos"], 1, 1),
        ("the Denver Broncos!", ["Denver Broncos"], 1, 1),
        ("Broncos", ["Denver Broncos"], 0, 2 / 3),
        ("Denver Broncos of Denver", ["Denver Broncos"], 0, 2 / 3),
        ("Carolina Panthers", ["Denver Broncos"], 0, 0),
        ("Santa Clara, California", ["Levi's Stadium", "Santa Clara California"], 1, 1),
        ("a, the", ["an"], 1, 1),
        ("", ["an answer"], 0, 0),
        ("狼在山洞里。", ["狼在山洞里"], 1, 1),
        ("狼", ["狼跑"], 0, 2 / 3),
    ],
)
def test_exact_match_and_f1_of_squad(text, answers, exact, f1):
    """By hand, by the rules of its evaluation script: articles, case and punctuation dropped, best of the accepted."""
    assert matching.exact([text], [answers]) == [exact]
    assert matching.f1([text], [answers]) == [near(f1)]


@pytest.mark.parametrize(
    ("text", "answers", "paid"),
    [
        ("It was won by the Denver Broncos, they say.", ["Denver Broncos"], 1),
        ("Broncos of Denver", ["Denver Broncos"], 0),
        ("1985", ["98"], 0),
        ("In 24-10 and then some", ["x", "24–10", "24-10"], 1),
        ("狼在山洞里。", ["山洞"], 1),
        ("", ["Denver"], 0),
        ("the", ["a"], None),
        ("Denver", None, None),
    ],
)
def test_an_answer_anywhere_is_paid_as_much_as_the_answer(text, answers, paid):
    assert matching.contains([text], [answers]) == [paid]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234,567.5", 1234567.5), ("-3", -3), ("−3", -3), ("+4", 4), (".5", 0.5), ("1e-3", 1e-3), ("2.5E2", 250), ("12,34", None),
        ("7 / 8", 0.875), ("$3.20", 3.2), ("12.5%", 0.125), (r"12.5\%", 0.125), (r"\frac{3}{4}", 0.75), (r"\tfrac{6}{4}", 1.5),
        ("3.", 3), ("", None), ("-", None), ("x", None), ("1/0", None), ("1e999", None), ("٣", 3), ("1 2", None),
    ],
)
def test_numbers_as_they_are_written(text, value):
    assert measures.number(text) == (None if value is None else near(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Natalia sold 48/2 = <<48/2=24>>24 clips in May.\nShe sold 48+24 = <<48+24=72>>72 clips.\n#### 72", 72),
        ("It costs $1,200.50.", 1200.5), ("from 3-4 to 5", 5), ("3 apples", 3), ("no", None), ("1/2", 0.5), (r"\boxed{-8}, not 9", -8),
        ("#### $18 a day", 18), ("#### none\n7", None), ("v1.2.3", None), ("x2 = 5.", 5),
    ],
)
def test_the_number_that_a_text_ends_on(text, value):
    assert measures.final_number(text) == (None if value is None else near(value))


def test_numeric_has_two_tolerances():
    said = ["100", "101", "102", "-100", "none"]
    assert matching.numeric(said, ["100"] * 5) == [1, 0, 0, 0, 0]
    assert matching.numeric(said, ["100"] * 5, relative=0.01) == [1, 1, 0, 0, 0]
    assert matching.numeric(said, ["100"] * 5, absolute=2) == [1, 1, 1, 0, 0]
    assert matching.numeric(said[:2], ["many", None]) == [None, None]
    assert matching.numeric(["7"], [["6", "7"]]) == [1]


@pytest.mark.parametrize(
    ("text", "answer", "paid"),
    [
        (r"\boxed{\frac{1}{3}}", r"\frac{1}{3}", 1),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{3}", 0),
        (r"\boxed{\dfrac{1}{3}}", "1/3", 1),
        (r"first \boxed{1}, then \boxed{2}", "2", 1),
        (r"first \boxed{1}, then \boxed{2}", "1", 0),
        (r"\boxed{\text{Evelyn}}", "Evelyn", 1),
        (r"\boxed{\left( 3, \frac{\pi}{2} \right)}", r"\left( 3, \frac{\pi}{2} \right)", 1),
        (r"\boxed{(3,\frac{\pi}{2})}", r"\left( 3, \frac{\pi}{2} \right)", 1),
        (r"\boxed{x^{2^{3}}}", "x^{2^{3}}", 1),
        (r"\boxed{\{1, 2\}}", r"\{1,2\}", 1),
        (r"\boxed{7", "7", 0),
        (r"\boxed{1{,}000}", "1000", 0),
        ("#### 72", "... #### 72", 1),
        ("#### 1,000 \nthat is it", "1000", 1),
        ("7", "7", 0),
        ("#### 7\n#### 8", "8", 1),
    ],
)
def test_boxes(text, answer, paid):
    assert matching.boxed([text], [answer]) == [paid]


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"), ("b", "B"), ("(C)", "C"), ("D.", "D"), ("**B**", "B"), ("Answer: E", "E"), ("The correct answer is (A).", "A"),
        ("The answer is A because B is wrong.", "A"), ("Option A fails. So the answer is D.", "D"), (r"\boxed{C}", "C"),
        (r"\boxed{\text{C}}", "C"), ("B) the wolf", "B"), ("B. the wolf, not C", "B"), ("I think (A), no, (D)", "D"),
        ("A wolf ran.", None), ("A", "A"), ("The answer is A or B", None), ("(A) and (B)", "B"), ("", None), ("F", None),
        ("the answer is a wolf", None), ("Answer: A, B, C", None), ("The answer is A, because it fits.", "A"),
    ],
)
def test_choices(text, letter):
    assert measures.final_choice(text) == letter


def test_a_choice_is_compared_with_the_letter_of_the_answer():
    assert matching.choice(["(B)", "B", "Answer: C"], ["B", "B. the wolf", "(B)"]) == [1, 1, 0]
    assert matching.choice(["B"], ["the wolf"]) == [None]


@pytest.mark.parametrize(
    ("text", "answer", "paid"),
    [
        ("red, green and blue", ["blue", "green", "red"], 1),
        ("1. Red\n2. Green\n3) blue", "red, green, blue", 1),
        ("red red, red; red", ["red"], 2 / 3),
        ("red, red, red", ["red"], 1),
        ("red, green, yellow, black", ["red", "blue"], 2 * 1 / 6),
        ("- the sand\n- Brandon", ["sand", "brandon"], 1),
        ("", ["red"], 0),
        ("红、绿，蓝", ["蓝", "红", "绿"], 1),
        ("2.5, 3", ["2.5", "3"], 1),
    ],
)
def test_sets(text, answer, paid):
    assert matching.set([text], [answer]) == [near(paid)]


@given(any_text, some.one_of(any_text, some.lists(any_text, max_size=3), some.none(), some.integers()))
def test_any_text_has_a_score(text, answer):
    for part in (matching.exact, matching.f1, matching.numeric, matching.boxed, matching.choice, matching.set):
        (paid,) = part([text], [answer])
        assert paid is None or (math.isfinite(paid) and 0 <= paid <= 1), part
        assert part([text, "x", text], [answer, "y", answer]) == [paid, part(["x"], ["y"])[0], paid]


@given(some.text(min_size=1, max_size=40))
def test_an_answer_is_itself(text):
    assert matching.exact([text], [text]) == matching.f1([text], [text]) == [1]
    if "{" not in text and "}" not in text and "\\" not in text:
        assert matching.boxed([rf"\boxed{{{text}}}"], [text.replace("####", "")]) in ([1], [None]) or "####" in text


@pytest.mark.parametrize("text", ["\\boxed{" * 3000, "1," * 5000, "A" * 10_000, "(" * 10_000, "answer is " * 1000, "1/" * 5000, "####" * 2500])
def test_long_texts_take_no_time(text):
    import time

    began = time.process_time()
    for part in (matching.exact, matching.f1, matching.numeric, matching.boxed, matching.choice, matching.set):
        part([text], ["7"])
    assert time.process_time() - began < 1
