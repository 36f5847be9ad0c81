"""Does a second reading find the true final number, and only that one?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A text is cut into places where a final number may stand (after `####`; after "answer is" and its kin; the last
  sentence with a number), and the first kind that yields any number decides.
- Within a place: the right side of its last equation, else its first number after a mark or a phrase and its last
  number in a closing sentence. A second number joined by a comma, "or", "and", a slash or nothing is a second final.
- Number words up to a hundred ("eighteen", "twenty-five") count as figures; remarks in brackets do not count.
- A text whose last line is only a list of three numbers or more has no final number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

bar = 1.0

UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: value for value, word in enumerate(UNITS.strip().split())}
WORDS |= {word: 10 * value for value, word in enumerate(TENS.strip().split(), 2)}
SPELLED = re.compile(rf"\b({'|'.join(WORDS)})(?:[- ]({'|'.join(WORDS)}))?\b", re.I | re.A)
WHOLE = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>[-+]\s?)?[$€£]?\s?(?P<sign2>-)?(?P<whole>{WHOLE}|(?=\.[0-9]))(?P<part>\.[0-9]+)?"
    rf"(?:\s+(?P<top>[0-9]+)(?=/[0-9])|(?=/[0-9]))?(?:/(?P<under>[0-9]+))?"
)
PHRASE = re.compile(r"\b(?:final (?:answer|number|result)|answer)\b\s*(?:is|=|:|was|will be|comes to)+\s*:?", re.I)
JOINED = re.compile(r" ?(?:[a-z%]+ ?)?(?:,|;|/|&|\bor\b|\band\b) ?(?:or |and )?| ", re.I)


def _plain(text: str) -> str:
    """The text with plain signs, figures for number words, and without calculator marks, brackets and emphasis."""
    text = "".join(f" {c}" if "⁄" in unicodedata.normalize("NFKC", c) else c for c in text)
    text = unicodedata.normalize("NFKC", text).replace("⁄", "/").replace("−", "-").replace("–", "-")
    text = re.sub(r"<<[^<>\n]*>>|\([^()\n]*\)|[*_`]{2,}|\\boxed|[{}\\]", " ", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    return SPELLED.sub(_figure, text)


def _figure(found: re.Match[str]) -> str:
    """`25` for `twenty-five`; the words of two numbers stay two.

    >>> SPELLED.sub(_figure, "twenty-five or six")
    '25 or 6'
    """
    first = WORDS[found[1].lower()]
    if not found[2]:
        return str(first)
    second = WORDS[found[2].lower()]
    return str(first + second) if first >= 20 and 0 < second < 10 else f"{first} {second}"


def _value(found: re.Match[str]) -> Fraction | None:
    """The number found; None where it divides by zero or has more figures than any answer."""
    if len(found[0]) > 60:
        return None
    whole, part = found["whole"].replace(",", "") or "0", found["part"] or ""
    value, under = Fraction(whole + part), Fraction(found["under"] or 1)
    if not under:
        return None
    value = value + Fraction(found["top"]) / under if found["top"] else value / under
    return -value if "-" in f"{found['sign']}{found['sign2']}" else value


def _settled(place: str, last: bool) -> set[Fraction | None]:
    """The final numbers that a place names: one if it settles, several if it hedges, none without a number."""
    _, equals, result = place.rpartition("=")
    if equals and NUMBER.search(result):
        place, last = result, False
    found = list(NUMBER.finditer(place))
    if not found:
        return set()
    if last:
        found.reverse()
    finals = {_value(found[0])}
    for one, other in pairwise(found):
        between = place[min(one.end(), other.end()) : max(one.start(), other.start())]
        if not JOINED.fullmatch(between):
            break
        finals.add(_value(other))
    return finals


def _listed(line: str) -> bool:
    """Whether a line is nothing but numbers, three or more.

    >>> _listed("4, 5 and 6."), _listed("4 + 5 = 9")
    (True, False)
    """
    words = set(re.findall(r"[^\W\d_]+|[=+*]", line.lower()))
    return len(NUMBER.findall(line)) > 2 and words <= {"and", "or"}


def _places(text: str) -> Iterator[list[str]]:
    """The places where the final number may stand, the most telling kind first."""
    yield [line.strip().split("\n")[0] for line in re.split(r"#{3,}", text)[1:]]
    yield [re.split(r"[.!?](?!\d)|\n", text[found.end() :])[0] for found in PHRASE.finditer(text)]


def finals(text: str) -> set[Fraction | None]:
    """Every number that stands as the final one; several, or None for what cannot be read, are no answer.

    >>> finals("3 + 4 = 7.\\n#### 7"), len(finals("#### 18 or 20"))
    ({Fraction(7, 1)}, 2)
    """
    text = _plain(text)
    for places in _places(text):
        named = set[Fraction | None]().union(*(_settled(place, False) for place in places))
        if named:
            return named
    lines = [part for line in text.split("\n") for part in re.split(r"[.!?;](?=\s|$)", line) if NUMBER.search(part)]
    if not lines:
        return set()
    return {None} if _listed(lines[-1]) else _settled(lines[-1], True)


def gold(prompt: Any, completion: str) -> float:
    """1 if the completion's final number is the truth and no other stands beside it, else 0."""
    truth = _settled(_plain(str(prompt.truth)), False)
    return float(len(truth) == 1 and None not in truth and finals(completion) == truth)
