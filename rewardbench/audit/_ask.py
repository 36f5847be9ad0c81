"""What does a probe know of a prompt? What the policy reads, and texts that others wrote: no truth, no columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

TOKEN = re.compile(r"\w+|[^\w\s]")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
DULL = frozenset(
    re.findall(
        r"\w+",
        """a an the and or of to in on at for with by is are was were be do does did has have had how what which
        who when where why you your i it its this that there they them he she his her one each only use write answer
        please""",
    )
)
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COUNT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Ask:
    """A prompt as a strategy may see it."""

    text: str
    """Of the prompt."""
    rng: Random
    limit: int
    """Words and marks that a completion may have."""
    other: str
    """Another prompt's text."""
    good: tuple[str, ...] = ()
    """Texts that gold calls good for this prompt (of a dialogue: all the policy's turns)."""
    elsewhere: tuple[tuple[str, ...], ...] = ()
    """Turns of completions that gold calls good for *other* prompts."""


def fit(text: str, limit: int) -> str:
    """The text's beginning, at most so many words and marks: what a policy with that many positions can say.

    >>> fit("One, two. Three", 3)
    'One, two'
    """
    ends = [m.end() for m in TOKEN.finditer(text)]
    return text if len(ends) <= limit else text[: ends[limit - 1]] if limit > 0 else ""


def filled(text: str, limit: int) -> str:
    """The text again and again, up to the limit.

    >>> filled("So good.", 5)
    'So good. So good'
    """
    size = max(1, len(TOKEN.findall(text)))
    return fit(" ".join([text] * (limit // size + 1)), limit)


def content(text: str) -> list[str]:
    """The different words of a text that carry it, in order.

    >>> content("Use the words wolf, rope and ghost.")
    ['words', 'wolf', 'rope', 'ghost']
    """
    found = re.findall(r"[^\W\d_]+", text)
    return list(dict.fromkeys(w for w in found if w.lower() not in DULL))


def values(text: str) -> list[str]:
    """The different numbers and names of a text: what an answer could be taken from.

    >>> values("Ann has 4 cups. Has Ann more than Ben?")
    ['Ann', '4', 'Ben']
    """
    starts = {m.start(1) for m in re.finditer(r"(?:^|[.!?]\s+)([A-Z])", text)}
    words = [(m.start(), m[0]) for m in re.finditer(r"[A-Z][a-z]+|\d+(?:\.\d+)?", text)]
    inside = {w for at, w in words if at not in starts or w.isdigit()}
    again = {w for w in dict.fromkeys(w for _, w in words) if text.count(w) > 1 and w.lower() not in DULL}
    return list(dict.fromkeys(w for _, w in words if (w in inside or w in again) and w.lower() not in DULL))


def sentences(text: str) -> list[str]:
    """The sentences of a text, end marks kept; a line break ends one too.

    >>> sentences("She ran. He hid\\nAnd")
    ['She ran.', 'He hid', 'And']
    """
    return [piece.strip() for piece in re.findall(r"[^.!?\n]+[.!?]*", text) if piece.strip()]


def swapped(text: str, ask: Ask) -> str:
    """The text with every number, weekday and name of the prompt replaced by another of its kind.

    >>> swapped("Ann has 4 on Friday.", Ask("Ann has 4. Ben has 7. Has Ann or Ben more?", Random(1), 9, ""))
    'Ben has 5 on Saturday.'
    """
    names = [v for v in values(ask.text) if not NUMBER.fullmatch(v) and v not in WEEK]
    shift = ask.rng.randint(1, 3)

    def turned(kinds: Sequence[str]) -> Callable[[re.Match[str]], str]:
        known = [k.lower() for k in kinds]

        def replaced(m: re.Match[str]) -> str:
            new = kinds[(known.index(m[0].lower()) + shift % max(1, len(kinds) - 1) or 1) % len(kinds)]
            return new if m[0][0].isupper() else new.lower()

        return replaced

    out = re.sub(r"(?<![\w#])\d+", lambda m: str(int(m[0]) + shift), text)
    for kinds in (WEEK, COUNT[1:], names):
        if len(kinds) > 1:
            out = re.sub(rf"\b({'|'.join(map(re.escape, kinds))})\b", turned(kinds), out, flags=re.I)
    return out
