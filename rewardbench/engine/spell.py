"""Which characters did each token write? Recorded when sampled, never by re-tokenising."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

Span = tuple[int, int]
LOST = "\ufffd"
"""What bytes are decoded to that are no whole character yet."""
LONGEST = 8
"""Tokens that one character may be spread over, with room to spare: it has four bytes."""


@lru_cache(maxsize=16)
def _known(tokenizer: Any) -> dict[int, str]:
    """What tokens add after another token, as far as it was looked up: a pack asks for the same a million times."""
    return {}


def _piece(tokenizer: Any, token: int) -> str:
    """What one token adds after another token."""
    known = _known(tokenizer)
    if token not in known:
        known[token] = _after(tokenizer, [token])
    return known[token]


@lru_cache(maxsize=200_000)
def _first(tokenizer: Any, token: int) -> str:
    """What one token writes at the start of a text: some leave a space out there."""
    return _text(tokenizer, [token])


def _after(tokenizer: Any, ids: Sequence[int]) -> str:
    """What tokens add after another token."""
    anchor = _anchor(tokenizer)
    return _text(tokenizer, [anchor, *ids])[len(_text(tokenizer, [anchor])) :]


@lru_cache(maxsize=64)
def _anchor(tokenizer: Any) -> int:
    """A token that writes something, to put before another one."""
    return next(i for i in range(len(tokenizer)) if _text(tokenizer, [i]).strip())


def _text(tokenizer: Any, ids: Sequence[int]) -> str:
    inner = getattr(tokenizer, "backend_tokenizer", None)
    if inner is not None:  # what a fast tokenizer asks in the end, after it has looked at every token
        return str(inner.decode(list(ids), skip_special_tokens=True))
    return str(tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def spell(tokenizer: Any, ids: Sequence[int]) -> tuple[str, list[Span]]:
    """The text of the tokens, and the character span of each, in order.

    Token texts are looked up one by one, and those that share a character together; where they still do not join to
    the whole, each prefix is decoded instead.
    """
    text, known = _text(tokenizer, ids), _known(tokenizer)
    try:
        pieces = [known[i] for i in ids]
    except KeyError:
        pieces = [_piece(tokenizer, int(i)) for i in ids]
    if pieces:
        pieces[0] = _first(tokenizer, int(ids[0]))
    if LOST in "".join(pieces):
        pieces = _shared(tokenizer, ids, pieces)
    if "".join(pieces) == text:
        return text, list(pairwise(accumulate(map(len, pieces), initial=0)))
    ends = [0] + [len(_text(tokenizer, ids[: n + 1]).rstrip(LOST)) for n in range(len(ids))]
    return text, [(min(a, b), b) for a, b in pairwise(ends)]


def _shared(tokenizer: Any, ids: Sequence[int], pieces: Sequence[str]) -> list[str]:
    """The pieces, with a character that several tokens share written by the last of them."""
    told = list(pieces)
    n = 0
    while n < len(ids):
        if LOST not in told[n]:
            n += 1
            continue
        for end in range(n + 1, min(n + LONGEST, len(ids)) + 1):
            whole = _text(tokenizer, ids[:end]) if n == 0 else _after(tokenizer, ids[n:end])
            if LOST not in whole:
                told[n:end] = [""] * (end - n - 1) + [whole]
                break
        n = end
    return told
