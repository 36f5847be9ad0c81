"""How is a text written? Readability, lexical variety and cohesion, each from one text alone.

English is meant where syllables, function words or word frequencies are counted; every other text gives a number
as well, which then means little.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import sqrt

from rewardbench.measures.ngrams import sentences, tokens

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A run of letters, its case kept; apostrophes inside belong to it."""
VOWELS = re.compile(r"[aeiouy]+")
PARTED = re.compile(
    r"(?<![clstg])ia(?!g|$)|(?<=[a-z])ia$|ciat|iu|(?<=[bdhlmnrv])iou|(?<![csxtgn])io(?!u)|(?<![ct])ien(?!d)|^scien"
    r"|[^aeiou]ier$|ying$|[aeo]y[ao]|[aeou]ing|(?<=[sxtdn])ua(?!de)|eo(?!us|ple|n$)|[^s]ires?$|[^s]ired$|(?<=[^aeiou])sm$"
    r"|quiet|suic|ruin|creat(?!ur)|idea(?!l)|area|reali|react|theat"
)
"""Two vowels side by side that are two syllables, and syllables written without a vowel."""
SILENT = re.compile(
    r"[^aeiouyl]e$|[aeiouy]le$|[^aeiouydt]ed$(?<![^aeiouyr]red)(?<![^aeiouyl]led)|gue$|thes$"
    r"|[^aeiouycgsxzh]es$(?<![^aeiouyl]les)|(?:[^aeiouyl]|[aeiouyl]l)e(?=ly|ment|ful|less|ness)|^some(?=.)|every(?!one)"
)
"""An e that is not spoken."""
DETERMINERS = frozenset(
    tokens("a an the this that these those my your his her its our their some any every each no")
)
PRONOUNS = frozenset(
    tokens("he him his himself she her hers herself it its itself they them their theirs themselves")
)
FUNCTION_WORDS = DETERMINERS | PRONOUNS | frozenset(
    tokens(
        """i me mine myself you yours yourself we us ours ourselves who whom whose which what where when why how
        and or but nor so yet if then than as because though although while until unless since whether
        of in on at to from by with for into onto upon about above below under over after before between through
        during without within against toward towards across along around behind beside near off out up down
        be am is are was were been being do does did done doing have has had having will would shall should can could
        may might must not never there here now just very too also only even again still both all more most much many
        few other another such own same one once"""
    )
)
"""Closed classes of English: words that bind a sentence and name nothing."""


@lru_cache(maxsize=1 << 16)
def syllables(word: str) -> int:
    """How many syllables an English word has, by its spelling; at least 1.

    >>> [syllables(w) for w in ("castle", "walked", "wanted", "reptilian", "creature")]
    [2, 1, 2, 3, 2]
    """
    word = word.lower().replace("’", "'").removesuffix("'s")
    return max(1, len(VOWELS.findall(word)) + len(PARTED.findall(word)) - len(SILENT.findall(word)))


def flesch(text: str) -> float:
    """Flesch's reading ease (1948): about 100 for the plainest prose, below 0 for the hardest; 0 without words.

    >>> round(flesch("The cat sat on the mat."))
    116
    """
    words = tokens(text)
    if not words:
        return 0.0
    return 206.835 - 1.015 * len(words) / _pieces(text) - 84.6 * sum(map(syllables, words)) / len(words)


def flesch_kincaid(text: str) -> float:
    """The US school grade that can read it (Kincaid et al. 1975); below 0 for the plainest, 0 without words.

    >>> round(flesch_kincaid("The Australian platypus is seemingly a hybrid of a mammal and reptilian creature."), 1)
    11.3
    """
    words = tokens(text)
    if not words:
        return 0.0
    return 0.39 * len(words) / _pieces(text) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def lix(text: str) -> float:
    """Words a sentence plus the percentage of words over six letters (Björnsson 1968): any alphabetic language.

    >>> lix("The wolf ran. A lantern flickered.")
    36.333333333333336
    """
    words = tokens(text)
    if not words:
        return 0.0
    return len(words) / _pieces(text) + 100 * sum(len(word) > 6 for word in words) / len(words)


def _pieces(text: str) -> int:
    """Sentences, at least 1."""
    return max(1, len(sentences(text)))


def mtld(text: str, threshold: float = 0.72) -> float:
    """Mean length of the runs of words whose type-token ratio stays above the threshold, read both ways.

    MTLD of McCarthy & Jarvis (2010); the number of words where none is repeated, 0 without words.

    >>> mtld("the wolf ran away"), round(mtld("a b a b a b"), 3)
    (4.0, 3.0)
    """
    words = tokens(text)
    return (_factors(words, threshold) + _factors(words[::-1], threshold)) / 2


def _factors(words: Sequence[str], threshold: float) -> float:
    """Words over factors, read in one direction; the rest counts as the part of a factor that it is."""
    seen: set[str] = set()
    factors, count = 0.0, 0
    for word in words:
        count += 1
        seen.add(word)
        if len(seen) <= threshold * count:
            factors, count, seen = factors + 1, 0, set()
    if count:
        factors += (1 - len(seen) / count) / (1 - threshold)
    return len(words) / factors if factors else float(len(words))


