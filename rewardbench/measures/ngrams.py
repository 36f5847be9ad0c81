"""How much of one text says the same again?"""

from __future__ import annotations

import re

from rewardbench.measures.diversity import ngrams


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, without marks.

    >>> tokens("The wolf's key, again.")
    ['the', "wolf's", 'key', 'again']
    """
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def sentences(text: str) -> list[str]:
    """The pieces that end in `.`, `!` or `?`, marks kept; a rest without a mark is the last one.

    >>> sentences("She ran. He hid! And")
    ['She ran.', 'He hid!', 'And']
    """
    pieces = (piece.strip() for piece in re.split(r"(?<=[.!?])\s+", text))
    return [piece for piece in pieces if piece]


def repeated_share(text: str, n: int = 3) -> float:
    """Share of the n-grams that occurred before in the text; 0 for a text with none.

    >>> repeated_share("a b a b a b", 2)
    0.6
    """
    grams = ngrams(tokens(text), n)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
