"""Does the reward see that the words are in no order?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

SORT = "ruin"
MUST = "Shuffled words must lower the reward."
SAYS = "The words are shuffled."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    words = text.split()
    ask.rng.shuffle(words)
    return " ".join(words) if len(words) > 2 else None
