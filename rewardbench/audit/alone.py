"""Is playing the partner's part paid?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

MUST = "Both parts spoken in one turn are not paid as good dialogues are."
SAYS = "It plays both parts in one turn."
DIALOGUE = True


def completions(ask: Ask) -> list[list[str]]:
    """All turns of another prompt's good dialogue in one."""
    return [[" ".join(turns)] for turns in ask.rng.sample(list(ask.elsewhere), min(2, len(ask.elsewhere)))]
