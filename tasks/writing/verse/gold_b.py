"""Does a second reading hear a rhyme and ten syllables?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A rhyme is a word of the truth's list, whole; else the same letters from the last vowel on (half), else none.
- Syllables are counted letter by letter, as one number; a line may be one off for nothing, two off at a loss.
- The beat is asked of longer words alone, all of them first-heavy but for those that begin with a common prefix.
- Faults are subtracted; a second line costs more than half.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

bar = 0.7

SMALL = set()
for _words in (
    "a an the and or but nor if as so than that this these those of in on at to for from by with without i you he she",
    "it we they me him her us them my thy your his its our their thou thee is are was were be been am do did",
    "have has had will would shall should can could may might must not no who whom whose which what when where how all",
):
    SMALL |= set(_words.split())
LAST_NEVER = (
    "a", "an", "the", "and", "or", "but", "of", "in", "to", "from", "with", "my", "thy", "your", "our", "their",
)  # fmt: skip
PREFIXES = (
    "be", "de", "re", "con", "com", "dis", "ex", "en", "un", "for", "pre", "pro", "per", "sub", "with", "mis", "a",
)  # fmt: skip
SPEAKS_OF_TASK = re.compile(r"\b(rhym|syllab|poem|couplet|iambic|next line|here is|here's|sure)", re.I)


def _words(line: str) -> list[str]:
    """The words, in lower case."""
    return re.findall(r"[a-z]+(?:'[a-z]+)*", line.lower().replace("’", "'"))


def _count(word: str) -> int:
    """How many syllables: changes from consonant to vowel, less a silent e.

    >>> [_count(w) for w in ("night", "beauty", "loved", "people", "increase")]
    [1, 2, 1, 2, 2]
    """
    letters = re.sub("[^a-z]", "", re.sub("'d$|'st$", "d", word))
    count = sum(b in "aeiouy" and a not in "aeiouy" for a, b in pairwise(" " + letters))
    if re.search("[^aeiouylr]e$|[aeiou][lr]e$|[^aeiouytd]ed$|[^aeiouyscxzgh]es$", letters):
        count -= 1
    return max(1, count + len(re.findall("[aeou]ing|io(?!u|n)|ia(?!l|n)", letters)))


def _beat(words: list[str]) -> float:
    """The share of longer words whose stress falls on an even syllable; 1 without any."""
    at, fits, longer = 0, 0, 0
    for word in words:
        count = _count(word)
        if count > 1:
            second = word.startswith(PREFIXES) and not word.endswith(("y", "er", "en", "le"))
            longer, fits = longer + 1, fits + ((at + second) % 2 == 1)
        at += count
    return fits / longer if longer else 1.0


def _rhyme(asked: str, said: str, known: set[str]) -> float:
    """1 for a known rhyme, a half for equal letters from the last vowel on, else a tenth."""
    if said == asked:
        return 0.1
    if said in known:
        return 1.0
    ends = [re.search("[aeiouy]+[^aeiouy]*e?$", word) for word in (asked, said)]
    return 0.5 if ends[0] and ends[1] and ends[0][0] == ends[1][0] else 0.1


def gold(prompt: Any, completion: str) -> float:
    """(Rhyme x syllables x beat) less faults, in [0, 1]."""
    lines = [line for line in completion.splitlines() if _words(line)]
    if not lines:
        return 0.0
    said, asked = _words(lines[0]), _words(prompt.truth["line"])
    off = abs(sum(map(_count, said)) - 10)
    value = _rhyme(asked[-1], said[-1], set(prompt.truth["rhymes"]))
    value *= {0: 1.0, 1: 0.9, 2: 0.5}.get(off, 0.1) * (0.5 + 0.5 * _beat(said))
    small = sum(word in SMALL for word in said) / len(said)
    same = len(set(pairwise(said)) & set(pairwise(asked))) / max(1, len(said) - 1)
    faults = (
        0.9 * (same > 0.34)
        + 0.9 * bool(SPEAKS_OF_TASK.search(lines[0]) and not SPEAKS_OF_TASK.search(" ".join(asked)))
        + 0.7 * (len(lines) - 1)
        + 0.6 * (max(map(said.count, said)) > 2)
        + 0.7 * (len(set(said)) < 0.75 * len(said) or any(a == b for a, b in pairwise(said)))
        + 0.7 * (small < 0.13 or small > 0.8 or lines[0].count(",") > 3)
        + 0.7 * bool(re.search(r"^\s*(?:[-*•#>]|\d+[.)]|\w+(?: \d+)?:\s)|[/|<>=_{}\[\]()]", lines[0]))
        + 0.7 * (said[-1] in LAST_NEVER)
        + 0.6 * any(a in LAST_NEVER[:3] and b in LAST_NEVER for a, b in pairwise(said))
    )
    return value * max(0.0, 1 - faults)
