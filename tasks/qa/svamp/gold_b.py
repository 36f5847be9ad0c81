"""Does a second reading find the true number, alone, and a calculation that leads to it from the numbers told?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A text is cut into tokens: numbers, signs, words; number words from two to twenty and words for signs count.
- Calculations are read by recursive descent, both sides of every equals sign, words beside a number left out as units.
- The last line or sentence with a number decides, before it those that say "answer is": what follows its last equals
  sign, else its last number. Two numbers side by side, two finals, doubt and denial are no answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

bar = 1.0
SMALL = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty"""
COUNT = {word: str(value) for value, word in enumerate(SMALL.split(), 2)}
SPOKEN = {"plus": "+", "minus": "-", "times": "*", "x": "*", "equals": "=", "divided": "/"}
SPOKEN |= dict(zip("×·÷−–", "**/--", strict=True))
ANSWER = re.compile(r"(?i)\banswer(?: is| was|:| =)")
TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\w\s]")
LONGEST = 60
"""Tokens of one side of an equals sign that are read."""
GIVEN = frozenset(map(Fraction, (1, 2, 100)))


def _tokens(text: str) -> list[str]:
    """Numbers, signs and words of a text, small words and number words brought into one form.

    >>> _tokens("Six hens × 1,200 equals $7")
    ['6', 'hens', '*', '1200', '=', '7']
    """
    found = [token.lower().replace(",", "") or "," for token in TOKEN.findall(text)]
    return [COUNT.get(SPOKEN.get(t, t), SPOKEN.get(t, t)) for t in found if t not in "$€£"]


def _is_number(token: str) -> bool:
    """Whether a token is a number; those of more than thirty figures are none."""
    return token[0].isascii() and token[0].isdigit() and len(token) < 30


def _without_units(tokens: Sequence[str]) -> list[str]:
    """The tokens without up to three words that stand between a number and a sign.

    >>> _without_units(["6", "red", "hens", "+", "2", "are", "8"])
    ['6', '+', '2', 'are', '8']
    """
    kept: list[str] = []
    for place, token in enumerate(tokens):
        after = next((t for t in tokens[place : place + 4] if not t.isalpha() and t != "%"), "")
        behind = bool(kept) and _is_number(kept[-1])
        if not ((token.isalpha() or token == "%") and behind and after and after in "+-*/=)"):
            kept.append(token)
    return kept


def _sum(tokens: list[str]) -> Fraction:
    """The value of the sum that a list of tokens begins with, which are taken away; ValueError without one."""
    value = _product(tokens)
    while tokens and tokens[0] in "+-":
        value = value + _product(tokens) if tokens.pop(0) == "+" else value - _product(tokens)
    return value


def _product(tokens: list[str]) -> Fraction:
    """The value of the product at the beginning."""
    value = _single(tokens)
    while tokens and tokens[0] in "*/":
        sign, other = tokens.pop(0), _single(tokens)
        if sign == "/" and not other:
            raise ValueError("by zero")
        value = value * other if sign == "*" else value / other
    return value


def _single(tokens: list[str]) -> Fraction:
    """The value of a number, a negative one, or a bracket at the beginning."""
    first = tokens.pop(0) if tokens else ""
    if first == "-":
        return -_single(tokens)
    if first == "(" and tokens.count("(") < 20:
        value = _sum(tokens)
        if tokens and tokens[0] == ")":
            tokens.pop(0)
        return value
    if first and _is_number(first):
        return Fraction(first)
    raise ValueError("no number")


def _side(tokens: Sequence[str], last: bool) -> list[str]:
    """The tokens of a calculation at the end (`last`) or the beginning of a list."""
    run: list[str] = []
    for token in list(reversed(tokens)) if last else tokens:
        if not (_is_number(token) or token in "+-*/()") or (run and _is_number(run[-1]) and _is_number(token)):
            break
        run.append(token)
        if len(run) == LONGEST:
            break
    return run[::-1] if last else run


def _leads(tokens: Sequence[str], told: set[Fraction], truth: Fraction) -> bool:
    """Whether there are calculations, all true and of known numbers, and one comes to the truth."""
    known, reached = told | GIVEN, False
    places = [n for n, token in enumerate(tokens) if token == "="]
    for before, place, after in zip([-1, *places], places, [*places[1:], len(tokens)], strict=False):
        left, right = _side(tokens[before + 1 : place], True), _side(tokens[place + 1 : after], False)
        try:
            rest = [left[:], right[:]]
            value, result = (_sum(side) for side in rest)
        except ValueError:
            continue
        worked = [side for side in (left, right) if any(t in "+-*/" for t in side[1:])]
        if not worked:
            continue
        if abs(value - result) > (Fraction(1, 100) if value.denominator > 1 else 0):
            return False
        if any(_is_number(t) and Fraction(t) not in known for side in worked for t in side):
            return False
        known, reached = known | {value}, reached or value == truth
    return reached


def _final(sentence: str) -> Fraction | None:
    """The one number that a deciding sentence settles on, None where it doubts, denies or lists.

    >>> [str(_final(s)) for s in ("2 + 3 = 5 cups", "5 or 6", "4, 5", "is not 5", "3 = 4", "so 7 remain")]
    ['5', 'None', 'None', 'None', 'None', '7']
    """
    tokens = _without_units(_tokens(sentence))
    if {"or", "either", "maybe", "perhaps"} & set(tokens):
        return None
    figures = [n for n, token in enumerate(tokens) if _is_number(token)]
    if not figures:
        return None
    if "=" in tokens:
        if not any(sign in "+-*/" and (_is_number(before) or before == ")") for before, sign in pairwise(tokens)):
            return Fraction(tokens[figures[0]]) if len({tokens[n] for n in figures}) == 1 else None
        end = len(tokens) - tokens[::-1].index("=")
        try:
            return _sum(_side(tokens[end:], False))
        except ValueError:
            pass
    end = figures[-1]
    near = tokens[figures[-2] + 1 : end] if len(figures) > 1 else ["word"]
    if all(token in (",", ";", "/", "&", "and") for token in near) and tokens[figures[-2]] != tokens[end]:
        return None
    if any(t == "not" or t.endswith(("n't", "n’t")) for t in tokens[max(0, end - 2) : end]):
        return None
    minus = tokens[max(0, end - 1) : end] == ["-"] and not (end > 1 and tokens[end - 2][-1:].isalnum())
    return -Fraction(tokens[end]) if minus else Fraction(tokens[end])


def _holds(sentence: str) -> bool:
    """Whether a sentence has a number."""
    return any(map(_is_number, _tokens(sentence)))


def gold(prompt: Any, completion: str) -> float:
    """1 for the true number alone behind a calculation that leads to it, half without one, else 0."""
    parts = [s for line in completion.split("\n") for s in re.split(r"(?<=[.!?])\s", line) if _holds(s)]
    named = [ANSWER.split(s)[-1] for s in parts if ANSWER.search(s)]
    deciding = [s for s in named if _holds(s)] or parts[-1:]
    truth = Fraction(str(prompt.truth))
    if not deciding or {_final(s) for s in deciding} != {truth}:
        return 0.0
    told = {Fraction(t) for t in _tokens(prompt.text) if _is_number(t)}
    lines = re.split(r"\n|(?<=[.!?])\s|[,;] ", completion)
    tokens = [token for line in lines for token in [*_without_units(_tokens(line)), ";"]]
    return 1.0 if _leads(tokens, told, truth) else 0.5
