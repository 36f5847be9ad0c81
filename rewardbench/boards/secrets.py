"""Would a bundle give away a key, or whose machine it was made on? Every text of it is read before it is sealed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from rewardbench.types import UserError

TEXTS = (".json", ".toml", ".py", ".md", ".txt")
PATTERNS: Mapping[str, re.Pattern[str]] = {
    name: re.compile("|".join(patterns))
    for name, patterns in {
        "a private key": (r"-----BEGIN [A-Z ]*PRIVATE KEY-----",),
        "a cloud access key": (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", r"\bAIza[0-9A-Za-z_-]{35}"),
        "a token of a code host": (
            r"\bgh[pousr]_[0-9A-Za-z]{30,}", r"\bgithub_pat_[0-9A-Za-z_]{22,}", r"\bglpat-[0-9A-Za-z_-]{20}",
        ),
        "a token of a model host": (r"\bhf_[0-9A-Za-z]{30,}", r"\bsk-[0-9A-Za-z_-]{20,}"),
        "a token of a messenger": (r"\bxox[abprs]-[0-9A-Za-z-]{10,}",),
        "a signed web token": (r"(?<![0-9A-Za-z_-])eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",),
        "a password in an address": (r"\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@\"']+:[^\s/@\"']{3,}@",),
        "what is called a secret": (
            r"(?i:api_?key|secret|password|passwd|token)\w{0,40}[\"']?\s*[:=]\s*[\"'][^\"'\s]{8,}[\"']",
        ),
        "a path of somebody's home": (
            r"/(?:home|Users)/[^\s/\"'<>]+", r"\b[A-Za-z]:\\+Users\\+[^\s\\\"'<>]+", r"(?<![\w.])/root/[^\s\"']*",
        ),
    }.items()
}  # fmt: skip
"""What is looked for -> how it looks. The formats are those that the issuers publish.

Anybody's text is searched: what may stand before the telling sign is bounded, or a line made of beginnings would take
the square of its length.
"""


def found(text: str) -> Iterator[tuple[int, str]]:
    """(line from 1, what it seems to be) of everything in a text that should not leave a machine.

    >>> list(found("a = 1\\nopen('/home/ann/x')"))
    [(2, "a path of somebody's home")]
    """
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in PATTERNS.items():
            if pattern.search(line):
                yield number, what


def check(folder: Path) -> None:
    """Raise UserError (code 3) with file and line of the first thing that should not leave a machine; never with it."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix in TEXTS):
        for number, what in found(path.read_text(encoding="utf-8", errors="replace")):
            where = f"{path.relative_to(folder).as_posix()}, line {number}"
            raise UserError(f"{where} holds {what}; a bundle is public: take it out, and run and pack again", 3)
