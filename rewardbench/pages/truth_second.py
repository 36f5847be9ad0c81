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


SORTS = {
    "order": "the order of designs",
    "learnt": "of those that learnt",
    "untrained": "untrained words",
    "trained": "trained words",
}


def second(truth: Json) -> Made:
    """Tau on words and on the order; both golds of each entry."""
    told = dict(known(truth["second_gold"]))
    aim = next(one["aim"] for one in told.values())
    figures = [
        (_taus(told, aim), f"Agreement with 95% intervals; dotted: the aim of {fixed(aim, 1)}."),
        (_both(told), "Mean of both golds over the words that each entry kept; on the dotted line they are equal. The "
         "order counts, not the level."),
    ]  # fmt: skip
    return (), figures, [_table(told), _every(told)]


def _taus(told: Json, aim: float) -> str:
    bars = {
        task: [bar(says, one[k], None, i % 7 + 1, "tau") for k, says in SORTS.items() if one[k]]
        for i, (task, one) in enumerate(told.items())
    }
    return charts.forest("second", "Two golds", bars, (0.0, 1.0), aim, "Kendall's tau-b")


def _both(told: Json) -> str:
    """A point an entry; arms are hollow."""
    looks = {True: "hollow c0", False: "f1"}
    panels = {
        task: [Dot(e["entry"], e["gold"], e["second"], looks[e["kind"] == "control"]) for e in one["entries"]]
        for task, one in told.items()
    }
    legend = [(looks[False], "design"), (looks[True], "arm")]
    title = "Both golds of every entry"
    return charts.scatter("second", title, panels, ("gold", "second gold"), (0.0, 1.0), True, legend)


def _table(told: Json) -> Table:
    """Agreement a task."""
    words_ = ("untrained", "trained")
    rows = tuple(
        (task, *(span(one[k], "tau") if one[k] else "–" for k in SORTS), *(_share(one[k]) for k in words_),
         *(str(one[k]["completions"]) if one[k] else "–" for k in words_))
        for task, one in told.items()
    )  # fmt: skip
    head = ("task", "tau, order of designs", "tau, those that learnt", "tau, untrained words", "tau, trained words",
            "near, untrained", "near, trained", "untrained completions", "trained completions")  # fmt: skip
    return Table("Two golds", head, rows)


def _every(told: Json) -> Table:
    """Both golds of each entry."""
    rows = tuple(
        (e["entry"], task, e["kind"], fixed(e["gold"], 3), fixed(e["second"], 3))
        for task, one in told.items()
        for e in sorted(one["entries"], key=lambda e: -e["gold"])
    )
    head = ("entry", "task", "kind", "gold", "second gold")
    return Table("Both golds of every entry", head, rows, frozenset({1, 2}), True)


def _share(one: Json | None) -> str:
    return words.percent(one["near"]) if one else "–"
