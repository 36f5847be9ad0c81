"""Is a single word paid?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

MUST = "One word is not paid as good completions are."
SAYS = "It says one word."


def completions(ask: Ask) -> list[str]:
    """What it says, a text each."""
    return [ask.rng.choice(["Yes.", "Okay.", "No."]), "yes"]
