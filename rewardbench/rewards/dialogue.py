"""What can a reward read in a booking dialogue? What the customer said, and what the clerk closed with.

Its reading is plain on purpose: a number after "at" or before "pm" is a time, every other number is people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Chat = Sequence[Mapping[str, str]]

WEEKDAY = re.compile(r"\b(mon|tues|wednes|thurs|fri|satur|sun)day\b")
NUMBER = re.compile(
    r"\b(at )?(\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b(:00)?( ?[ap]\.?m\b)?"
)
WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
BOOKED = re.compile(r"\b(booked|reserved|confirm(ed)?|scheduled)\b")
TOPIC = {"day": r"\b(day|date)\b", "time": r"\b(time|hour)\b", "people": r"\b(how many|number of)\b"}


def mentions(text: str) -> list[tuple[str, str]]:
    """(kind, value) of each day, time and number of people, in the order of the kinds.

    >>> mentions("A table for four on Friday at 7")
    [('day', 'fri'), ('people', '4'), ('time', '7')]
    """
    text = text.lower()
    found = [("day", match[1]) for match in WEEKDAY.finditer(text)]
    for match in NUMBER.finditer(text):
        value = str(WORDS.index(match[2]) + 2) if match[2] in WORDS else match[2]
        found.append(("time" if match[1] or match[3] or match[4] else "people", value))
    return found


def _opening(prompt: Chat) -> str:
    """The customer's first words: what follows the order to the clerk."""
    return prompt[-1]["content"].split("Customer:")[-1]


def _wishes(prompt: Chat, completion: Chat) -> dict[str, list[str]]:
    """Kind -> the values that the customer has said, in order."""
    said: dict[str, list[str]] = {}
    texts = [_opening(prompt), *(m["content"] for m in completion if m["role"] == "user")]
    for text in texts:
        for kind, value in mentions(text):
            said.setdefault(kind, []).append(value)
    return said


def _clerk(completion: Chat) -> list[str]:
    """What the clerk said, turn by turn."""
    return [m["content"] for m in completion if m["role"] == "assistant"]


def _closing(completion: Chat) -> str:
    """What the clerk's last turn states (no question), if that says that something is booked; else ``."""
    last = (_clerk(completion) or [""])[-1]
    stated = " ".join(part for part in re.findall(r"[^.?!]+[.?!]?", last) if not part.endswith("?"))
    done = BOOKED.search(stated.lower()) and not re.search(r"\b(not|if|once|until)\b|n't", stated.lower())
    return stated if done else ""


def _booked(completion: Chat) -> dict[str, set[str]]:
    """Kind -> the values in the closing turn."""
    found: dict[str, set[str]] = {}
    for kind, value in mentions(_closing(completion)):
        found.setdefault(kind, set()).add(value)
    return found


def agreed(
    prompts: Sequence[Chat], completions: Sequence[Chat], slots: Sequence[Sequence[str]]
) -> list[float]:
    """Share of the slots for which the closing names just the value that the customer said last, in [0, 1].

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the slots that are right, as in MultiWOZ's inform rate (arXiv 1810.00278).

    >>> opening = [{"role": "user", "content": "Customer: A table for two on Friday."}]
    >>> closing = [{"role": "assistant", "content": "Booked for two on Friday at 7."}]
    >>> agreed([opening], [closing], [["day", "time", "people"]])
    [0.6666666666666666]
    """
    paid = []
    for prompt, completion, names in zip(prompts, completions, slots, strict=True):
        said, booked = _wishes(prompt, completion), _booked(completion)
        right = [name for name in names if name in said and booked.get(name) == {said[name][-1]}]
        paid.append(len(right) / max(len(names), 1))
    return paid


def invented(prompts: Sequence[Chat], completions: Sequence[Chat]) -> list[float]:
    """How many values the closing names that the customer never said.

    Range: [0, ∞).
    Cost: pure Python.
    Source: own.

    >>> opening = {"role": "user", "content": "Hi"}
    >>> closing = {"role": "assistant", "content": "Booked for Friday."}
    >>> invented([[opening]], [[closing]])
    [1.0]
    """
    paid = []
    for prompt, completion in zip(prompts, completions, strict=True):
        said = _wishes(prompt, completion)
        booked = [(kind, value) for kind, values in _booked(completion).items() for value in values]
        paid.append(float(sum(value not in said.get(kind, []) for kind, value in booked)))
    return paid


def complete(completions: Sequence[Chat], slots: Sequence[Sequence[str]]) -> list[float]:
    """Share of the slots for which the closing names any value at all, in [0, 1].

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> closing = {"role": "assistant", "content": "Booked for two on Friday."}
    >>> complete([[closing]], [["day", "time", "people"]])
    [0.6666666666666666]
    """
    return [
        sum(name in _booked(completion) for name in names) / max(len(names), 1)
        for completion, names in zip(completions, slots, strict=True)
    ]


def closed(completions: Sequence[Chat]) -> list[float]:
    """1 if the last turn says that something is booked, else 0.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> closed([[{"role": "assistant", "content": text}] for text in ("Booked.", "Which day?")])
    [1.0, 0.0]
    """
    return [float(bool(_closing(completion))) for completion in completions]


def turns(completions: Sequence[Chat]) -> list[float]:
    """How often the clerk spoke.

    Range: [0, ∞).
    Cost: pure Python.
    Source: own.

    >>> turns([[{"role": "assistant", "content": "Which day?"}, {"role": "user", "content": "Friday"}]])
    [1.0]
    """
    return [float(len(_clerk(completion))) for completion in completions]


def repeats(completions: Sequence[Chat]) -> list[float]:
    """How many turns ask for what was asked before, unless the customer had just asked back.

    Range: [0, ∞).
    Cost: pure Python.
    Source: own.

    >>> ask = {"role": "assistant", "content": "Which day?"}
    >>> repeats([[ask, {"role": "user", "content": "On Friday."}, ask]])
    [1.0]
    >>> repeats([[ask, {"role": "user", "content": "Pardon?"}, ask]])
    [0.0]
    """
    return [float(_repeats(completion)) for completion in completions]


def _repeats(completion: Chat) -> int:
    """The count for one dialogue; a turn without any topic before the last one counts as well."""
    seen: set[str] = set()
    count, last = 0, len(completion) - 1
    for index, message in enumerate(completion):
        if message["role"] != "assistant":
            continue
        topics = {name for name, words in TOPIC.items() if re.search(words, message["content"].lower())}
        asked_back = index > 0 and completion[index - 1]["content"].endswith("?")
        count += bool(topics) and topics <= seen and not asked_back
        count += not topics and index < last
        seen |= topics
    return count


_parts: tuple[Any, ...] = (agreed, invented, complete, closed, turns, repeats)
for _part in _parts:
    _part.pure, _part.form = True, "messages"
