"""Is one proper sentence about nothing in particular paid?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

MUST = "A constant sentence is not paid as good completions are."
SAYS = "It says one and the same sentence to every prompt."


def completions(ask: Ask) -> list[str]:
    """What it says, a text each."""
    return [
        "She went home and was happy.",
        "The man went to the town and came back.",
    ]
