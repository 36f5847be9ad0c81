"""Is any one value paid, right or wrong?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, content, values

MUST = "A value picked blindly is not paid as good completions are."
SAYS = "It picks a value blindly."


def completions(ask: Ask) -> list[str]:
    """What it says, a text each."""
    found = values(ask.text) or content(ask.text)
    one, two = ask.rng.choice(found), str(ask.rng.randint(1, 20))
    return [f"{one}.", f"The answer is {two}.\n#### {two}"]
