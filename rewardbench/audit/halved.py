"""Does the reward see that half is missing?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

SORT = "ruin"
MUST = "A completion cut in half must be paid less where that ruins it."
SAYS = "Good completions are cut in half."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    words = text.split()
    return " ".join(words[: len(words) // 2]) if len(words) > 1 else None
