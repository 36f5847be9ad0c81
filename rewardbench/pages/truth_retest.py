"""How does test and retest look? Correlations between seeds, a task at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages.numbers import fixed
from rewardbench.pages.truth_parts import Made, Table, bar, known
from rewardbench.pages.truth_told import between, span

Json = Mapping[str, Any]
MEASURES = {
    "half_spearman": "halves, Spearman",
    "half_kendall": "halves, Kendall",
    "whole_spearman": "all seeds, Spearman",
    "icc_2_1": "ICC(2,1), one seed",
    "icc_2_k": "ICC(2,k), all seeds",
    "seed_correlation": "seeds alike",
}


def retest(truth: Json) -> Made:
    """Correlations a task, of all designs and of those alone that learnt."""
    told = dict(known(truth["retest"]))
    groups = {task: (i % 7 + 1, one) for i, (task, one) in enumerate(told.items())}
    groups |= {f"{t}, those that learnt": (c, one["learnt"]) for t, (c, one) in groups.items() if one["learnt"]}
    groups = {name: groups[name] for task in told for name in (task, f"{task}, those that learnt") if name in groups}
    bars = {
        name: [bar(says, _drawn(one[key]), None, colour, "r") for key, says in MEASURES.items() if one[key]]
        for name, (colour, one) in groups.items()
    }
    gate = next(one["gate"] for one in told.values())
    chart = charts.forest("retest", "Test and retest", bars, (0.0, 1.0), gate, "correlation")
    rows = tuple(_row(name, one) for name, (_, one) in groups.items())
    head = ("task", "designs", "lacking a seed", "seeds", *MEASURES.values(), "Spearman, middle 95% of splits", "gate")
    caption = f"Correlations with 95% intervals; dotted: the gate of {fixed(gate, 1)} that ICC(2,k) has to pass."
    return (), [(chart, caption)], [Table("Test and retest", head, rows)]


def _drawn(one: Json) -> Json:
    """A correlation as it is drawn: a reliability far below -1 would leave no room for the others; the table has it."""
    return {k: max(-1.0, v) for k, v in one.items()}


def _row(name: str, one: Json) -> tuple[str, ...]:
    return (
        name, str(one["designs"]), str(one.get("left_out", "")), str(one["seeds"]),
        *(span(one[k], "r") if one[k] else "–" for k in MEASURES), between(one["range"]),
        "passed" if one["reliable"] else "not passed",
    )  # fmt: skip
