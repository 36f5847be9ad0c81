"""Is what a text says the answer? Normalised text, numbers, boxes, choices and lists, taken out and compared."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from rewardbench.measures.scripts import words

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_DROPPED = dict.fromkeys(map(ord, string.punctuation + "、。〈〉《》「」『』【】〔〕・！（），．：；？～"), "")


def normalised(text: str) -> str:
    """The text as SQuAD compares it: lower case, no punctuation (no Chinese or Japanese either), no articles.

    >>> normalised("The  Eiffel Tower!"), normalised("「狼」。")
    ('eiffel tower', '狼')
    """
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_DROPPED)).split())


def token_f1(text: str, answer: str) -> float:
    """F1 of the normalised words as SQuAD counts it, in [0, 1]; where either has none: 1 if both, else 0.

    >>> round(token_f1("in the tall Eiffel Tower", "Eiffel Tower"), 3), token_f1("the", "")
    (0.667, 1.0)
    """
    ours, theirs = words(normalised(text)), words(normalised(answer))
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


def holds(text: str, answer: str) -> bool | None:
    """Whether the answer's normalised words stand in the text one after another; None where it has none.

    >>> holds("It was the Eiffel Tower, I think", "Eiffel tower"), holds("17", "7"), holds("so", "the")
    (True, False, None)
    """
    ours, theirs = (f" {' '.join(words(normalised(one)))} " for one in (text, answer))
    return theirs in ours if theirs.strip() else None


# --- numbers -------------------------------------------------------------------------------------

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3}(?!\w))?|\.\d+"
NUMBER = re.compile(rf"(?<![\w.])[-−+]?(?:{_DIGITS})(?:\s?/\s?\d+(?:\.\d+)?(?![\w/]))?")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")


def number(text: str) -> float | None:
    """The value of a text that is nothing but a number: commas, fraction, percent, `$`, `\\frac{}{}` understood.

    >>> number("$1,200"), number("3/4"), number("50%"), number(r"-\\dfrac{1}{2}"), number("2 cats"), number("1/0")
    (1200.0, 0.75, 0.5, -0.5, None, None)
    """
    bare = _FRACTION.sub(r"\1/\2", text).replace("\\$", "").replace("$", "").strip().rstrip(".")
    share = 100.0 if bare.endswith("%") else 1.0
    bare = bare.removesuffix("%").removesuffix("\\").strip()
    return _value(bare, share) if NUMBER.fullmatch(bare) else None


def _value(written: str, share: float = 1.0) -> float | None:
    """A number as it is written, over `share`; None where that is no finite number."""
    above, _, below = written.replace(",", "").replace("−", "-").partition("/")
    try:
        found = float(above) / (float(below) if below else 1.0) / share
    except ZeroDivisionError:
        return None
    return found if math.isfinite(found) else None


def final_number(text: str) -> float | None:
    """The number that a text ends on: in its last box, else after its last `####`, else its last one, else None.

    >>> final_number("2 + 2 = 4"), final_number(r"\\boxed{3} of 4"), final_number("#### 5 of 9"), final_number("none")
    (4.0, 3.0, 5.0, None)
    """
    marked = final_box(text)
    if marked is not None and (exact := number(marked)) is not None:
        return exact
    found = NUMBER.findall(text if marked is None else marked)
    return _value(found[-1] if marked is None else found[0]) if found else None


def near(said: float, true: float, absolute: float, relative: float) -> bool:
    """Whether two numbers differ by no more than `absolute` or by `relative` of the true one, the larger of both.

    >>> near(101, 100, 0, 0.01), near(102, 100, 0, 0.01), near(102, 100, 2, 0)
    (True, False, True)
    """
    return abs(said - true) <= max(absolute, relative * abs(true))


# --- boxes ---------------------------------------------------------------------------------------

_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_NOISE = re.compile(r"\\(?:left|right|displaystyle|[,!;: ])|\\text\s*\{\s*\}|[$\s]|\\\(|\\\)")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}")


def final_box(text: str) -> str | None:
    """What stands in the last closed `\\boxed{}`, braces inside it counted, else after the last `####`, else None.

    >>> final_box(r"so \\boxed{\\frac{1}{2}}."), final_box("2 + 2\\n#### 4 \\nbye"), final_box("4")
    ('\\\\frac{1}{2}', '4', None)
    """
    for box in reversed(list(_BOX.finditer(text))[-8:]):  # of a row of boxes the last ones: nested ones cost squares
        depth = 1
        for brace in _BRACE.finditer(text, box.end()):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            if not depth:
                return text[box.end() : brace.start()].strip()
    return text.rpartition("####")[2].strip().partition("\n")[0].strip() if "####" in text else None


def same_value(said: str, true: str) -> bool:
    """Whether two answers are one: equal as numbers (to 1e-9), else as LaTeX or text without its ornaments.

    >>> same_value("0.5", r"\\frac{1}{2}"), same_value(r"x \\le 3", r"$x\\le3$"), same_value("(1, 2)", "(2, 1)")
    (True, True, False)
    """
    first, second = number(said), number(true)
    if first is not None and second is not None:
        return near(first, second, 1e-9, 1e-9)
    return _bare(said) == _bare(true)


def _bare(latex: str) -> str:
    """LaTeX, or a text, without dollars, spaces, sizes and a final stop; `dfrac` and `tfrac` are `frac`."""
    plain = _TEXT.sub(r"\1", latex).replace("dfrac", "frac").replace("tfrac", "frac")
    return _NOISE.sub("", plain).rstrip(".").lower()


def accepted(answer: Any) -> list[str]:
    """The accepted answers that a column's entry gives: one, a list's, or none.

    >>> accepted("7"), accepted(["7", "seven"]), accepted(7), accepted(None)
    (['7'], ['7', 'seven'], ['7'], [])
    """
    if answer is None or answer == "":
        return []
    return [str(one) for one in answer] if isinstance(answer, (list, tuple)) else [str(answer)]


def boxed_is(text: str, answer: Any) -> bool | None:
    """Whether the last box of a text (else what follows its last `####`) holds an accepted answer; None without one.

    >>> boxed_is("#### 4", ["3", "4"]), boxed_is("4", "4"), boxed_is("#### 4", None)
    (True, False, None)
    """
    known = accepted(answer)
    if not known:
        return None
    said = final_box(text)
    return said is not None and any(same_value(said, final_box(true) or true) for true in known)


# --- choices and lists ---------------------------------------------------------------------------

_LETTER = r"(?:\\text\{)?[\(\[\"'*_]*([A-Ea-e])\b(?![-'’])[\)\]\"'*_:.}]*"
_CAPITAL = _LETTER.replace("A-Ea-e", "A-E")
_STATED = re.compile(rf"(?i:\b(?:answer|choice|option|correct one)\b(?:\s+is)?)\s*[:=]?\s*{_CAPITAL}")
_ALONE = re.compile(rf"\s*{_LETTER}\s*")
_FIRST = re.compile(r"\s*[\(\[*_]*([A-E])(?:[\)\]:*_]+|\.)(?=\s|$)")
_BRACKETED = re.compile(r"[\(\[]([A-E])[\)\]]")
_ANOTHER = re.compile(rf"\s*(?:,|/|\bor\b|\band\b|&)\s*{_CAPITAL}(?=\W|$)")


def final_choice(text: str) -> str | None:
    """The letter A to E that a text settles on, or None where it names none, or two in one breath.

    In this order: in a box, after "answer" or "option" (the last time), alone, at the start as `B)`, last in brackets.

    >>> final_choice("(A) is wrong, so the answer is (B)."), final_choice("c"), final_choice("A dog")
    ('B', 'C', None)
    >>> final_choice("The answer is A or B")
    """
    box = final_box(text)
    if box is not None:
        inside = _ALONE.fullmatch(box)
        return inside[1].upper() if inside else None
    if whole := _ALONE.fullmatch(text):
        return whole[1].upper()
    for pattern in (_STATED, _FIRST, _BRACKETED):
        found = list(pattern.finditer(text))
        if found:
            last = found[-1]
            return None if _ANOTHER.match(text, last.end()) else last[1].upper()
    return None


_BETWEEN = re.compile(r"[,;\n、，；]|\band\b|\bor\b")
_BULLET = re.compile(r"\s*(?:[-*•·–]|\(?\d{1,3}[.)](?!\d))\s*")


def items(text: str) -> frozenset[str]:
    """The normalised items of a list in a text: parted by commas, semicolons, lines, "and" or "or"; bullets dropped.

    >>> sorted(items("1. The wolf\\n2. a Key, and cave; wolf"))
    ['cave', 'key', 'wolf']
    """
    pieces = (normalised(_BULLET.sub("", piece, count=1)) for piece in _BETWEEN.split(text))
    return frozenset(piece for piece in pieces if piece)


def set_f1(said: Collection[str], true: Collection[str]) -> float:
    """F1 of two sets, in [0, 1]; 0 where either is empty.

    >>> set_f1({"a", "b"}, {"b", "c", "d"})
    0.4
    """
    shared = len(frozenset(said) & frozenset(true))
    return 2 * shared / (len(said) + len(true)) if shared else 0.0


known_items = lru_cache(maxsize=1024)(items)
