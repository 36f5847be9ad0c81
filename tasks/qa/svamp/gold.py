"""Is the number right and the only one offered, and does the calculation shown lead there from the numbers told?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from rewardbench.types import Prompt, Said

from .world import figures, numbers, shown

bar = 1.0
WORDED = {"divided by": "/", "times": "*", "plus": "+", "minus": "-", "equals": "="}
SIGNS = str.maketrans("×·÷−–$€£", "**/--   ")
UNIT = re.compile(r"(?<=\d)[ ]*(?:[A-Za-z%]+[ ]?){1,3}(?=[-+*/=)])")
SIDE = r"(?:\d++(?:\.\d++)?+|[()+*/ -])++"
LEFT, RIGHT = re.compile(SIDE + "$"), re.compile(SIDE)
CALCULATION = re.compile(r"\(*\d[\d.]*\)*(?: *[-+*/] *\(*\d[\d.]*\)*)+")
REACH = 120
"""Characters on either side of an equals sign that are read."""
LAST = re.compile(r"(?:(?<![\w)] )(?<![\w)])- ?)?(?:\d[\d,]*)?\.?\d+(?!.*\d)", re.DOTALL)
SAID = re.compile(r"(?i)\banswer(?: is| was|:| =)")
ROW = re.compile(r"(?:\d++(?:\.\d++)?+(?:[ ,;/&]|\band\b)++)+\d++(?:\.\d++)?+\D*$")
"""Numbers one after another with no words between, at the end of a sentence."""
HEDGE = re.compile(r"(?i)\b(?:or|either|maybe|perhaps)\b")
DENIED = re.compile(r"(?i)(?:\bnot|n['’]t)(?: \w+)? \$?\d[\d.,]*")
COMMON = frozenset(map(Fraction, (1, 2, 100)))
"""Numbers that a calculation may bring in: one of something, a half or a double, per cent."""


def gold(prompt: Prompt, completion: Said) -> float:
    """1 for the right number and no other, shown to follow from what is told; half if it is not shown; else 0."""
    text, truth = _text(completion), Fraction(str(prompt.truth))
    if _finals(text) != {truth}:
        return 0.0
    return 1.0 if _shown(text, set(numbers(prompt.plain())), truth) else 0.5


def kind(prompt: Prompt, completion: Said) -> str:
    """The number that is given as the answer; `none`, or `several` of them."""
    finals = _finals(_text(completion))
    return "none" if not finals else "several" if len(finals) > 1 else shown(next(iter(finals)))


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return completion
    return "\n".join(m["content"] for m in completion if m["role"] == "assistant")


def _plain(text: str) -> str:
    """The text with figures and plain signs, without thousands' commas and the units between a number and a sign.

    >>> _plain("Three red hens × 2 = $6"), _plain("1,003 x 2 plus 1"), _plain("3 hens x 2")
    ('3* 2 =  6', '1003 * 2 + 1', '3* 2')
    """
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", figures(text).translate(SIGNS))
    text = re.sub(r"(?<=\d)[xX](?=\d)|(?<=[\w)]) [xX] (?=[\d(])", " * ", text)
    for word, sign in WORDED.items():
        text = re.sub(rf"(?i)\b{word}\b", sign, text)
    return UNIT.sub("", text)


def _finals(text: str) -> set[Fraction]:
    """The different numbers offered: by the sentences that say "answer is", else by the last that holds any.

    >>> [sorted(map(int, _finals(t))) for t in ("2 + 3 = 5 cups. Bye.", "5 or 6", "1, 2, 3", "The answer is 4. 5.")]
    [[5], [5, 6], [1, 2, 3], [4]]
    """
    told = [re.split(r"\n|[.!?](?=\s|$)", text[m.end() :].lstrip())[0] for m in SAID.finditer(text)]
    told = [one for one in told if numbers(one)]
    sentences = told or [s for s in re.split(r"\n|(?<=[.!?])\s", text) if numbers(s)][-1:]
    return set[Fraction]().union(*map(_decided, sentences))


def _decided(sentence: str) -> set[Fraction]:
    """The numbers that a deciding sentence offers: its last result or number, or all where it hedges or lists.

    >>> said = ("2 + 3 = 5, 5 - 1 = 4", "3 = 4 = 5", "4 5", "She had 4, now 5", "2 - 3 = -1")
    >>> [sorted(map(int, _decided(one))) for one in said]
    [[4], [3, 4, 5], [4, 5], [5], [-1]]
    """
    plain = _plain(DENIED.sub(" ", sentence))
    outside = CALCULATION.sub(" ", plain)
    if HEDGE.search(sentence):
        return set(numbers(outside)) if len(set(numbers(outside))) > 1 else set()
    if "=" in plain and outside == plain:
        return set(numbers(plain))
    if (row := ROW.search(outside)) is not None:
        return set(numbers(row[0]))
    result = RIGHT.match(plain.rpartition("=")[2][:REACH]) if "=" in plain else None
    value = _value(result[0]) if result else None
    if value is None:
        final = LAST.search(plain)
        value = _value(final[0]) if final else None
    return {value} if value is not None else set(numbers(plain)[-1:])


def _shown(text: str, told: set[Fraction], truth: Fraction) -> bool:
    """Whether calculations lead to the truth: all of them true, of numbers told, worked out before, or common.

    >>> told = {Fraction(2), Fraction(3)}
    >>> [_shown(t, told, Fraction(6)) for t in ("2 * 3 = 6", "6", "5 + 1 = 6", "2 + 3 = 6", "2 + 3 = 5, 5 + 1 = 6")]
    [True, False, False, False, True]
    """
    known, results = told | COMMON, set[Fraction]()
    for left, right in _equations(_plain(text)):
        value, result = _value(left), _value(right)
        if value is None or result is None:
            continue
        sides = [side for side in (left, right) if CALCULATION.search(side)]
        rounded = Fraction(1, 100) if value.denominator > 1 else 0
        if abs(value - result) > rounded or any(not set(numbers(side)) <= known for side in sides):
            return False
        if sides:
            known, results = known | {value}, results | {value}
    return truth in results


def _equations(text: str) -> Iterator[tuple[str, str]]:
    """The sides of every equals sign between two calculations or numbers.

    >>> list(_equations("Then 2 + 3 = 5 = 10 / 2 cups."))
    [(' 2 + 3 ', ' 5 '), (' 5 ', ' 10 / 2 ')]
    """
    pieces = text.split("=")
    for before, after in pairwise(pieces):
        left, right = LEFT.search(before[-REACH:]), RIGHT.match(after[:REACH])
        if left and right:
            yield left[0], right[0]


def _value(written: str) -> Fraction | None:
    """What a calculation comes to, None where it is none.

    >>> str(_value("(1200 - 200) / 2")), _value("4 -"), _value("1 / 0")
    ('500', None, None)
    """
    try:
        return _worked(ast.parse(written.strip(" ,"), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, MemoryError, RecursionError):
        return None


def _worked(node: ast.expr) -> Fraction:
    """The value of a tree of the four operations; raises ValueError for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worked(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _worked(node.left), _worked(node.right)
        for sign, value in ((ast.Add, left + right), (ast.Sub, left - right), (ast.Mult, left * right)):
            if isinstance(node.op, sign):
                return value
        if isinstance(node.op, ast.Div):
            return left / right
    raise ValueError("no calculation")
