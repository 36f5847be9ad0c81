"""Is another prompt's good completion paid here?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

MUST = "What is good for another prompt is not paid as what is good for this one."
SAYS = "It says what was good for another prompt."


def completions(ask: Ask) -> list[list[str]]:
    """Turns of another prompt's good completion."""
    return [list(ask.rng.choice(ask.elsewhere)) for _ in range(2)] if ask.elsewhere else []
