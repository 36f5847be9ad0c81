"""Which characters did each token write? Recorded when sampled, never by re-tokenising."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

Span = tuple[int, int]


@lru_cache(maxsize=200_000)
def _piece(tokenizer: Any, token: int, first: bool) -> str:
    """What one token adds: at the start of a text, or after another token."""
    if first:
        return str(tokenizer.decode([token], skip_special_tokens=True))
    anchor = _anchor(tokenizer)
    both = tokenizer.decode([anchor, token], skip_special_tokens=True)
    return str(both[len(tokenizer.decode([anchor], skip_special_tokens=True)) :])


@lru_cache(maxsize=64)
def _anchor(tokenizer: Any) -> int:
    """A token that writes something, to put before another one."""
    special = set(tokenizer.all_special_ids)
    return next(i for i in range(len(tokenizer)) if i not in special and tokenizer.decode([i]).strip())


def spell(tokenizer: Any, ids: Sequence[int]) -> tuple[str, list[Span]]:
    """The text of the tokens, and the character span of each, in order.

    Token texts are looked up one by one; where they do not join to the whole (bytes of one character
    in several tokens), each prefix is decoded instead.
    """
    text = str(tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))
    pieces = [_piece(tokenizer, int(i), n == 0) for n, i in enumerate(ids)]
    if "".join(pieces) == text:
        ends = [0]
        for piece in pieces:
            ends.append(ends[-1] + len(piece))
    else:
        ends = [0] + [
            len(tokenizer.decode(list(ids[: n + 1]), skip_special_tokens=True).rstrip("\ufffd"))
            for n in range(len(ids))
        ]
    return text, [(min(a, b), b) for a, b in pairwise(ends)]
