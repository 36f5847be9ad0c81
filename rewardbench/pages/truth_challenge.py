"""How does it look whether picked seeds are caught? Shares flagged, a design at a time and together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages import truth_words as words
from rewardbench.pages.numbers import fixed
from rewardbench.pages.truth_charts import Line
from rewardbench.pages.truth_parts import Made, Table

Json = Mapping[str, Any]
CAUGHT = (
    "Share flagged by so many challenge seeds, with 95% intervals over the designs' seeds: the mean of the designs, "
    "and each. Thin and dashed: the same if the angles of gold were normal."
)


def challenge(truth: Json) -> Made:
    """Caught rates a design, beside the table for normal seeds."""
    told = truth["challenge"]
    panels, tables = {"together": _lines(told["together"], told)}, [_theory_table(told)]
    for design, one in told["designs"].items():
        panels[design] = _lines(one["picks"], told)
        tables.append(_caught_table(design, one, told["seeds"]))
    steps = [str(c) for c in told["seeds"]]
    chart = charts.lines(
        "challenge", "Caught by challenge seeds", panels, steps, ("challenge seeds", "share flagged"), (0.0, 1.0)
    )
    return (), [(chart, CAUGHT)], tables


def _lines(picks: Json, told: Json) -> list[Line]:
    """A line a pick, and one for normal seeds."""
    shown = []
    for i, (pick, found) in enumerate(picks.items()):
        shown.append(Line(pick, found["caught"], found["low"], found["high"], look=i))
        shown.append(Line(pick, told["theory"][pick]["caught"], dashed=True, look=i))
    return shown


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
    whose, at = f"mean of {len(told['designs'])} designs", range(len(told["seeds"]))
    rows += tuple(
        (f"{pick}: {whose}", "", "", *(words.rate(g, i) for i in at), "") for pick, g in told["together"].items()
    )
    return Table("If seeds were normal, and as they are", _caught_head(told["seeds"]), rows)


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
