"""Does the completion look like proper prose? Cheap signs that people use in place of a language model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rewardbench.measures.ngrams import sentences as split
from rewardbench.measures.ngrams import tokens

ARTICLES = frozenset({"a", "an", "the"})
HANGING = ARTICLES | set(tokens("and but or of from with to her his was were in at"))
PAST = frozenset(
    tokens(
        """was were had did said went came got took saw knew thought found gave told felt left kept held
        stood heard met ran sat spoke led grew lost fell sent built broke rose bought wore taught
        caught fought threw flew sang slept woke hid rode stole won hit sold made became is are has
        can could would will lives wants goes finds"""
    )
)
AUXILIARY = frozenset(tokens("was were had is are has did can could will would"))


def clash(first: str, second: str) -> bool:
    """Whether two words cannot follow each other: the same word, an article before no noun, two verbs.

    >>> clash("the", "was"), clash("found", "ran"), clash("was", "lost")
    (True, True, False)
    """
    article = first in ARTICLES and second in HANGING | PAST
    verbs = first in PAST - AUXILIARY and second in PAST
    return first == second or article or verbs


def clean(sentence: str, low: int, high: int) -> bool:
    """Whether it starts with a capital, stops properly, has a verb, and no words that cannot stand together.

    >>> clean("The wolf ran away.", 3, 16), clean("The the wolf ran.", 3, 16), clean("The wolf.", 2, 16)
    (True, False, False)
    """
    words = tokens(sentence)
    pairs = list(pairwise(words))
    return (
        low <= len(words) <= high
        and sentence[0].isupper()
        and sentence.endswith((".", "!", "?"))
        and any(w in PAST or (w.endswith("ed") and len(w) > 4) for w in words)
        and words[-1] not in HANGING - {"her"}
        and not any(clash(a, b) for a, b in pairs)
        and not re.search(r"[a-z] (The|A|An|He|She|Then|But)\b", sentence)
    )


def sentence_form(completions: Sequence[str], low: int = 3, high: int = 16) -> list[float]:
    """Share of sentences in proper form: capital, full stop, verb, low to high words, no doubled word.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> sentence_form(["The wolf ran away. and then"])
    [0.5]
    """
    parts = [split(text) for text in completions]
    return [sum(clean(s, low, high) for s in part) / len(part) if part else 0.0 for part in parts]


def syllables(word: str) -> int:
    """How many groups of vowels a word has, a silent final e left out; at least 1.

    >>> syllables("lantern"), syllables("castle")
    (2, 1)
    """
    return max(1, len(re.findall(r"[aeiouy]+", word.removesuffix("e"))))


def readability(completions: Sequence[str]) -> list[float]:
    """Flesch reading ease over 100, clipped to [0, 1]: short words in short sentences pay most.

    Range: [0, 1].
    Cost: pure Python.
    Source: Flesch 1948, A new readability yardstick; its reading ease.

    >>> readability(["The wolf ran."])
    [1.0]
    """
    paid = []
    for text in completions:
        words = tokens(text)
        if not words:
            paid.append(0.0)
            continue
        a_sentence = len(words) / max(1, len(split(text)))
        a_word = sum(syllables(word) for word in words) / len(words)
        paid.append(min(1.0, max(0.0, (206.835 - 1.015 * a_sentence - 84.6 * a_word) / 100)))
    return paid


for _part in (sentence_form, readability):
    _part.pure = True  # type: ignore[attr-defined]
