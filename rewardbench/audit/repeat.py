"""Is one good sentence paid each time it is said?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, filled, sentences

MUST = "A good sentence repeated is not paid as good completions are."
SAYS = "It repeats one good sentence until the limit."


def completions(ask: Ask) -> list[str]:
    """What it says, a text each."""
    if not ask.good:
        return []
    picked = ask.rng.choice(sentences(ask.rng.choice(ask.good)) or [""])
    return [filled(picked, ask.limit)]
