"""Is the completion about what was asked? Words shared with the prompt, the rare ones counting most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log, sqrt

from rewardbench.measures.ngrams import tokens
from rewardbench.measures.prose import frequencies


def tfidf(prompts: Sequence[str], completions: Sequence[str]) -> list[float]:
    """Cosine of the TF-IDF vectors of completion and prompt; to say the prompt again is paid 1.

    Inverse frequencies come from a fixed corpus of English (pyspellchecker's), not from the batch, so that a completion
    is paid the same in whatever company it comes; a word that the corpus lacks (a name, another language) counts as
    the rarest. Term frequencies are sublinear, 1 + ln n: a word said ten times does not count ten times.

    Range: [0, 1]; 0 where no word is shared.
    Cost: pure Python; pyspellchecker's word list, looked up.
    Source: Spärck Jones (1972); sublinear frequencies as in Manning, Raghavan & Schütze (2008), 6.4.1.

    >>> asked = "Tell me about the lantern."
    >>> [round(x, 2) for x in tfidf([asked] * 3, ["The lantern is old.", "The wolf ran.", asked])]
    [0.7, 0.04, 1.0]
    """
    return [_cosine(_kept(prompt), _vector(text)) for prompt, text in zip(prompts, completions, strict=True)]


def _vector(text: str) -> Mapping[str, float]:
    """Word -> weight, of length 1; empty without words."""
    weights = {word: (1 + log(n)) * _rarity(word) for word, n in Counter(tokens(text)).items()}
    length = sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / length for word, weight in weights.items()}


@lru_cache(maxsize=1 << 10)
def _kept(text: str) -> Mapping[str, float]:
    """The vector of a prompt, which all its siblings are compared with."""
    return _vector(text)


@lru_cache(maxsize=1 << 16)
def _rarity(word: str) -> float:
    """ln of the corpus' words over how many of them are this one, at least 1.

    >>> _rarity("the") < _rarity("wolf") < _rarity("zorblax")
    True
    """
    return log(_corpus() / max(1, frequencies()[word]))


@lru_cache(maxsize=1)
def _corpus() -> int:
    """How many words the corpus has."""
    return sum(frequencies().values())


def _cosine(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Of two vectors of length 1."""
    return min(1.0, sum(weight * b[word] for word, weight in a.items() if word in b))


tfidf.pure = True  # type: ignore[attr-defined]
