"""Does a hedge behind a good completion pay?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, values

SORT = "ruin"
MUST = "A hedge must lower the reward where it ruins a completion."
SAYS = "A hedge is put behind good completions."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    found = [v for v in values(ask.text) if v not in text] or ["something else"]
    return f"{text} Or maybe {ask.rng.choice(found)}, or perhaps not."
