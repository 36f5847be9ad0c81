"""How is it told whether picked seeds are caught? In words; shares flagged, a design at a time and together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages.numbers import fixed, listed, signed
from rewardbench.pages.truth_charts import Line
from rewardbench.pages.truth_parts import Made, Table
from rewardbench.pages.truth_told import LEVEL, NO, OPEN, YES, Told, percent, quoted

Json = Mapping[str, Any]
QUESTION = "Are picked seeds caught, and designs that were tried until one was lucky?"
TITLE = "Challenge seeds"
STUDY = "challenge"
NEAR, FAIR = 0.1, 0.08
"""The mean share caught may lie so far from that of normal seeds; and the most honest entries that may be flagged."""
CAUGHT = (
    "Share flagged by so many challenge seeds, with 95% intervals over the designs' seeds: the mean of the designs, "
    "and each. Thin and dashed: the same if the angles of gold were normal."
)


def answers(truth: Json) -> Iterator[Told]:
    """The answers of all designs together, of each, and of near copies where they were tried."""
    told = truth["challenge"]
    yield together(told)
    yield from (challenge(d, one, told) for d, one in told["designs"].items())
    if any(one["ground"] for one in told["designs"].values()):
        yield ground(told)


def together(told: Json) -> Told:
    """Mean shares caught of all designs, for each number of challenge seeds, beside the table for normal seeds."""
    honest, *milder, worst = told["together"]
    fair, caught = told["together"][honest]["caught"], told["together"][worst]["caught"]
    table = told["theory"][worst]["caught"]
    each = [one["picks"][worst]["caught"][-1] for one in told["designs"].values()]
    near = max(abs(a - b) for a, b in zip(caught, table, strict=True)) <= NEAR and max(fair) <= FAIR
    says = (
        f"On real seeds of {listed([quoted(d) for d in told['designs']])} together, "
        f"{listed([str(c) for c in told['seeds']])} challenge seeds flag an honest entry "
        f"{listed([percent(f) for f in fair])} of the time ({percent(LEVEL)} is meant), and catch the {worst} seeds "
        f"{listed([percent(c) for c in caught])} (normal theory {listed([percent(t) for t in table])})"
        f"{''.join(_milder(told, pick) for pick in milder)}. Of one design alone the {worst} are caught "
        f"{percent(min(each))} to {percent(max(each))} of the time with {told['seeds'][-1]}."
    )
    last = told["together"][worst]
    return Told("challenge", "all designs", YES if near else NO, f"{rate(last)} of {worst} caught", says)


def _milder(told: Json, pick: str) -> str:
    """How often a milder pick is caught: less."""
    return f", the {pick} only {listed([percent(c) for c in told['together'][pick]['caught']])}"


def challenge(design: str, one: Json, told: Json) -> Told:
    """Shares caught by the most challenge seeds, beside the table for normal seeds."""
    c = told["seeds"][-1]
    honest, *picked = one["picks"]
    normal = {n: percent(told["theory"][n]["caught"][-1]) for n in picked}
    pieces = [f"the {n} {rate(one['picks'][n])} (normal theory {normal[n]})" for n in picked]
    fair = one["picks"][honest]
    last = one["picks"][picked[-1]]
    table = told["theory"][picked[-1]]["caught"][-1]
    kind = NO if last["high"][-1] < table or fair["low"][-1] > LEVEL else YES
    says = (
        f"Of {one['seeds']} real seeds of {quoted(design)}, {c} challenge seeds flag an honest entry {rate(fair)} of "
        f"the time ({percent(LEVEL)} is meant), and catch {listed(pieces)}."
    )
    return Told("challenge", design, kind, f"{rate(last)} of {picked[-1]} caught", says)


def ground(told: Json) -> Told:
    """Whether the best of many near copies of a design, tried on the board's own seeds, is flagged more than honest."""
    last = {d: list(one["ground"].items())[-1] for d, one in told["designs"].items() if one["ground"]}
    caught = [g["caught"][-1] for _, g in last.values()]
    pick = f"{next(iter(last.values()))[0]} copies"
    most = f"{percent(min(caught))} to {percent(max(caught))}"
    kind = NO if max(caught) <= LEVEL else YES if min(caught) > LEVEL else OPEN
    ends = {NO: "no more than an honest entry is", YES: "more than an honest entry is", OPEN: "some more than that"}
    gains = listed([f"{quoted(d)} {signed(g['inflation'])}" for d, (_, g) in last.items()])
    says = (
        f"Of copies of one design whose weights hardly differ, tried on the board's own seeds, the {pick} is flagged "
        f"by {told['seeds'][-1]} challenge seeds {most} of the time, {ends[kind]}. What that added to the gold that it "
        f"reports, in standard deviations of a seed: {gains}."
    )
    return Told("challenge", "near copies", kind, f"{most} of {pick} caught", says)


def rate(caught: Json, at: int = -1) -> str:
    """A caught share with its interval."""
    return f"{percent(caught['caught'][at])} [{percent(caught['low'][at])}, {percent(caught['high'][at])}]"


def figures(truth: Json) -> Made:
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
            *(percent(c) for c in g["caught"]),
            percent(g["spread_caught"]),
        )
        for pick, g in told["theory"].items()
    )
    whose, at = f"mean of {len(told['designs'])} designs", range(len(told["seeds"]))
    rows += tuple((f"{pick}: {whose}", "", "", *(rate(g, i) for i in at), "") for pick, g in told["together"].items())
    return Table("If seeds were normal, and as they are", _caught_head(told["seeds"]), rows)


def _caught_table(design: str, one: Json, seeds: Sequence[int]) -> Table:
    rows = [
        (pick, fixed(g["inflation"]), fixed(g["shown"]), *(rate(g, i) for i in range(len(seeds))),
         percent(g["spread_caught"]))
        for pick, g in one["picks"].items()
    ]  # fmt: skip
    rows += [
        (f"{pick} copies, ground", fixed(g["inflation"]), fixed(g["shown"]), *(percent(c) for c in g["caught"]),
         percent(g["spread_caught"]))
        for pick, g in one["ground"].items()
    ]  # fmt: skip
    title = f"{design}: {one['seeds']} fresh seeds, standard deviation {fixed(one['sd'], 3)}, {one['copies']} copies"
    return Table(title, _caught_head(seeds), tuple(rows))
