"""Is the number right and the only one offered, and does the calculation shown lead there from the numbers told?"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from fractions import Fraction
from itertools import pairwise
from random import Random

from rewardbench.types import Prompt, Said

from .world import figures, numbers, shown

bar = 1.0
WORDED = {"is equal to|equals": "=", "multiplied by|times": "*", "divided by": "/", "plus|added to": "+", "minus": "-"}
SIGNS = str.maketrans("×·⋅∗÷∕−–‐$€£[]`_", "****//---   ()  ")
LATEX = {r"\\[dt]?frac *\{([^{}]*)\} *\{([^{}]*)\}": r"(\1)/(\2)"}
LATEX |= {r"\\(?:times|cdot|ast)\b": " * ", r"\\div\b": " / "}
LATEX |= {r"\{,\}": ",", r"\\(?:[a-zA-Z]+|.)|[{}]": " "}
EMPHASIS = re.compile(r"\*\*+|(?<![\w)%] )(?<![\w)%])\*|\*(?! ?[\d(.-])")
MARK = re.compile(r"(?m)^ *[-•+] +|(?i:\bstep \d+\b)")
NUMBERED = re.compile(r" *(\d{1,2})[.)] +(?=\S)")
BLANKS = re.compile(r"[ \t]+")
BRACKET = re.compile(r"\(([^()\n]*)\)")
KEPT = str.maketrans("‹›", "()")
DEEPEST = 9
"""Brackets within brackets that are read."""
UNIT = re.compile(r"(?<=\d)[ ]*(?:[A-Za-z%]+[ ]?){1,3}(?=[-+*/=)])")
SIDE = r"(?:\d++(?:\.\d++)?+|[()+*/ -])++"
LEFT, RIGHT = re.compile(SIDE + "$"), re.compile(SIDE)
CALCULATION = re.compile(r"\(*(?<![\d.])\d[\d.]*+\)*+(?: *[-+*/] *\(*\d[\d.]*+\)*+)+")
REACH = 120
"""Characters on either side of an equals sign that are read."""
LAST = re.compile(r"(?:(?<![\w)] )(?<![\w)])- ?)?(?:\d[\d,]*)?\.?\d+(?!.*\d)", re.DOTALL)
SAID = re.compile(r"(?i)\banswer(?: is| was|:| =)")
CHECK = re.compile(r"(?i)\b(?:check|verify|proof)\b(?=[^\n]*=)(?:(?![.!?](?:\s|$))[^\n])*")
ROW = re.compile(r"(?:\d++(?:\.\d++)?+(?:[ ,;/&]|\band\b)++)+\d++(?:\.\d++)?+\D*$")
"""Numbers one after another with no words between, at the end of a sentence."""
HEDGE = re.compile(r"(?i)\b(?:or|either|maybe|perhaps)\b")
DENIED = re.compile(r"(?i)(?:\bnot|n['’]t)(?: \w+)? \d[\d.,]*")
COMMON = frozenset(map(Fraction, (1, 2, 100)))
"""Numbers of which a calculation may bring in one, once: one of something, a half or a double, per cent."""
STEPS, USES = 4, 3
"""Calculations, and uses of one number in them, beyond which nothing is shown: one can count up to anything."""


def gold(prompt: Prompt, completion: Said) -> float:
    """1 for the right number and no other, shown to follow from what is told; half if it is not shown; else 0."""
    told, truth = set(numbers(prompt.plain())), Fraction(str(prompt.truth))
    text = _plain(_text(completion), told)
    if _finals(text, told) != {truth}:
        return 0.0
    return 1.0 if _shown(text, told, truth) else 0.5


def kind(prompt: Prompt, completion: Said) -> str:
    """The number that is given as the answer; `none`, or `several` of them."""
    told = set(numbers(prompt.plain()))
    finals = _finals(_plain(_text(completion), told), told)
    return "none" if not finals else "several" if len(finals) > 1 else shown(next(iter(finals)))


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return completion
    return "\n".join(m["content"] for m in completion if m["role"] == "assistant")


def _plain(text: str, told: Set[Fraction]) -> str:
    """The text with figures and plain signs: no markup, marks of lists, remarks in brackets, units before a sign.

    >>> said = "Three red hens × 2 = $6", "1,003 x 2 plus 1", "**3** (big) hens x 2 = 6 (so few)"
    >>> [_plain(one, set()).strip() for one in said]
    ['3* 2 = 6', '1003 * 2 + 1', '3* 2 = 6']
    """
    text = "".join(" " if unicodedata.category(c) == "No" else c for c in text)
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    for written, meant in LATEX.items():
        text = re.sub(written, meant, text)
    text = figures(text).translate(SIGNS)
    for word, sign in WORDED.items():
        text = re.sub(rf"(?i)\b(?:{word})\b", sign, text)
    text = MARK.sub("", EMPHASIS.sub(" ", BLANKS.sub(" ", text)))
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", _unnumbered(text))
    text = re.sub(r"(?<=\d)[xX](?=\d)|(?<=[\w)]) [xX] (?=[\d(])", " * ", BLANKS.sub(" ", text))
    return UNIT.sub("", BLANKS.sub(" ", _bare(text, told)))


def _unnumbered(text: str) -> str:
    """The lines without the numbers of a list, which count up from one.

    >>> _unnumbered("1. 7 + 4\\n2. 11\\n11. Done")
    '7 + 4\\n11\\n11. Done'
    """
    lines, place = text.split("\n"), 1
    for n, line in enumerate(lines):
        if (mark := NUMBERED.match(line)) and int(mark[1]) == place:
            lines[n], place = line[mark.end() :], place + 1
    return "\n".join(lines)


def _bare(text: str, told: Set[Fraction]) -> str:
    """The text without what is remarked in brackets; beside a sign they are part of a sum.

    A remark that hedges or brings in numbers is none: it stays.

    >>> said = "2 * (3 + 4) = 14 (7 each)", "14 (2 * 7 = 14)", "14 (2 * 7)", "14 (or 15)", "(14)"
    >>> [_bare(one, {Fraction(7)}) for one in said]
    ['2 * (3 + 4) = 14  ', '14 , 2 * 7 = 14, ', '14  = 2 * 7 ', '14 , or 15, ', ', 14, ']
    """

    def change(found: re.Match[str]) -> str:
        before, after = text[: found.start()].rstrip(" ")[-1:], text[found.end() :].lstrip(" ")[:1]
        if RIGHT.fullmatch(found[1].translate(KEPT)):
            if before in {*"-+*/=("} or after in {*"-+*/=)"}:
                return f"‹{found[1]}›"
            if outside and CALCULATION.search(found[1].translate(KEPT)):
                return f" = {found[1]} "
        remark = outside and set(numbers(found[1])) <= told and "=" not in found[1] and not HEDGE.search(found[1])
        return " " if remark else f", {found[1]}, "

    for _ in range(DEEPEST):
        outside = bool(numbers(BRACKET.sub(" ", text)))
        text = BRACKET.sub(change, text)
    return text.translate(KEPT)


def _finals(text: str, told: Set[Fraction]) -> set[Fraction]:
    """The different numbers offered: by the sentences that say "answer is", else by the last that is no remark.

    >>> told = {Fraction(2), Fraction(3)}
    >>> said = ("2 + 3 = 5 cups. Bye.", "5 or 6", "1, 2, 3", "The answer is 4. 2.", "5. That is 2 and 3.", "7. 5.")
    >>> [sorted(map(int, _finals(one, told))) for one in said]
    [[5], [5, 6], [1, 2, 3], [4], [5], [5, 7]]
    """
    kept = without if numbers(without := CHECK.sub("", text)) else text
    named = [re.split(r"\n|[.!?](?=\s|$)", kept[m.end() :].lstrip())[0] for m in SAID.finditer(kept)]
    sentences = [one for one in named if numbers(one)]
    if not sentences:
        sentences = [one for one in re.split(r"\n|(?<=[.!?])\s", kept) if numbers(one)]
        sentences = ([one for one in sentences if not _remark(one, told)] or sentences)[-1:]
    finals = set[Fraction]().union(*map(_decided, sentences))
    sides = {value for pair in _calculated(text) for side in pair for value in (*numbers(side), _value(side))}
    guesses = set(numbers(CALCULATION.sub(" ", DENIED.sub(" ", text)))) - told - sides - set(map(abs, finals))
    return finals | guesses if finals else finals


def _remark(sentence: str, told: Set[Fraction]) -> bool:
    """Whether a sentence only says again, without an equation, several of the numbers that were told."""
    said = set(numbers(sentence))
    return len(said) > 1 and said <= told and "=" not in sentence and not HEDGE.search(sentence)


def _decided(sentence: str) -> set[Fraction]:
    """The numbers that a deciding sentence offers: its last result or number, or all where it hedges or lists.

    >>> said = ("2 + 3 = 5, 5 - 1 = 4", "3 = 4 = 5", "4 5", "She had 4, now 5", "2 - 3 = -1")
    >>> [sorted(map(int, _decided(one))) for one in said]
    [[4], [3, 4, 5], [4, 5], [5], [-1]]
    """
    plain = DENIED.sub(" ", sentence)
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


def _shown(text: str, told: Set[Fraction], truth: Fraction) -> bool:
    """Whether calculations lead to the truth: all true, of numbers told or worked out from them, with one common one.

    Each told number has a stand-in: a calculation that comes back to one, or to one and a common number, whatever the
    others are, shows nothing.

    >>> said = ("4 * 3 = 12", "12", "5 + 1 = 6", "4 + 3 = 7, 7 + 1 = 8", "3 - 1 = 2", "3 * 1 = 3", "3 + 4 - 4 = 3")
    >>> [_shown(one, {Fraction(4), Fraction(3)}, Fraction(one.split()[-1])) for one in said]
    [True, False, False, True, False, False, False]
    """
    stands = {one: Fraction(1 if one == 1 else Random(str(one)).randrange(10**6, 10**9)) for one in told if one}
    idle = _idle(list(stands.values()))
    rests = {one: {one} for one in stands}
    results, used, seen = dict[Fraction, Fraction](), Counter[Fraction](), set[str]()
    for left, right in _calculated(text):
        value, result = _value(left), _value(right)
        if value is None or result is None:
            continue
        sides = [side for side in (left, right) if CALCULATION.search(side)]
        rounded = Fraction(1, 100) if value.denominator > 1 else 0
        if abs(value - result) > rounded or any(not set(numbers(side)) <= {*stands, *COMMON, 0} for side in sides):
            return False
        for side in sides:
            if (written := side.replace(" ", "")) not in seen:
                used.update(numbers(side))
                seen.add(written)
            stood = _value(side, stands)
            if stands.keys() & set(numbers(side)) and stood is not None and stood not in stands.values():
                results.setdefault(value, stood)
                stands.setdefault(value, stood)
                rests.setdefault(value, set[Fraction]().union(*(rests.get(one, ()) for one in numbers(side))))
    if truth not in results or len(seen) > STEPS or max(used.values()) > USES:
        return False
    brought = sum(used[one] for one in COMMON if one not in told)
    return brought == 0 or (brought == 1 and len(rests[truth]) > 1 and results[truth] not in idle)


def _idle(told: list[Fraction]) -> set[Fraction]:
    """What one told number and one common number come to.

    >>> sorted(map(int, _idle([Fraction(900)])))[:5]
    [-899, -898, -800, 0, 0]
    """
    pairs = ((one, c) for one in told for c in COMMON)
    return {x for a, c in pairs for x in (a + c, a - c, c - a, a * c, a / c, c / a)}


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


def _calculated(text: str) -> list[tuple[str, str]]:
    """The equations of which a side is a calculation.

    >>> _calculated("2 + 3 = 6, 4 = 4")
    [('2 + 3 ', ' 6')]
    """
    return [pair for pair in _equations(text) if any(map(CALCULATION.search, pair))]


def _value(written: str, stands: Mapping[Fraction, Fraction] | None = None) -> Fraction | None:
    """What a calculation comes to, or would with other numbers in the place of some; None where it is none.

    >>> str(_value("(1200 - 200) / 2")), _value("4 -"), _value("1 / 0")
    ('500', None, None)
    """
    try:
        return _worked(ast.parse(written.strip(" ,"), mode="eval").body, stands or {})
    except (SyntaxError, ValueError, ZeroDivisionError, MemoryError, RecursionError):
        return None


def _worked(node: ast.expr, stands: Mapping[Fraction, Fraction]) -> Fraction:
    """The value of a tree of the four operations; raises ValueError for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return stands.get(Fraction(str(node.value)), Fraction(str(node.value)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worked(node.operand, stands)
    if isinstance(node, ast.BinOp):
        left, right = _worked(node.left, stands), _worked(node.right, stands)
        for sign, value in ((ast.Add, left + right), (ast.Sub, left - right), (ast.Mult, left * right)):
            if isinstance(node.op, sign):
                return value
        if isinstance(node.op, ast.Div):
            return left / right
    raise ValueError("no calculation")
