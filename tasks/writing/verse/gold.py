"""Does the line rhyme with the one it answers, in ten syllables that alternate, in an order that verse has?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rewardbench.types import Prompt, Said

from .flow import Order
from .sound import listed, metre, rhyme, syllables, words
from .world import order

bar = 0.7
"""A line that reaches it rhymes, has nine to eleven syllables in an order that English has, and no grave fault."""

NO_RHYME = 0.1
UNKNOWN = 0.5
"""What a rhyme is worth on a word that neither the sonnets nor the plays know: it may be invented for the sound."""
COUNTS = {10: 1.0, 11: 0.9, 9: 0.85, 12: 0.4, 8: 0.4}
SMALL = listed(
    "a an the and or but nor if as so than that this these those of in on at to for from by with without into upon i "
    "you he she it we they me him her us them my thy your his its our their thou thee is are was were be been am do "
    "does did have has had will would "
    "shall should can could may might must not no who whom whose which what when where how why "
    "all each every"
)
"""Words that do a sentence's small work."""
OPEN = listed("a an the my thy our your their its")
CLOSED = listed(
    "a an the my thy our your their its and or but nor of in at to for from with into upon is are was were be am do "
    "does did has had will would shall should can could may might must i he she we they him them us thou thee"
)
"""What an article or possessive cannot stand before."""
NEVER_LAST = listed("a an the and or but nor of in at to from by with my thy your our their its than as if")
TASK_WORDS = re.compile(
    r"\b(?:rhym\w+|syllab\w+|stress\w*|poems?|next line|this line|couplets?|iambic|pentameter|sure|here (?:is|are))\b",
    re.I,
)
PERSONS = (("I", listed("i me my mine we us our")), ("thou", listed("thou thee thy thine you your")))


def gold(prompt: Prompt, completion: Said) -> float:
    """Rhyme x syllables x metre x flow x a factor for each fault, in [0, 1]; the first of several lines at a loss.

    Flow is asked of prompts that name the text to judge it by (`truth["order"]`): examples in our own words have none.
    """
    text = _text(completion)
    lines = [line for line in text.splitlines() if words(line)]
    if not lines:
        return 0.0
    said, asked = words(lines[0]), words(prompt.truth["line"])
    fit, count = metre(said)
    falls = count == 11 and syllables(said[-1])[0] > 1
    score = _rhyme(asked[-1], said[-1], prompt.truth["rhymes"]) * (falls or COUNTS.get(count, 0.1)) * (0.4 + 0.6 * fit)
    known = order() if prompt.truth.get("order") else None
    score *= known.flow(said) if known else 1.0
    score *= 0.3 ** min(3, len(lines) - 1)
    for factor in _faults(lines[0], said, asked, known).values():
        score *= factor
    return score


def kind(prompt: Prompt, completion: Said) -> str:
    """The first telling word, who speaks or is spoken to, and whether it asks, denies or states: `roof|thou|states`.

    Not the word that rhymes: one frame with another rhyme at its end is the same line again.
    """
    lines = [line for line in _text(completion).splitlines() if words(line)]
    if not lines:
        return "nothing"
    said = words(lines[0])
    person = next((name for name, some in PERSONS if some & set(said)), "it")
    denies = {"no", "not", "nor", "never", "none", "nothing"} & set(said)
    mood = "asks" if lines[0].rstrip().endswith("?") else "denies" if denies else "states"
    telling = next((word for word in said[:-1] if word not in SMALL and len(word) > 2), "none")
    return f"{telling}|{person}|{mood}"


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return completion
    return "\n".join(m["content"] for m in completion if m["role"] == "assistant")


def _rhyme(asked: str, said: str, known: Sequence[str]) -> float:
    """What the rhyme is worth: less on a word that nobody knows, a little without any."""
    sounds = rhyme(asked, said)
    if sounds and re.sub("'s?$", "", said) not in {re.sub("'s?$", "", word) for word in known}:
        sounds *= UNKNOWN
    return max(NO_RHYME, sounds)


def _faults(line: str, said: Sequence[str], asked: Sequence[str], known: Order | None) -> dict[str, float]:
    """Fault -> the factor that it costs, of those that the line has."""
    small = sum(word in SMALL for word in said) / len(said)
    shared = sum(pair in set(pairwise(asked)) for pair in pairwise(said)) / max(1, len(said) - 1)
    short = all(syllables(word)[1] == 1 for word in said)
    tests = {
        "echo": (shared > 0.34, 0.1),
        "about the task": (bool(TASK_WORDS.search(line)) and not TASK_WORDS.search(" ".join(asked)), 0.1),
        "no verse": (bool(re.search(r"^\s*(?:[-*•#>]|\d+[.)]|\w+(?: \d+)?:\s)|[/|<>=_{}\[\]()]", line)), 0.3),
        "repeats": (len(set(said)) < 0.75 * len(said) or any(a == b for a, b in pairwise(said)), 0.3),
        "thrice": (max(map(said.count, said)) > 2, 0.4),
        "no verb": (known is not None and short and not known.has_verb(said), 0.4),
        "a list": (line.count(",") > 3 or (len(said) > 3 and small < 0.13), 0.3),
        "chaff": (small > 0.8, 0.3),
        "broken off": (said[-1] in NEVER_LAST, 0.3),
        "clash": (any(a in OPEN and b in CLOSED for a, b in pairwise(said)), 0.4),
        "two sentences": (len(re.findall(r"[.!?]+\s+\w", line)) > 1, 0.5),
    }
    return {name: factor for name, (holds, factor) in tests.items() if holds}
