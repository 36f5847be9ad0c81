"""Is it written in the wanted manner? Varied words and sentences, plain words; rhyme and metre of verse.

Rhyme and metre need the extra `rhyme` (the CMU pronouncing dictionary: American English).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

from rewardbench.measures import prose
from rewardbench.measures.ngrams import tokens
from rewardbench.types import UserError


def richness(
    completions: Sequence[str], measure: str = "mattr", window: int = 25, full: float = 100.0, least: int = 10
) -> list[float]:
    """How varied the words are: the moving-average type-token ratio, or `mtld` as a share of `full`.

    A text shorter than `least` words is paid in proportion: no word is repeated in a single one.

    Range: [0, 1]; 0 for a blank text.
    Cost: pure Python.
    Source: Covington & McFall (2010); McCarthy & Jarvis (2010).

    >>> richness(["the wolf the wolf the wolf the wolf the wolf", "wolf"])
    [0.2, 0.1]
    """
    if measure not in ("mattr", "mtld"):
        raise UserError(f'style.richness measures "mattr" or "mtld", not {measure!r}')
    paid = []
    for text in completions:
        varied = prose.mattr(text, window) if measure == "mattr" else min(1.0, prose.mtld(text) / full)
        paid.append(varied * min(1.0, len(text.split()) / least))
    return paid


def variety(completions: Sequence[str], full: float = 0.6) -> list[float]:
    """How much the sentences differ in length: deviation over mean, as a share of `full`.

    Range: [0, 1]; 0 for fewer than two sentences.
    Cost: pure Python.
    Source: own; the coefficient of variation.

    >>> variety(["She ran. He hid.", "Run. He hid in the old barn."])
    [0.0, 1.0]
    """
    return [min(1.0, prose.length_variation(text) / full) for text in completions]


def plain_words(completions: Sequence[str], common: int = 2000, letters: int = 8) -> list[float]:
    """Share of the words that are among the `common` most frequent of English and have at most so many letters.

    Range: [0, 1]; 0 for a text without words.
    Cost: pyspellchecker's word list, looked up.
    Source: own, in the spirit of Dale & Chall (1948), whose list it does not use.

    >>> plain_words(["The old man ran.", "The octogenarian absconded.", ""])
    [1.0, 0.3333333333333333, 0.0]
    """
    plain = prose.common(common)
    found = [[word in plain and len(word) <= letters for word in tokens(text)] for text in completions]
    return [sum(each) / len(each) if each else 0.0 for each in found]


def rhyme(completions: Sequence[str], scheme: str = "ABAB") -> list[float]:
    """How well the line ends keep a rhyme scheme, repeated to the last line: what should rhyme does, nothing else.

    It is the share of line pairs with one letter that rhyme, times the share of those with two that do not. Lines that
    a last stanza lacks rhyme with nothing; a word does not rhyme with itself.

    Range: [0, 1]; 0 without lines.
    Cost: pronouncing (extra `rhyme`), looked up; words that it does not know go by their spelling.
    Source: own; a rhyme is equal from the last stressed vowel on.

    >>> rhyme(["The night was cold\\nThe wolf was old", "The night was cold\\nThe wolf ran"], scheme="AA")
    [1.0, 0.0]
    """
    if not scheme.strip():
        raise UserError('style.rhyme needs a scheme such as "ABAB"')
    return [_scheme_kept([_last_word(line) for line in _lines(text)], scheme) for text in completions]


def couplet(completions: Sequence[str], line: Sequence[str]) -> list[float]:
    """1 where the completion's first line rhymes with the line that it answers, else 0.

    A word does not rhyme with itself.

    Range: [0, 1]; 0 without words.
    Cost: pronouncing (extra `rhyme`), looked up; words that it does not know go by their spelling.
    Source: own; a rhyme is equal from the last stressed vowel on.

    >>> couplet(["The wolf was old", "The wolf ran"], ["The night was cold"] * 2)
    [1.0, 0.0]
    """
    pairs = zip((_lines(a)[-1:] for a in line), (_lines(text)[:1] for text in completions), strict=True)
    ends = [[_last_word(one) for one in (*asked, *said)] for asked, said in pairs]
    return [float(len(both) == 2 and _rhymes(*sorted(both))) for both in ends]


def _lines(text: str) -> list[str]:
    """The lines that have words."""
    return [line for line in text.splitlines() if prose.WORD.search(line)]


def _last_word(line: str) -> str:
    """The word that a line ends with, in lower case."""
    return str(prose.WORD.findall(line)[-1]).lower().replace("’", "'")


def _scheme_kept(ends: Sequence[str], scheme: str) -> float:
    """Rhymes where the scheme has them, times no rhymes where it has none; within each stanza."""
    stanzas = [[*ends[i : i + len(scheme)]] for i in range(0, len(ends), len(scheme))]
    same: list[bool] = []
    other: list[bool] = []
    for stanza in stanzas:
        stanza += [""] * (len(scheme) - len(stanza))
        for (a, first), (b, second) in combinations(zip(scheme, stanza, strict=True), 2):
            (same if a == b else other).append(_rhymes(*sorted((first, second))))
    if not stanzas:
        return 0.0
    return (sum(same) / len(same) if same else 1.0) * (1 - sum(other) / len(other) if other else 1.0)


@lru_cache(maxsize=1 << 14)
def _rhymes(a: str, b: str) -> bool:
    """Whether two different words rhyme in any of their pronunciations."""
    return a != b and bool(a and b) and bool(_endings(a) & _endings(b))


def _endings(word: str) -> set[str]:
    """What a word sounds like from its last stressed vowel on; or its letters from the last vowel on, if not known."""
    said = _pronounced(word)
    if said:
        return {_dictionary().rhyming_part(phones) for phones in said}
    return {match[0] for match in [re.search(r"[aeiouy]+[^aeiouy]*e?$", word)] if match}


def metre(completions: Sequence[str], foot: str = "01", feet: int = 5) -> list[float]:
    """Share of the syllables that fit the metre, averaged over the lines: 0 unstressed, 1 stressed.

    Words of one syllable and secondary stresses fit anywhere; missing and supernumerary syllables fit nowhere. The best
    of a word's pronunciations counts.

    Range: [0, 1]; 0 without lines.
    Cost: pronouncing (extra `rhyme`), looked up; words that it does not know fit anywhere, their syllables are counted.
    Source: own; stresses of the CMU pronouncing dictionary.

    >>> metre(["Shall I compare thee to a summer's day?", "Shall I compare thee to the day?"])
    [1.0, 0.8]
    """
    if set(foot) - {"0", "1"} or not foot or feet < 1:
        raise UserError(f'style.metre needs a foot such as "01" and at least one of it, not {foot!r} x {feet}')
    paid = []
    for text in completions:
        lines = [_fit(prose.WORD.findall(line), foot * feet) for line in _lines(text)]
        paid.append(sum(lines) / len(lines) if lines else 0.0)
    return paid


def _fit(words: Sequence[str], wanted: str) -> float:
    """Share of a line's (or the metre's, if more) syllables that fit, by the best choice of pronunciations."""
    best = {0: 0}
    stressed = [_stresses(word.lower().replace("’", "'")) for word in words]
    beyond = sum(min(map(len, patterns)) for patterns in stressed[len(wanted) :])  # surely past the metre
    for patterns in stressed[: len(wanted)]:
        reached: dict[int, int] = {}
        for stresses in patterns:
            for at, fitting in best.items():
                there = wanted[at : at + len(stresses)]
                total = fitting + sum(s in ("2", w) for s, w in zip(stresses, there, strict=False))
                reached[at + len(stresses)] = max(total, reached.get(at + len(stresses), 0))
        best = reached
    return max(fitting / max(at + beyond, len(wanted)) for at, fitting in best.items())


@lru_cache(maxsize=1 << 14)
def _stresses(word: str) -> frozenset[str]:
    """The stress patterns of a word, a character a syllable: 0, 1, or 2 where either will do."""
    said = {_dictionary().stresses(phones) for phones in _pronounced(word)} - {""} or {"2" * prose.syllables(word)}
    return frozenset("2" if len(pattern) == 1 else pattern for pattern in said)


def _pronounced(word: str) -> list[str]:
    """A word's pronunciations in the dictionary."""
    found: list[str] = _dictionary().phones_for_word(word)
    return found


@lru_cache(maxsize=1)
def _dictionary() -> Any:
    """The pronouncing dictionary; raises UserError without the extra."""
    try:
        import pronouncing
    except ModuleNotFoundError as error:
        raise UserError("rhyme and metre need `pronouncing`: pip install 'rewardbench-suite[rhyme]'", 5) from error
    return pronouncing


_parts: tuple[Any, ...] = (richness, variety, plain_words, rhyme, couplet, metre)
for _part in _parts:
    _part.pure = True
