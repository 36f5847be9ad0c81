"""Does the reward see that the values are wrong?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, swapped

SORT = "ruin"
MUST = "A wrong number, name or day in the place of the right one must lower the reward."
SAYS = "Wrong values stand where right ones stood."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    new = swapped(text, ask)
    return new if new != text else None
