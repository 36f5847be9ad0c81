"""How do other trainers look? The order of designs and their verdicts under each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages import truth_words as words
from rewardbench.pages.truth_charts import Line
from rewardbench.pages.truth_parts import Cell, Made, Table, correlation, known

Json = Mapping[str, Any]


def sensitivity(truth: Json) -> Made:
    """Tau with the board's order a trainer; gold of each design under each."""
    told = dict(known(truth["sensitivity"]))
    tables = []
    panels: dict[str, list[Line]] = {}
    steps: list[str] = []
    for task, one in told.items():
        steps = [_trainer(t) for t in one["trainers"]]
        panels[task] = [Line(d, [t["gold"][d] for t in one["trainers"]], look=i) for i, d in enumerate(one["designs"])]
        tables += [_tau_table(task, one), _flip_table(task, one)]
    chart = charts.lines(
        "sensitivity", "Gold under each trainer", panels, steps, ("rate × algorithm", "gold"), (0.0, 1.0)
    )
    caption = (
        "Mean final gold of each design under each trainer, without its spread over seeds. Trainers have no order: "
        "lines lead the eye, and have no slope. Lines that cross are no proof of another order, least of all near the "
        "floor: above, only pairs that both trainers tell apart are counted as turned over."
    )
    return (), [(chart, caption)], tables


def _trainer(t: Json) -> str:
    return f"{t['rate']}, {t['algorithm']}"


def _tau_table(task: str, one: Json) -> Table:
    """Learning rate by algorithm."""
    rates = list(dict.fromkeys(t["rate"] for t in one["trainers"]))
    algorithms = list(dict.fromkeys(t["algorithm"] for t in one["trainers"]))
    cells = {(t["rate"], t["algorithm"]): t for t in one["trainers"]}
    own = (one["own"]["rate"], one["own"]["algorithm"])

    def cell(rate: str, algorithm: str) -> Cell:
        if (rate, algorithm) == own:
            return Cell("the board's own")
        return _tau(cells.get((rate, algorithm)))

    rows: list[tuple[Cell | str, ...]] = [(f"{r} learning rate", *(cell(r, a) for a in algorithms)) for r in rates]
    title = f"{task}: tau with the board's order; a dot: by the exact test it may be chance"
    return Table(title, ("", *algorithms), tuple(rows))


def _tau(one: Json | None) -> Cell:
    """Tau with its interval, shaded only where the exact test tells it from none: with few designs the interval, which
    is Fisher's, may leave 0 out where that does not."""
    found = correlation(one, "tau")
    open_ = one is not None and one["p"] >= words.LEVEL
    return Cell(found.shown, "·") if open_ else found


def _flip_table(task: str, one: Json) -> Table:
    """Each design's verdict under each trainer."""
    rows: list[tuple[str, ...]] = []
    for d in one["designs"]:
        if d != one["baseline"]:
            mark = "trainer-dependent" if d in one["dependent"] else "changes" if d in one["unsettled"] else "same"
            rows.append((d, *(t["verdicts"][d] for t in one["trainers"]), mark))
    head = (f"against {one['baseline']}", *(_trainer(t) for t in one["trainers"]), "over trainers")
    return Table(f"{task}: verdicts", head, tuple(rows), frozenset(range(1, len(head))))
