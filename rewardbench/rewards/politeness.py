"""How polite does a completion sound, by its words?"""

from __future__ import annotations

import re
from collections.abc import Sequence

COURTESY = re.compile(r"\b(please|thanks?|sorry|welcome)\b")


def courtesies(completions: Sequence[str], cap: int = 4) -> list[float]:
    """Polite words (please, thank, sorry, welcome) as a share of `cap`, at most 1.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> courtesies(["Thank you. Which day, please?"], cap=4)
    [0.5]
    """
    return [min(len(COURTESY.findall(text.lower())), cap) / cap for text in completions]


courtesies.pure = True  # type: ignore[attr-defined]
