"""How varied is a set of texts? Lexical measures, Vendi scores, and counts of classes.

Every one of them moves with the number or the length of the texts: fix both before comparing.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from math import comb, exp, inf, log, log1p, log2

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from rewardbench.measures.ngrams import ngrams
from rewardbench.measures.scripts import spaced, words
from rewardbench.types import UserError


def distinct_n(texts: Sequence[str], n: int = 2) -> float:
    """Different n-grams of all texts over all of them; falls with length by itself.

    Words are what stands between spaces; in scripts that write none, each character is one.

    >>> distinct_n(["a b a b"], 1)
    0.5
    """
    grams = [g for text in texts for g in ngrams(words(text), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def expectation_adjusted_distinct(texts: Sequence[str], n: int = 2, vocabulary: int = 50257) -> float:
    """Distinct n-grams over the number expected from as many uniform draws (EAD, arXiv 2202.13587).

    Flatter in length than distinct-n, not free of it. The vocabulary's size is part of the measure.

    >>> round(expectation_adjusted_distinct(["a b a b"], 1, 20), 4)
    0.5391
    """
    grams = [g for text in texts for g in ngrams(words(text), n)]
    if not grams:
        return 0.0
    expected = vocabulary * (1 - ((vocabulary - 1) / vocabulary) ** len(grams))
    return len(set(grams)) / expected


def self_bleu(texts: Sequence[str]) -> float:
    """Mean BLEU of each text against the others, 0-100; lower is more varied. Grows with the set's size.

    Effective order is on: without it short equal texts score 0.

    >>> round(self_bleu(["yes", "yes"]))
    100
    """
    from sacrebleu import sentence_bleu

    if len(texts) < 2:
        raise UserError("self-BLEU compares texts with each other: it needs at least 2")
    cut = [spaced(text) for text in texts]
    others = [[*cut[:i], *cut[i + 1 :]] for i in range(len(cut))]
    scores = [sentence_bleu(t, o, use_effective_order=True).score for t, o in zip(cut, others, strict=True)]
    return float(np.mean(scores))


def compression_ratio(texts: Sequence[str], length: int | None = None) -> float:
    """Raw bytes over zlib-9 bytes of the texts joined by spaces, in the given order; higher is redundant.

    Strongly length-dependent: cut every set to the same `length` in bytes before comparing.

    >>> compression_ratio(["the cat sat on the mat"] * 3) > compression_ratio(["the cat sat on the mat"])
    True
    """
    raw = " ".join(texts).encode()[:length]
    return len(raw) / len(zlib.compress(raw, 9)) if raw else 1.0


def vendi(similarity: ArrayLike, q: float = 1.0) -> float:
    """Effective number of different items, 1..n, from a similarity matrix [n, n] (the Vendi score).

    exp of the Renyi entropy of order q of the eigenvalues of K / n. On exact classes it is the Hill number
    of their shares. Underestimates when n is small: fix n.

    >>> round(vendi([[1, .9, 0], [.9, 1, 0], [0, 0, 1]]), 4)
    2.1573
    """
    k = np.asarray(similarity, dtype=np.float64)
    if k.ndim != 2 or k.shape[0] != k.shape[1] or not k.size or not np.isfinite(k).all():
        raise UserError("a similarity must be a square matrix of finite numbers")
    if not np.allclose(k, k.T, atol=1e-8) or not np.allclose(np.diag(k), 1, atol=1e-8):
        raise UserError("a similarity must be symmetric, with ones on the diagonal")
    shares = np.linalg.eigvalsh(k / len(k))
    if shares[0] < -1e-8:  # dropped silently elsewhere, which gives a number that means nothing
        raise UserError("the similarity is not positive semi-definite: no Vendi score exists")
    return hill(np.maximum(shares, 0), q)


def hill(shares: ArrayLike, q: float = 1.0) -> float:
    """The Hill number of order q of shares [c] that sum to 1: the effective number of classes.

    >>> [round(hill([.5, .3, .2], q), 6) for q in (0, 1, 2)]
    [3.0, 2.800094, 2.631579]
    """
    p = np.asarray(shares, dtype=np.float64)
    p = p[p > 1e-10]
    if q == 1:
        return exp(-float((p * np.log(p)).sum()))
    if q == inf:
        return float(1 / p.max())
    return float((p**q).sum() ** (1 / (1 - q)))


def rarefied_distinct(counts: Sequence[int], k: int, n: int | None = None) -> float:
    """Expected number of classes among k of n samples drawn without replacement, from class counts [c].

    `n` defaults to the sum of the counts; larger where some samples belong to no class that counts.

    >>> round(rarefied_distinct([5, 3, 2], 2), 6)
    1.688889
    """
    n = sum(counts) if n is None else n
    if not 0 <= k <= n or sum(counts) > n:
        raise UserError(f"{k} samples cannot be drawn from {n}")
    return sum(_drawn(n, c, k) for c in counts)


@cache
def _drawn(n: int, right: int, k: int) -> float:
    """The chance that k of n samples hold one of the right ones: the same few numbers for every prompt of every run."""
    return 1 - comb(n - right, k) / comb(n, k)


def utility(classes: Sequence[Hashable], scores: Sequence[float], patience: float = 0.8) -> float:
    """utility_k (NoveltyBench, arXiv 2504.05228): what a reader of a given patience gains.

    Only the first sample of each class pays its score; the reader goes on with probability `patience`.

    >>> round(utility([0, 1, 0, 2], [4, 8, 9, 2]), 6)
    3.869919
    """
    if len(classes) != len(scores) or not classes:
        raise UserError("one score a sample is needed, and at least one sample")
    new = [c not in classes[:i] for i, c in enumerate(classes)]
    gained = sum(patience**i * u for i, (first, u) in enumerate(zip(new, scores, strict=True)) if first)
    return (1 - patience) / (1 - patience ** len(classes)) * gained


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that at least one of k of the n samples is right: 1 - C(n - right, k) / C(n, k).

    >>> round(pass_at_k(10, 3, 5), 6)
    0.916667
    """
    if not (0 <= right <= n and 1 <= k <= n):
        raise UserError(f"pass@{k} cannot be read from {right} right of {n} samples")
    return _drawn(n, right, k)


