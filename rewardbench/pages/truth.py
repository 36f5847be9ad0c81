"""Does this board tell the truth? One self-contained page of the standing figures, a function of `board.json` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from rewardbench import __version__
from rewardbench.pages import board_words
from rewardbench.pages import truth_words as words
from rewardbench.pages.report import render
from rewardbench.pages.truth_parts import Part
from rewardbench.pages.truth_told import MISSING, NO, OPEN, YES

STYLES = ("page.css", "board.css", "truth.css")
SCRIPTS = ("theme.js",)
Json = Mapping[str, Any]
KINDS = {YES: "better", NO: "worse", OPEN: "not-done", MISSING: "none"}
"""How an answer looks."""


def page(told: Json) -> str:
    """`truth.html` of a built board."""
    return render(
        "truth.html",
        STYLES,
        SCRIPTS,
        board=told["board"],
        empty=board_words.empty(told),
        parts=parts(told),
        kinds=KINDS,
        by=__version__,
    )


def parts(told: Json) -> list[Part]:
    """Every part in the order told, those that are not known too."""
    truth, answers = told.get("truth") or {}, words.all_of(told)
    found = []
    for key, question in words.questions(told).items():
        one = words.PARTS[key]
        mine = tuple(a for a in answers if a.part == key)
        known = any(a.kind != MISSING for a in mine)
        more, figures, tables = one.figures(truth) if known else ((), (), ())
        drawn = tuple((Markup(d), c) for d, c in figures if d)
        found.append(Part(key, one.TITLE, question, mine, tuple(more), drawn, tuple(tables)))
    return found
