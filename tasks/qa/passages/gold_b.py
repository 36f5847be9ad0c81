"""Does a second reading find the marked answer, and find that it is the one thing answered?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- Words are what stands between blanks, less punctuation and signs of any script: a dash between figures parts nothing.
- The shared words are counted from sorted lists, one step at a time.
- A quotation is found by sliding a window over the passage's words.
- Words of plain speech are told by a list of its own, and by being shorter than three letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

bar = 1.0
ARTICLES = ("a", "an", "the")
SPEECH = frozenset(
    re.findall(
        r"\w+",
        """and are was were been being its that this there these those they them their she her his him you our out off
        with for from into about than then when where which who whom whose what why how did does done had has have can
        could will would may might also very just only answer question because called named known yes but""",
    )
)
HEDGES = (
    "or", "either", "maybe", "perhaps", "possibly", "probably", "likely", "think", "guess", "unknown", "unsure",
    "unclear",
)  # fmt: skip
DENIALS = ("not", "no", "never", "cannot", "none", "nothing")
ROOM = 10


def _said(text: str) -> list[str]:
    """The words of a text, without case, punctuation and articles.

    >>> _said("The Petrel's crew – nine!")
    ['petrels', 'crew', 'nine']
    """
    text = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] not in "CPS")
    return [word for word in kept.split() if word not in ARTICLES]


def _common(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """The words that two lists share, each as often as both have it.

    >>> _common(["b", "a", "b"], ["b", "c"])
    ['b']
    """
    left, right, shared = sorted(ours), sorted(theirs), []
    while left and right:
        if left[-1] == right[-1]:
            shared.append(left.pop())
            right.pop()
        else:
            (left if left[-1] > right[-1] else right).pop()
    return shared


def _near(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """F1 of two lists of words: twice what they share, over what they have."""
    shared = len(_common(ours, theirs))
    return 2 * shared / (len(ours) + len(theirs)) if shared else 0.0


def _small(word: str) -> bool:
    """Whether a word is one of plain speech that carries nothing."""
    return word in SPEECH or (len(word) < 3 and word.isalpha())


def _quoted(ours: Sequence[str], passage: Sequence[str]) -> bool:
    """Whether the words stand in the passage in a row."""
    size = len(ours)
    return any(list(passage[n : n + size]) == list(ours) for n in range(len(passage) - size + 1))


def _ordered(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether the shared words can be read off both lists in one order.

    >>> _ordered(["old", "town"], ["old", "town"]), _ordered(["town", "old"], ["old", "town"])
    (True, False)
    """
    lengths = {(-1, n): 0 for n in range(-1, len(theirs))} | {(m, -1): 0 for m in range(len(ours))}
    for m, one in enumerate(ours):
        for n, other in enumerate(theirs):
            longer = max(lengths[m - 1, n], lengths[m, n - 1])
            lengths[m, n] = lengths[m - 1, n - 1] + 1 if one == other else longer
    return lengths[len(ours) - 1, len(theirs) - 1] == len(_common(ours, theirs))


def _beside(ours: Sequence[str], theirs: Sequence[str], question: Sequence[str]) -> bool:
    """Whether words are brought in, or said more often, that neither answer nor question nor speech accounts for.

    >>> _beside(["ida", "was", "keeper"], ["ida"], ["keeper"]), _beside(["ida", "ida"], ["ida"], [])
    (False, True)
    """
    rest = [*theirs, *question]
    for word in ours:
        if word in rest:
            rest.remove(word)
        elif not _small(word):
            return True
    return False


def gold(prompt: Any, completion: str) -> float:
    """F1 with the nearest answer, halved where more than one thing is answered, 0 for doubt, talk and small words."""
    truth, ours = prompt.truth, _said(completion)
    answers = sorted((_said(answer) for answer in truth["answers"]), key=lambda a: _near(ours, a))
    nearest, passage, question = answers[-1], _said(truth["passage"]), _said(truth["question"])
    score, quoted = _near(ours, nearest), _quoted(ours, passage)
    if len(ours) > 2 * max(map(len, answers)) + ROOM:
        return 0.0
    if all(map(_small, _common(ours, nearest))) and not all(map(_small, nearest)):
        return 0.0
    doubts = any(word in (*HEDGES, *DENIALS) and word not in nearest for word in ours)
    if (doubts or re.search(r"(?i)n['’]t\b", completion)) and not quoted:
        return 0.0
    pairs = list(pairwise(ours))
    again = any(a == b for a, b in pairs) or len(pairs) > len(set(pairs))
    more = again or "?" in completion or not _ordered(ours, nearest) or _beside(ours, nearest, question)
    return score / 2 if more and not quoted else score