def mattr(text: str, window: int = 25) -> float:
    """Mean type-token ratio of all windows of so many words (Covington & McFall 2010), in [0, 1]; 0 without words.

    A text shorter than the window is one window.

    >>> mattr("a b a b", 2), mattr("a a b b", 2)
    (1.0, 0.6666666666666666)
    """
    words = tokens(text)
    if len(words) <= window:
        return len(set(words)) / len(words) if words else 0.0
    inside = Counter(words[:window])
    total = types = len(inside)
    for gone, new in zip(words, words[window:], strict=False):
        types += not inside[new]
        inside[new] += 1
        inside[gone] -= 1
        types -= not inside[gone]
        total += types
    return total / (window * (len(words) - window + 1))


def length_variation(text: str) -> float:
    """Standard deviation of the sentences' lengths in words over their mean; 0 for fewer than two sentences.

    >>> length_variation("She ran. He hid."), length_variation("Run. He hid in the old barn.")
    (0.0, 0.7142857142857143)
    """
    counts = [len(tokens(sentence)) for sentence in sentences(text)]
    if len(counts) < 2 or not any(counts):
        return 0.0
    mean = sum(counts) / len(counts)
    return sqrt(sum((count - mean) ** 2 for count in counts) / len(counts)) / mean


@lru_cache(maxsize=1 << 16)
def lemma(word: str) -> str:
    """A content word in lower case without plural or possessive; "" for a function word.

    >>> [lemma(w) for w in ("Wolf's", "keys", "glass", "the")]
    ['wolf', 'key', 'glass', '']
    """
    word = word.lower().replace("’", "'").removesuffix("'s")
    if word in FUNCTION_WORDS or "'" in word:
        return ""
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "sui" else word


def overlaps(pieces: Sequence[str]) -> list[float]:
    """Dice overlap of the content words of each two neighbouring pieces, in [0, 1].

    >>> overlaps(["Ann had a key.", "The key was gold.", "Snow fell."])
    [0.5, 0.0]
    """
    words = [{found for word in tokens(piece) if (found := lemma(word))} for piece in pieces]
    return [2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0 for a, b in pairwise(words)]


def cohesion(text: str) -> float:
    """Mean overlap of the content words of neighbouring sentences, in [0, 1]; 0 for fewer than two sentences.

    >>> cohesion("Ann had a key. The key was gold. Snow fell.")
    0.25
    """
    found = overlaps(sentences(text))
    return sum(found) / len(found) if found else 0.0


def links(pieces: Sequence[str]) -> list[bool]:
    """Whether each piece but the first goes on about something that the one before named.

    Named are capitalised words that are no function words, and what follows a determiner anywhere in the text. A
    pronoun of the third person goes on where the piece before named something or went on itself.

    >>> links(["Ann found a key.", "She took it.", "The key was gold.", "Snow fell on Mars."])
    [True, False, False]
    """
    words = [WORD.findall(piece) for piece in pieces]
    named: set[str] = set()
    for piece in words:
        named.update(lemma(b) for a, b in pairwise(piece) if a.lower() in DETERMINERS)
        named.update(lemma(word) for word in piece if word[0].isupper() and not word.endswith("ly"))
    named.discard("")
    entities = [{found for word in piece if (found := lemma(word)) in named} for piece in words]
    linked = [False]
    for i in range(1, len(words)):
        goes_on = bool(entities[i - 1]) or linked[-1]
        again = bool(entities[i] & entities[i - 1])
        linked.append(again or (goes_on and any(word.lower() in PRONOUNS for word in words[i])))
    return linked[1:]


def entity_continuity(text: str) -> float:
    """Share of neighbouring sentences that go on about the same thing, in [0, 1]; 0 for fewer than two sentences.

    A reading without a parser of the entity grid (Barzilay & Lapata 2008).

    >>> entity_continuity("Ann found a key. She took it. Snow fell on Mars.")
    0.5
    """
    found = links(sentences(text))
    return sum(found) / len(found) if found else 0.0


def moved(values: Sequence[float]) -> list[float]:
    """What each value moves the mean of those so far; they sum to the mean of all.

    Paid where its piece stands, each is known when the piece ends, whatever follows: what a share of the final mean is
    not.

    >>> moved([1.0, 0.0, 2.0])
    [1.0, -0.5, 0.5]
    """
    means = [total / n for n, total in enumerate(accumulate(values), 1)]
    return [now - past for now, past in zip(means, [0.0, *means], strict=False)]


def places(text: str, pieces: Sequence[str]) -> list[tuple[int, int]]:
    """(start, end) in characters of pieces that stand in the text in this order.

    >>> places("She ran.  He hid.", ["She ran.", "He hid."])
    [(0, 8), (10, 17)]
    """
    found, at = [], 0
    for piece in pieces:
        start = text.index(piece, at)
        at = start + len(piece)
        found.append((start, at))
    return found


@lru_cache(maxsize=1)
def frequencies() -> Counter[str]:
    """How often each English word occurs in the corpus behind pyspellchecker, in lower case; loaded once (0.2 s)."""
    from spellchecker import SpellChecker

    counts: Counter[str] = SpellChecker().word_frequency.dictionary
    return counts


@lru_cache(maxsize=8)
def common(count: int) -> frozenset[str]:
    """The so many most frequent English words, in lower case.

    >>> "the" in common(100), "lantern" in common(1000)
    (True, False)
    """
    return frozenset(word for word, _ in frequencies().most_common(count))
