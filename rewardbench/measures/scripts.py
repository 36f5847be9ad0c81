"""Where does a word end in a script that writes no spaces? Nowhere that a pattern can see: each character is one.

Han, kana, Thai, Lao, Khmer, Myanmar and a few smaller scripts. Text without any of their letters is read as before.
"""

from __future__ import annotations

import re
from unicodedata import category

BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3005, 0x3007),  # the sign that repeats a Han character, and its zero
    (0x3041, 0x30FF),  # kana
    (0x3105, 0x312F),  # Bopomofo
    (0x31F0, 0x31FF),
    (0xFF66, 0xFF9F),  # kana of half width
)
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Every place in these blocks is a letter or not given out yet."""


def _of(kinds: str) -> str:
    """The characters of the blocks whose Unicode category begins with one of the kinds."""
    each = (chr(code) for first, last in BLOCKS for code in range(first, last + 1))
    return "".join(letter for letter in each if category(letter)[0] in kinds)


LETTERS = _of("L") + "〇" + HAN
"""Inside of a pattern's brackets: letters of scripts that write no spaces. Their digits make numbers as all others."""
MARKS = re.escape(_of("M")) + "\u0300-\u036f\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Inside of a pattern's brackets: vowels, tones and variants that belong to the letter before."""
CLOSERS = "」』”’）》】〉〕\"'"
STOPS = "。！？｡।॥؟۔။។៕‼⁇⁈⁉"
"""Marks that end a sentence whether or not a space follows."""
_UNSPACED = re.compile(f"[{LETTERS}]")
_WIDE = "\u3001-\u3004\u3008-\u3020\u3030-\u303f\u30a0\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
_CUT = re.compile(f"[{LETTERS}][{MARKS}]*|[{_WIDE}]|[^{LETTERS}{_WIDE}]+")


def unspaced(text: str) -> bool:
    """Whether a text holds a letter of a script that writes no spaces.

    >>> unspaced("the wolf"), unspaced("a 狼")
    (False, True)
    """
    return not text.isascii() and _UNSPACED.search(text) is not None


def words(text: str) -> list[str]:
    """The pieces between spaces; letters (and wide marks) of scripts that write no spaces are pieces of their own.

    >>> words("The wolf ran, OK?"), words("狼跑了。 OK?")
    (['The', 'wolf', 'ran,', 'OK?'], ['狼', '跑', '了', '。', 'OK?'])
    """
    if not unspaced(text):
        return text.split()
    return [cut for piece in text.split() for cut in _CUT.findall(piece)]


def spaced(text: str) -> str:
    """The text itself, or its `words` with spaces between where it has letters that are written without.

    >>> spaced("The  wolf."), spaced("狼跑了。")
    ('The  wolf.', '狼 跑 了 。')
    """
    return " ".join(words(text)) if unspaced(text) else text
