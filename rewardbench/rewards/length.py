"""Is the completion as long as it should be? Windows that pay in full inside, less outside."""

from __future__ import annotations

from collections.abc import Sequence

from rewardbench.measures.ngrams import sentences as split
from rewardbench.measures.ngrams import tokens


def window(count: float, low: float, high: float, slack: float) -> float:
    """1 from low to high, falling in a straight line to 0 over `slack` on either side.

    >>> window(4, 3, 5, 2), window(6, 3, 5, 2), window(0, 3, 5, 2)
    (1.0, 0.5, 0.0)
    """
    return max(0.0, 1.0 - max(low - count, count - high, 0.0) / slack)


def sentences(completions: Sequence[str], low: int = 3, high: int = 5, slack: float = 2.0) -> list[float]:
    """1 for a number of sentences from low to high, less outside.

    >>> sentences(["One. Two. Three.", "One. Two."])
    [1.0, 0.5]
    """
    return [window(len(split(text)), low, high, slack) for text in completions]


def words(completions: Sequence[str], low: int = 25, high: int = 45, slack: float = 20.0) -> list[float]:
    """1 for a number of words from low to high, less outside.

    >>> words(["one two three"], low=3, high=3)
    [1.0]
    """
    return [window(len(tokens(text)), low, high, slack) for text in completions]


for _part in (sentences, words):
    _part.pure = True  # type: ignore[attr-defined]
