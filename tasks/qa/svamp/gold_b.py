"""Does a second reading find the true number, alone, and a calculation that leads to it from the numbers told?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A text is cut into tokens: numbers, signs, words; number words from two to twenty and words for signs count.
- Calculations are read by recursive descent, both sides of every equals sign, words beside a number left out as units.
- The last line or sentence with a number decides, before it those that say "answer is": what follows its last equals
  sign, else its last number. Two numbers side by side, two finals, doubt and denial are no answer.
- Markup is taken off the text, brackets off the tokens. That a calculation does nothing is seen by working it out once
  more with every told number a little larger: what then is still one of them was one of them all along.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

bar = 1.0
SMALL = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty"""
COUNT = {word: str(value) for value, word in enumerate(SMALL.split(), 2)}
PHRASES = {r"\\[dt]?frac\{(.*?)\}\{(.*?)\}": r"(\1)/(\2)", r"\\(?:times|cdot)\b": "*", r"\\div\b": "/"}
PHRASES |= {r"\\[a-zA-Z]*|\*\*+|[{}_`]": " ", r"(?im)^ *[-•] +|\bstep \d+": ""}
PHRASES |= {"(?i)multiplied by": "*", "(?i)added to": "+", "(?i)is equal to": "="}
DOUBT = {"or", "either", "maybe", "perhaps"}
SPOKEN = {"plus": "+", "minus": "-", "times": "*", "x": "*", "equals": "=", "divided": "/"}
SPOKEN |= dict(zip("×·÷−–", "**/--", strict=True))
ANSWER = re.compile(r"(?i)\banswer(?: is| was|:| =)")
TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\w\s]")
LONGEST = 60
"""Tokens of one side of an equals sign that are read."""
GIVEN = frozenset(map(Fraction, (1, 2, 100)))


