"""Is the completion easy enough to read? Formulas of words, sentences and syllables, none of meaning.

They were fitted to school texts in English prose; a list, code or another language gets a number all the same.
`fluency.readability` is an older reading ease with a plainer count of syllables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rewardbench.measures import prose


def flesch(completions: Sequence[str]) -> list[float]:
    """Reading ease over 100, clipped to [0, 1]: short words in short sentences pay most.

    Range: [0, 1]; 0 for a text without words.
    Cost: pure Python.
    Source: Flesch (1948).

    >>> flesch(["The cat sat on the mat.", ""])
    [1.0, 0.0]
    """
    return [min(1.0, max(0.0, prose.flesch(text) / 100)) for text in completions]


def grade(completions: Sequence[str], low: float = 3.0, high: float = 8.0, slack: float = 4.0) -> list[float]:
    """1 where the Flesch-Kincaid school grade lies from low to high, falling to 0 over `slack` on either side.

    Range: [0, 1]; 0 for a text without words.
    Cost: pure Python.
    Source: Kincaid, Fishburne, Rogers & Chissom (1975); the band is ours.

    >>> text = "The Australian platypus is seemingly a hybrid of a mammal and reptilian creature."
    >>> [round(x, 2) for x in grade([text]) + grade([text], high=12)]
    [0.18, 1.0]
    """
    return [_band(prose.flesch_kincaid(text), low, high, slack) if text.strip() else 0.0 for text in completions]


def lix(completions: Sequence[str], low: float = 20.0, high: float = 40.0, slack: float = 15.0) -> list[float]:
    """1 where the readability index LIX lies from low to high, falling to 0 over `slack` on either side.

    Range: [0, 1]; 0 for a text without words. Under 30 is very easy, above 50 hard; no syllables are counted, so
    that it reads any alphabetic language.
    Cost: pure Python.
    Source: Björnsson (1968); the band is ours.

    >>> lix(["The wolf ran. A lantern flickered.", "Responsibilities notwithstanding.", ""])
    [1.0, 0.0, 0.0]
    """
    return [_band(prose.lix(text), low, high, slack) if text.strip() else 0.0 for text in completions]


def _band(value: float, low: float, high: float, slack: float) -> float:
    """1 from low to high, a straight line to 0 outside."""
    return max(0.0, 1.0 - max(low - value, value - high, 0.0) / slack)


_parts: tuple[Any, ...] = (flesch, grade, lix)
for _part in _parts:
    _part.pure = True
