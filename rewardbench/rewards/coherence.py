"""Does one sentence lead to the next? Things named again, words taken up, and connectives in their order.

All of it is form: a text that says one thing over and over is as continuous as can be. Pair it with a part that
pays for variety.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from rewardbench.measures.ngrams import sentences
from rewardbench.measures.prose import links, overlaps, places

Segments = list[tuple[int, int, float]]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
CONNECTIVE = re.compile(
    r"\W*(?:(?:and|but|so) )?(?:"
    r"(?P<first>at first|first of all|to begin with|to start with|in the beginning|initially|once upon a time)"
    r"|(?P<last>finally|lastly|last of all|in the end|at last|eventually|in conclusion|to conclude|to sum up)"
    r"|(?P<middle>then|next|after(?:wards?| that)|later|meanwhile)"
    rf"|(?P<ordinal>{'|'.join(ORDINALS)})(?:ly)?)\b",
    re.IGNORECASE,
)
"""What opens a sentence and says where it stands among the others."""


def entities(completions: Sequence[str], segments: bool = False) -> list[float | Segments]:
    """Share of the sentences but the first that go on about something which the one before named.

    With `segments` each of those sentences is paid its part of the same sum where it stands.

    Range: [0, 1]; 0 for fewer than two sentences.
    Cost: pure Python; names and what follows a determiner stand for entities, third-person pronouns for any of them.
    Source: the entity grid of Barzilay & Lapata (2008), without its parser.

    >>> text = "Ann found a key. She took it. Snow fell on Mars."
    >>> entities([text]), entities([text], segments=True)
    ([0.5], [[(17, 29, 0.5), (30, 48, 0.0)]])
    """
    paid = []
    for text in completions:
        pieces = sentences(text)
        paid.append(_paid(text, pieces, [float(x) for x in links(pieces)], segments))
    return paid


def cohesion(completions: Sequence[str], most: float = 0.9, segments: bool = False) -> list[float | Segments]:
    """Mean Dice overlap of the content words of neighbouring sentences; above `most` it is repetition, paid 0.

    With `segments` each sentence but the first is paid its part of the same sum where it stands.

    Range: [0, 1]; 0 for fewer than two sentences.
    Cost: pure Python.
    Source: Coh-Metrix' content word overlap (Graesser et al. 2004), our own lines.

    >>> cohesion(["Ann had a key. The key was gold. Snow fell.", "A key. A key."])
    [0.25, 0.0]
    """
    paid = []
    for text in completions:
        pieces = sentences(text)
        paid.append(_paid(text, pieces, [x if x <= most else 0.0 for x in overlaps(pieces)], segments))
    return paid


def _paid(text: str, pieces: Sequence[str], scores: Sequence[float], segments: bool) -> float | Segments:
    """The mean of the scores of all pieces but the first, in one number or where they stand."""
    if not scores:
        return 0.0
    if not segments:
        return sum(scores) / len(scores)
    return [(*place, x / len(scores)) for place, x in zip(places(text, pieces)[1:], scores, strict=True)]


def order(completions: Sequence[str], after: int = 1) -> list[float | None]:
    """Share of what its connectives promise that is kept: first, then, finally, in this order; abstains without any.

    Every two connectives that open sentences and belong in an order make a promise; and every "finally" promises
    that at most `after` sentences follow.

    Range: [0, 1]; None where nothing is promised.
    Cost: pure Python.
    Source: own; temporal and sequential connectives as in the Penn Discourse Treebank (Prasad et al. 2008).

    >>> order(["First we ate. Then we slept. Finally we left.", "Finally we ate. Then we slept. We left.", "We ate."])
    [1.0, 0.0, None]
    """
    paid: list[float | None] = []
    for text in completions:
        pieces = sentences(text)
        found = [(i, match) for i, piece in enumerate(pieces) if (match := CONNECTIVE.match(piece))]
        kept = [k for (_, a), (_, b) in combinations(found, 2) if (k := _in_order(a, b)) is not None]
        kept += [i >= len(pieces) - 1 - after for i, match in found if match["last"]]
        paid.append(sum(kept) / len(kept) if kept else None)
    return paid


def _in_order(a: re.Match[str], b: re.Match[str]) -> bool | None:
    """Whether connective `a` may stand before `b`; None where nobody can say.

    >>> found = [CONNECTIVE.match(text) for text in ("First", "Then", "Next", "Finally")]
    >>> [_in_order(a, b) for a, b in [found[:2], found[1:3], found[:1:-1]]]
    [True, None, False]
    """
    if a["ordinal"] and b["ordinal"]:
        return ORDINALS.index(a["ordinal"].lower()) < ORDINALS.index(b["ordinal"].lower())
    first, second = _stage(a), _stage(b)
    return None if first == second else first < second


def _stage(match: re.Match[str]) -> int:
    """0 where it opens an order, 2 where it closes one, else 1."""
    if match["first"] or (match["ordinal"] or "").lower() == "first":
        return 0
    return 2 if match["last"] else 1


_parts: tuple[Any, ...] = (entities, cohesion, order)
for _part in _parts:
    _part.pure = True
