"""What is a part given at a time? The whole completion, or its turns, sentences or words, each paid where it stands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from rewardbench.calling import SINGLE, Paid, asks_for, finished, wanted
from rewardbench.types import RewardError

PIECES = {
    "turn": re.compile(r"[^\n]+"),
    "sentence": re.compile(r"[^.!?。！？\s][^.!?。！？\n]*[.!?。！？]*|[.!?。！？]+"),
    "word": re.compile(r"\S+"),
}
"""How a text is cut; the text of a dialogue has the policy's turns in lines."""


def pieces(text: str, level: str) -> list[tuple[int, int]]:
    """The places (start, end) in characters of a text's turns, sentences or words; spaces around are no part of them.

    >>> text = "She ran. He hid! And"
    >>> [text[a:b] for a, b in pieces(text, "sentence")], len(pieces(text, "word"))
    (['She ran.', 'He hid!', 'And'], 5)
    """
    found = [(m.start() + len(m[0]) - len(m[0].lstrip()), m.end()) for m in PIECES[level].finditer(text)]
    return [(a, a + len(text[a:b].rstrip())) for a, b in found if text[a:b].strip()]


def spread(call: Callable[..., Any], level: str) -> Callable[..., Any]:
    """The part, called on every piece as if it were a completion; what it returns are segments.

    A piece is paid what it moves the mean of the pieces so far, so that they sum to the mean of all: the same scale as
    the part has for whole completions. A share of its score would be paid by what comes later, which a reward to come
    leaves out; this is known when the piece ends. A completion without pieces is scored whole.

    >>> spread(lambda completions: [float(len(c)) for c in completions], "word")(completions=["a bcd"])
    [[(0, 1, 1.0), (2, 5, 1.0)]]
    """

    def paid(completions: list[str], **given: Any) -> list[Any]:
        places = [pieces(text, level) for text in completions]
        whole = [found or [(0, len(text))] for text, found in zip(completions, places, strict=True)]
        owner = [i for i, found in enumerate(whole) for _ in found]
        texts = [text[a:b] for text, found in zip(completions, whole, strict=True) for a, b in found]
        own = {name: value if name in SINGLE else [value[i] for i in owner] for name, value in given.items()}
        scores = finished([call(**wanted(call, {**own, "completions": texts}))])[0]
        scores = scores.scores if isinstance(scores, Paid) else scores  # what is noted of a piece is not of the whole
        if isinstance(scores, Mapping) or len(scores) != len(texts):
            raise RewardError(f"has the level {level!r}, for which it must return one score a piece")
        told: list[list[Any]] = [[] for _ in completions]
        for i, score in zip(owner, scores, strict=True):
            told[i].append(score)
        return [_segments(found, mine) for found, mine in zip(places, told, strict=True)]

    paid.__signature__ = _signature(call)  # type: ignore[attr-defined]
    return paid


def _signature(call: Callable[..., Any]) -> inspect.Signature:
    """The signature of the part with `completions` in it: what it asks for is what it is given."""
    own = dict(inspect.signature(call).parameters)
    keyword = {n: p.replace(kind=p.KEYWORD_ONLY) for n, p in own.items() if p.kind is not p.VAR_KEYWORD}
    keyword.setdefault("completions", inspect.Parameter("completions", inspect.Parameter.KEYWORD_ONLY))
    rest = [p for p in own.values() if p.kind is p.VAR_KEYWORD]
    return inspect.Signature([*keyword.values(), *rest])


def _segments(places: list[tuple[int, int]], scores: list[Any]) -> Any:
    """The pieces that were scored, as segments; None where all abstained; the score of a text without pieces."""
    if not places:
        return scores[0]
    from rewardbench.measures.prose import moved  # its patterns are compiled: names are completed without

    heard = [(a, b, float(s)) for (a, b), s in zip(places, scores, strict=True) if s is not None]
    paid = moved([s for _, _, s in heard])
    return [(a, b, move) for (a, b, _), move in zip(heard, paid, strict=True)] or None


def takes_text(call: Callable[..., Any]) -> bool:
    """Whether a part is called with completions at all, so that they can be cut.

    >>> takes_text(lambda completions: []), takes_text(lambda completion_ids: [])
    (True, False)
    """
    return asks_for(call, "completions")
