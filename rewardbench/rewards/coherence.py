"""Does one sentence lead to the next? Things named again, words taken up, and connectives in their order.

All of it is form: a text that says one thing over and over is as continuous as can be. Pair it with a part that
pays for variety.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rewardbench.measures.ngrams import sentences
from rewardbench.measures.prose import links, moved, overlaps, places

Segments = list[tuple[int, int, float]]
Place = tuple[int, int]

CLOSES = 2
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
    ([0.5], [[(17, 29, 1.0), (30, 48, -0.5)]])
    """
    paid = []
    for text in completions:
        pieces = sentences(text)
        paid.append(_paid(text, pieces, [float(x) for x in links(pieces)], segments))
    return paid


def cohesion(completions: Sequence[str], most: float = 0.9, segments: bool = False) -> list[float | Segments]:
    """Mean Dice overlap of the content words of neighbouring sentences; above `most` it is repetition, paid 0.

    With `segments` each sentence but the first is paid what it moves the mean so far, where it stands.

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
    return [(*place, x) for place, x in zip(places(text, pieces)[1:], moved(scores), strict=True)]


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
        kept, promised, before = 0, 0, Counter[Place]()
        for i, piece in enumerate(pieces):
            if match := CONNECTIVE.match(piece):
                place = _place(match)
                for other, count in before.items():
                    in_order = _in_order(other, place)
                    promised += count * (in_order is not None)
                    kept += count * bool(in_order)
                before[place] += 1
                promised += place[0] == CLOSES
                kept += place[0] == CLOSES and i >= len(pieces) - 1 - after
        paid.append(kept / promised if promised else None)
    return paid


def _place(match: re.Match[str]) -> Place:
    """(stage, ordinal) of a connective: 0 opens an order, 2 closes one, 1 is between; 0 if it is no ordinal.

    >>> [_place(CONNECTIVE.match(text)) for text in ("First,", "At first", "And then", "Thirdly", "Finally,")]
    [(0, 1), (0, 0), (1, 0), (1, 3), (2, 0)]
    """
    ordinal = ORDINALS.index(match["ordinal"].lower()) + 1 if match["ordinal"] else 0
    if match["first"] or ordinal == 1:
        return 0, ordinal
    return (CLOSES if match["last"] else 1), ordinal


def _in_order(a: Place, b: Place) -> bool | None:
    """Whether what stands at `a` may come before what stands at `b`; None where nobody can say.

    >>> _in_order((0, 1), (1, 0)), _in_order((1, 0), (1, 2)), _in_order((1, 3), (1, 2))
    (True, None, False)
    """
    if a[1] and b[1]:
        return a[1] < b[1]
    return None if a[0] == b[0] else a[0] < b[0]


_parts: tuple[Any, ...] = (entities, cohesion, order)
for _part in _parts:
    _part.pure = True
