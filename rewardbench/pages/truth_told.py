"""What is an answer of the truth page made of? A kind, a figure, a sentence; and how numbers and names stand in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench.pages.numbers import bracket, fixed
from rewardbench.pages.safe import code

Json = Mapping[str, Any]
YES, NO, OPEN, MISSING = "yes", "no", "cannot be told", "not measured"
LEVEL = 0.05
"""The p below which something is told from chance; and the honest entries that a challenge is meant to flag."""


@dataclass(frozen=True)
class Told:
    """A part's answer, of one task or of all."""

    part: str
    task: str
    """Empty where it spans all tasks."""
    kind: str
    """YES, NO, OPEN (the interval includes what would be chance, or the aim) or MISSING."""
    figure: str
    """The one number, with its interval and what it is."""
    says: str
    """The sentence; names stand between backticks."""


def quoted(text: str) -> str:
    """A name between backticks, in which nothing ends them or is read as markup.

    >>> quoted("a`b|<c>")
    '`aˋb¦‹c›`'
    """
    return f"`{code(text)}`"


def span(told: Json, key: str = "value", places: int = 2) -> str:
    """A number with its interval.

    >>> span({"value": .75, "low": .5, "high": .9})
    '0.75 [0.50, 0.90]'
    """
    between = bracket(told["low"], told["high"], places)
    return f"{fixed(told[key], places)} {between}".strip()


def percent(share: float) -> str:
    """A share for people.

    >>> percent(0.4712)
    '47 %'
    """
    return f"{100 * share:.0f} %"


def between(ends: Sequence[float] | None) -> str:
    """A range of values.

    >>> between([.2, .5]), between([.2, .2]), between(None)
    ('0.20 to 0.50', '0.20', '–')
    """
    if ends is None:
        return "–"
    low, high = (fixed(e) for e in ends)
    return low if low == high else f"{low} to {high}"


def against(low: float | None, high: float | None, aim: float) -> str:
    """Where an interval lies: YES above the aim, NO below, else OPEN.

    >>> against(.82, .9, .8), against(.5, .7, .8), against(.7, .9, .8), against(None, None, .8)
    ('yes', 'no', 'cannot be told', 'cannot be told')
    """
    if low is None or high is None:
        return OPEN
    return YES if low >= aim else NO if high < aim else OPEN
