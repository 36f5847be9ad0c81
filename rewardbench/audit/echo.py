"""Is repeating the prompt paid?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, fit, sentences

MUST = "The prompt's own words are not paid as good completions are."
SAYS = "It repeats the prompt."


def completions(ask: Ask) -> list[str]:
    """What it says, a text each."""
    return [fit(ask.text, ask.limit), fit(sentences(ask.text)[-1], ask.limit)]
