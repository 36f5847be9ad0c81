"""Does the completion give the answer? Anywhere, alone, nearly, as a value at all, or briefly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
OPENERS = {"The", "It", "They", "There", "Both", "So", "Together", "In", "That", "This", "I"}
HEDGES = {"or", "not", "maybe", "perhaps", "which", "what", "how", "who"}
WORD = re.compile(r"[A-Za-z]+|-?\d+(?:\.\d+)?")


def stated(completion: str, answer: str, names: Sequence[str]) -> list[str]:
    """The different values of the answer's sort that a text states, in order: numbers, or some of the names.

    >>> stated("Ann has 4 cups, or 7, or 4.", "7", ["Ann", "Ben"])
    ['4', '7']
    >>> stated("Ann has 4 cups.", "Ben", ["Ann", "Ben"])
    ['Ann']
    """
    if NUMBER.fullmatch(answer):
        return list(dict.fromkeys(NUMBER.findall(completion)))
    return [word for word in dict.fromkeys(WORD.findall(completion)) if word in names or word == answer]


def contains(completions: Sequence[str], answer: Sequence[str]) -> list[float]:
    """1 if the right answer occurs anywhere in the completion, whatever else does.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> contains(["It is 4 or 7.", "17"], ["7", "7"])
    [1.0, 0.0]
    """
    return [float(right in WORD.findall(text)) for text, right in zip(completions, answer, strict=True)]


def alone(
    completions: Sequence[str], answer: Sequence[str], names: Sequence[Sequence[str]], power: float = 2.0
) -> list[float]:
    """1 for the right value stated alone; n values that hold it are paid 1 / n ** power; else 0.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> alone(["7.", "4 or 7.", "4."], ["7"] * 3, [["Ann"]] * 3)
    [1.0, 0.25, 0.0]
    """
    paid = []
    for text, right, people in zip(completions, answer, names, strict=True):
        values = stated(text, right, people)
        paid.append(len(values) ** -power if right in values else 0.0)
    return paid


def close(completions: Sequence[str], answer: Sequence[str], width: float = 10.0) -> list[float | None]:
    """How near the stated numbers lie to the right one on average, 1 to 0; abstains where it is a name.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> close(["8.", "none", "Ben."], ["7", "7", "Ben"])
    [0.9, 0.0, None]
    """
    paid: list[float | None] = []
    for text, right in zip(completions, answer, strict=True):
        numbers = [float(number) for number in NUMBER.findall(text)]
        if not NUMBER.fullmatch(right):
            paid.append(None)
        elif not numbers:
            paid.append(0.0)
        else:
            away = sum(abs(number - float(right)) for number in numbers) / len(numbers)
            paid.append(max(0.0, 1.0 - away / width))
    return paid


def brief(completions: Sequence[str], words: int = 3) -> list[float]:
    """1 for up to `words` words or numbers, falling to 0 at five times as many; 0 for an empty completion.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> brief(["Seven.", "one two three four five six seven eight nine", ""])
    [1.0, 0.5, 0.0]
    """
    counts = [len(WORD.findall(text)) for text in completions]
    return [max(0.0, 1.0 - max(0, count - words) / (4 * words)) if count else 0.0 for count in counts]


def any_value(completions: Sequence[str], answer: Sequence[str], names: Sequence[Sequence[str]]) -> list[float]:
    """1 if any value of the asked sort is stated, right or wrong: the format and nothing else.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; a probe of the format alone.

    >>> any_value(["4.", "Ann."], ["7", "7"], [["Ann"]] * 2)
    [1.0, 0.0]
    """
    return [
        float(bool(stated(text, right, people)))
        for text, right, people in zip(completions, answer, names, strict=True)
    ]


def values(
    completions: Sequence[str], answer: Sequence[str], names: Sequence[Sequence[str]], cap: int = 6
) -> list[float]:
    """How many different numbers and names are stated, as a share of `cap`: "shows its working".

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> values(["Ann has 4, Ben has 7."], ["7"], [["Ann", "Ben"]])
    [0.6666666666666666]
    """
    paid = []
    for text, people in zip(completions, names, strict=True):
        said = set(NUMBER.findall(text)) | {word for word in WORD.findall(text) if word in people}
        paid.append(min(len(said), cap) / cap)
    return paid


def mentions(completions: Sequence[str], asked: Sequence[Sequence[str]]) -> list[float]:
    """Share of the people asked about whom the completion names: a sign of staying on the topic.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> mentions(["Ann has 4."], [["Ann", "Ben"]])
    [0.5]
    """
    return [
        sum(name in WORD.findall(text) for name in people) / max(1, len(people))
        for text, people in zip(completions, asked, strict=True)
    ]


def plain(completions: Sequence[str], asked: Sequence[Sequence[str]]) -> list[float]:
    """1 where nobody but the people asked about is named, and nothing is hedged or asked back; else 0.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> plain(["The answer is 7.", "7 or 8.", "Ben has 7."], [["Ann"]] * 3)
    [1.0, 0.0, 0.0]
    """
    paid = []
    for text, people in zip(completions, asked, strict=True):
        words = re.findall(r"[A-Za-z]+", text)
        named = {word for word in words if word[0].isupper() and word not in OPENERS}
        hedged = "?" in text or any(word.lower() in HEDGES for word in words)
        paid.append(float(bool(text.strip()) and not hedged and named <= set(people)))
    return paid


_parts: tuple[Any, ...] = (contains, alone, close, brief, any_value, values, mentions, plain)
for _part in _parts:
    _part.pure = True
