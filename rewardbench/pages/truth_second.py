"""How is the second gold told of? In words; agreement on words and on the order, both golds of each entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages.numbers import fixed, listed
from rewardbench.pages.safe import code
from rewardbench.pages.truth_charts import Dot
from rewardbench.pages.truth_parts import Made, Table, bar, known
from rewardbench.pages.truth_told import NO, OPEN, YES, Told, against, percent, quoted, span

Json = Mapping[str, Any]
QUESTION = "Would another gold, written from the same card, say the same?"
TITLE = "Second gold"
STUDY = None
ENDS = {YES: "above the {}", NO: "below the {}", OPEN: "whether that is above the {} cannot be told"}
SORTS = {
    "order": "the order of designs",
    "learnt": "of those that learnt",
    "untrained": "untrained words",
    "trained": "trained words",
}


def missing(board: Json) -> str:
    """What is said where it is not known."""
    needs = "a task with a second gold, and entries"
    return f"Not measured yet: it needs {needs} (`rbench board run leaderboards/{code(board['name'])}`)."


def answers(truth: Json) -> Iterator[Told]:
    """Two answers a task: of all designs, and of those alone that learnt."""
    for task, one in known(truth["second_gold"]):
        yield second_gold(task, one)
        yield above(task, one)


def second_gold(task: str, one: Json) -> Told:
    """The two golds on words and on the order of designs."""
    order, aim = one["order"], one["aim"]
    words = [f"{n} words {span(one[n], 'tau')}{_short_of(one[n], aim)}" for n in ("untrained", "trained") if one[n]]
    heard = f"completion by completion, tau is on {listed(words)}"
    if order is None or order["tau"] is None:
        says = f"On {quoted(task)} there are too few designs to order, or all are alike; {heard}."
        return Told("second_gold", task, OPEN, "–", says)
    kind = against(order["low"], order["high"], aim)
    says = (
        f"On {quoted(task)} the two golds order {order['designs']} designs alike by tau = {span(order, 'tau')}, "
        f"{ENDS[kind].format(f'aim of {fixed(aim, 1)}')}; {heard}."
    )
    return Told("second_gold", task, kind, f"{span(order, 'tau')} tau of the order", says)


def _short_of(one: Json, aim: float) -> str:
    """Said of words on which the golds agree less than is asked of the order."""
    return " (below the aim)" if against(one["low"], one["high"], aim) == NO else ""


def above(task: str, one: Json) -> Told:
    """The order under both golds among the designs alone that learnt, or how many they are where they are too few."""
    order, which = one["learnt"], f"{task}, those that learnt"
    if order is None or order["tau"] is None:
        why = f"{one['above']} designs learnt: of these alone the order is not told before there are {one['least']}"
        return Told("second_gold", which, OPEN, f"{one['above']} designs, too few", f"On {quoted(task)} {why}.")
    kind = against(order["low"], order["high"], one["aim"])
    says = (
        f"On {quoted(task)}, among the {order['designs']} designs alone that learnt, tau of the order is "
        f"{span(order, 'tau')}, {ENDS[kind].format('aim')}."
    )
    return Told("second_gold", which, kind, f"{span(order, 'tau')} tau of the order, {order['designs']} designs", says)


def figures(truth: Json) -> Made:
    """Tau on words and on the order; both golds of each entry."""
    told = dict(known(truth["second_gold"]))
    aim = next(one["aim"] for one in told.values())
    drawn = [
        (_taus(told, aim), f"Agreement with 95% intervals; dotted: the aim of {fixed(aim, 1)}."),
        (_both(told), "Mean of both golds over the words that each entry kept; on the dotted line they are equal. The "
         "order counts, not the level."),
    ]  # fmt: skip
    return (), drawn, [_table(told), _every(told)]


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
    words = ("untrained", "trained")
    rows = tuple(
        (task, *(span(one[k], "tau") if one[k] else "–" for k in SORTS), *(_share(one[k]) for k in words),
         *(str(one[k]["completions"]) if one[k] else "–" for k in words))
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
    return percent(one["near"]) if one else "–"
