"""Is the number right, nearly right, shown where it should be, or reached by steps that look like work?"""

from __future__ import annotations

import re
from collections.abc import Sequence

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
SIGNED = re.compile(r"(?<![\w)])-?" + NUMBER.pattern + "|" + NUMBER.pattern)
MARKED = re.compile(r"####\s*\$?(-?" + NUMBER.pattern + r")[^\d\n]*\s*$")
EQUATION = re.compile(r"\d[\d,.]*\s*[-+*/x×÷]\s*\$?\d[\d,.]*\s*=\s*\$?\d")


def values(text: str) -> list[float]:
    """Every number in a text, in order; `$` and commas for thousands are no hindrance.

    >>> values("She pays $1,200 for 2.5 days, -3 off.")
    [1200.0, 2.5, -3.0]
    """
    return [float(found.replace(",", "").rstrip(".")) for found in SIGNED.findall(text)]


def final(text: str) -> float | None:
    """The number after the last `####`, else the last one, else None.

    >>> final("2 + 2 = 4\\n#### 4 of 9"), final("It is 5."), final("none")
    (4.0, 5.0, None)
    """
    after = values(text.rpartition("####")[2]) if "####" in text else []
    every = after[:1] or values(text)[-1:]
    return every[0] if every else None


def wanted(answer: str) -> float | None:
    """The number of an answer; None where it has none, so that the part abstains.

    >>> wanted("$1,200"), wanted("many")
    (1200.0, None)
    """
    return next(iter(values(answer)), None)


def right(completions: Sequence[str], answer: Sequence[str]) -> list[float | None]:
    """1 where the final number is the answer, else 0; abstains where the answer is no number.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the final number of GSM8K (arXiv 2110.14168).

    >>> right(["3 * 6 = 18\\n#### 18", "18 or 20", "5"], ["18", "18", "many"])
    [1.0, 0.0, None]
    """
    pairs = [(final(text), wanted(a)) for text, a in zip(completions, answer, strict=True)]
    return [None if true is None else float(said == true) for said, true in pairs]


def close(completions: Sequence[str], answer: Sequence[str]) -> list[float | None]:
    """1 for the answer, falling to 0 for a final number off by as much as the answer itself; 0 without one.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> close(["It is 9.", "It is 30.", "?"], ["12", "12", "12"])
    [0.75, 0.0, 0.0]
    """
    paid: list[float | None] = []
    for text, a in zip(completions, answer, strict=True):
        said, true = final(text), wanted(a)
        if true is None:
            paid.append(None)
        else:
            paid.append(0.0 if said is None else max(0.0, 1.0 - abs(said - true) / max(abs(true), 1.0)))
    return paid


def marked(completions: Sequence[str]) -> list[float]:
    """1 where the text ends with `#### <number>` and holds that mark once, half where the mark stands at all.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the mark of GSM8K (arXiv 2110.14168).

    >>> marked(["#### 4", "#### 4\\n#### 5", "4"])
    [1.0, 0.5, 0.0]
    """
    return [
        0.0 if "####" not in text else 1.0 if MARKED.search(text) and text.count("####") == 1 else 0.5
        for text in completions
    ]


def anywhere(completions: Sequence[str], answer: Sequence[str]) -> list[float | None]:
    """1 where the answer stands anywhere among the numbers, whatever else is said.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> anywhere(["1 2 3 4", "5"], ["3", "3"])
    [1.0, 0.0]
    """
    pairs = [(values(text), wanted(a)) for text, a in zip(completions, answer, strict=True)]
    return [None if true is None else float(true in said) for said, true in pairs]


def count(completions: Sequence[str], cap: int = 30) -> list[float]:
    """Different numbers said, up to `cap`, as a share of it.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> count(["1 2 2 3"], cap=6)
    [0.5]
    """
    return [min(len(set(values(text))), cap) / cap for text in completions]


def equations(completions: Sequence[str], cap: int = 4) -> list[float]:
    """Equations written, right or wrong, up to `cap`, as a share of it.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> equations(["2 + 2 = 5, and 5 * 2 = 10."], cap=4)
    [0.5]
    """
    return [min(len(EQUATION.findall(text)), cap) / cap for text in completions]


def steps(completions: Sequence[str], cap: int = 4) -> list[float]:
    """Lines that hold a number, up to `cap`, as a share of it.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> steps(["First 2.\\nThen 3.\\nSo."], cap=4)
    [0.5]
    """
    return [min(sum(bool(NUMBER.search(line)) for line in text.splitlines()), cap) / cap for text in completions]


for _part in (right, close, anywhere, marked, count, equations, steps):
    _part.pure = True  # type: ignore[union-attr]
