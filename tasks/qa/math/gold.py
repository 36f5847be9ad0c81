"""Is the final number right, and is it the only one offered? Reads the last number as a person would."""

from __future__ import annotations

import re
from fractions import Fraction

from rewardbench.types import Prompt, Said

from .world import number, numbers, shown

bar = 1.0
MOST_CANDIDATES = 2
"""Different numbers that the deciding sentence may hold, once the working has been taken out of it."""
HASHES = re.compile("####")
SAID = re.compile(r"(?i)\b(?:answer|final number)(?: is| was|:| =)")
RUN = re.compile(r"(?:\$?\d[\d,.]*+\s*+(?:(?:or|and|[;|])\s*+)?){3,}\$?\d[\d,.]*+\W*$")
HEDGE = re.compile(r"(?i)\b(?:or|either|maybe|perhaps|not)\b|n't\b")
RESULT = re.compile(r"=\s*(-?\s*\$?[\d.,/]+)")


def gold(prompt: Prompt, completion: Said) -> float:
    """1 if the one final number equals the truth, else 0; several candidates are no answer."""
    finals = _finals(_text(completion))
    return float(len(finals) == 1 and finals == {number(str(prompt.truth))})


def kind(prompt: Prompt, completion: Said) -> str:
    """The final number; `none`, or `several` of them."""
    finals = _finals(_text(completion))
    return "none" if not finals else "several" if len(finals) > 1 else shown(next(iter(finals)))


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return completion
    return "\n".join(m["content"] for m in completion if m["role"] == "assistant")


def _finals(text: str) -> set[Fraction]:
    """The different numbers offered as the final one; a text that ends in a list of them offers them all.

    >>> [sorted(map(int, _finals(t))) for t in ("3 * 6 = 18 eggs.\\n#### 18", "18 or 20.", "1 2 3 4 5 6")]
    [[18], [18, 20], [1, 2, 3, 4, 5, 6]]
    """
    for mark in (HASHES, SAID):
        told = [_decided(text[m.end() : _sentence_end(text, m.end())]) for m in mark.finditer(text)]
        if any(told):
            return set().union(*told)
    if (listed := RUN.search(text)) is not None:
        return set(numbers(listed[0]))
    sentences = [s for s in re.split(r"\n|(?<=[.!?])\s", text) if numbers(s)]
    return _decided(sentences[-1]) if sentences else set()


def _sentence_end(text: str, start: int) -> int:
    """Where the sentence that begins at `start` ends (a mark may stand on the line before its number)."""
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    end = re.search(r"\n|[.!?](?=\s|$)|####", text[begin:])
    return begin + end.start() if end else len(text)


def _decided(sentence: str) -> set[Fraction]:
    """The numbers that a deciding sentence offers: its result or its last one, or all where it hedges or lists.

    >>> [sorted(map(int, _decided(s))) for s in ("In 5 days she earns $50", "5 or 50", "9 * 2 = 18 a 5", "1, 2 and 3")]
    [[50], [5, 50], [18], [1, 2, 3]]
    """
    results = RESULT.findall(sentence)
    values = numbers(results[-1]) if results else numbers(sentence)
    if HEDGE.search(sentence):
        return set(numbers(re.sub(r"[^=\n]*=", " ", sentence)))
    return set(values) if len(set(values)) > MOST_CANDIDATES else set(values[-1:])
