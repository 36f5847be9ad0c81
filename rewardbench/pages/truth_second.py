"""How does the second gold look? Agreement on words and on the order, both golds of each entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages import truth_words as words
from rewardbench.pages.numbers import fixed
from rewardbench.pages.truth_charts import Dot
from rewardbench.pages.truth_parts import Made, Table, bar, known
from rewardbench.pages.truth_told import span

Json = Mapping[str, Any]


def second(truth: Json) -> Made:
    """Tau on words and on the order; both golds of each entry."""
    told = dict(known(truth["second_gold"]))
    sorts = ("order", "untrained", "trained")
    bars = {
        task: [
            bar("the order of designs" if k == "order" else f"{k} words", one[k], None, i % 7 + 1, "tau")
            for k in sorts
            if one[k]
        ]
        for i, (task, one) in enumerate(told.items())
    }
    aim = next(one["aim"] for one in told.values())
    panels = {
        task: [
            Dot(e["entry"], e["gold"], e["second"], "hollow c0" if e["kind"] == "control" else "f1")
            for e in one["entries"]
        ]
        for task, one in told.items()
    }
    both = charts.scatter("second", "Both golds of every entry", panels, ("gold", "second gold"), (0.0, 1.0), True,
                          [("f1", "design"), ("hollow c0", "arm")])  # fmt: skip
    figures = [
        (charts.forest("second", "Two golds", bars, (0.0, 1.0), aim, "Kendall's tau-b"),
         f"Agreement with 95% intervals; dotted: the aim of {fixed(aim, 1)}."),
        (both, "Mean of both golds over the words that each entry kept; on the dotted line they are equal. The order "
         "counts, not the level."),
    ]  # fmt: skip
    rows = tuple(
        (task, *(span(one[k], "tau") if one[k] else "–" for k in sorts), *(_share(one[k]) for k in sorts[1:]),
         *(str(one[k]["completions"]) if one[k] else "–" for k in sorts[1:]))
        for task, one in told.items()
    )  # fmt: skip
    head = ("task", "tau, order of designs", "tau, untrained words", "tau, trained words", "near, untrained",
            "near, trained", "untrained completions", "trained completions")  # fmt: skip
    entries = tuple(
        (e["entry"], task, e["kind"], fixed(e["gold"], 3), fixed(e["second"], 3))
        for task, one in told.items()
        for e in sorted(one["entries"], key=lambda e: -e["gold"])
    )
    every = Table(
        "Both golds of every entry", ("entry", "task", "kind", "gold", "second gold"), entries, frozenset({1, 2}), True
    )
    return (), figures, [Table("Two golds", head, rows), every]


def _share(one: Json | None) -> str:
    return words.percent(one["near"]) if one else "–"
