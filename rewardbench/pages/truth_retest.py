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
    """Correlations a task."""
    told = dict(known(truth["retest"]))
    bars = [
        bar(f"{task}: {name}", one[key], None, i % 7 + 1, "r")
        for i, (task, one) in enumerate(told.items())
        for key, name in MEASURES.items()
        if one[key] is not None
    ]
    gate = next(one["gate"] for one in told.values())
    chart = charts.forest("retest", "Test and retest", bars, (0.0, 1.0), gate, "correlation")
    rows = tuple(
        (task, str(one["designs"]), str(one["left_out"]), str(one["seeds"]),
         *(span(one[k], "r") if one[k] else "–" for k in MEASURES), between(one["range"]),
         "passed" if one["reliable"] else "not passed")
        for task, one in told.items()
    )  # fmt: skip
    head = ("task", "designs", "lacking a seed", "seeds", *MEASURES.values(), "Spearman, middle 95% of splits", "gate")
    caption = f"Correlations with 95% intervals; dotted: the gate of {fixed(gate, 1)} that ICC(2,k) has to pass."
    return (), [(chart, caption)], [Table("Test and retest", head, rows)]
