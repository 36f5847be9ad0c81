"""Which characters did each token write? Recorded when sampled, never by re-tokenising."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any
from weakref import WeakKeyDictionary

Span = tuple[int, int]
LOST = "\ufffd"
"""What bytes are decoded to that are no whole character yet."""
LONGEST = 8
"""Tokens that one character may be spread over, with room to spare: it has four bytes."""
MOST = 1 << 14
"""Texts of a tokenizer that are remembered at once."""


@dataclass
class _Known:
    """What was looked up of a tokenizer: a pack asks for the same a million times."""

    after: dict[int, str] = field(default_factory=dict)
    """What each token adds after another token."""
    first: dict[int, str] = field(default_factory=dict)
    """What it writes at the start of a text: some leave a space out there."""
    anchor: int | None = None
    """A token that writes something, to put before another one."""
    whole: dict[tuple[int, ...], tuple[str, list[Span]]] = field(default_factory=dict)
    """What `spelled` gave, of MOST texts at most."""


_tables: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()
"""By tokenizer, as long as anybody else has it: each pack loads its own, of some megabytes."""


def _known(tokenizer: Any) -> _Known:
    return _tables.setdefault(tokenizer, _Known())


def _after(tokenizer: Any, ids: Sequence[int]) -> str:
    """What tokens add after another token."""
    known = _known(tokenizer)
    if known.anchor is None:
        known.anchor = next(i for i in range(len(tokenizer)) if _text(tokenizer, [i]).strip())
    return _text(tokenizer, [known.anchor, *ids])[len(_text(tokenizer, [known.anchor])) :]


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
        pieces = list(map(known.after.__getitem__, ids))
    except KeyError:
        known.after |= {i: _after(tokenizer, [i]) for i in {*map(int, ids)}.difference(known.after)}
        pieces = list(map(known.after.__getitem__, ids))
    if pieces:
        start = int(ids[0])
        if start not in known.first:
            known.first[start] = _text(tokenizer, [start])
        pieces[0] = known.first[start]
    if LOST in (joined := "".join(pieces)):
        pieces = _shared(tokenizer, ids, pieces)
        joined = "".join(pieces)
    if joined == text:
        return text, list(pairwise(accumulate(map(len, pieces), initial=0)))
    ends = [0] + [len(_text(tokenizer, ids[: n + 1]).rstrip(LOST)) for n in range(len(ids))]
    return text, [(min(a, b), b) for a, b in pairwise(ends)]


def spelled(tokenizer: Any, ids: tuple[int, ...]) -> tuple[str, list[Span]]:
    """As `spell`, remembered: designs of one seed say the same at first, and a policy that has learnt says little
    else.
    """
    whole = _known(tokenizer).whole
    if ids not in whole:
        if len(whole) >= MOST:
            whole.clear()
        whole[ids] = spell(tokenizer, ids)
    return whole[ids]


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
