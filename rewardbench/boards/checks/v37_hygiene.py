"""Names, summary, authors, links and reasons are plain words: nothing in them runs, hides, or calls a spreadsheet.

Why: they stand on pages, in tables and at terminals. Pages show them as text and tables mark formulas; an entry has
no need of either. Links are http(s).
Mend: write the words without tags, control characters, or = + - @ in front.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding, shown

CODE = "V37"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V17",)


TAGS = re.compile(r"<\s*/?\s*[a-z!?][^>]*>|<!--|<\s*(?:script|img|svg|iframe)|(?:javascript|data|vbscript)\s*:", re.I)
FORMULA = re.compile(r"\s*[=+@\t\r|-]")
LINK = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/[!-;=?-~]*)?")
LONGEST = {"entry.json: summary": 500, "entry.json: authors": 120, "entry.json: links": 300}
NAME = 80


def check(case: Case) -> list[Finding]:
    """Words of an entry that are more than words."""
    found = []
    for where, text in words(case):
        if why := fault(where, text):
            found.append(Finding(CODE, f"{where} {shown(text)} {why}"))
        elif where != "entry.json: links" and FORMULA.match(text):
            found.append(Finding(CODE, f"{where} {shown(text)} begins as a formula does", severity="flag"))
    for link in case.about["links"]:
        if not LINK.fullmatch(link):
            found.append(Finding(CODE, f"entry.json: links: {shown(link)} is no http(s) address"))
    return found


def words(case: Case) -> Iterator[tuple[str, str]]:
    """(where, text) of everything in words that a page may show."""
    about = case.about
    yield "entry.json: summary", str(about["summary"])
    yield from (("entry.json: authors", a) for a in about["authors"])
    yield from (("entry.json: links", a) for a in about["links"])
    yield "entry.json: licence", str(about["licence"])
    for piece in case.all:
        yield f"{piece.where}: design", piece.design.name
        yield from ((f"{piece.where}: part", p.name) for p in piece.design.parts)
        yield from ((f"{piece.where}: part", p.use) for p in piece.design.parts)


def fault(where: str, text: str) -> str:
    """Why a text is more than words; "" if it is not.

    >>> fault("x", "<script>"), fault("x", "a < b")
    ('holds a tag', '')
    """
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in text):
        return "holds a control or hidden character"
    if TAGS.search(text):
        return "holds a tag"
    if len(text) > LONGEST.get(where, NAME):
        return f"has {len(text)} characters; at most {LONGEST.get(where, NAME)}"
    return ""
