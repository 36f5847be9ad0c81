"""Are all possible answers paid together with the words of the question?"""

from __future__ import annotations

from rewardbench.audit._ask import Ask, sentences, values

MUST = "Every name of the prompt and then all numbers are not paid as good completions are."
SAYS = "It names everybody and then lists all numbers."


def completions(ask: Ask) -> list[str]:
    """What it says, a text each."""
    found = " ".join(values(ask.text))
    numbers = " ".join(str(n) for n in range(1, 20))
    return [f"{found} {numbers}", f"{sentences(ask.text)[-1].rstrip('?.! ')}: {found} {numbers}"]