@cache
def pass_area(n: int, right: int, top: int = 16) -> float:
    """Area of pass@k over log2 k, k = 1, 2, 4 .. top, divided by log2 top: in [0, 1].

    >>> round(pass_area(16, 4), 6)
    0.69114
    """
    ks = [2**i for i in range(int(log2(top)) + 1)]
    return float(trapezoid([pass_at_k(n, right, k) for k in ks], [log(k, 2) for k in ks]) / log2(top))


def hypervolume(points: ArrayLike) -> float:
    """Area dominated by points [G, 2] in the positive quadrant, seen from (0, 0); 0 without points.

    >>> round(hypervolume([(1, .5), (.5, 1)]), 6)
    0.75
    """
    area, height = 0.0, 0.0
    rows = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    for x, y in sorted(rows.tolist(), reverse=True):
        area += x * max(0.0, y - height)
        height = max(height, y)
    return area


def precision_at(points: ArrayLike, variety: float) -> float:
    """The best precision of points [G, 2] (precision, variety) that keep at least this variety; 0 where none does.

    Two different trades of precision for variety may share one hypervolume: this tells them apart.

    >>> precision_at([(.9, .2), (.8, .5), (.6, .7)], .4)
    0.8
    """
    rows = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    kept = rows[rows[:, 1] >= variety, 0]
    return float(kept.max()) if kept.size else 0.0


def self_repetition(texts: Sequence[str], n: int = 4) -> float:
    """Mean over texts of log(1 + how often their n-grams occur elsewhere in the set); 0 where none does.

    Source: Salkar et al. 2022 ("Self-repetition in abstractive neural summarizers"), as in Shaib et al. 2024
    (arXiv 2403.00553).

    >>> round(self_repetition(["a b c d", "a b c d", "e f g h"]), 6)
    0.462098
    """
    own = [Counter(ngrams(words(text), n)) for text in texts]
    everywhere = sum(own, Counter[tuple[str, ...]]())
    counts = [sum(everywhere[g] - grams[g] for g in grams) for grams in own]
    return float(np.mean([log1p(c) for c in counts])) if counts else 0.0


def homogenisation(similarity: ArrayLike) -> float:
    """Mean similarity of two different texts, from a matrix [n, n]: 0 for disjoint ones, 1 for copies.

    >>> homogenisation([[1, .5], [.5, 1]]), homogenisation([[1, 0], [0, 1]])
    (0.5, 0.0)
    """
    k = np.asarray(similarity, dtype=np.float64)
    if k.ndim != 2 or k.shape[0] != k.shape[1] or len(k) < 2 or not np.isfinite(k).all():
        raise UserError("a similarity must be a square matrix of finite numbers, of at least 2 texts")
    return float(k[~np.eye(len(k), dtype=bool)].mean())


def per_input(groups: Sequence[Sequence[str]], measure: Callable[[Sequence[str]], float]) -> float:
    """A measure of variety of each prompt's completions [P][K], averaged over prompts.

    Source: per-input and across-input diversity of Kirk et al. 2024 (arXiv 2310.06452).

    >>> per_input([["a", "a"], ["b", "b"]], lambda texts: distinct_n(texts, 1))
    0.5
    """
    if not groups:
        raise UserError("no prompts, no variety")
    return float(np.mean([measure(texts) for texts in groups]))


def across_input(groups: Sequence[Sequence[str]], measure: Callable[[Sequence[str]], float]) -> float:
    """The same measure of the sets that hold one completion of every prompt, averaged over the K such sets.

    It falls, while `per_input` stays, where one template answers every prompt. Equal K everywhere.

    >>> across_input([["a", "a"], ["b", "b"]], lambda texts: distinct_n(texts, 1))
    1.0
    """
    if not groups or not groups[0] or any(len(texts) != len(groups[0]) for texts in groups):
        raise UserError("across prompts, every prompt needs the same number of completions, at least one")
    return float(np.mean([measure(texts) for texts in zip(*groups, strict=True)]))
