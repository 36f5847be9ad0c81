"""How do other trainers look? The order of designs and their verdicts under each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardbench.pages import truth_charts as charts
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
    caption = "Mean final gold of each design under each trainer. Lines that cross are orders that change."
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
        return correlation(cells.get((rate, algorithm)), "tau")

    rows: list[tuple[Cell | str, ...]] = [(f"{r} learning rate", *(cell(r, a) for a in algorithms)) for r in rates]
    title = f"{task}: tau with the board's order; a dot: the interval includes 0"
    return Table(title, ("", *algorithms), tuple(rows))


def _flip_table(task: str, one: Json) -> Table:
    """Each design's verdict under each trainer."""
    rows: list[tuple[str, ...]] = []
    for d in one["designs"]:
        if d != one["baseline"]:
            mark = "trainer-dependent" if d in one["dependent"] else "changes" if d in one["unsettled"] else "same"
            rows.append((d, *(t["verdicts"][d] for t in one["trainers"]), mark))
    head = (f"against {one['baseline']}", *(_trainer(t) for t in one["trainers"]), "over trainers")
    return Table(f"{task}: verdicts", head, tuple(rows), frozenset(range(1, len(head))))
