"""Does a second reading agree that the clerk asked for what was missing and booked what was wished?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A number's slot comes from its neighbours ("at 7", "7 pm", "for 7", "7 people"); only a bare one is told by its
  looks, a figure being a time and a word a party.
- The closing turn is the last that claims, not the first, and what counts as said is what came before it.
- Points are the square of the share of right slots; each wasted turn takes 15 % of what is left instead of a fixed .15.
- A closing without an end mark was cut off: it stands, but counts as one wasted turn.
- Questions are counted by their question words and marks, whatever slot they are about.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

bar = 0.9

NUMERALS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
FIGURE = {word: value for value, word in enumerate(NUMERALS.split(), 1)}
TOKEN = re.compile(r"[0-9]{1,4}(?::[0-9]{2})?|[a-z]+(?:'[a-z]+)?|[^\s\w]")
DAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?")
BEFORE = dict.fromkeys(("at", "by", "around", "from"), "time") | dict.fromkeys(("for", "of", "are"), "people")
AFTER = dict.fromkeys(("pm", "am", "o'clock", "sharp"), "time")
AFTER |= dict.fromkeys(("people", "persons", "person", "guests", "guest", "diners", "adults", "seats"), "people")

HEAD = re.compile(
    r"\b(?:(?:tell|give) me (?:the|your|what|which|how)|what|which|how (?:many|much|large|big)|"
    r"(?:when|who) (?:would|will|do|does|are|is|should|shall|can))\b"
)
ABOUT = {
    "day": re.compile(r"\b(?:days?|dates?|weekday|when)\b"),
    "time": re.compile(r"\b(?:times?|hours?|o'clock|when)\b"),
    "people": re.compile(r"\b(?:how many|people|persons|guests|party|how (?:large|big))\b"),
}
DONE = re.compile(r"\b(?:booked|reserved|confirmed|scheduled)\b")
OPEN = re.compile(r"\b(?:if|once|unless|until|after|before|as soon as)\b")
DENIED = re.compile(
    r"\b(?:not|never|cannot|no|nothing|will|would|can|could|shall|should|may|might|must|unable|to be|fully)\b|n't\b"
)


def _plain(text: str) -> str:
    """Small letters, straight apostrophes, `pm` for `p.m.`."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return re.sub(r"\b([ap])\. ?m\b\.?", r"\1m", text)


def _clock(token: str, after: str) -> str:
    """A time as the twelve-hour clock names it; the morning's small hours apart.

    >>> _clock("19:00", ""), _clock("7", "pm"), _clock("7", "am"), _clock("7:30", "")
    ('7', '7', '7am', '7:30')
    """
    hour, _, minute = token.partition(":")
    value = int(FIGURE.get(hour, hour))
    name = str(value - 12 if 12 < value < 24 else value) + (f":{minute}" if minute.strip("0") else "")
    return name + "am" if after == "am" and value < 10 else name


def _values(text: str) -> dict[str, set[str]]:
    """Slot -> the different values that a text names.

    >>> _values("a table for 2 at seven on friday") == {"day": {"friday"}, "time": {"7"}, "people": {"2"}}
    True
    """
    found: dict[str, set[str]] = {slot: set() for slot in ABOUT}
    tokens = ["", *TOKEN.findall(text), ""]
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if DAY.fullmatch(token):
            found["day"].add(token.removesuffix("s"))
        elif token[:1].isdecimal() or token in FIGURE:
            slot = "time" if ":" in token else AFTER.get(after) or BEFORE.get(before)
            if token == "one" and not slot:
                continue
            slot = slot or ("time" if token[0].isdecimal() else "people")
            found[slot].add(_clock(token, after) if slot == "time" else str(FIGURE.get(token, token)))
    return found


def _sentences(text: str) -> list[str]:
    """The sentences with their end marks."""
    return [part.strip() for part in re.findall(r"[^.!?\n]+[.!?]*", text) if part.strip()]


def _questions(text: str) -> list[str]:
    """The parts of a turn that ask: one for every question word, and one for a question mark without any."""
    parts: list[str] = []
    for sentence in _sentences(text):
        heads = [match.start() for match in HEAD.finditer(sentence)]
        if heads:
            parts += [sentence[a:b] for a, b in zip(heads, [*heads[1:], len(sentence)], strict=True)]
        elif sentence.endswith("?"):
            parts.append(sentence)
    return parts


def _named(text: str) -> set[str]:
    """The slots of which a text names a value."""
    return {slot for slot, values in _values(text).items() if values}


def _wanted(questions: list[str]) -> set[str]:
    """The slots that the questions are about; one whose value a question holds is checked, not asked for."""
    return {slot for slot in ABOUT for asked in questions if ABOUT[slot].search(asked) and slot not in _named(asked)}


def _claims(text: str) -> bool:
    """Whether a turn says that something is booked: by the word, or by one short, finished sentence with all slots."""
    if _questions(text):
        return False
    for sentence in (part for part in _sentences(text) if not OPEN.search(part)):
        clauses = re.split(r"[,;:]|\bbut\b|\band\b", sentence)
        if any(DONE.search(clause) and not DENIED.search(clause) for clause in clauses):
            return True
        short = sentence.endswith((".", "!")) and len(sentence.split()) <= 20
        if short and len(_named(sentence)) == 3 and not DENIED.search(sentence):
            return True
    return False


def _wasted(turn: str, said: dict[str, set[str]], checked: bool) -> bool:
    """Whether a turn before the closing brought nothing: idle, double, known already, or a second check."""
    questions = _questions(turn)
    wanted = _wanted(questions)
    idle = all(said[slot] for slot in wanted) if wanted else checked or not _named(turn)
    return idle or len(questions) > 1


def gold(prompt: Any, completion: Sequence[dict[str, str]] | str) -> float:
    """The squared share of slots booked as wished and as said, less 15 % for each wasted turn; 0 without a claim."""
    messages = [{"role": "assistant", "content": completion}] if isinstance(completion, str) else list(completion)
    said = _values(_plain(prompt.plain().rpartition("Customer:")[2]))
    points, wasted, checked = 0.0, 0, False
    for message in messages:
        text = _plain(str(message.get("content", "")))
        if message.get("role") == "user":
            said = {slot: said[slot] | values for slot, values in _values(text).items()}
        elif message.get("role") == "assistant" and _claims(text):
            cut = not text.rstrip().endswith((".", "!", "…"))
            points = _right(prompt.truth["goal"], text, said) ** 2 * 0.85 ** (wasted + cut)
            wasted += 1
        elif message.get("role") == "assistant":
            wasted += _wasted(text, said, checked)
            checked |= bool(_named(text)) and not _wanted(_questions(text))
    return points


def _right(goal: dict[str, str], text: str, said: dict[str, set[str]]) -> float:
    """The share of slots for which the closing names the wished value alone, after the customer had said it."""
    booked, wished = _values(text), _values(_plain(f"on {goal['day']} at {goal['time']} for {goal['people']}"))
    return sum(booked[slot] == wished[slot] and wished[slot] <= said[slot] for slot in wished) / 3
