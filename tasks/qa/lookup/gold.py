"""Is the question answered, with the right value and with no other? Reads all the facts; code of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from rewardbench.types import Prompt, Said

from .world import NAMES

bar = 1.0
WORDS = dict(
    zip(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
        "seventeen eighteen nineteen twenty".split(),
        map(str, range(21)),
        strict=True,
    )
)
INSTRUCTION = re.compile(r"(?i)\b(answer with|one number|one name|how many|who has)\b")
NUMBER = re.compile(r"-?\d+(?:[.,/:]\d+)*|\b(?:" + "|".join(WORDS) + r")\b", re.I)
NAME = re.compile(r"\b(?:" + "|".join(NAMES) + r")\b")
MOST_MENTIONS = 3
MOST_WORDS = 14
"""Words beyond which an answer with its working has become talk."""
MOST_STRANGE = 3
"""Words that neither the question nor plain speech brings in."""
PLAIN = frozenset(
    re.findall(
        r"\w+",
        """a an the and so is are was be it its that this there they them their he she his her of in to for by with
        than as i has have had make makes gives get gets more most total together altogether sum both each answer number
        name one only just then because since which means who therefore thus we can you so equals plus""",
    )
)
OPPOSITE = re.compile(r"(?i)\b(fewer|less|least|fewest)\b")


def gold(prompt: Prompt, completion: Said) -> float:
    """1 for the right value and no other, plainly said; half when it is lost in parroting or talk; else 0."""
    text = _text(completion)
    if _values(prompt.truth, text) != {str(prompt.truth["answer"])} or _denied(text) or _foreign(prompt.truth, text):
        return 0.0
    if prompt.truth["question"] == "more" and OPPOSITE.search(text):
        return 0.0
    return 0.5 if _rambles(prompt.truth, text, prompt.plain()) else 1.0


def kind(prompt: Prompt, completion: Said) -> str:
    """The value that is given as the answer; `none`, or `several` of them."""
    values = _values(prompt.truth, _text(completion))
    return "none" if not values else "several" if len(values) > 1 else next(iter(values))


def _rambles(truth: Mapping[str, Any], text: str, asked: str) -> bool:
    """Whether a right value stands in a text that nobody would call an answer: parroted, repeated, or talk.

    >>> more = {"question": "more"}
    >>> _rambles(more, "Finn and and and.", ""), _rambles(more, "Finn has more cups.", "Who has more cups?")
    (True, False)
    >>> _rambles(more, "Finn cheered and monster and Everyone and the city.", "Who has more cups?")
    True
    """
    words = re.findall(r"[A-Za-z]+|\d+", text)
    pairs = [tuple(w.lower() for w in pair) for pair in pairwise(words)]
    again = any(a == b for a, b in pairs) or len(set(pairs)) < len(pairs) - 1
    parrots = bool(INSTRUCTION.search(text)) or "?" in text
    left = re.findall(r"[A-Za-z]+", _working(truth, text) if "numbers" in truth else text)
    known = set(re.findall(r"[a-z]+", asked.lower())) | PLAIN | set(WORDS)
    strange = [w for w in left if w.lower() not in known and not NAME.fullmatch(w)]
    talks = len(left) > MOST_WORDS or len(strange) > MOST_STRANGE
    return again or parrots or talks or len(_mentions(truth, text)) > MOST_MENTIONS


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return completion
    return "\n".join(m["content"] for m in completion if m["role"] == "assistant")


def _values(truth: Mapping[str, Any], text: str) -> set[str]:
    """The different values offered as the answer: what is left once the working has been taken out."""
    left = _working(truth, INSTRUCTION.sub(" ", text))
    values = set(_mentions(truth, left))
    if not values and truth["question"] == "more":  # "Ben has 9 keys." says who, by one true fact
        values = set(_mentions(truth, text))
    return values


def _mentions(truth: Mapping[str, Any], text: str) -> list[str]:
    """Every mention of a value of the asked sort, in order; number words count as numbers.

    >>> _mentions({"question": "sum"}, "Seven and 4.")
    ['7', '4']
    """
    if truth["question"] == "more":
        return NAME.findall(text)
    return [WORDS.get(found.lower(), found) for found in NUMBER.findall(text)]


def _working(truth: Mapping[str, Any], text: str) -> str:
    """The text without true steps towards the answer: a lookup has none, so that there a list stays a list.

    >>> facts = {"question": "sum", "asked": ["Ann", "Ben"], "numbers": {"Ann": 4, "Ben": 7}}
    >>> _working(facts, "Ann has 4 cups, Ben has 7: 4 + 7 = 11.").split()[-1]
    '11.'
    """
    if truth["question"] == "lookup":
        return text
    text = re.sub(r"\b(?:only|just) (?=\d)", "", re.sub(r"(\w)['’]s\b", r"\1", text))
    first, second = truth["asked"]
    a, b = truth["numbers"][first], truth["numbers"][second]
    for name, number in ((first, a), (second, b)):
        text = re.sub(rf"\b{name} has {number}\b", " ", text)
    if truth["question"] == "more":
        return re.sub(rf"\bthan ({first}|{second})\b", " ", text)
    plus, thing = r"(?: \w+)? ?(?:\+|and|plus) ?(?:\w+ )?", r"(?: \w+)?"
    return re.sub(rf"\b(?:{a}{plus}{b}|{b}{plus}{a})\b{thing}", " ", text)


def _denied(text: str) -> bool:
    """Whether the text takes something back.

    >>> _denied("Not 7."), _denied("7.")
    (True, False)
    """
    return re.search(r"(?i)\b(not|n't|never|maybe|either|or)\b|n't\b", text) is not None


def _foreign(truth: Mapping[str, Any], text: str) -> bool:
    """Whether numbers or people come in that the question is not about, or a number that is not theirs.

    >>> facts = {"question": "more", "asked": ["Ann", "Ben"], "numbers": {"Ann": 4, "Ben": 7}}
    >>> _foreign(facts, "Ben, 7 against 4."), _foreign(facts, "Ben, 5, 7, 12, 13.")
    (False, True)
    """
    if truth["question"] != "more":
        return any(name not in truth["asked"] for name in NAME.findall(text))
    a, b = (truth["numbers"][name] for name in truth["asked"])
    said = {WORDS.get(found.lower(), found) for found in NUMBER.findall(re.sub(r"(?i)\bone\b", " ", text))}
    return not said <= {str(a), str(b), str(abs(a - b))}
