"""Where do the verses come from? The sonnets, their rhymes, and which words are known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache

from rewardbench import data
from rewardbench.seeds import split_of
from rewardbench.types import UserError

from .flow import Order
from .sound import OLD, heard, rhyme, spelt, words

SONNETS = "writing/sonnets/shakespeare_sonnets.json"
PLAYS = "writing/tinyshakespeare/input.txt"


@cache
def order() -> Order:
    """The order of words in the plays and in the sonnets that train; all sonnets' words are known."""
    plays, verses = data.text(__file__, PLAYS), data.text(__file__, SONNETS)
    texts = [line for line in plays.splitlines() if not line.rstrip().endswith(":")]
    texts += [line for line, _ in split_lines(verses)["train"]]
    return Order([line for line in map(words, texts) if line], vocabulary(verses, plays))


@cache
def sonnets(text: str) -> tuple[tuple[str, ...], ...]:
    """The sonnets of a file, line by line; a damaged file is said (code 5)."""
    try:
        found = tuple(tuple(line.strip() for line in sonnet["lines"]) for sonnet in json.loads(text)["sonnets"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f'writing/verse: {SONNETS} is no {{"sonnets": [{{"lines": [text, …]}}, …]}}', 5) from error
    if not all(found) or not all(words(line) for lines in found for line in lines):
        raise UserError(f"writing/verse: {SONNETS} holds an empty line or sonnet", 5)
    return found


@cache
def vocabulary(*texts: str) -> frozenset[str]:
    """Every word of the texts."""
    return frozenset(word for text in texts for word in words(text))


@cache
def by_sound(known: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Each sound, and each spelling, of a rhyme -> the known words that end on it."""
    found: dict[str, list[str]] = {}
    for word in known:
        for key in {heard(word), "-" + spelt(re.sub(r"[^a-z]", "", word))}:
            found.setdefault(key, []).append(word)
    return {key: tuple(some) for key, some in found.items()}


def rhymes(word: str, known: frozenset[str]) -> tuple[str, ...]:
    """The known words that rhyme with a word.

    >>> rhymes("night", frozenset({"white", "day", "sight", "night"}))
    ('sight', 'white')
    """
    sound, eye = heard(word), "-" + spelt(re.sub(r"[^a-z]", "", word))
    keys = {sound, eye} | ({"i", "aI"} if sound in ("i", "aI") else set()) | OLD.get(sound, set())
    near = {other for key in keys for other in by_sound(known).get(key, ())}
    return tuple(sorted(other for other in near if rhyme(word, other) > 0))


@cache
def split_lines(text: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Split -> (a line, the line that rhymes with it in its sonnet); a sonnet goes to one split."""
    found: dict[str, list[tuple[str, str]]] = {"train": [], "dev": [], "test": []}
    for lines in sonnets(text):
        found[split_of(f"writing/verse {lines[0]}")] += pairs(lines)
    return {split: tuple(some) for split, some in found.items()}


def pairs(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(line, its rhyme) of a sonnet in the order ABAB CDCD EFEF GG; nothing of one with more lines or fewer.

    >>> [pair for pair in pairs([str(n) for n in range(14)])][::6]
    [('0', '2'), ('6', '4'), ('12', '13')]
    """
    partner = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 13, 12]
    yield from ((line, lines[partner[i]]) for i, line in enumerate(lines) if len(lines) == len(partner))


def read(split: str) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
    """The lines of a split with their rhymes, and the words that both files know; an empty split is said (code 5)."""
    text = data.text(__file__, SONNETS)
    found = split_lines(text).get(split, ())
    if not found:
        raise UserError(f"writing/verse: {SONNETS} holds no sonnet of split {split!r}", 5)
    return found, vocabulary(text, data.text(__file__, PLAYS))
