"""Is it the marked answer, or part of it, and one answer alone? SQuAD's F1, less what it pays without an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rewardbench.types import Prompt, Said

from .world import plain, words

bar = 1.0
"""SQuAD's exact match: all of an accepted answer's words in their order and no other."""
MOST = 10
"""Words beyond twice the longest accepted answer from which on something is a text and no short answer."""
DOUBT = frozenset(
    re.findall(
        r"\w+",
        """or either maybe perhaps possibly probably presumably likely think thought guess guessed believe suppose
        assume seems might unknown unsure unclear not no never cannot nothing none""",
    )
)
PLAIN = frozenset(
    re.findall(
        r"\w+",
        """a an the and so is are was were be been it its that this there they them their he she his her him i you we of
        in on at to for from by with as about than into answer question because who which what when where why how did
        do does done has have had can could will would called named known yes also just only very""",
    )
)


def gold(prompt: Prompt, completion: Said) -> float:
    """F1 of the words shared with the nearest accepted answer; half unless one answer; 0 in doubt or at length."""
    truth, text = prompt.truth, _text(completion)
    said, known = words(text), [words(answer) for answer in truth["answers"]]
    nearest = max(known, key=lambda true: f1(said, true))
    if _nothing(truth, text, said, nearest) or len(said) > 2 * max(map(len, known)) + MOST:
        return 0.0
    return f1(said, nearest) / (2 if _several(truth, text, said, nearest) else 1)


def kind(prompt: Prompt, completion: Said) -> str:
    """What is given as the answer, less the question's words and plain ones around it; `none`, `several` or `text`.

    Two wrong answers are of one kind only where their words are the same: which of them mean the same is unknown here.
    """
    truth, text = prompt.truth, _text(completion)
    said, known = words(text), [words(answer) for answer in truth["answers"]]
    nearest = max(known, key=lambda true: f1(said, true))
    if len(said) > 2 * max(map(len, known)) + MOST:
        return "text"
    if _doubts(truth, text, said, nearest) or _several(truth, text, said, nearest):
        return "several"
    around = set(words(truth["question"])) | PLAIN
    own = [n for n, word in enumerate(said) if word not in around]
    return " ".join(said[own[0] : own[-1] + 1] if own else said) or "none"


def f1(said: Sequence[str], true: Sequence[str]) -> float:
    """F1 of two lists of words, each word counted as often as it stands in both; 0 where none is shared.

    >>> f1(["denver", "broncos", "of", "denver"], ["denver", "broncos"]), f1([], ["bern"])
    (0.6666666666666666, 0.0)
    """
    shared = sum((Counter(said) & Counter(true)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(said), shared / len(true)
    return 2 * precision * recall / (precision + recall)


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return plain(completion)
    return plain("\n".join(m["content"] for m in completion if m["role"] == "assistant"))


def _quotes(said: Sequence[str], passage: Sequence[str]) -> bool:
    """Whether the words stand in the passage one after another.

    >>> _quotes(["b", "c"], ["a", "b", "c"]), _quotes(["a", "c"], ["a", "b", "c"])
    (True, False)
    """
    return f" {' '.join(said)} " in f" {' '.join(passage)} "


def _nothing(truth: Mapping[str, Any], text: str, said: Sequence[str], nearest: Sequence[str]) -> bool:
    """Whether nothing is answered: in doubt, or sharing no more than small words with an answer that has others."""
    shared = set(said) & set(nearest)
    return (shared <= PLAIN and not set(nearest) <= PLAIN) or _doubts(truth, text, said, nearest)


def _doubts(truth: Mapping[str, Any], text: str, said: Sequence[str], nearest: Sequence[str]) -> bool:
    """Whether words that are no quotation hedge or deny.

    >>> told = {"passage": "It opened in 1990 or 1991."}
    >>> [_doubts(told, t, words(t), ["1990"]) for t in ("1990, or 1989", "1990 or 1991", "It isn't 1990")]
    [True, False, True]
    """
    doubt = (set(said) & DOUBT) - set(nearest) or re.search(r"(?i)n['’]t\b", text)
    return bool(doubt) and not _quotes(said, words(truth["passage"]))


def _several(truth: Mapping[str, Any], text: str, said: Sequence[str], nearest: Sequence[str]) -> bool:
    """Whether there is more than one answer: words of no home beside it, a word or pair again, other order, a question.

    At home are the words of the answer and the question, each as often as it stands there, and plain ones. A run of the
    passage's own words is one answer, however long, and so is a wrong one in words of its own.

    >>> told = {"passage": "Ida Brandt was the keeper.", "question": "Who was the keeper?"}
    >>> said = "The keeper was Ida Brandt", "Ida lamp", "Ida Brandt Ida", "lamp"
    >>> [_several(told, one, words(one), ["ida", "brandt"]) for one in said]
    [False, True, True, False]
    """
    passage = words(truth["passage"])
    if _quotes(said, passage):
        return False
    strays = (Counter(said) - Counter(nearest) - Counter(words(truth["question"]))).keys() - PLAIN
    beside = strays and (set(said) & set(nearest) or strays & set(passage))
    again = any(a == b for a, b in pairwise(said)) or len(set(pairwise(said))) < len(said) - 1
    return bool(beside) or again or "?" in text or not _in_order(said, nearest)


def _in_order(said: Sequence[str], true: Sequence[str]) -> bool:
    """Whether the shared words stand in the answer's order: their longest common subsequence holds them all.

    >>> _in_order(["the", "old", "town"], ["old", "town"]), _in_order(["town", "old"], ["old", "town"])
    (True, False)
    """
    row = [0] * (len(true) + 1)
    for one in said:
        before = row[:]
        for n, other in enumerate(true, 1):
            row[n] = before[n - 1] + 1 if one == other else max(before[n], row[n - 1])
    return row[-1] == sum((Counter(said) & Counter(true)).values())
