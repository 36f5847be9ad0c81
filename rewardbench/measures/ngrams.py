"""How much of one text says the same again?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from rewardbench.measures.scripts import CLOSERS, LETTERS, MARKS, STOPS, unspaced

Item = TypeVar("Item")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_MIXED = re.compile(rf"[{LETTERS}][{MARKS}]*|[^\W_{LETTERS}]+(?:['’][^\W_{LETTERS}]+)*")
_BREAK = re.compile(r"(?<=[.!?])\s+")
_STOP = re.compile(rf"[{STOPS}]+[.!?{STOPS}]*[{CLOSERS}]*\s*|(?<=[.!?])\s+")
_STOPS = re.compile(f"[{STOPS}]")


def ngrams(items: Sequence[Item], n: int) -> list[tuple[Item, ...]]:
    """The n-grams of a list of words, or of tokens, in order; none when it is shorter than n.

    >>> ngrams(["a", "b", "c"], 2)
    [('a', 'b'), ('b', 'c')]
    """
    return list(zip(*(items[i:] for i in range(n)), strict=False))


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, without marks; the characters of scripts that write no spaces, one by one.

    >>> tokens("The wolf's key, again."), tokens("狼 found 钥匙。")
    (['the', "wolf's", 'key', 'again'], ['狼', 'found', '钥', '匙'])
    """
    text = text.lower()
    return (_MIXED if unspaced(text) else _WORD).findall(text)


def sentences(text: str) -> list[str]:
    """The pieces that end in `.`, `!` or `?` before a space, or in such a mark of a script that needs no space.

    Marks and closing quotes are kept; a rest without a mark is the last one.

    >>> sentences("She ran. He hid! And"), sentences("狼跑了。她说：「走！」他笑了")
    (['She ran.', 'He hid!', 'And'], ['狼跑了。', '她说：「走！」', '他笑了'])
    """
    if text.isascii() or not _STOPS.search(text):
        pieces = _BREAK.split(text)
    else:
        ends = [0, *(found.end() for found in _STOP.finditer(text)), len(text)]
        pieces = [text[a:b] for a, b in pairwise(ends)]
    return [kept for piece in pieces if (kept := piece.strip())]


def repeated_share(text: str, n: int = 3) -> float:
    """Share of the n-grams that occurred before in the text; 0 for a text with none.

    >>> repeated_share("a b a b a b", 2)
    0.6
    """
    grams = ngrams(tokens(text), n)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
