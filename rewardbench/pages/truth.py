"""Does this board tell the truth? One self-contained page of the standing figures, a function of `board.json` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from rewardbench import __version__
from rewardbench.pages import truth_charts as charts
from rewardbench.pages import truth_words as words
from rewardbench.pages.numbers import fixed
from rewardbench.pages.report import render
from rewardbench.pages.truth_audit import audit
from rewardbench.pages.truth_charts import Line
from rewardbench.pages.truth_parts import Made, Part, Table
from rewardbench.pages.truth_retest import retest
from rewardbench.pages.truth_second import second
from rewardbench.pages.truth_told import MISSING, NO, OPEN, YES
from rewardbench.pages.truth_trainer import sensitivity

STYLES = ("page.css", "board.css", "truth.css")
SCRIPTS = ("theme.js",)
Json = Mapping[str, Any]
KINDS = {YES: "better", NO: "worse", OPEN: "not-done", MISSING: "none"}
"""How an answer looks."""
CAPTIONS = {
    "caught": "Share flagged by so many challenge seeds, with 95% intervals over the design's seeds. Thin and dashed: "
    "the same if seeds were normal.",
}


def page(told: Json) -> str:
    """`truth.html` of a built board."""
    return render(
        "truth.html",
        STYLES,
        SCRIPTS,
        board=told["board"],
        parts=parts(told),
        kinds=KINDS,
        by=__version__,
    )


def parts(told: Json) -> list[Part]:
    """Every part in the order told, those that are not known too."""
    truth, answers = told.get("truth") or {}, words.all_of(told)
    makers = {
        "audit": audit,
        "retest": retest,
        "second_gold": second,
        "sensitivity": sensitivity,
        "challenge": _challenge,
    }
    found = []
    for key, question in words.QUESTIONS.items():
        mine = tuple(a for a in answers if a.part == key)
        known = any(a.kind != MISSING for a in mine)
        more, figures, tables = makers[key](truth) if known else ((), (), ())
        drawn = tuple((Markup(d), c) for d, c in figures if d)
        found.append(Part(key, words.TITLES[key], question, mine, tuple(more), drawn, tuple(tables)))
    return found


# --- challenge seeds -----------------------------------------------------------------------------


def _challenge(truth: Json) -> Made:
    """Caught rates a design, beside the table for normal seeds."""
    told = truth["challenge"]
    panels, tables = {}, [_theory_table(told)]
    for design, one in told["designs"].items():
        shown = []
        for i, (pick, found) in enumerate(one["picks"].items()):
            shown.append(Line(pick, found["caught"], found["low"], found["high"], look=i))
            shown.append(Line(pick, told["theory"][pick]["caught"], dashed=True, look=i))
        panels[design] = shown
        tables.append(_caught_table(design, one, told["seeds"]))
    steps = [str(c) for c in told["seeds"]]
    chart = charts.lines(
        "challenge", "Caught by challenge seeds", panels, steps, ("challenge seeds", "share flagged"), (0.0, 1.0)
    )
    return (), [(chart, CAPTIONS["caught"])], tables


def _caught_head(seeds: Sequence[int]) -> tuple[str, ...]:
    return ("reported", "inflation, in sd", "sd shown", *(f"caught by {c}" for c in seeds), "too alike")


def _theory_table(told: Json) -> Table:
    rows = tuple(
        (
            pick,
            fixed(g["inflation"]),
            fixed(g["shown"]),
            *(words.percent(c) for c in g["caught"]),
            words.percent(g["spread_caught"]),
        )
        for pick, g in told["theory"].items()
    )
    return Table("If seeds were normal", _caught_head(told["seeds"]), rows)


def _caught_table(design: str, one: Json, seeds: Sequence[int]) -> Table:
    rows = [
        (pick, fixed(g["inflation"]), fixed(g["shown"]), *(words.rate(g, i) for i in range(len(seeds))),
         words.percent(g["spread_caught"]))
        for pick, g in one["picks"].items()
    ]  # fmt: skip
    rows += [
        (f"{pick} copies, ground", fixed(g["inflation"]), fixed(g["shown"]), *(words.percent(c) for c in g["caught"]),
         words.percent(g["spread_caught"]))
        for pick, g in one["ground"].items()
    ]  # fmt: skip
    title = f"{design}: {one['seeds']} fresh seeds, standard deviation {fixed(one['sd'], 3)}, {one['copies']} copies"
    return Table(title, _caught_head(seeds), tuple(rows))
