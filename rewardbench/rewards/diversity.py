"""Does the completion say what its siblings do not? Parts over the completions of one prompt.

Siblings are the rows of a batch with an equal prompt, wherever they stand. Each value belongs to one completion, so
that siblings can be paid differently: a group's score shared by all would cancel where rewards are compared within the
group. Most are multipliers: `combine = "product"` with a quality of 0 and above, else nonsense, which is always
different, is paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from rewardbench.measures.diversity import vendi as vendi_score
from rewardbench.measures.ngrams import ngrams, tokens
from rewardbench.measures.overlap import bleu
from rewardbench.types import Floats, UserError

Grams = frozenset[tuple[str, ...]]
T = TypeVar("T")


def siblings(prompts: Sequence[str]) -> list[list[int]]:
    """The rows of each prompt, prompts in order of first mention.

    >>> siblings(["a", "b", "a"])
    [[0, 2], [1]]
    """
    found: dict[str, list[int]] = {}
    for i, prompt in enumerate(prompts):
        found.setdefault(prompt, []).append(i)
    return list(found.values())


def _by_group(completions: Sequence[str], prompts: Sequence[str], pay: Callable[[list[str]], list[T]]) -> list[T]:
    """What each completion is paid, where `pay` sees one group of siblings at a time.

    >>> _by_group(["x", "yy", "z"], ["a", "b", "a"], lambda texts: [len(texts)] * len(texts))
    [2, 1, 2]
    """
    paid: dict[int, T] = {}
    for group in siblings(prompts):
        paid |= zip(group, pay([completions[i] for i in group]), strict=True)
    return [paid[i] for i in range(len(completions))]


def grams(text: str, n: int) -> Grams:
    """The set of a text's word n-grams; of a text shorter than n its words as they are, so that none is without.

    >>> sorted(grams("The wolf ran.", 2)), sorted(grams("Yes", 2))
    ([('the', 'wolf'), ('wolf', 'ran')], [('yes',)])
    """
    if n < 1:
        raise UserError(f"n = {n}: an n-gram has at least one word")
    words = tokens(text)
    return frozenset(ngrams(words, n) or [tuple(words)])


def jaccard(a: Grams, b: Grams) -> float:
    """Shared over all members of two sets, in [0, 1]; 1 for two empty ones.

    >>> jaccard(grams("the wolf ran away", 1), grams("the wolf ran", 1))
    0.75
    """
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared) if a or b else 1.0


def similarity(texts: Sequence[str], n: int = 2) -> Floats:
    """Jaccard index of the n-grams of each pair of texts, [K, K]: symmetric, ones on the diagonal, no eigenvalue < 0.

    >>> similarity(["the wolf ran", "the wolf hid"], 1).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    sets = [grams(text, n) for text in texts]
    made = np.eye(len(texts))
    for i, one in enumerate(sets):
        for j in range(i):
            made[i, j] = made[j, i] = jaccard(one, sets[j])
    return made


def distinct(completions: Sequence[str], prompts: Sequence[str], n: int = 2) -> list[float]:
    """What the completion adds to the different n-grams of its group, as a share of its own n-grams.

    Leave-one-out: those that no sibling has, each counted once. A lone completion gets its own distinct-n. 0 for a
    copy and for a text shorter than n words.
    Range: [0, 1]; more is newer.
    Cost: pure Python.
    Source: distinct-n (arXiv 1510.03055), its contribution by leave-one-out: own.

    >>> distinct(["a b c", "a b d", "a b d"], ["p"] * 3)
    [0.5, 0.0, 0.0]
    """

    def pay(texts: list[str]) -> list[float]:
        said = [ngrams(tokens(text), n) for text in texts]
        holders = Counter(gram for one in said for gram in set(one))
        return [sum(holders[g] == 1 for g in set(one)) / len(one) if one else 0.0 for one in said]

    return _by_group(completions, prompts, pay)


def self_bleu(completions: Sequence[str], prompts: Sequence[str]) -> list[float | None]:
    """1 less the BLEU of the completion against its siblings; a lone completion abstains.

    Range: [0, 1]; 0 for a copy. Grows smaller with more siblings: compare at equal K.
    Cost: sacrebleu, the slowest of this file.
    Source: Self-BLEU (Texygen, arXiv 1802.01886), sentence BLEU with effective order.

    >>> self_bleu(["the wolf ran away", "the wolf ran away", "no"], ["p"] * 3)
    [0.0, 0.0, 1.0]
    """

    def pay(texts: list[str]) -> list[float | None]:
        return [_unlike(text, texts[:i] + texts[i + 1 :]) for i, text in enumerate(texts)]

    return _by_group(completions, prompts, pay)


def _unlike(text: str, others: list[str]) -> float | None:
    """1 less the BLEU of a text against others; None where there are none."""
    if not others:
        return None
    copied = any(text.split() == other.split() for other in others)  # BLEU of two empty texts is 0
    return 0.0 if copied else 1.0 - bleu(text, others)


