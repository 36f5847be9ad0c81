"""How near is the completion to texts that others wrote for the same prompt?"""

from __future__ import annotations

from collections.abc import Sequence

from rewardbench.measures import overlap


def bleu(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """Sentence BLEU against all of the prompt's references, in [0, 1].

    >>> [round(x, 3) for x in bleu(["the wolf ran away"], [["the wolf ran away"]])]
    [1.0]
    """
    return [overlap.bleu(text, known) for text, known in zip(completions, references, strict=True)]


def rouge(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """ROUGE-L F1 with the closest of the prompt's references, in [0, 1].

    >>> rouge(["the wolf ran"], [["the wolf ran", "a key"]])
    [1.0]
    """
    return [overlap.rouge_l(text, known) for text, known in zip(completions, references, strict=True)]


for _part in (bleu, rouge):
    _part.pure = True  # type: ignore[attr-defined]
