"""Is the beginning of a good completion paid as the whole?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, sentences

MUST = "The first sentence or turn of a good completion is not paid as the whole."
SAYS = "It breaks off after the first sentence of a good completion."


def completions(ask: Ask) -> list[str]:
    """First sentences; nothing where a good completion has but one."""
    if not ask.good:
        return []
    whole = [sentences(text) for text in ask.good if len(sentences(text)) > 1]
    return [picked[0] for picked in ask.rng.sample(whole, min(2, len(whole)))] if whole else []
