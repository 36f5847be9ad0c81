"""How much variety did the policy keep while getting precise?"""

from __future__ import annotations

from collections import Counter

import numpy as np

from rewardbench.measures.diversity import hypervolume, pass_area, rarefied_distinct
from rewardbench.types import Bank, Floats, UserError


def diversity(bank: Bank, base: Bank) -> float:
    """D: the gain over `untrained` in variety that is also precise, in [-1, 1].

    Formula: hypervolume of the points (precision, effective distinct-k share), one a temperature, seen from
    (0, 0), minus the same of the untrained policy's bank on the same grid.
    Precision = share of samples whose gold reaches `bar`. Effective distinct-k share = mean over prompts of
    (d - 1) / (k - 1), d = kinds among a prompt's *precise* samples out of all its k (0 where d = 0): a sample
    that is lifted to the bar never lowers it, and one class, or none, is 0. Unequal k are rarefied to the
    smaller, exactly.
    Range: -1 to 1.
    Read: above 0 = more varied right completions than before training; it falls when precision is bought
    by saying one thing.
    Fails: `kind` is program-made and blind to wording, and noisy points bias the area upwards a little, on
    both sides. The grid begins at .5: part of a gain is sharpness, which a lower temperature would buy too.
    Source: quality before variety as in Shypula et al. 2025 (arXiv 2504.12522), kinds as in NoveltyBench
    (Zhang et al. 2025, arXiv 2504.05228); the frontier over temperatures is ours.
    """
    if not np.array_equal(bank.temperatures, base.temperatures):
        raise UserError("both banks must be sampled at the same temperatures")
    k = min(bank.gold.shape[2], base.gold.shape[2])
    return volume(bank, k) - volume(base, k)


def volume(bank: Bank, k: int | None = None) -> float:
    """Hypervolume of a bank's frontier, seen from (0, 0), in [0, 1]."""
    return float(hypervolume(frontier(bank, k)))


def frontier(bank: Bank, k: int | None = None) -> Floats:
    """(precision, effective distinct-k share) at each temperature, [G, 2]."""
    precise = bank.gold >= bank.bar
    n = precise.shape[2]
    k = n if k is None else k
    if not 2 <= k <= n:
        raise UserError("variety needs at least 2 samples a prompt")
    shares = [
        np.mean([_share(Counter(kinds[p].tolist()), k, n) for kinds, p in zip(*at, strict=True)])
        for at in zip(bank.kind, precise, strict=True)
    ]
    return np.stack([precise.mean(axis=(1, 2)), np.array(shares)], axis=1)


def _share(counts: Counter[str], k: int, n: int) -> float:
    """Expected max(d - 1, 0) / (k - 1) for k of a prompt's n samples, from its counts of precise kinds.

    >>> _share(Counter({"a": 2, "b": 1}), 4, 4).__round__(6)
    0.333333
    """
    classes = rarefied_distinct(list(counts.values()), k, n)
    any_precise = rarefied_distinct([counts.total()], k, n)
    return (classes - any_precise) / (k - 1)


def pass_at_k_area(bank: Bank) -> float:
    """For one-answer tasks: area of pass@k over log2 k, k = 1..16, / 4, at temperature 1, in [0, 1].

    Formula: pass@k = 1 - C(n - c, k) / C(n, k), c right ones of a prompt's n samples; trapezoid over log2 k, mean over
    prompts. Right = gold reaches `bar`.
    Range: 0 to 1.
    Read: diversity is not asked there; the area shows whether right answers stayed within reach.
    Fails: it counts lucky guesses: with few possible answers, sixteen samples find one.
    Source: the unbiased pass@k of Chen et al. 2021 (arXiv 2107.03374); the area is ours.
    """
    at = np.flatnonzero(np.isclose(bank.temperatures, 1.0))
    if not len(at) or bank.gold.shape[2] < 16:
        raise UserError("the pass@k area needs 16 samples a prompt at temperature 1")
    right = (bank.gold[at[0]] >= bank.bar).sum(axis=1)
    return float(np.mean([pass_area(bank.gold.shape[2], int(r)) for r in right]))
