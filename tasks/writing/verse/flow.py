"""In which order do words stand in verse? By classes of words, three after one another, and by pairs that were seen."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from math import log

from .sound import listed

BEFORE_NOUNS = listed("an a the my thy his her our your their its this that these those no every some any")
BEFORE_VERBS = listed(
    "to i he she it we they thou ye you who will would shall should can could may might must do did doth not shalt let"
)
AFTER_VERBS = listed("me thee him them us you")
COMMON_VERBS = listed(
    "am are art be been bear bid call can cannot come could did do does dost doth find give gave go had has hast hath "
    "have hear is keep know let live look love made make may mayst might must needs put said saw say see seem shall "
    "shalt should show speak stand take tell think took was wast were will wilt would wouldst 'tis 'twas"
)
ENDINGS = re.compile(r"(?:ing|'?ed|'d|eth|'?st|ly|'?s|ness|ous|ful)$")
CLOSED_WORDS = 120
"""So many of the commonest words are each a class of their own."""


class Order:
    """Which order of words a text has: three classes of words after one another, and how often.

    A common word is its own class, any other is told by its neighbours (after *the*, after *to*, before *him*), a rare
    one by its ending. A word that nobody knows is of a class that the text never has.
    """

    def __init__(self, lines: Sequence[Sequence[str]], known: frozenset[str]) -> None:
        """Count the classes of the lines, line by line."""
        self.counts, self.known = Counter(word for line in lines for word in line), known
        self.pairs = {pair for line in lines for pair in pairwise(line)}
        self.closed = {word for word, _ in self.counts.most_common(CLOSED_WORDS)}
        near: dict[str, Counter[str]] = defaultdict(Counter)
        for line in lines:
            for before, word, after in zip(["", *line], line, [*line[1:], ""], strict=False):
                near[word]["noun"] += before in BEFORE_NOUNS
                near[word]["verb"] += before in BEFORE_VERBS
                near[word]["object"] += after in BEFORE_NOUNS or after in AFTER_VERBS
                near[word]["closed"] += after not in BEFORE_NOUNS and (not after or after in self.closed)
        self.classes = {word: self._class(word, near[word]) for word in known | set(self.counts)}
        self.grams: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter(), Counter())
        self.firsts: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter(), Counter())
        for line in lines:
            marked = self._marked(line)
            for at in range(2, len(marked)):
                for size in range(3):
                    gram = tuple(marked[at - size : at + 1])
                    self.grams[size][gram] += 1
                    self.firsts[size][gram[:-1]] += 1

    def _class(self, word: str, near: Counter[str]) -> str:
        """A word's class, by its neighbours or its ending."""
        count = self.counts[word]
        if word in self.closed:
            return word
        if count < 3:
            found = ENDINGS.search(word)
            return f"-{found[0] if found else ''}"
        if near["verb"] > near["noun"]:
            return "VERB him" if near["object"] > 0.3 * count else "VERB"
        kind = "NOUN" if near["noun"] > 0.12 * count else "WORD"
        return kind if near["closed"] > 0.5 * count else f"{kind} of more"

    def _marked(self, line: Sequence[str]) -> list[str]:
        """The classes of a line between marks of its beginning and end."""
        return ["^", "^", *(self.classes.get(word, "?") for word in line), "$"]

    def surprise(self, line: Sequence[str]) -> list[float]:
        """For each word and the end: how much likelier it is after the two before it than anywhere (log)."""
        marked, found = self._marked(line), []
        for at in range(2, len(marked)):
            one, two, three = (tuple(marked[at - size : at + 1]) for size in range(3))
            anywhere = (self.grams[0][one] + 0.1) / (self.firsts[0][()] + 20)
            after = (self.grams[1][two] + 6 * anywhere) / (self.firsts[1][two[:-1]] + 6)
            both = (self.grams[2][three] + 10 * after) / (self.firsts[2][three[:-1]] + 10)
            found.append(log(both / anywhere))
        return found

    def flow(self, line: Sequence[str]) -> float:
        """In [0.1, 1]: whether the words stand in an order that the text has.

        The least of three: the order of classes on the whole, at the worst place but one, and how many neighbours
        (the very words) the text has too: a quarter is enough.
        """
        found = sorted(self.surprise(line))
        whole = (sum(found) / len(found) - FLOW[0]) / (FLOW[1] - FLOW[0])
        worst = (found[min(1, len(found) - 1)] - WORST[0]) / (WORST[1] - WORST[0])
        met = sum(pair in self.pairs for pair in pairwise(line)) / max(1, len(line) - 1)
        return max(0.1, min(1.0, whole, worst, met / MET))

    def has_verb(self, line: Sequence[str]) -> bool:
        """Whether some word is a verb: a common one, one where verbs stand, or one in *-eth*, *-'st*, *-ed*."""
        return any(self.classes.get(w, "?").startswith(("VERB", "-e", "-'", "-st")) or w in COMMON_VERBS for w in line)


FLOW = (-1.2, -0.6)
WORST = (-3.6, -2.6)
"""From the one (nothing) to the other (all): most of the sonnets' own lines have all."""
MET = 0.25
