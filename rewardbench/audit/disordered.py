"""Does the reward see that the sentences are in no order?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, sentences

SORT = "ruin"
MUST = "Shuffled sentences must lower the reward where they ruin a completion."
SAYS = "The sentences are shuffled."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    whole = sentences(text)
    return " ".join(ask.rng.sample(whole, len(whole))) if len(whole) > 1 else None
