"""Does the completion say new things, or the same again? 1 is all new, so that more is better."""

from __future__ import annotations

from collections.abc import Sequence

from rewardbench.measures.ngrams import repeated_share, tokens
from rewardbench.measures.ngrams import sentences as split


def new_ngrams(completions: Sequence[str], n: int = 3) -> list[float]:
    """1 less the share of n-grams that occurred before in the same text.

    >>> new_ngrams(["a b a b a b"], n=2)
    [0.4]
    """
    return [1 - repeated_share(text, n) for text in completions]


def new_sentences(completions: Sequence[str], alike: float = 0.6) -> list[float]:
    """Share of sentences whose set of words is not like that of an earlier one (Jaccard index under `alike`).

    >>> new_sentences(["She ran. He hid. She ran."])
    [0.6666666666666667]
    """
    paid = []
    for text in completions:
        bags = [set(tokens(sentence)) for sentence in split(text)]
        told = [any(len(a & b) >= alike * len(a | b) for b in bags[:i]) for i, a in enumerate(bags)]
        paid.append(1 - sum(told) / len(bags) if bags else 0.0)
    return paid


new_ngrams.pure = True  # type: ignore[attr-defined]
new_sentences.pure = True  # type: ignore[attr-defined]
