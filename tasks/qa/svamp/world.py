"""Where do the short problems come from, and which numbers does a text hold? SVAMP's layout, split by scene."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import Any

from rewardbench import data
from rewardbench.seeds import split_of
from rewardbench.types import Prompt, UserError

PLACE = "qa/svamp/SVAMP.json"
LONGEST = 30
"""Characters from which on a number is none that anybody means."""
ALIKE = 0.6
"""Share of words (Jaccard index) from which on two texts are told about one scene."""
COUNT = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty"""
WORDS = {word: str(value) for value, word in enumerate(COUNT.split(), 2)}
"""Number words that are read; "one" mostly stands for something else."""
WORD = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE)
LOWER = re.compile(r"\b[a-z]+")
NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """A story, what is asked, and the number that answers it."""

    story: str
    question: str
    answer: str

    def text(self) -> str:
        """Story and question; a story that ends in the middle of a sentence goes on into the question.

        >>> Problem("If Ann has 4 cups", "How many remain?", "4").text()
        'If Ann has 4 cups, how many remain?'
        """
        if self.story[-1] in ".?!":
            return f"{self.story} {self.question}"
        return f"{self.story.rstrip(' ,')}, {self.question[0].lower()}{self.question[1:]}"


def figures(text: str) -> str:
    """The text with figures for the number words from two to twenty.

    >>> figures("Seven of the ones")
    '7 of the ones'
    """
    return WORD.sub(lambda found: WORDS[found[0].lower()], text)


def numbers(text: str) -> list[Fraction]:
    """Every number in the text, in order, without signs; commas for thousands and words to twenty are read.

    >>> [str(n) for n in numbers("1,200 - 1.50 is Seven or 2400/2.")]
    ['1200', '3/2', '7', '2400', '2']
    """
    return [Fraction(found.replace(",", "")) for found in NUMBER.findall(figures(text)) if len(found) < LONGEST]


def shown(value: Fraction) -> str:
    """A number in its one canonical spelling.

    >>> shown(Fraction(18)), shown(Fraction(1, 2))
    ('18', '0.5')
    """
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"


def problems(split: str) -> dict[Problem, str]:
    """The problems of a split in the file's order, and the scene of each; raises UserError (5) where there are none."""
    found = _read(data.text(__file__, PLACE)).get(split, {})
    if not found:
        raise UserError(f"qa/svamp: {PLACE} holds no problem of split {split!r}", 5)
    return found


def cluster(prompt: Prompt) -> str:
    """The scene of a prompt: problems of one are no independent draws."""
    every = _read(data.text(__file__, PLACE)).values()
    return {p.text(): scene for found in every for p, scene in found.items()}[prompt.text.split("\n")[0]]


@lru_cache(maxsize=2)
def _read(text: str) -> dict[str, dict[Problem, str]]:
    """Split -> problem -> scene; a problem told twice is taken once."""
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise UserError(f"qa/svamp: {PLACE} is no JSON: {error}", 5) from error
    if not isinstance(rows, list):
        raise UserError(f"qa/svamp: {PLACE} is no list of rows", 5)
    every = list({p.text(): p for n, row in enumerate(rows, 1) for p in [parse(row, n)]}.values())
    found: dict[str, dict[Problem, str]] = {}
    for problem, scene in zip(every, scenes(every), strict=True):
        found.setdefault(split_of(scene), {})[problem] = scene
    return found


def parse(row: Mapping[str, Any], place: int) -> Problem:
    """One row of the file; a damaged one is named by its place (code 5).

    >>> parse({"Body": "Ann has 4 cups.", "Question": "And with 3 more?", "Answer": 7.0}, 1).answer
    '7'
    """
    try:
        story, question = (" ".join(row[key].split()) for key in ("Body", "Question"))
        answer = Fraction(str(row["Answer"]))
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        story, question, answer = "", "", Fraction(0)
    if not story or not question:
        raise UserError(f'qa/svamp: {PLACE}, row {place}, is no {{"Body", "Question", "Answer": a number}}', 5)
    return Problem(story, question, shown(answer))


def scenes(every: Sequence[Problem]) -> list[str]:
    """Each problem's scene, named by its least text: in one are those that share most words, directly or by others.

    Compared are the story and the whole text, both without names and numbers: a new question or other people make no
    new scene.

    >>> told = [Problem(f"{who} has {n} red cups.", q, "1") for who, n, q in (("Ann", 4, "Left?"), ("Bo", 5, "So?"))]
    >>> scenes([*told, Problem("9 hens lay eggs.", "How many are left?", "1")])
    ['cups has left red', 'cups has left red', 'are eggs hens lay left many']
    """
    common = frozenset(LOWER.findall(" ".join(problem.text() for problem in every)))
    stories = [_content(problem.story, common) for problem in every]
    whole = [_content(problem.text(), common) for problem in every]
    name = [" ".join(sorted(some)) for some in whole]
    for a, b in combinations(range(len(every)), 2):
        if name[a] != name[b] and (_alike(stories[a], stories[b]) or _alike(whole[a], whole[b])):
            old, new = max(name[a], name[b]), min(name[a], name[b])
            name = [new if one == old else one for one in name]
    return name


def _content(text: str, common: frozenset[str]) -> frozenset[str]:
    """The words of a text less numbers and names, which are what no text of the file writes in lower case."""
    return frozenset(word for word in re.findall(r"[a-z]+", text.lower()) if word in common and word not in WORDS)


def _alike(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two texts share so many of their words that one scene is told."""
    return len(some & others) >= ALIKE * len(some | others)
