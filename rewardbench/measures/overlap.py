"""How much does a text share with reference texts? BLEU, chrF, TER, ROUGE and token F1."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from rewardbench.measures.ngrams import ngrams, tokens
from rewardbench.measures.scripts import LETTERS, MARKS, spaced

_ROUGE = re.compile(rf"[{LETTERS}][{MARKS}]*|[^\W_{LETTERS}]+")


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of precision and recall of the words, order ignored; in [0, 1].

    >>> token_f1("the wolf ran", "the wolf")
    0.8
    """
    ours, theirs = tokens(text), tokens(reference)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * shared / (len(ours) + len(theirs)) if shared else 0.0


@lru_cache(maxsize=256)
def _scorer(kind: str, references: tuple[str, ...]) -> Any:
    """A scorer of sacrebleu with the references' statistics in it: siblings and later steps share them.

    Sentence BLEU without effective order is 0 for every short text.
    """
    from sacrebleu.metrics import BLEU, CHRF, TER

    known = [[spaced(reference)] for reference in references]
    made = {"bleu": partial(BLEU, effective_order=True), "chrf": CHRF, "ter": TER}[kind]
    return made(references=known)


def _score(kind: str, text: str, references: Sequence[str]) -> float:
    """A sacrebleu score over 100 of one text; 0 without any text or any reference to compare."""
    if not text.strip() or not any(r.strip() for r in references):
        return 0.0
    return float(_scorer(kind, tuple(references)).corpus_score([spaced(text)], None).score) / 100


def bleu(text: str, references: Sequence[str]) -> float:
    """Sentence BLEU (sacrebleu, effective order) against all references at once, in [0, 1].

    >>> round(bleu("the wolf ran away", ["the wolf ran away"]), 3)
    1.0
    """
    return min(1.0, _score("bleu", text, references))


def chrf(text: str, references: Sequence[str]) -> float:
    """chrF2 (sacrebleu: n-grams of 1 to 6 characters) with the closest reference, in [0, 1].

    >>> round(chrf("the wolf ran", ["the wolf ran", "a key"]), 3), round(chrf("the wolf", ["the wolf ran"]), 3)
    (1.0, 0.63)
    """
    return min(1.0, _score("chrf", text, references))


def ter(text: str, references: Sequence[str]) -> float:
    """Translation edit rate (sacrebleu): edits and shifts to the closest reference over its words; 0 is equal.

    Above 1 where a text is much too long; 1 without any text or any reference.

    >>> ter("the wolf ran", ["the wolf ran away"]), ter("away ran", ["ran away"])
    (0.25, 0.5)
    """
    if not text.strip() or not any(r.strip() for r in references):
        return 1.0
    return _score("ter", text, references)


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, one row of the table a bit vector (Hyyrö 2004).

    >>> longest_common("the wolf ran away".split(), "the old wolf went away".split())
    3
    """
    where: dict[str, int] = {}
    for i, word in enumerate(a):
        where[word] = where.get(word, 0) | 1 << i
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        hit = row & where.get(word, 0)
        row = ((row + hit) | (row - hit)) & full
    return len(a) - row.bit_count()


def rouge_l(text: str, references: Sequence[str]) -> float:
    """F1 of the longest common subsequence (ROUGE-L) with the closest reference, in [0, 1].

    Equal to `rouge_score` without stemming, whose table in pure Python takes ten times as long.

    >>> rouge_l("the wolf ran", ["the wolf ran", "a key"])
    1.0
    """
    ours = rouge_tokens(text)
    theirs = map(_rouge_tokens, references)
    scores = (2 * longest_common(t, ours) / max(1, len(t) + len(ours)) for t in theirs)
    return max(scores, default=0.0)


def rouge_n(text: str, references: Sequence[str], n: int = 2) -> float:
    """F1 of the n-grams (ROUGE-N) with the closest reference, in [0, 1]; equal to `rouge_score` without stemming.

    >>> rouge_n("the wolf ran", ["the wolf hid"], 1), rouge_n("the wolf ran", ["the wolf hid"], 2)
    (0.6666666666666666, 0.5)
    """
    ours = Counter(ngrams(rouge_tokens(text), n))
    size, best = ours.total(), 0.0
    for reference in references:
        theirs, length = _rouge_ngrams(reference, n)
        shared = sum(min(count, theirs[gram]) for gram, count in ours.items() if gram in theirs)
        best = max(best, 2 * shared / max(1, size + length))
    return best


def rouge_tokens(text: str) -> list[str]:
    """Runs of lower-case letters and digits, as `rouge_score` cuts ASCII; it drops all other letters.

    Here they are kept, and a script that writes no spaces is cut into characters: no text scores 0 for its script.

    >>> rouge_tokens("The wolf's café: 狼跑了")
    ['the', 'wolf', 's', 'café', '狼', '跑', '了']
    """
    return _ROUGE.findall(text.lower())


_rouge_tokens = lru_cache(maxsize=1024)(rouge_tokens)


@lru_cache(maxsize=1024)
def _rouge_ngrams(reference: str, n: int) -> tuple[Counter[tuple[str, ...]], int]:
    """A reference's n-grams and how many they are, counted once for all siblings."""
    grams = ngrams(rouge_tokens(reference), n)
    return Counter(grams), len(grams)