def _clean(text: str) -> str:
    """The text in plain characters, without markup, phrases for signs brought into one form.

    >>> _clean("**８ \\\\times 3**").split()
    ['8', '*', '3']
    """
    text = "".join(c if unicodedata.category(c) == "No" else unicodedata.normalize("NFKC", c) for c in text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf").replace("[", "(").replace("]", ")")
    for phrase, form in PHRASES.items():
        text = re.sub(phrase, form, text)
    lines, listed = text.split("\n"), 1
    for n, line in enumerate(lines):
        if re.match(rf" *{listed}[.)] +\S", line):
            lines[n], listed = re.sub(r"^ *\d+[.)] +", "", line), listed + 1
    return "\n".join(lines)


def _tokens(text: str) -> list[str]:
    """Numbers, signs and words of a text, small words and number words brought into one form; `*` only between two.

    >>> _tokens("Six hens × 1,200 equals *$7*")
    ['6', 'hens', '*', '1200', '=', '7']
    """
    found = [token.lower().replace(",", "") or "," for token in TOKEN.findall(text)]
    found = [COUNT.get(SPOKEN.get(t, t), SPOKEN.get(t, t)) for t in found if t not in "$€£"]
    ends = [" ", *found, ""]
    sign = [bool(ends[n + 2]) and (ends[n][-1].isalnum() or ends[n] in ")%") for n in range(len(found))]
    return [token for token, between in zip(found, sign, strict=True) if token != "*" or between]


def _open(tokens: Sequence[str], told: set[Fraction]) -> list[str]:
    """The tokens without brackets that belong to no calculation, and without what these only remark.

    >>> _open(_tokens("2 * (3 + 4) = 14 (7 each)"), {Fraction(7)}), _open(_tokens("14 (2 * 7)"), set())
    (['2', '*', '(', '3', '+', '4', ')', '=', '14'], ['14', '=', '2', '*', '7'])
    """
    kept: list[str] = []
    starts: list[int] = []
    for n, token in enumerate(tokens):
        if token == "(":
            starts.append(len(kept))
        kept.append(token)
        if token != ")" or not starts:
            continue
        start = starts.pop()
        inner = kept[start + 1 : -1]
        beside = ({*kept[start - 1 : start]} & {*"+-*/=("}) | ({*tokens[n + 1 : n + 2]} & {*"+-*/=)"})
        bare = all(_is_number(t) or t in "+-*/()" for t in inner)
        if bare and beside:
            continue
        others = any(map(_is_number, [*kept[:start], *tokens[n + 1 :]]))
        says = {Fraction(t) for t in inner if _is_number(t)}
        if bare and others and {*inner} & {*"+-*/"}:
            kept[start:] = ["=", *inner]
        else:
            remark = others and says <= told and "=" not in inner and not DOUBT & {*inner}
            kept[start:] = [] if remark else [",", *inner, ","]
    return kept


def _is_number(token: str) -> bool:
    """Whether a token is a number; those of more than thirty figures are none."""
    return token[0].isascii() and token[0].isdigit() and len(token) < 30


def _without_units(tokens: Sequence[str]) -> list[str]:
    """The tokens without up to three words that stand between a number and a sign.

    >>> _without_units(["6", "red", "hens", "+", "2", "are", "8"])
    ['6', '+', '2', 'are', '8']
    """
    kept: list[str] = []
    for place, token in enumerate(tokens):
        after = next((t for t in tokens[place : place + 4] if not t.isalpha() and t != "%"), "")
        behind = bool(kept) and _is_number(kept[-1])
        if not ((token.isalpha() or token == "%") and behind and after and after in "+-*/=)"):
            kept.append(token)
    return kept


def _sum(tokens: list[Any]) -> Fraction:
    """The value of the sum that a list of tokens begins with, which are taken away; ValueError without one."""
    value = _product(tokens)
    while tokens and tokens[0] in ("+", "-"):
        value = value + _product(tokens) if tokens.pop(0) == "+" else value - _product(tokens)
    return value


def _product(tokens: list[Any]) -> Fraction:
    """The value of the product at the beginning."""
    value = _single(tokens)
    while tokens and tokens[0] in ("*", "/"):
        sign, other = tokens.pop(0), _single(tokens)
        if sign == "/" and not other:
            raise ValueError("by zero")
        value = value * other if sign == "*" else value / other
    return value


def _single(tokens: list[Any]) -> Fraction:
    """The value of a number, a negative one, or a bracket at the beginning."""
    first = tokens.pop(0) if tokens else ""
    if isinstance(first, Fraction):
        return first
    if first == "-":
        return -_single(tokens)
    if first == "(" and tokens.count("(") < 20:
        value = _sum(tokens)
        if tokens and tokens[0] == ")":
            tokens.pop(0)
        return value
    if first and _is_number(first):
        return Fraction(first)
    raise ValueError("no number")


def _side(tokens: Sequence[str], last: bool) -> list[str]:
    """The tokens of a calculation at the end (`last`) or the beginning of a list."""
    run: list[str] = []
    for token in list(reversed(tokens)) if last else tokens:
        if not (_is_number(token) or token in "+-*/()") or (run and _is_number(run[-1]) and _is_number(token)):
            break
        run.append(token)
        if len(run) == LONGEST:
            break
    return run[::-1] if last else run


def _pairs(tokens: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Both sides of every equals sign of which one is a calculation."""
    places, found = [n for n, token in enumerate(tokens) if token == "="], []
    for before, place, after in zip([-1, *places], places, [*places[1:], len(tokens)], strict=False):
        left, right = _side(tokens[before + 1 : place], True), _side(tokens[place + 1 : after], False)
        try:
            _sum(left[:]), _sum(right[:])
        except ValueError:
            continue
        if any(t in "+-*/" for side in (left, right) for t in side[1:]):
            found.append((left, right))
    return found


def _leads(tokens: Sequence[str], told: set[Fraction], truth: Fraction) -> bool:
    """Whether the calculations are true, few, and of numbers told or reached from them, and one comes to the truth."""
    larger = {one: one if one == 1 else one + 10**6 + 7 ** (n + 3) for n, one in enumerate(sorted(told - {0}))}
    rests = {one: {one} for one in larger}
    reached, written = False, list[list[str]]()
    for left, right in _pairs(tokens):
        value = _sum(left[:])
        if abs(value - _sum(right[:])) > (Fraction(1, 100) if value.denominator > 1 else 0):
            return False
        for side in (side for side in (left, right) if any(t in "+-*/" for t in side[1:])):
            used = [Fraction(t) for t in side if _is_number(t)]
            if any(one not in larger and one not in GIVEN and one for one in used):
                return False
            if side not in written:
                written.append(side)
            anew = _anew(side, larger)
            if any(one in larger for one in used) and anew is not None and anew not in larger.values():
                reached = reached or value == truth
                larger.setdefault(value, anew)
                rests.setdefault(value, {told_ for one in used for told_ in rests.get(one, ())})
    every = [Fraction(t) for side in written for t in side if _is_number(t)]
    brought = [one for one in every if one in GIVEN - told]
    few = len(brought) < (2 if len(rests.get(truth, ())) > 1 else 1)
    return reached and few and len(written) < 5 and max(map(every.count, every)) < 4


def _anew(side: Sequence[str], larger: dict[Fraction, Fraction]) -> Fraction | None:
    """What a calculation would come to with larger numbers in the place of its own; None by zero."""
    try:
        return _sum([larger.get(Fraction(t), Fraction(t)) if _is_number(t) else t for t in side])
    except ValueError:
        return None


def _final(tokens: list[str]) -> Fraction | None:
    """The one number that a deciding sentence settles on, None where it doubts, denies or lists.

    >>> [str(_final(_tokens(s))) for s in ("2 + 3 = 5 cups", "5 or 6", "4, 5", "is not 5", "3 = 4", "so 7 remain")]
    ['5', 'None', 'None', 'None', 'None', '7']
    """
    if DOUBT & set(tokens):
        return None
    figures = [n for n, token in enumerate(tokens) if _is_number(token)]
    if not figures:
        return None
    if "=" in tokens:
        if not any(sign in "+-*/" and (_is_number(before) or before == ")") for before, sign in pairwise(tokens)):
            return Fraction(tokens[figures[0]]) if len({tokens[n] for n in figures}) == 1 else None
        end = len(tokens) - tokens[::-1].index("=")
        try:
            return _sum(_side(tokens[end:], False))
        except ValueError:
            pass
    end = figures[-1]
    near = tokens[figures[-2] + 1 : end] if len(figures) > 1 else ["word"]
    if all(token in (",", ";", "/", "&", "and") for token in near) and tokens[figures[-2]] != tokens[end]:
        return None
    if any(t == "not" or t.endswith(("n't", "n’t")) for t in tokens[max(0, end - 2) : end]):
        return None
    minus = tokens[max(0, end - 1) : end] == ["-"] and not (end > 1 and tokens[end - 2][-1:].isalnum())
    return -Fraction(tokens[end]) if minus else Fraction(tokens[end])


def _again(tokens: Sequence[str], told: set[Fraction]) -> bool:
    """Whether a sentence says no more than several of the told numbers again."""
    said = {Fraction(t) for t in tokens if _is_number(t)}
    return len(said) > 1 and said <= told and "=" not in tokens and not DOUBT & set(tokens)


def _other(tokens: Sequence[str], known: set[Fraction]) -> bool:
    """Whether a number is offered that is neither known nor denied nor part of a calculation.

    >>> [_other(_tokens(one), {Fraction(5)}) for one in ("7. 5.", "5 = 2 + 3", "not 7 but 5")]
    [True, False, False]
    """
    worked = {t for pair in _pairs(tokens) for side in pair for t in side}
    for n, token in enumerate(tokens):
        beside = {*tokens[max(0, n - 1) : n], *tokens[n + 1 : n + 2]}
        denied = any(t == "not" or t.endswith(("n't", "n’t")) for t in tokens[max(0, n - 2) : n])
        free = _is_number(token) and token not in worked and not denied and not beside & {*"+-*/"}
        if free and Fraction(token) not in known:
            return True
    return False


def gold(prompt: Any, completion: str) -> float:
    """1 for the true number alone behind a calculation that leads to it, half without one, else 0."""
    told, truth = {Fraction(t) for t in _tokens(prompt.text) if _is_number(t)}, Fraction(str(prompt.truth))
    text = _clean(completion)

    def read(part: str) -> list[str]:
        return _without_units(_open(_tokens(part), told))

    def holds(part: str) -> bool:
        return any(map(_is_number, read(part)))

    checked = re.sub(r"(?i)\b(check|verify|proof)\b[^\n]*?=.*?(?=[.!?]\s|[.!?]?$|\n)", "", text)
    lines = (checked if holds(checked) else text).split("\n")
    parts = [part for line in lines for part in re.split(r"(?<=[.!?])\s", line) if holds(part)]
    named = [part for part in (ANSWER.split(s)[-1] for s in parts if ANSWER.search(s)) if holds(part)]
    deciding = named or [part for part in parts if not _again(read(part), told)][-1:] or parts[-1:]
    if any(_final(read(part)) != truth for part in deciding or [text]):
        return 0.0
    every = [token for part in re.split(r"\n|(?<=[.!?])\s|[,;] ", text) for token in [*read(part), ";"]]
    if _other(every, told | {abs(truth)}):
        return 0.0
    return 1.0 if _leads(every, told, truth) else 0.5
