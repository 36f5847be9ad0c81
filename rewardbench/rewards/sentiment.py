"""Does the completion feel as it should? VADER's valence of words, over the whole text or along its sentences.

It reads words, not events: "nobody died" is grim. People's judgement of stories follows it hardly at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np

from rewardbench.measures.ngrams import sentences
from rewardbench.measures.prose import places
from rewardbench.types import UserError

Segments = list[tuple[int, int, float]]


@lru_cache(maxsize=1)
def _analyser() -> Any:
    """VADER with its lexicon, read once."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


@lru_cache(maxsize=1 << 14)
def _compound(text: str) -> float:
    """VADER's compound score in [-1, 1]; policies say many sentences again and again, so it is kept."""
    return float(_analyser().polarity_scores(text)["compound"])


def positive(completions: Sequence[str]) -> list[float]:
    """How positive the words are: VADER's compound score, mapped from [-1, 1] to [0, 1]; neutral is 0.5.

    Range: [0, 1].
    Cost: vaderSentiment.
    Source: Hutto & Gilbert (2014).

    >>> [round(x, 4) for x in positive(["The book was good.", "Today SUX!", ""])]
    [0.7202, 0.2269, 0.5]
    """
    return [(_compound(text) + 1) / 2 for text in completions]


def target(completions: Sequence[str], compound: float = 0.0, width: float = 1.0) -> list[float]:
    """1 where the compound score is the wanted one, falling to 0 at `width` from it.

    Range: [0, 1].
    Cost: vaderSentiment.
    Source: Hutto & Gilbert (2014) for the score.

    >>> [round(x, 4) for x in target(["The book was good.", "Today SUX!"], compound=0.4404)]
    [1.0, 0.0135]
    """
    return [max(0.0, 1.0 - abs(_compound(text) - compound) / width) for text in completions]


def arc(
    completions: Sequence[str], shape: str = "fall-rise", levels: bool = False, least: int = 3
) -> list[float | Segments]:
    """How well the sentences' compound scores follow a shape: rise, fall, or moves in turn such as rise-fall-rise.

    It pays (1 + r) / 2, r the correlation with the shape (0 where the scores do not vary). With `levels` it pays how
    near the scores come on average to the shape's own levels from -1 to 1, and each sentence, where it stands, what it
    adds to that of the text so far, were that the whole.

    Range: [0, 1]; 0 for fewer than `least` sentences.
    Cost: vaderSentiment, a sentence at a time.
    Source: the six shapes of Reagan et al. (2016) are rise, fall, fall-rise, rise-fall, rise-fall-rise, fall-rise-fall.

    >>> text = "Life was good. The wolf killed his friend. He was happy again."
    >>> [round(arc([text], shape=s)[0], 2) for s in ("fall-rise", "rise-fall")]
    [1.0, 0.0]
    >>> [(a, b, round(x, 3)) for a, b, x in arc([text], levels=True, least=2)[0]]
    [(15, 42, 0.531), (43, 62, 0.191)]
    """
    moves = shape.split("-")
    if any(move not in ("rise", "fall") for move in moves) or any(a == b for a, b in pairwise(moves)):
        raise UserError(f"an arc's shape is rise and fall in turn, such as fall-rise; not {shape!r}")
    return [_arc(text, moves, levels, least) for text in completions]


def _arc(text: str, moves: Sequence[str], levels: bool, least: int) -> float | Segments:
    """One completion's closeness to the moves."""
    pieces = sentences(text)
    if len(pieces) < max(2, least):
        return 0.0
    felt = [_compound(piece) for piece in pieces]
    wanted = [_level(i / (len(pieces) - 1), moves) for i in range(len(pieces))]
    if not levels:
        return (1 + _correlation(felt, wanted)) / 2
    near = [_near(felt[:n], moves) if n >= max(2, least) else 0.0 for n in range(1, len(pieces) + 1)]
    gained = [now - past for now, past in zip(near, [0.0, *near], strict=False)]
    return [(start, end, gain) for (start, end), gain in zip(places(text, pieces), gained, strict=True) if gain]


def _near(felt: Sequence[float], moves: Sequence[str]) -> float:
    """How near scores come to the levels of the shape over just these sentences, in [0, 1]."""
    along = np.linspace(0, 1, len(felt))
    ends = np.linspace(0, 1, len(moves) + 1)
    levels = [_level(0, moves), *(1.0 if move == "rise" else -1.0 for move in moves)]
    return float(np.mean(1 - np.abs(np.asarray(felt) - np.interp(along, ends, levels)) / 2))


def _level(along: float, moves: Sequence[str]) -> float:
    """Where the shape stands, from -1 to 1, `along` [0, 1] of its way: straight lines between the extremes."""
    move = min(int(along * len(moves)), len(moves) - 1)
    up = 2 * (along * len(moves) - move) - 1
    return up if moves[move] == "rise" else -up


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's r; 0 where one side does not vary."""
    x, y = [v - sum(a) / len(a) for v in a], [v - sum(b) / len(b) for v in b]
    spread = sqrt(sum(v * v for v in x) * sum(v * v for v in y))
    return max(-1.0, min(1.0, sum(v * w for v, w in zip(x, y, strict=True)) / spread)) if spread > 1e-12 else 0.0


_parts: tuple[Any, ...] = (positive, target, arc)
for _part in _parts:
    _part.pure = True
