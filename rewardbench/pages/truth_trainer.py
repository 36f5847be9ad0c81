"""How are other trainers told of? In words; the order of designs and their verdicts under each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages.numbers import chance, listed
from rewardbench.pages.truth_charts import Line
from rewardbench.pages.truth_parts import Cell, Made, Table, correlation, known
from rewardbench.pages.truth_told import LEVEL, NO, OPEN, YES, Told, quoted, span

Json = Mapping[str, Any]
QUESTION = "Do other trainers agree on the order of designs, beyond chance?"
TITLE = "Another trainer"
STUDY = "sensitivity"


def answers(truth: Json) -> Iterator[Told]:
    """An answer a task."""
    return (sensitivity(task, one) for task, one in known(truth["sensitivity"]))


def sensitivity(task: str, one: Json) -> Told:
    """Whether other trainers order designs as the board does, which pairs they turn over, and which verdicts flip."""
    own = (one["own"]["rate"], one["own"]["algorithm"])
    told = [t for t in one["trainers"] if (t["rate"], t["algorithm"]) != own]
    if not told:
        return Told("sensitivity", task, OPEN, "–", f"On {quoted(task)} no other trainer was run.")
    least, most = (f(told, key=lambda t: t["tau"]) for f in (min, max))
    turned = sum(len(t["turned"]) for t in told)
    shown = all(t["p"] < LEVEL and t["tau"] > 0 for t in told)
    kind = NO if one["dependent"] or turned else YES if shown else OPEN
    doubt, p = sum(t["p"] >= LEVEL for t in told), chance(max(t["p"] for t in told))
    worst = f" ({doubt} of {len(told)} cannot be told from no agreement: exact p up to {p})"
    says = (
        f"On {quoted(task)} {len(told)} other trainers order {len(one['designs'])} designs as the board's does by "
        f"tau = {span(least, 'tau')} at the least and {span(most, 'tau')} at the most{worst if doubt else ''}. "
        f"{_turned(told, turned)} {_flips(one)}"
    )
    figure = f"{span(least, 'tau')} least tau; {turned} pairs turned over, {len(one['dependent'])} flips"
    return Told("sensitivity", task, kind, figure, says)


def _turned(told: list[Json], turned: int) -> str:
    """What comes of the pairs that two trainers tell apart each: tau counts the noise among the others as well."""
    pairs = sum(t["both_told_apart"] for t in told)
    least, most = (f(t["both_told_apart"] for t in told) for f in (min, max))
    many = str(least) if least == most else f"{least} to {most}"
    which = sorted({f"{quoted(a)} above {quoted(b)}" for t in told for a, b in t["turned"]})
    end = f"{turned} are turned over (on the board {listed(which)})" if turned else "none is turned over"
    both = f"the pairs that the board's trainer and another both tell apart ({many} a trainer, {pairs} in all)"
    return f"Of {both}, {end}."


def _flips(one: Json) -> str:
    """How many verdicts change; where nobody is better than the baseline under any trainer, none could flip."""
    asked = len(one["designs"]) - 1
    flips = listed([quoted(d) for d in one["dependent"]])
    better = any(v == "better" for t in one["trainers"] for v in t["verdicts"].values())
    if flips:
        first = f"{len(one['dependent'])} of {asked} designs flip between better and worse ({flips})"
    elif better:
        first = "No verdict flips between better and worse"
    else:
        first = f"No design is better than {quoted(one['baseline'])} under any trainer, so that no verdict could flip"
    return f"{first}; {len(one['unsettled'])} of {asked} change their verdict in any way."


def figures(truth: Json) -> Made:
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
    open_ = one is not None and one["p"] >= LEVEL
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
