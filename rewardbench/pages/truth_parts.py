"""What is a part of the truth page made of? Sentences, drawings, tables, and cells that need no colour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rewardbench.pages.board_words import heat
from rewardbench.pages.numbers import fixed, signed
from rewardbench.pages.truth_charts import Bar
from rewardbench.pages.truth_told import Told

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A cell of a table: words, a sign that needs no colour, a shade from -4 to 4."""

    shown: str
    sign: str = ""
    shade: int = 0


@dataclass(frozen=True)
class Table:
    """A table; the first column names its rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    texts: frozenset[int] = frozenset()
    """Columns of words, set to the left."""
    folded: bool = False
    """Long: opened on demand."""


@dataclass(frozen=True)
class Part:
    """One question with all that answers it."""

    key: str
    title: str
    question: str
    answers: tuple[Told, ...]
    more: tuple[str, ...]
    """Further generated sentences."""
    figures: tuple[tuple[Markup, str], ...]
    """(drawing, caption)."""
    tables: tuple[Table, ...]


Made = tuple[Sequence[str], Sequence[tuple[str, str]], Sequence[Table]]
"""(further sentences, (drawing, caption), tables) of a part."""


def known(told: Json) -> Iterator[tuple[str, Json]]:
    """(task, figures) of the tasks that have them."""
    return ((task, one) for task, one in told.items() if one)


def bar(name: str, told: Json, mark: float | None = None, colour: int = 1, key: str = "value") -> Bar:
    """A row of intervals, of an estimate as JSON has it."""
    return Bar(name, told[key], told["low"], told["high"], mark, colour)


def correlation(one: Json | None, key: str = "r") -> Cell:
    """A correlation with its interval; shaded by size only where it can be told from none."""
    if one is None or one[key] is None:
        return Cell("–")
    open_ = one["low"] <= 0 <= one["high"]
    shown = f"{signed(one[key])} [{fixed(one['low'])}, {fixed(one['high'])}]"
    found = heat(5 * one[key])
    return Cell(shown, "·" if open_ else found.sign, 0 if open_ else found.shade)
