"""Does a second reading agree that the question is answered, with one value and nothing else?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- The text is read as a stream of statements: the names since the last number are who a number is about, and each
  statement is true, false or an answer. Nothing is matched against forms of a good answer.
- Faults of manner each halve the score, so two cost more than one; the card pays one half however many there are.
- A denial or a hedge is a word ("not", "or"), wherever it stands outside a question of the text's own.
- "fewer" is wrong of the winner only: of the loser it is a true step.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

bar = 1.0


def _set(words: str) -> frozenset[str]:
    """The words of a line as a set."""
    return frozenset(words.split())


NUMERALS = """zero one two three four five six seven eight nine ten
    eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"""
SPOKEN = {word: str(value) for value, word in enumerate(NUMERALS.strip().split())}
VERBS = _set("has have had owns own got gets and or")
OPENERS = _set("""a all also altogether and answer because both but combined he how i in it number she so sum than that
    the then there therefore these they this those thus together total we who with yes you
    everyone everybody someone somebody anyone anybody""")
PLAIN = VERBS | OPENERS | _set("""is are was were be of to for as by at on plus minus equals makes make gives give up
    adds added add adding more most fewer less greater larger bigger numbers name final which their his her its
    result difference sure here please only just while since count each""")
DOUBT = _set("or either maybe perhaps not no never neither nor cannot nobody none unknown")
ECHO = re.compile(r"\banswer with\b|\bhow many\b|\bwho has\b|\?", re.I)
UNIT = r"(?:\s+[a-z]+)?"
SUM = re.compile(
    rf"(?<![\d.])(\d+){UNIT}\s*(\+|-|plus|minus|and)\s*(\d+){UNIT}\s*(?:=|is|equals|makes|gives|are)\s*(\d+)", re.I
)
TOKEN = re.compile(r"-?\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?")


def _told(text: str) -> str:
    """The text with straight apostrophes, numbers in figures and the sentences that ask left out."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("−", "-")
    text = re.sub(r"[^.!?\n]*\?|\banswer with one (?:number|name)\b", " . ", text, flags=re.I)
    text = re.sub(r"\b(?:the|that|only|this) one\b", " ", text, flags=re.I)
    return re.sub(r"[^\W\d_]+", lambda word: SPOKEN.get(word[0].lower(), word[0]), text)


def _summed(text: str, operands: list[float]) -> str | None:
    """The text with every worked sum replaced by its result; None if one is wrong or uses other people's numbers."""
    for a, sign, b, result in SUM.findall(text):
        right = float(a) - float(b) if sign in ("-", "minus") else float(a) + float(b)
        if right != float(result) or sorted((float(a), float(b))) != sorted(operands):
            return None
    return SUM.sub(r" \4", text)


def _stranger(words: list[str], i: int, known: set[str]) -> bool:
    """Whether a word names somebody of whom the facts know nothing."""
    word, after = words[i], words[i + 1].lower() if i + 1 < len(words) else ""
    return word[0].isupper() and word.lower() not in known | OPENERS and (i > 0 or after in VERBS)


def _statements(text: str, names: set[str], known: set[str]) -> Iterator[tuple[frozenset[str], float | None, str]]:
    """Who, how many, and the comparison said of them ("", "more", "fewer"); a stranger is called "?".

    >>> list(_statements("Ann and Ben have 9.", {"ann", "ben"}, {"ann", "ben"}))[0][1]
    9.0
    """
    for sentence in re.split(r"[.!;:\n](?!\d)", text):
        words, who = TOKEN.findall(sentence), set[str]()
        for i, word in enumerate(words):
            low, after = word.lower(), words[i + 1].lower() if i + 1 < len(words) else ""
            if word[-1].isdecimal():
                yield frozenset(who), float(word), "more" if after == "more" else ""
                who = set()
            elif low in ("more", "most", "larger", "greater") and who:
                yield frozenset(who), None, "more"
                who = set()
            elif low in ("fewer", "less", "least", "fewest") and who:
                yield frozenset(who), None, "fewer"
                who = set()
            elif low.removesuffix("'s") in names and words[i - 1 if i else 0].lower() != "than":
                who.add(low.removesuffix("'s"))
            elif _stranger(words, i, known):
                who.add("?")
        if who:
            yield frozenset(who), None, ""


def _counted(said: list[Any], truth: Any, numbers: dict[str, float]) -> bool:
    """Whether one number answers, and every other one is a true step (a lookup has none)."""
    asked, answers = frozenset(name.lower() for name in truth["asked"]), set[float]()
    for who, value, _ in said:
        if "?" in who or (value is None and who - asked):
            return False
        if value is None:
            continue
        if not who or who == asked:
            answers.add(value)
        elif truth["question"] == "lookup" or not who <= asked or {numbers[name] for name in who} != {value}:
            return False
    return answers == {float(truth["answer"])}


def _named(said: list[Any], truth: Any, numbers: dict[str, float]) -> bool:
    """Whether the winner alone is named: by "more", else without a number, else at all."""
    winner, asked = truth["answer"].lower(), frozenset(name.lower() for name in truth["asked"])
    own = [numbers[name] for name in asked]
    gap, tiers = max(own) - min(own), (set[str](), set[str](), set[str]())
    for who, value, compared in said:
        if not who <= asked or (compared == "fewer" and winner in who):
            return False
        by = value is not None and compared == "more" and value == gap and who <= {winner}
        if value is not None and not by and value not in ({numbers[n] for n in who} if who else {*own, gap}):
            return False
        if compared != "fewer":
            tiers[0 if compared == "more" and (by or value is None) else 1 if value is None else 2].update(who)
    return next((tier for tier in tiers if tier), set()) == {winner}


def _faults(prompt: Any, text: str) -> int:
    """How many of three faults of manner: asking or parroting, repeating, losing itself."""
    sentences = [tuple(TOKEN.findall(part.lower())) for part in re.split(r"[.!?\n]", text) if TOKEN.search(part)]
    words = [word for sentence in sentences for word in sentence]
    doubled = any(a == b for sentence in sentences for a, b in pairwise(sentence))
    triples = list(zip(words, words[1:], words[2:], strict=False))
    repeats = doubled or len(set(sentences)) < len(sentences) or len(set(triples)) < len(triples)
    plain = {word.lower() for word in TOKEN.findall(prompt.plain())} | PLAIN | set(SPOKEN)
    foreign = sum(word not in plain and not word[-1].isdigit() for word in words)
    return bool(ECHO.search(text)) + repeats + (foreign > 2 or len(words) > 30)


def gold(prompt: Any, completion: str) -> float:
    """1 for the right value and no other, halved for each fault of manner; 0 for anything else."""
    truth = prompt.truth
    numbers = {name.lower(): float(value) for name, value in truth["numbers"].items()}
    operands = [numbers[name.lower()] for name in truth["asked"]]
    text = _summed(_told(completion), operands)
    if text is None or any(w in DOUBT or w.endswith("n't") for w in TOKEN.findall(text.lower())):
        return 0.0
    known = {word.lower() for word in TOKEN.findall(prompt.plain())}
    said = list(_statements(text, set(numbers), known))
    right = (_named if truth["question"] == "more" else _counted)(said, truth, numbers)
    return 0.5 ** _faults(prompt, completion) if right else 0.0
