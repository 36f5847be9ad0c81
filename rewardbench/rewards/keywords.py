"""Does the completion use the words that the prompt asked for? Counted once, counted often, or as a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rewardbench.measures.ngrams import tokens

JOINTS = frozenset({"and", "or", "the", "a", "an"})


def counts(text: str, keywords: Sequence[str]) -> list[int]:
    """How often each keyword stands in the text as a whole word, a plural or a possessive counted too.

    >>> counts("The wolf hid two keys and a wolf's map.", ["wolf", "key"])
    [2, 1]
    """
    said = [re.sub(r"['’]s$", "", word) for word in tokens(text)]
    return [sum(word in (k.lower(), k.lower() + "s") for word in said) for k in keywords]


def coverage(
    completions: Sequence[str], keywords: Sequence[Sequence[str]], most: int | None = None
) -> list[float]:
    """Share of the keywords that occur, each counted once; one said more than `most` times does not count.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the constraint of CommonGen (arXiv 1911.03705).

    >>> coverage(["The wolf, the wolf."], [["wolf", "key"]]), coverage(["wolf wolf"], [["wolf"]], most=1)
    ([0.5], [0.0])
    """
    ceiling = float("inf") if most is None else most
    return [
        sum(0 < count <= ceiling for count in counts(text, asked)) / max(1, len(asked))
        for text, asked in zip(completions, keywords, strict=True)
    ]


def mentions(completions: Sequence[str], keywords: Sequence[Sequence[str]], cap: int = 12) -> list[float]:
    """Occurrences of keywords, each one paid up to `cap` of them, as a share of it.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> mentions(["The wolf, the wolf."], [["wolf", "key"]], cap=4)
    [0.5]
    """
    pairs = zip(completions, keywords, strict=True)
    return [min(sum(counts(text, asked)), cap) / cap for text, asked in pairs]


def unlisted(completions: Sequence[str], keywords: Sequence[Sequence[str]]) -> list[float]:
    """0 where keywords follow each other with nothing but commas, `and` or articles between, else 1.

    Two that `and` joins are still prose; `wolf key` and `wolf, key` are not, nor are three in a row.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> unlisted(["A wolf, key and cave.", "The wolf hid a key."], [["wolf", "key", "cave"]] * 2)
    [0.0, 1.0]
    """
    return [0.0 if strung(text, asked) else 1.0 for text, asked in zip(completions, keywords, strict=True)]


def strung(text: str, keywords: Sequence[str]) -> bool:
    """Whether two keywords stand side by side or three are joined by nothing but commas, `and` and articles.

    >>> strung("The wolf and the bear ran.", ["wolf", "bear"]), strung("wolf, bear", ["wolf", "bear"])
    (False, True)
    """
    known = {form for k in keywords for form in (k.lower(), k.lower() + "s")}
    row, joined = 0, True
    for word in re.findall(r"[^\W_]+|[^\w\s,]", text.lower()):
        if word in known:
            if (row and not joined) or row == 2:
                return True
            row, joined = row + 1, False
        elif word in JOINTS:
            joined = True
        else:
            row, joined = 0, True
    return False


for _part in (coverage, mentions, unlisted):
    _part.pure = True  # type: ignore[attr-defined]
