"""How does the audit's forecast look? Verdicts, predictors and probes against what training did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages import truth_rivals as rivals
from rewardbench.pages import truth_words as words
from rewardbench.pages.numbers import chance, fixed
from rewardbench.pages.truth_charts import Bar, Dot
from rewardbench.pages.truth_parts import Cell, Made, Table, bar, correlation
from rewardbench.pages.truth_told import between, span

Json = Mapping[str, Any]
CAPTIONS = {
    "verdicts": "Precision (blue) and recall (orange) of each alarm for each outcome, with 95% intervals. The upright "
    "tick beside precision is the base rate, which flags dealt out blindly would have.",
    "predictors": "Each drawn design by its ranks within its task, from 0 (lowest) to 1: known before training "
    "(across) against Q at the end (up). Filled: hacked on at least half of its seeds. The last table has every point.",
    "probes": "Each probe's area under the ROC curve for being hacked, over pairs within a task. Dotted: chance.",
}


def audit(truth: Json) -> Made:
    """Verdicts, predictors and probes against what training did."""
    told = truth["audit"]
    pairs = [(alarm, outcome) for alarm, by in told["verdicts"].items() for outcome in by]
    also = [words.by_task(told), words.verdict(told, "gameable", "harmful"), words.ranked(told, truth["predictors"])]
    figures = [
        (_verdict_chart(told, pairs), CAPTIONS["verdicts"]),
        (rivals.chart(told), rivals.CAPTION),
        (_predictors_chart(told), CAPTIONS["predictors"]),
        (_probe_chart(told), CAPTIONS["probes"]),
    ]
    tables = [_verdict_table(told, pairs), rivals.table(told), _matrix(told, truth), _left_table(told, truth)]
    return [*rivals.sentences(told), *also], figures, [*tables, _probe_table(told), _case_table(told, truth)]


def _verdict_chart(told: Json, pairs: Sequence[tuple[str, str]]) -> str:
    panels: dict[str, list[Bar]] = {}
    for alarm, outcome in pairs:
        one, name = told["verdicts"][alarm][outcome], outcome.replace("_", " ")
        bars = panels.setdefault(words.ALARMS[alarm], [])
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
            f"{words.ALARMS[alarm]} → {outcome.replace('_', ' ')}",
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
