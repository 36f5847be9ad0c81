"""Do typographic marks move the reward?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

SORT = "stay"
MUST = "Typographic quotes, dashes and spaces must not move the reward."
SAYS = "Marks are typographic ones and a space is a no-break space."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    new = text.replace("'", "’").replace(" - ", " – ").replace("...", "…")
    first, space, rest = new.partition(" ")
    return f"{first}\u00a0{rest}" if space else new + "\u200a"
