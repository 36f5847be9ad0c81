"""Is the completion correct English? Mistakes that a grammar checker finds, and words that a dictionary knows.

A rule-based checker sees a part of the mistakes ("This are wrong." passes), and what it flags need not be one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rewardbench.measures.ngrams import sentences, tokens
from rewardbench.measures.prose import WORD, frequencies
from rewardbench.types import UserError

KINDS = frozenset(
    re.findall(
        r"\w+",
        """Agreement BoundaryError Capitalization Eggcorn Enhancement Formatting Grammar Malapropism Miscellaneous
        Nonstandard Punctuation Readability Redundancy Regionalism Repetition Spelling Style Typo Usage WordChoice""",
    )
)
"""What Harper sorts its findings into."""
LENIENT = ("Enhancement", "Formatting", "Readability", "Regionalism", "Spelling", "Style")
"""Kinds that are taste, layout, or (spelling: every invented name) have a part of their own."""
SURROGATE = re.compile(r"[\ud800-\udfff]")


@lru_cache(maxsize=2)
def _linter(markdown: bool) -> Any:
    """Harper with its dictionary, made once: that takes most of a second.

    One for plain text and one for Markdown: a linter remembers what it found in a text, whichever way it read it.
    """
    from harper import Linter

    return Linter()


def errors(
    completions: Sequence[str], ignore: Sequence[str] = LENIENT, per: str = "sentence", markdown: bool = False
) -> list[float]:
    """1 less the mistakes that Harper finds for each sentence (or `per = "word"`), at least 0; 0 for a blank text.

    `ignore` names the kinds of findings that do not count; chat text is rather judged without `Capitalization` and
    `Punctuation` too. With `markdown` its marks are no mistakes, but whatever stands in code is not read.

    Range: [0, 1].
    Cost: harper-py (rules in Rust), about three milliseconds for 40 words.
    Source: Harper, writewithharper.com.

    >>> errors(["Ann bought an apple.", "I buyed a apple.", "I buyed apples. They were good."])
    [1.0, 0.0, 0.5]
    """
    if per not in ("sentence", "word"):
        raise UserError(f'grammar.errors counts per "sentence" or "word", not {per!r}')
    if unknown := sorted(set(ignore) - KINDS):
        raise UserError(f"Harper has no kind {unknown[0]!r}; there are: {', '.join(sorted(KINDS))}")
    paid = []
    for text in completions:
        units = len(sentences(text) if per == "sentence" else tokens(text))
        found = [kind for kind in _kinds(text, markdown) if kind not in ignore] if units else []
        paid.append(max(0.0, 1.0 - len(found) / units) if units else 0.0)
    return paid


def _kinds(text: str, markdown: bool) -> list[str]:
    """The kind of each finding in a text.

    >>> _kinds("I `buyed` it.", markdown=False), _kinds("I `buyed` it.", markdown=True)
    (['Grammar'], [])
    """
    from harper import Language

    language = Language.MARKDOWN if markdown else Language.PLAINTEXT
    return [str(found.lint_kind) for found in _linter(markdown).lint(SURROGATE.sub("?", text), language=language)]


def spelling(completions: Sequence[str], capitalised: bool = False) -> list[float | None]:
    """Share of the words that an English dictionary has; abstains on a text that has no word to look up.

    Capitalised words count with `capitalised = true` only: most are names, the rest open sentences.

    Range: [0, 1]; 0 for a blank text.
    Cost: pyspellchecker's word list, looked up.
    Source: pyspellchecker.

    >>> spelling(["The wolf ran awya.", "Zorblax ran.", "", "7"])
    [0.6666666666666666, 1.0, 0.0, None]
    """
    return [_known_share(text, capitalised) if text.strip() else 0.0 for text in completions]


def _known_share(text: str, names: bool) -> float | None:
    """The share of one text, or None."""
    words = [word for word in WORD.findall(text) if names or word.islower()]
    return sum(map(_known, words)) / len(words) if words else None


@lru_cache(maxsize=1 << 16)
def _known(word: str) -> bool:
    """Whether the dictionary has a word, or what it is the possessive of.

    >>> _known("wolf’s"), _known("wlof")
    (True, False)
    """
    word = word.lower().replace("’", "'")
    return word in frequencies() or word.removesuffix("'s") in frequencies()


_parts: tuple[Any, ...] = (errors, spelling)
for _part in _parts:
    _part.pure = True
