"""Does the completion say new things, or the same again? 1 is all new, so that more is better."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rewardbench.measures.ngrams import ngrams, repeated_share, tokens
from rewardbench.measures.ngrams import sentences as split
from rewardbench.types import UserError


def new_ngrams(completions: Sequence[str], n: int = 3) -> list[float]:
    """1 less the share of n-grams that occurred before in the same text.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the repetition of Welleck et al. 2020 (arXiv 1908.04319), turned round.

    >>> new_ngrams(["a b a b a b"], n=2)
    [0.4]
    """
    return [1 - repeated_share(text, n) for text in completions]


def new_sentences(completions: Sequence[str], alike: float = 0.6) -> list[float]:
    """Share of sentences whose set of words is not like that of an earlier one (Jaccard index under `alike`).

    Range: [0, 1].
    Cost: pure Python; grows with the square of the number of sentences.
    Source: own.

    >>> new_sentences(["She ran. He hid. She ran."])
    [0.6666666666666667]
    """
    paid = []
    for text in completions:
        bags = [set(tokens(sentence)) for sentence in split(text)]
        told = [any(len(a & b) >= alike * len(a | b) for b in bags[:i]) for i, a in enumerate(bags)]
        paid.append(1 - sum(told) / len(bags) if bags else 0.0)
    return paid


def penalty(
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    ngram_size: int = 3,
    max_penalty: float = -1.0,
) -> list[float]:
    """`max_penalty` times the share of n-grams of tokens that occurred before; 0 for a completion without any.

    Range: [max_penalty, 0].
    Cost: pure Python.
    Source: Yeo et al. 2025 (arXiv 2502.03373), appendix C.2; equal to TRL's get_repetition_penalty_reward.

    >>> penalty(["", ""], [[1, 2, 3, 4], [5, 5, 5, 5, 5]], ngram_size=2)
    [0.0, -0.75]
    """
    if max_penalty > 0 or ngram_size < 1:
        raise UserError("repetition.penalty: max_penalty must not be above 0, nor ngram_size under 1")
    paid = []
    for ids in completion_ids:
        grams = ngrams(ids, ngram_size)
        again = 1 - len(set(grams)) / len(grams) if grams else 0
        paid.append(again * max_penalty if again else 0.0)
    return paid


new_ngrams.pure = True  # type: ignore[attr-defined]
new_sentences.pure = True  # type: ignore[attr-defined]
penalty.check = partial(penalty, [], [])  # type: ignore[attr-defined]
