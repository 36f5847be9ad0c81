"""Is asking the same again and again paid?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

MUST = "The same question again and again is not paid as good dialogues are."
SAYS = "It asks the same again and again."
DIALOGUE = True


def completions(ask: Ask) -> list[list[str]]:
    """One question, said at every turn."""
    first = ask.rng.choice(ask.elsewhere)[0] if ask.elsewhere else "What would you like?"
    return [[first], ["Which day, please? What time? How many people?"]]