def vendi(completions: Sequence[str], prompts: Sequence[str], n: int = 2, q: float = 1.0) -> list[float]:
    """How much of an effective text the completion adds to its group: the Vendi score with it less that without.

    At least 0: a further copy makes a set less even, which would count below nothing. A lone completion adds itself, 1.
    Range: [0, 1]; 1 for a text that shares no n-gram with its siblings, which share none among themselves.
    Cost: NumPy; K + 1 eigenvalue problems a group.
    Source: Vendi score (arXiv 2210.02410) on the Jaccard kernel of n-grams; its contribution by leave-one-out: own.

    >>> vendi(["a b", "c d", "c d"], ["p"] * 3)[1:]
    [0.0, 0.0]
    """

    def pay(texts: list[str]) -> list[float]:
        kernel = similarity(texts, n)
        whole = vendi_score(kernel, q)
        rest = (np.delete(np.delete(kernel, i, 0), i, 1) for i in range(len(texts)))
        without = [vendi_score(k, q) if len(texts) > 1 else 0.0 for k in rest]
        # what is left of two eigenvalues' rounding is no contribution
        return [min(1.0, max(0.0, round(whole - one, 12))) for one in without]

    return _by_group(completions, prompts, pay)


def clusters(alike: Floats, threshold: float) -> list[int]:
    """A number for each text's cluster: chains of pairs whose similarity [K, K] reaches the threshold.

    >>> clusters(np.array([[1, .6, 0], [.6, 1, .6], [0, .6, 1]]), 0.5), clusters(np.eye(2), 0.5)
    ([0, 0, 0], [0, 1])
    """
    mine = list(range(len(alike)))
    for i, j in zip(*np.nonzero(np.tril(alike >= threshold, -1)), strict=True):
        high, low = max(mine[i], mine[j]), min(mine[i], mine[j])
        mine = [low if one == high else one for one in mine]
    return mine


def partition(
    completions: Sequence[str], prompts: Sequence[str], threshold: float = 0.5, n: int = 2, floor: float = 0.1
) -> list[float | None]:
    """Share of the siblings that stand outside the completion's cluster: DARLING's multiplier.

    (n - |cluster|) / (n - 1), at least `floor`; a cluster is a chain of pairs whose Jaccard index of n-grams reaches
    the threshold. The paper's classifier of equivalence is learned: n-grams stand in for it, and see words alone.
    A lone completion abstains. Among correct answers only, as the paper does for verifiable tasks: put the quality
    beside it with `combine = "product"`.
    Range: [floor, 1].
    Cost: pure Python.
    Source: DARLING, arXiv 2509.02534.

    >>> partition(["a b c", "a b c", "d e f"], ["p"] * 3)
    [0.5, 0.5, 1.0]
    """

    def pay(texts: list[str]) -> list[float | None]:
        mine = clusters(similarity(texts, n), threshold)
        sizes, size = Counter(mine), len(mine)
        return [max(floor, (size - sizes[c]) / (size - 1)) if size > 1 else None for c in mine]

    return _by_group(completions, prompts, pay)


def discount(completions: Sequence[str], prompts: Sequence[str], n: int = 2) -> list[float]:
    """1 / (1 + the summed similarity to each sibling): DRA-GRPO's discount for redundancy.

    Summed over the prompt's own group: over a whole batch, as in released code, the pay depends on what else a
    device holds. Jaccard index of n-grams in place of the cosine of embeddings. A lone completion gets 1.
    Range: [1 / K, 1].
    Cost: pure Python.
    Source: DRA-GRPO, arXiv 2505.09655.

    >>> discount(["a b c", "a b c", "d e f"], ["p"] * 3)
    [0.5, 0.5, 1.0]
    """

    def pay(texts: list[str]) -> list[float]:
        return [1.0 / float(total) for total in similarity(texts, n).sum(axis=1)]  # the diagonal is the 1

    return _by_group(completions, prompts, pay)


def novelty(
    completions: Sequence[str],
    archive: Sequence[str] = (),
    references: Sequence[Sequence[str]] | None = None,
    n: int = 2,
) -> list[float | None]:
    """1 less the highest similarity (Jaccard index of n-grams) to any text of an archive.

    The archive is the list in the design's `params`, and the prompt's `references` where a task has that column.
    Abstains where there is nothing to compare with.
    Range: [0, 1]; 0 for a text with the n-grams of an archived one.
    Cost: pure Python; grows with the archive.
    Source: novelty search (Lehman & Stanley 2011), nearest neighbour only.

    >>> novelty(["the wolf ran", "a bear"], archive=["The wolf ran."])
    [0.0, 1.0]
    """
    known = [grams(text, n) for text in archive]
    own = [[] for _ in completions] if references is None else [[grams(t, n) for t in row or ()] for row in references]
    paid: list[float | None] = []
    for text, theirs in zip(completions, own, strict=True):
        said = grams(text, n)
        paid.append(1.0 - max(jaccard(said, one) for one in [*known, *theirs]) if known or theirs else None)
    return paid


novelty.pure = True  # type: ignore[attr-defined]
