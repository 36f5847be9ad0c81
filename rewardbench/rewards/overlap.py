"""How near is the completion to texts that others wrote for the same prompt?"""

from __future__ import annotations

from collections.abc import Sequence

from rewardbench.measures import overlap


def bleu(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """Sentence BLEU against all of the prompt's references, in [0, 1].

    Range: [0, 1].
    Cost: sacrebleu (effective order); the references' n-grams are counted once.
    Source: Papineni et al. 2002 (aclanthology.org/P02-1040); sacrebleu, Post 2018 (arXiv 1804.08771).

    >>> [round(x, 3) for x in bleu(["the wolf ran away"], [["the wolf ran away"]])]
    [1.0]
    """
    return [overlap.bleu(text, known) for text, known in zip(completions, references, strict=True)]


def chrf(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """chrF2 with the closest of the prompt's references, in [0, 1]: characters, so that a near word counts.

    Range: [0, 1].
    Cost: sacrebleu; the references' n-grams are counted once.
    Source: Popović 2015 (aclanthology.org/W15-3049); sacrebleu, Post 2018 (arXiv 1804.08771).

    >>> [round(x, 3) for x in chrf(["the wolves ran"], [["the wolf ran away"]])]
    [0.376]
    """
    return [overlap.chrf(text, known) for text, known in zip(completions, references, strict=True)]


def ter(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """1 less the translation edit rate to the closest of the prompt's references, 0 where that is above 1.

    Range: [0, 1].
    Cost: sacrebleu; the slowest of the overlaps, by far so on long texts.
    Source: Snover et al. 2006 (aclanthology.org/2006.amta-papers.25); sacrebleu, Post 2018 (arXiv 1804.08771).

    >>> ter(["the wolf ran", "a", ""], [["the wolf ran away"]] * 3)
    [0.75, 0.0, 0.0]
    """
    return [1.0 - min(1.0, overlap.ter(text, known)) for text, known in zip(completions, references, strict=True)]


def rouge(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """ROUGE-L F1 with the closest of the prompt's references, in [0, 1].

    Range: [0, 1].
    Cost: pure Python.
    Source: Lin 2004 (aclanthology.org/W04-1013); equal to rouge_score without stemming on ASCII.

    >>> rouge(["the wolf ran"], [["the wolf ran", "a key"]])
    [1.0]
    """
    return [overlap.rouge_l(text, known) for text, known in zip(completions, references, strict=True)]


def rouge1(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """ROUGE-1 F1 with the closest of the prompt's references, in [0, 1]: words, whatever their order.

    Range: [0, 1].
    Cost: pure Python.
    Source: Lin 2004 (aclanthology.org/W04-1013); equal to rouge_score without stemming on ASCII.

    >>> rouge1(["ran the wolf"], [["the wolf ran", "a key"]])
    [1.0]
    """
    return [overlap.rouge_n(text, known, 1) for text, known in zip(completions, references, strict=True)]


def rouge2(completions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """ROUGE-2 F1 with the closest of the prompt's references, in [0, 1]: pairs of words.

    Range: [0, 1].
    Cost: pure Python.
    Source: Lin 2004 (aclanthology.org/W04-1013); equal to rouge_score without stemming on ASCII.

    >>> rouge2(["the wolf ran"], [["the wolf hid"]])
    [0.5]
    """
    return [overlap.rouge_n(text, known, 2) for text, known in zip(completions, references, strict=True)]


for _part in (bleu, chrf, ter, rouge, rouge1, rouge2):
    _part.pure = True  # type: ignore[attr-defined]
