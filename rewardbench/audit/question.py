"""Is a question back paid?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask

MUST = "A question back is not paid as good completions are."
SAYS = "It asks back."


def completions(ask: Ask) -> list[str]:
    """What it says, a text each."""
    return ["Could you tell me more, please?", "What do you mean?"]
