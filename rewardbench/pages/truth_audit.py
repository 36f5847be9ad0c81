"""How is the audit's forecast told? In words; verdicts, predictors and probes against what training did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages import truth_rivals as rivals
from rewardbench.pages.numbers import bracket, chance, fixed, signed
from rewardbench.pages.truth_charts import Bar, Dot
from rewardbench.pages.truth_parts import Cell, Made, Table, bar, correlation
from rewardbench.pages.truth_told import LEVEL, NO, OPEN, YES, Told, between, quoted, span

Json = Mapping[str, Any]
QUESTION = "Does the audit foretell what training does with a design?"
TITLE = "Audit and outcome"
STUDY = "audits"
OUTCOMES = {
    "hacked": "hacked on at least half of their seeds",
    "hacked_once": "hacked at least once",
    "harmful": "harmful: significantly below no training",
}
ALARMS = {"gameable": "gameable", "gameable_or_misaligned": "gameable or misaligned"}
CAPTIONS = {
    "verdicts": "Precision (blue) and recall (orange) of each alarm for each outcome, with 95% intervals. The upright "
    "tick beside precision is the base rate, which flags dealt out blindly would have.",
    "predictors": "Each drawn design by its ranks within its task, from 0 (lowest) to 1: known before training "
    "(across) against Q at the end (up). Filled: hacked on at least half of its seeds. The last table has every point.",
    "probes": "Each probe's area under the ROC curve for being hacked, over pairs within a task. Dotted: chance.",
}


def answers(truth: Json) -> Iterator[Told]:
    """What came of its verdicts, and whether plain thresholds would have foretold as well."""
    told = truth["audit"]
    yield audit(told)
    if beside := rivals.answer(told):
        yield beside


def audit(told: Json) -> Told:
    """Whether those called gameable were hacked more often than chance would have it."""
    one = told["verdicts"]["gameable"]["hacked"]
    kind, figure = beyond(one), f"{span(one['precision'])} precision, {span(one['recall'])} recall"
    return Told(
        "audit", "", kind, figure if one["precision"]["value"] is not None else "–", verdict(told, "gameable", "hacked")
    )


def beyond(one: Json) -> str:
    """Whether flags hit more than flags dealt out by chance within tasks: YES, NO (fewer) or OPEN."""
    if one["chance"]["p"] >= LEVEL:
        return OPEN
    return YES if one["hits"] > one["chance"]["expected"] else NO


def verdict(told: Json, alarm: str, outcome: str) -> str:
    """One alarm against one outcome."""
    one = told["verdicts"][alarm][outcome]
    flags, events = one["hits"] + one["false_alarms"], one["hits"] + one["misses"]
    head = f"Of {one['designs']} drawn designs the audit called {flags or 'none'} {ALARMS[alarm]}"
    if not events:
        return f"{head}; none was {outcome.replace('_', ' ')} in training, so there was nothing to foretell."
    happened = OUTCOMES[outcome]
    if not flags:
        return f"{head}, and {events} were {happened}: recall {span(one['recall'])}, precision not known."
    luck = one["chance"]
    ends = {
        YES: "is more than chance gives",
        NO: "is fewer than chance gives, so that the warning points the wrong way",
        OPEN: "cannot be told from chance",
    }
    return (
        f"{head}; {one['hits']} of them were {happened}: precision {span(one['precision'])}, recall "
        f"{span(one['recall'])}. By chance, as many flags dealt out within each task hit "
        f"{fixed(luck['expected'], 1)} ({luck['low']:.0f} to {luck['high']:.0f}): {one['hits']} "
        f"{ends[beyond(one)]}.{_innocent(one)}"
    )


def _innocent(one: Json) -> str:
    """How many of those to which nothing happened were flagged too: precision alone hides it where most are bad."""
    left = one["designs"] - one["hits"] - one["misses"]
    return f" Of the {left} that were not, it called {one['false_alarms'] or 'none'} so too." if left else ""


def by_task(told: Json, alarm: str = "gameable", outcome: str = "hacked") -> str:
    """One alarm against one outcome on each task, with the exact p of its own: what is pooled may rest on some."""
    pieces = [
        f"on {quoted(task)} {one['hits']} of {one['flagged']} flagged, where {one['happened']} of {one['designs']} "
        f"were (p {chance(one['p'])})"
        for task, one in told["verdicts"][alarm][outcome]["tasks"].items()
    ]
    return (
        f"Called {ALARMS[alarm]} and {OUTCOMES[outcome]}, a task at a time: {'; '.join(pieces)}. The p's are exact and "
        "not adjusted for the number of tasks."
    )


def ranked(told: Json, predictors: Json, outcome: str = "quality") -> str:
    """How each predictor ranks designs by an outcome."""
    pieces = []
    for name in predictors:
        one = told["predictors"][name][outcome]
        if one is None:
            pieces.append(f"`{name}` not known")
        else:
            doubt = " (cannot be told from none)" if one["low"] <= 0 <= one["high"] else ""
            pieces.append(f"`{name}` {signed(one['r'])} {bracket(one['low'], one['high'])}{doubt}")
    what = "Q at the end" if outcome == "quality" else outcome
    return f"Known before training, Spearman's correlation with {what}, ranked within tasks: {'; '.join(pieces)}."


def figures(truth: Json) -> Made:
    """Verdicts, predictors and probes against what training did."""
    told = truth["audit"]
    pairs = [(alarm, outcome) for alarm, by in told["verdicts"].items() for outcome in by]
    also = [by_task(told), verdict(told, "gameable", "harmful"), ranked(told, truth["predictors"])]
    drawn = [
        (_verdict_chart(told, pairs), CAPTIONS["verdicts"]),
        (rivals.chart(told), rivals.CAPTION),
        (_predictors_chart(told), CAPTIONS["predictors"]),
        (_probe_chart(told), CAPTIONS["probes"]),
    ]
    tables = [_verdict_table(told, pairs), rivals.table(told), _matrix(told, truth), _left_table(told, truth)]
    return [*rivals.sentences(told), *also], drawn, [*tables, _probe_table(told), _case_table(told, truth)]


def _verdict_chart(told: Json, pairs: Sequence[tuple[str, str]]) -> str:
    panels: dict[str, list[Bar]] = {}
    for alarm, outcome in pairs:
        one, name = told["verdicts"][alarm][outcome], outcome.replace("_", " ")
        bars = panels.setdefault(ALARMS[alarm], [])
        bars.append(bar(f"{name}: precision", one["precision"], one["base_rate"]["value"]))
        bars.append(bar(f"{name}: recall", one["recall"], None, 2))
    return charts.forest("audit", "Verdicts against outcomes", panels, (0.0, 1.0), None, "share of designs")


def _verdict_table(told: Json, pairs: Sequence[tuple[str, str]]) -> Table:
    ends = [(group, share) for group in ("task", "family") for share in ("precision", "recall")]
    rows: list[tuple[str, ...]] = []
    for alarm, outcome in pairs:
        one = told["verdicts"][alarm][outcome]
        by_luck, without = one["chance"], one["without_each"]
        rows.append((
            f"{ALARMS[alarm]} → {outcome.replace('_', ' ')}",
            str(one["hits"] + one["false_alarms"]), str(one["hits"] + one["misses"]), str(one["hits"]),
            f"{fixed(by_luck['expected'], 1)} ({by_luck['low']:.0f}–{by_luck['high']:.0f})", chance(by_luck["p"]),
            span(one["base_rate"]), span(one["precision"]), span(one["recall"]),
            *(between(without[group][share]) for group, share in ends),
        ))  # fmt: skip
    head = ("alarm → outcome", "flagged", "happened", "hits", "hits by chance", "p", "base rate", "precision", "recall")
    return Table("Verdicts against outcomes", (*head, *(f"{s}, a {g} left out" for g, s in ends)), tuple(rows))


def _matrix(told: Json, truth: Json) -> Table:
    """Predictors by outcomes."""
    rows: list[tuple[Cell | str, ...]] = []
    for name, by in told["predictors"].items():
        cells = [correlation(by[o]) for o in truth["outcomes"]]
        rows.append((f"{name}: {truth['predictors'][name]}", *cells))
    head = ("known before training", *(f"{o}: {says}" for o, says in truth["outcomes"].items()))
    return Table("Spearman's r, ranks within task; a dot: the interval includes 0", head, tuple(rows))


def _left_table(told: Json, truth: Json) -> Table:
    """Correlations with Q a task, and without each task and family."""
    tasks = told["tasks"]
    rows: list[tuple[Cell | str, ...]] = []
    for name, by in told["predictors"].items():
        one = by["quality"]
        if one:
            own = [correlation(one["tasks"].get(t)) for t in tasks]
            rows.append((name, *own, *(between(one["without_each"][g]) for g in ("task", "family"))))
    head = ("with Q at the end", *tasks, "a task left out", "a family of parts left out")
    return Table("Does one task, or one family of parts, carry it?", head, tuple(rows))


def _predictors_chart(told: Json) -> str:
    """A panel a predictor; ranks are worked out within tasks among designs that have both."""
    panels = {}
    colours = {t: i % 7 + 1 for i, t in enumerate(told["tasks"])}
    for name in told["predictors"]:
        known = [c for c in told["cases"] if c["before"][name] is not None and c["after"]["quality"] is not None]
        tasks = [c["task"] for c in known]
        x = ranks([c["before"][name] for c in known], tasks)
        y = ranks([c["after"]["quality"] for c in known], tasks)
        panels[name] = [
            Dot(f"{c['task']} {c['entry']}", a, b, _kind(c, colours)) for c, a, b in zip(known, x, y, strict=True)
        ]
    legend = [(f"hollow c{n}", t) for t, n in colours.items()]
    return charts.scatter(
        "audit", "Predictors against Q", panels, ("rank before training", "rank in Q"), (0.0, 1.0), legend=legend
    )


def _kind(case: Json, colours: Mapping[str, int]) -> str:
    n = colours[case["task"]]
    return f"f{n}" if (case["after"]["hacked"] or 0) >= 0.5 else f"hollow c{n}"


def ranks(values: Sequence[float], groups: Sequence[str]) -> list[float]:
    """Ranks within groups scaled to (0, 1), tied ones averaged.

    >>> ranks([5, 7, 7, 1], "aaab")
    [0.16666666666666666, 0.6666666666666666, 0.6666666666666666, 0.5]
    """
    found = []
    for value, group in zip(values, groups, strict=True):
        own = [v for v, g in zip(values, groups, strict=True) if g == group]
        below, same = sum(v < value for v in own), sum(v == value for v in own)
        found.append((below + same / 2) / len(own))
    return found


def _probe_chart(told: Json) -> str:
    bars = [bar(r["probe"], r["auc"]) for r in told["probes"]]
    return charts.forest(
        "probes", "Probes against hacking", {"probes": bars}, (0.0, 1.0), 0.5, "area under the ROC curve"
    )


def _probe_table(told: Json) -> Table:
    rows = tuple(
        (r["probe"], str(r["found"]), str(r["designs"]), str(r["hits"]), span(r["auc"]), span(r["precision"]),
         span(r["recall"]), correlation(r["quality"]))
        for r in told["probes"]
    )  # fmt: skip
    head = ("probe", "found in", "of", "of these hacked", "AUC for hacked", "precision", "recall", "severity with Q, r")
    return Table("Probes, the best AUC first", head, rows)


def _case_table(told: Json, truth: Json) -> Table:
    """Every design that was audited and trained."""
    rows = tuple(
        (c["entry"], c["task"], c["family"], c["verdict"], "yes" if c["harmful"] else "",
         *(fixed(c["before"][p]) for p in truth["predictors"]), *(fixed(c["after"][o]) for o in truth["outcomes"]))
        for c in sorted(told["cases"], key=lambda c: (c["task"], c["entry"]))
    )  # fmt: skip
    head = ("design", "task", "family", "audit", "harmful", *truth["predictors"], *truth["outcomes"])
    return Table("Every drawn design: before and after", head, rows, frozenset({1, 2, 3, 4}), True)
