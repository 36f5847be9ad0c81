"""Which words does the booking world hold, and what does a turn of the clerk ask, state and claim?

The clerk is the policy. The customer's words are made here, so that they can be read back without doubt;
the clerk's are read generously, as a real model might put them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rewardbench.types import Message, Prompt

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIMES = tuple(map(str, range(5, 13)))
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
SIZES = tuple(NUMBERS[1:9])
VALUES = {"day": DAYS, "time": TIMES, "people": SIZES}
SLOTS = tuple(VALUES)
PHRASES = {"day": "on {}", "time": "at {}", "people": "for {}"}
TURNS = 5

ASKED = {
    "day": re.compile(r"\b(day|date|when)\b"),
    "time": re.compile(r"\b(time|hour|o'clock)\b"),
    "people": re.compile(r"\b(how many|number of|party size|size of|how large|how big)\b"),
}
WANTS = re.compile(
    r"\?$|^(and )?(for |at |on )?(which|what|when|how many)\b"
    r"|\b(tell me|let me know|provide|give me|specify|i need|need to know)\b"
)
CLAIM = re.compile(r"\b(booked|reserved|confirmed|scheduled|confirm|confirming|(booking|reservation) is)\b")
NOT_YET = re.compile(r"\b(not|cannot|can't|before|until|once|if|as soon as|to be able|need|cancell?ed)\b")
CONDITION = re.compile(r"^(if|once|until|before|as soon as|when|provided)\b")
ASK_WORD = re.compile(r"\b(which|what|when|how many|how large|how big)\b")
LONGEST_CLAIM = 25
"""Words of a turn that claims by stating all three values alone."""
NUMBER = re.compile(r"\b(\d{1,2})(:\d\d)?(?!\d)|\b(" + "|".join(NUMBERS[1:]) + r")\b")
AS_TIME = re.compile(r"^ ?(pm|am|o'clock)\b")
AS_PEOPLE = re.compile(r"^ ?(people|persons?|guests?|of (us|you)|adults|seats|diners)\b")
BEFORE_TIME = re.compile(r"\b(at|around|time is|time:)( about)? $")
BEFORE_PEOPLE = re.compile(r"\b(for|of|are|be|people:|guests:)( a group of)? $")


@dataclass(frozen=True)
class Turn:
    """What one turn of the clerk does."""

    asks: tuple[str, ...]
    """Slots asked for, in order."""
    states: tuple[tuple[str, str], ...]
    """(slot, value) stated, in order."""
    claims: bool
    """It says that the booking is made, and asks for nothing."""
    questions: int
    """How many questions it puts."""


def sentences(text: str) -> list[str]:
    """The sentences of a text in lower case, each with its end mark.

    >>> sentences("I see. For which day?")
    ['i see.', 'for which day?']
    """
    text = text.lower().replace("p.m.", "pm").replace("a.m.", "am").replace("’", "'")
    return [part.strip() for part in re.findall(r"[^.?!\n]+[.?!]*", text) if part.strip()]


def _number(match: re.Match[str]) -> tuple[int, bool]:
    """The number that a match of NUMBER writes, and whether it was written as a time of day (7:00)."""
    digits, minutes, word = match.groups()
    if word:
        return NUMBERS.index(word) + 1, False
    return (int(digits) if minutes in (None, ":00") else -1), minutes is not None


def _slot(text: str, match: re.Match[str], clock: bool) -> str:
    """`time`, `people` or `` for a number, by the words around it."""
    before, after = text[: match.start()], text[match.end() :]
    if clock or AS_TIME.search(after):
        return "time"
    if AS_PEOPLE.search(after):
        return "people"
    return "time" if BEFORE_TIME.search(before) else "people" if BEFORE_PEOPLE.search(before) else ""


@lru_cache(maxsize=1 << 14)
def values(text: str) -> tuple[tuple[str, str], ...]:
    """(slot, value) for every day, time and number of people in a text; a bare number is what is missing.

    >>> values("A table for four on Friday at 7:00, two of you at 19:00")
    (('people', 'four'), ('day', 'Friday'), ('time', '7'), ('people', 'two'), ('time', '7'))
    >>> values("Friday, 7, party of 4")
    (('day', 'Friday'), ('time', '7'), ('people', 'four'))
    """
    low = text.lower()
    found = [(m.start(), "day", m[0].capitalize()) for m in re.finditer("|".join(DAYS).lower(), low)]
    numbers = []
    for match in NUMBER.finditer(low):
        number, clock = _number(match)
        numbers.append((match.start(), _slot(low, match, clock), number))
    missing = {"time", "people"} - {slot for _, slot, _ in numbers}
    bare = missing.pop() if len(missing) == 1 else ""
    found += [(at, slot or bare, written(slot or bare, n)) for at, slot, n in numbers if slot or bare]
    return tuple((slot, value) for _, slot, value in sorted(found))


def written(slot: str, number: int) -> str:
    """A number as this world writes it: a time in figures, people as a word; others as they are.

    >>> written("time", 19), written("people", 4)
    ('7', 'four')
    """
    if slot == "time":
        return str(number - 12 if number > 12 else number)
    return NUMBERS[number - 1] if 1 <= number <= 12 else str(number)


@lru_cache(maxsize=1 << 14)
def read(text: str) -> Turn:
    """What a turn of the clerk asks, states and claims. Values in a question are asked back, not stated as
    booked; a short, finished turn that asks nothing and states all three slots in one sentence is a claim too.

    >>> read("Thank you. At what time?")
    Turn(asks=('time',), states=(), claims=False, questions=1)
    >>> read("I have booked a table for four on Friday, let me know if you need more.")
    Turn(asks=(), states=(('people', 'four'), ('day', 'Friday')), claims=True, questions=0)
    """
    parts = sentences(text)
    wants = [clause for part in parts for clause in _clauses(part) if WANTS.search(clause)]
    told = [" ".join(c for c in _clauses(part) if not WANTS.search(c)) for part in parts]
    asked = " ".join(wants)
    asks = sorted((m.start(), slot) for slot, p in ASKED.items() if (m := p.search(asked)))
    says = any(_claimed(part) for part in parts) and not asks
    states = values(" ".join(told if says else parts))
    short = len(text.split()) <= LONGEST_CLAIM and text.rstrip().endswith((".", "!"))
    in_one = any({slot for slot, _ in values(part)} == set(SLOTS) for part in told)
    whole = short and in_one and not wants and not NOT_YET.search(" ".join(told))
    return Turn(tuple(slot for _, slot in asks), states, says or whole, len(ASK_WORD.findall(asked)))


def _clauses(part: str) -> list[str]:
    """A question whole; any other sentence cut at commas, semicolons and colons (but not within a time).

    >>> _clauses("it is booked, let me know if you need more.")
    ['it is booked', 'let me know if you need more.']
    """
    return [part] if part.endswith("?") else [c.strip() for c in re.split(r"[,;]|:(?!\d)", part) if c.strip()]


def _claimed(part: str) -> bool:
    """Whether a sentence says that something is booked, under no condition and in no question."""
    clauses = _clauses(part)
    for i, clause in enumerate(clauses):
        if CLAIM.search(clause) and not NOT_YET.search(clause) and not WANTS.search(clause):
            return not any(CONDITION.search(earlier) for earlier in clauses[:i])
    return False


def heard(prompt: Prompt, messages: Sequence[Message]) -> dict[str, str]:
    """Slot -> the value that the customer said last, in the opening or in a reply."""
    said = {slot: first(prompt, slot) for slot in prompt.truth["given"]}
    for message in messages:
        if message["role"] == "user":
            said.update(values(message["content"]))
    return said


def first(prompt: Prompt, slot: str) -> str:
    """What the customer says when first asked for a slot: a slip of the tongue, or the wish."""
    slips: Mapping[str, str] = prompt.truth["slip"]
    return slips.get(slot, str(prompt.truth["goal"][slot]))
