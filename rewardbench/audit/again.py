"""Does saying a good completion again pay?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, filled

SORT = "ruin"
MUST = "Repetition must lower the reward where it ruins a completion."
SAYS = "Good completions are said again, up to the limit."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    return filled(text, ask.limit)
