"""How are test and retest told of? In words; correlations between seeds, a task at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages.numbers import fixed
from rewardbench.pages.safe import code
from rewardbench.pages.truth_parts import Made, Table, bar, known
from rewardbench.pages.truth_told import OPEN, Told, against, between, quoted, span

Json = Mapping[str, Any]
QUESTION = "Would other seeds rank the designs alike?"
TITLE = "The same again"
STUDY = None
MEASURES = {
    "half_spearman": "halves, Spearman",
    "half_kendall": "halves, Kendall",
    "whole_spearman": "all seeds, Spearman",
    "icc_2_1": "ICC(2,1), one seed",
    "icc_2_k": "ICC(2,k), all seeds",
    "seed_correlation": "seeds alike",
}


def missing(board: Json) -> str:
    """What is said where it is not known; a board of algorithms has too few of them, however long it runs."""
    if board.get("algorithms"):
        return f"Not known: it needs eight entries, and this board has {len(board['algorithms'])} algorithms."
    run = f"`rbench board run leaderboards/{code(board['name'])}`"
    return f"Not measured yet: it needs eight entries with every seed ({run})."


def answers(truth: Json) -> Iterator[Told]:
    """Two answers a task: of all designs, and of those alone that learnt."""
    for task, one in known(truth["retest"]):
        yield retest(task, one)
        yield above(task, one)


def retest(task: str, one: Json) -> Told:
    """Split halves and the reliability of the mean over seeds."""
    whole = one["icc_2_k"]
    kind = against(whole["low"], whole["high"], one["gate"])
    end = f"{'passes' if one['reliable'] else 'does not pass'} the gate of {fixed(one['gate'], 1)}"
    end += "; the interval includes the gate, so that it cannot be told" if kind == OPEN else ""
    says = (
        f"On {quoted(task)} two halves of the {one['seeds']} seeds rank {one['designs']} designs in Q alike by r = "
        f"{span(one['half_spearman'], 'r')}; the mean over all seeds has a reliability ICC(2,k) of {span(whole, 'r')}, "
        f"which {end}."
    )
    return Told("retest", task, kind, f"{span(whole, 'r')} ICC(2,k), {one['designs']} designs", says)


def above(task: str, one: Json) -> Told:
    """The same among the designs alone that learnt, or how many they are where they are too few."""
    learnt, which = one["learnt"], f"{task}, those that learnt"
    who = "designs alone that learnt, whose interval of the gain in Q over `untrained` lies above 0"
    if learnt is None:
        few = f"there are {one['above']}: among them it is not told before there are {one['least']}"
        figure = f"{one['above']} designs, too few"
        return Told("retest", which, OPEN, figure, f"On {quoted(task)}, of the {who}, {few}.")
    whole = learnt["icc_2_k"]
    kind = against(whole["low"], whole["high"], one["gate"])
    end = f"{'passes' if learnt['reliable'] else 'does not pass'} the gate"
    end += "; the interval includes it, so that it cannot be told" if kind == OPEN else ""
    says = (
        f"On {quoted(task)}, among the {learnt['designs']} {who}, r is {span(learnt['half_spearman'], 'r')} and "
        f"ICC(2,k) {span(whole, 'r')}, which {end}."
    )
    return Told("retest", which, kind, f"{span(whole, 'r')} ICC(2,k), {learnt['designs']} designs", says)


def figures(truth: Json) -> Made:
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
