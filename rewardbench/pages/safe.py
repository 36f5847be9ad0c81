"""How is a text of anybody's shown? As text: nothing in it runs, hides, or turns its neighbours."""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from typing import Any

KEPT = {"\n", "\t", "\u200c", "\u200d"}
"""Joiners build letters and emoji; a line break and a tab are seen."""
NAME = 40
"""Characters of a name that are shown; its `title` has the rest."""


def visible(text: str) -> str:
    """The text with every control, format, and surrogate character spelt out.

    >>> visible("a\\x00b\\u202ec\\u2028"), visible("line\\nnext")
    ('a⟨U+0000⟩b⟨U+202E⟩c⟨U+2028⟩', 'line\\nnext')
    """
    if text.isprintable():  # most texts are, and need not be looked at letter by letter
        return text
    return "".join(f"⟨U+{ord(c):04X}⟩" if _hidden(c) else c for c in text)


def _hidden(character: str) -> bool:
    return character not in KEPT and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def label(text: str) -> str:
    """A name on one line, every character of it seen, joiners too.

    >>> label("two\\nlines"), label("reference\\u200c")
    ('two⟨U+000A⟩lines', 'reference⟨U+200C⟩')
    """
    if text.isprintable():
        return text or "(no name)"
    return "".join(f"⟨U+{ord(c):04X}⟩" if c in KEPT else c for c in visible(text)) or "(no name)"


def cut(text: str, longest: int = NAME) -> str:
    """The text in at most so many characters.

    >>> cut("story_length", 8)
    'story_l…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


def code(text: str) -> str:
    """A name between backticks in a cell of a Markdown table: what would end either, or look like HTML, is replaced.

    >>> code("a`b|<c>")
    'aˋb¦‹c›'
    """
    return cut(label(text), 64).translate(str.maketrans("`|<>", "ˋ¦‹›"))


def safe_link(url: object) -> bool:
    """Whether a link may be one: http(s) alone, nothing hidden in it.

    >>> safe_link("https://example.org/a"), safe_link("javascript:alert(1)"), safe_link("https://a b")
    (True, False, False)
    """
    return isinstance(url, str) and url.startswith(("https://", "http://")) and url.isprintable() and " " not in url


def script_json(value: Any) -> str:
    """JSON that cannot end the `<script>` it stands in.

    >>> script_json(["</script><!--"])
    '["\\\\u003c/script\\\\u003e\\\\u003c!--"]'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def source_hash(text: str) -> str:
    """What a content policy calls an inline style or script by.

    >>> source_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
