"""Would people put these words beside each other? Pairs and threes of words, counted in conversations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, log

STRETCH, MOST = 8, 3.0
"""Words of a stretch, and the most that one word counts: a name of three words makes no sentence of the others."""
SALAD, SPOKEN = -1.2, -0.5
"""Worst stretches worth 0 and 1: of train, held out by article, 4 % of messages get 0, 78 % 1; salads 63 %, none."""
UNHEARD, AFTER_UNHEARD = -2.0, -0.5
"""What a word counts that was never heard, and one behind it: nobody knows what may stand there."""
TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[.!?]+|,")
START, END = "<", ">"


@dataclass(frozen=True)
class Speech:
    """What was counted."""

    words: Mapping[str, int]
    total: int
    pairs: Mapping[tuple[str, str], int]
    threes: Mapping[tuple[str, str, str], int]
    after: Mapping[str, tuple[int, int]]
    """Word -> how many words, and how many different ones, came after it."""
    after_pair: Mapping[tuple[str, ...], tuple[int, int]]
    near: frozenset[tuple[str, str]]
    """Words that stood at most two apart, in this order."""


def learn(messages: Iterable[str]) -> Speech:
    """The counts of some messages."""
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    threes: Counter[tuple[str, str, str]] = Counter()
    near: set[tuple[str, str]] = set()
    for message in messages:
        told = marked(message)
        words.update(told[1:])
        pairs.update(pairwise(told))
        threes.update(zip(told, told[1:], told[2:], strict=False))
        near.update(_beside(told))
    after, after_pair = (_followers(counted.items()) for counted in (pairs, threes))
    heads = {key[0]: value for key, value in after.items()}
    return Speech(words, words.total(), pairs, threes, heads, after_pair, frozenset(near))


def _followers(counted: Iterable[tuple[tuple[str, ...], int]]) -> dict[tuple[str, ...], tuple[int, int]]:
    """All but the last of each tuple -> how many came after it, and how many different ones."""
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for key, count in counted:
        some, different = found.get(key[:-1], (0, 0))
        found[key[:-1]] = (some + count, different + 1)
    return found


def marked(text: str) -> list[str]:
    """Words and stops in small letters, between marks for the start and the end.

    >>> marked("It’s red, I see!")
    ['<', "it's", 'red', ',', 'i', 'see', '.', '>']
    """
    found = TOKEN.findall(text.lower().replace("’", "'"))
    return [START, *("?" if w[0] == "?" else "." if w[0] in ".!" else w for w in found), END]


def likelier(speech: Speech, text: str) -> list[float]:
    """For each word, stop and the end: how much likelier (in nats) it is after the two before it than anywhere.

    Witten-Bell's mixture of threes, pairs and single words: what is gained by the order alone, however rare the words.

    >>> said = learn(["The ball is red.", "A ball is round.", "My hat is red."])
    >>> [sum(likelier(said, text)) > 0 for text in ("The ball is round.", "Red the is ball.")]
    [True, False]
    """
    told, found = marked(text), []
    for i in range(1, len(told)):
        word, last = told[i], told[i - 1]
        if word not in speech.words or last not in speech.after:
            found.append(AFTER_UNHEARD if word in speech.words else UNHEARD)
            continue
        alone = speech.words[word] / speech.total
        some, different = speech.after[last]
        here = (speech.pairs.get((last, word), 0) + different * alone) / (some + different)
        some, different = speech.after_pair.get((told[i - 2], last), (0, 0)) if i > 1 else (0, 0)
        if some:
            here = (speech.threes.get((told[i - 2], last, word), 0) + different * here) / (some + different)
        found.append(log(here / alone))
    return found


def plausible(speech: Speech, text: str) -> float:
    """From 0, as word salad, to 1, as people speak: by the worst stretch, so that no good one makes up for it."""
    told = [min(MOST, gain) for gain in likelier(speech, text)]
    worst = min(fsum(told[i : i + STRETCH]) / min(STRETCH, len(told)) for i in range(max(1, len(told) - STRETCH + 1)))
    return min(1.0, max(0.0, (worst - SALAD) / (SPOKEN - SALAD)))


def heard(speech: Speech, text: str) -> set[str]:
    """The words that stand as they were heard before: at most two from a word that they stood so near to.

    >>> sorted(heard(learn(["The ball is red."]), "The zork ball was red."))
    ['ball', 'red', 'the']
    """
    told = marked(text)
    return {w for pair in _beside(told) if pair in speech.near for w in pair} - {START, END, ".", "?", ","}


def _beside(told: list[str]) -> Iterator[tuple[str, str]]:
    """The words at most two apart, in order."""
    yield from pairwise(told)
    yield from zip(told, told[2:], strict=False)
