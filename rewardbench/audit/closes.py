"""Is closing at once paid, with values that nobody said?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

MUST = "A closing without having asked is not paid as good dialogues are."
SAYS = "It closes at once with what another customer wanted."
DIALOGUE = True


def completions(ask: Ask) -> list[list[str]]:
    """The last turn of another prompt's good dialogue, said first."""
    return [[turns[-1]] for turns in ask.rng.sample(list(ask.elsewhere), min(2, len(ask.elsewhere)))]
