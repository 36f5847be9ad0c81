"""Did the policy answer every prompt with one frame?"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rewardbench.types import Floats

SLOT = "_"

SAID = "saying one template"
"""The flag in words: a design is … on some of its seeds."""


def templated(
    prompts: Sequence[str],
    texts: Sequence[Sequence[str]],
    base: Sequence[Sequence[str]],
    more: float = 0.25,
    like: float = 0.5,
) -> bool:
    """True when one frame is shared across prompts far more than by the untrained policy.

    Formula: words of the prompt and numbers become slots; two completions of *different* prompts are alike
    when the Dice overlap of their word trigrams (those with at least one word) reaches .5; the share of such
    pairs exceeds that of `untrained` by .25. texts, base: [N][n], by prompt, at the same temperature.
    Read: the policy found one text that pays everywhere and fills in the blanks.
    Fails: where one answer is right, answering in one form is no fault: do not ask it there. Several frames
    used in turn dilute the share: with m equal frames it is about 1 / m.
    Source: ours; the loss of variety across inputs is that of Kirk et al. 2024 (arXiv 2310.06452).
    """
    shown = evidence(prompts, texts, base, like)
    return shown["share"] - shown["untrained"] >= more


def evidence(
    prompts: Sequence[str], texts: Sequence[Sequence[str]], base: Sequence[Sequence[str]], like: float = 0.5
) -> dict[str, float]:
    """The share of alike pairs across prompts, for the policy and for the untrained one."""
    return {"share": alike_share(prompts, texts, like), "untrained": alike_share(prompts, base, like)}


def alike_share(prompts: Sequence[str], texts: Sequence[Sequence[str]], like: float = 0.5) -> float:
    """Share in [0, 1] of pairs of completions of different prompts that are alike once the slots are cut out.

    >>> alike_share(["cat", "dog"], [["I really love my cat"], ["I really love my dog"]])
    1.0
    """
    frames = [frame(text, prompt) for prompt, row in zip(prompts, texts, strict=True) for text in row]
    owner = np.array([i for i, row in enumerate(texts) for _ in row])
    apart = owner[:, None] != owner[None, :]
    if not apart.any():
        return 0.0
    return float((_dice(frames) >= like)[apart].mean())


def frame(text: str, prompt: str, n: int = 3) -> set[tuple[str, ...]]:
    """The word n-grams of a text with numbers and the prompt's words cut out to slots; never slots alone.

    A text shorter than n words is one gram; the empty text too, so that silence counts as a frame.

    >>> sorted(frame("Ann has 7 red pens", "Ann buys pens."))
    [('_', 'has', '_'), ('_', 'red', '_'), ('has', '_', 'red')]
    """
    known = set(_words(prompt))
    words = [SLOT if w in known or w.isdigit() else w for w in _words(text)]
    if not words:
        return {()}
    grams = {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}
    return {g for g in grams if set(g) != {SLOT}}


def _words(text: str) -> list[str]:
    """Lower-case words, numbers and punctuation marks."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


def _dice(frames: Sequence[set[tuple[str, ...]]]) -> Floats:
    """Dice overlap of every pair of sets, [m, m]; a set with nothing in it is like no other."""
    index = {gram: i for i, gram in enumerate(sorted(set().union(*frames)))}
    there = np.zeros((len(frames), len(index)), dtype=np.float32)
    for row, grams in enumerate(frames):
        there[row, [index[g] for g in grams]] = 1
    sizes = there.sum(axis=1)
    return np.asarray(2 * (there @ there.T) / np.maximum(sizes[:, None] + sizes[None, :], 1))
