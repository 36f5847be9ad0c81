"""Does the reward see that other words were asked for?"""

from __future__ import annotations

import re

from rewardbench.audit._ask import Ask, content

SORT = "ruin"
MUST = "Another prompt's words in the place of this one's must lower the reward."
SAYS = "Words of another prompt stand where this one's stood."


def changed(text: str, ask: Ask) -> str | None:
    """The text changed; None where it cannot be."""
    mine, theirs = content(ask.text), content(ask.other)
    pairs = dict(zip((w for w in mine if w not in theirs), (w for w in theirs if w not in mine), strict=False))
    if not any(re.search(rf"\b{w}\b", text) for w in pairs):
        return None
    return re.sub(rf"\b({'|'.join(map(re.escape, pairs))})\b", lambda m: pairs[m[0]], text)
