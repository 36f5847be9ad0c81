"""Where do the word problems come from, and how is their answer read? The GSM8K layout, under $REWARDBENCH_DATA."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from rewardbench import data
from rewardbench.seeds import split_of
from rewardbench.types import UserError

PLACE = "qa/gsm8k"
TRAIN, TEST = f"{PLACE}/train.jsonl", f"{PLACE}/test.jsonl"
NUMBER = re.compile(
    r"(?P<sign>-?)\$?(?:(?P<whole>\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?P<part>\.\d++)?|(?P<bare>\.\d++))(?:/(?P<below>\d++))?",
    re.ASCII,
)
LONGEST = 40
"""Digits above which something is no number that anybody means."""
Problem = tuple[str, str]
"""(question, final number)."""


def number(text: str) -> Fraction | None:
    """The value of a number as people write it, or None: `$`, thousands' commas, decimals and fractions are read.

    >>> number("$1,234.50"), number("18."), number("-3/4"), number("many")
    (Fraction(2469, 2), Fraction(18, 1), Fraction(-3, 4), None)
    """
    found = numbers(text)
    return found[0] if found else None


def numbers(text: str) -> list[Fraction]:
    """Every number in the text, in order; a minus after a number is a subtraction.

    >>> [str(n) for n in numbers("10 -5 is 5, or -5, or $1,000.")]
    ['10', '5', '5', '-5', '1000']
    """
    values = []
    for m in NUMBER.finditer(text):
        if len(m[0]) > LONGEST:
            continue
        whole, part, below = (m["whole"] or "0").replace(",", ""), m["part"] or m["bare"] or "", m["below"]
        value = Fraction(whole + part)
        if below and int(below):
            value /= int(below)
        before = text[: m.start()]
        minus = before[-1:].isalnum() or before.rstrip()[-1:].isdigit() or before.rstrip().endswith((")", "%"))
        values.append(-value if m["sign"] and not minus else value)
    return values


def shown(value: Fraction) -> str:
    """A number in its one canonical spelling.

    >>> shown(Fraction(18)), shown(Fraction(1, 2)), shown(Fraction(-1, 3))
    ('18', '0.5', '-1/3')
    """
    if value.denominator == 1:
        return str(value.numerator)
    decimal = float(value)
    return repr(decimal) if Fraction(str(decimal)) == value else str(value)


def parse(line: str, where: str) -> Problem:
    """One row of a file as (question, final number); a damaged one is named by file and line (code 5).

    >>> parse('{"question": "1 + 1?", "answer": "It is <<1+1=2>>2.\\\\n#### 2"}', "x")
    ('1 + 1?', '2')
    """
    try:
        row = json.loads(line)
        question, answer = row["question"].strip(), row["answer"]
        value = number(answer.rpartition("####")[2]) if "####" in answer else None
    except (ValueError, KeyError, TypeError, AttributeError):
        question, value = "", None
    if not question or value is None:
        raise UserError(f'qa/math: {where} is no row {{"question", "answer"}} whose answer ends in "#### <number>"', 5)
    return question, shown(value)


def problems(split: str) -> list[Problem]:
    """The problems of a split: the test file is `test`, the train file is divided into `train` and `dev` by content."""
    found = _read(data.text(__file__, TRAIN), data.text(__file__, TEST)).get(split, [])
    if not found:
        raise UserError(f"qa/math: {PLACE} holds no problem of split {split!r}", 5)
    return found


@lru_cache(maxsize=2)
def _read(train: str, test: str) -> dict[str, list[Problem]]:
    """Split -> problems; a question of the test file, or said twice, is not taken again."""
    found: dict[str, list[Problem]] = {"train": [], "dev": [], "test": []}
    seen: set[str] = set()
    for name, text in ((TEST, test), (TRAIN, train)):
        for problem in _rows(text, name):
            content = " ".join(problem[0].lower().split())
            if content not in seen:
                seen.add(content)
                split = "dev" if split_of(content) == "dev" else "train"
                found["test" if name == TEST else split].append(problem)
    return found


def _rows(text: str, name: str) -> Iterator[Problem]:
    """The problems of a file, in its order; empty lines are nothing."""
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield parse(line, f"{name}, line {n},")
