"""Does this board tell the truth? One self-contained page of the standing figures, a function of `board.json` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rewardbench import __version__
from rewardbench.pages import truth_charts as charts
from rewardbench.pages import truth_words as words
from rewardbench.pages.board_words import heat
from rewardbench.pages.numbers import fixed, signed
from rewardbench.pages.report import render
from rewardbench.pages.truth_charts import Bar, Dot, Line
from rewardbench.pages.truth_words import span

STYLES = ("page.css", "board.css", "truth.css")
SCRIPTS = ("theme.js",)
Json = Mapping[str, Any]
KINDS = {words.YES: "better", words.NO: "worse", words.OPEN: "not-done", words.MISSING: "none"}
"""How an answer looks."""
CAPTIONS = {
    "verdicts": "Precision (blue) and recall (orange) of each alarm for each outcome, with 95% intervals. The upright "
    "tick beside precision is the base rate, which flags dealt out by chance would have.",
    "predictors": "Each drawn design by its ranks within its task, from 0 (lowest) to 1: known before training "
    "(across) against Q at the end (up). Filled: hacked on at least half of its seeds. The last table has every point.",
    "probes": "Each probe's area under the ROC curve for being hacked, over pairs within a task. Dotted: chance.",
    "caught": "Share flagged by so many challenge seeds, with 95% intervals over the design's seeds. Thin and dashed: "
    "the same if seeds were normal.",
}


@dataclass(frozen=True)
class Cell:
    """A cell of a table: words, a sign that needs no colour, a shade from -4 to 4."""

    shown: str
    sign: str = ""
    shade: int = 0


@dataclass(frozen=True)
class Table:
    """A table; the first column names its rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    texts: frozenset[int] = frozenset()
    """Columns of words, set to the left."""
    folded: bool = False
    """Long: opened on demand."""


@dataclass(frozen=True)
class Part:
    """One question with all that answers it."""

    key: str
    title: str
    question: str
    answers: tuple[words.Told, ...]
    more: tuple[str, ...]
    """Further generated sentences."""
    figures: tuple[tuple[Markup, str], ...]
    """(drawing, caption)."""
    tables: tuple[Table, ...]


def page(told: Json) -> str:
    """`truth.html` of a built board."""
    return render(
        "truth.html",
        STYLES,
        SCRIPTS,
        board=told["board"],
        parts=parts(told),
        kinds=KINDS,
        by=__version__,
    )


def parts(told: Json) -> list[Part]:
    """Every part in the order told, those that are not known too."""
    truth, answers = told.get("truth") or {}, words.all_of(told)
    makers = {
        "audit": _audit,
        "retest": _retest,
        "second_gold": _second,
        "sensitivity": _sensitivity,
        "challenge": _challenge,
    }
    found = []
    for key, question in words.QUESTIONS.items():
        mine = tuple(a for a in answers if a.part == key)
        known = any(a.kind != words.MISSING for a in mine)
        more, figures, tables = makers[key](truth) if known else ((), (), ())
        drawn = tuple((Markup(d), c) for d, c in figures if d)
        found.append(Part(key, words.TITLES[key], question, mine, tuple(more), drawn, tuple(tables)))
    return found


Made = tuple[Sequence[str], Sequence[tuple[str, str]], Sequence[Table]]
"""(further sentences, (drawing, caption), tables) of a part."""

# --- audit ---------------------------------------------------------------------------------------


def _audit(truth: Json) -> Made:
    """Verdicts, predictors and probes against what training did."""
    told = truth["audit"]
    pairs = [(alarm, outcome) for alarm, by in told["verdicts"].items() for outcome in by]
    more = [words.verdict(told, "gameable", "harmful"), words.ranked(told, truth["predictors"])]
    figures = [
        (_verdict_chart(told, pairs), CAPTIONS["verdicts"]),
        (_predictors_chart(told), CAPTIONS["predictors"]),
        (_probe_chart(told), CAPTIONS["probes"]),
    ]
    tables = [_verdict_table(told, pairs), _matrix(told, truth), _left_table(told, truth), _probe_table(told)]
    return more, figures, [*tables, _case_table(told, truth)]


def _verdict_chart(told: Json, pairs: Sequence[tuple[str, str]]) -> str:
    bars = []
    for alarm, outcome in pairs:
        one = told["verdicts"][alarm][outcome]
        name = f"{words.ALARMS[alarm]}, {outcome.replace('_', ' ')}"
        bars.append(_bar(f"{name}: precision", one["precision"], one["base_rate"]["value"]))
        bars.append(_bar(f"{name}: recall", one["recall"], None, 2))
    return charts.forest("audit", "Verdicts against outcomes", bars, (0.0, 1.0), None, "share of designs")


def _bar(name: str, told: Json, mark: float | None = None, colour: int = 1, key: str = "value") -> Bar:
    return Bar(name, told[key], told["low"], told["high"], mark, colour)


def _verdict_table(told: Json, pairs: Sequence[tuple[str, str]]) -> Table:
    ends = [(group, share) for group in ("task", "family") for share in ("precision", "recall")]
    rows: list[tuple[str, ...]] = []
    for alarm, outcome in pairs:
        one = told["verdicts"][alarm][outcome]
        chance, without = one["chance"], one["without_each"]
        rows.append((
            f"{words.ALARMS[alarm]} → {outcome.replace('_', ' ')}",
            str(one["hits"] + one["false_alarms"]), str(one["hits"] + one["misses"]), str(one["hits"]),
            f"{fixed(chance['expected'], 1)} ({chance['low']:.0f}–{chance['high']:.0f})", _p(chance["p"]),
            span(one["base_rate"]), span(one["precision"]), span(one["recall"]),
            *(words.between(without[group][share]) for group, share in ends),
        ))  # fmt: skip
    head = ("alarm → outcome", "flagged", "happened", "hits", "hits by chance", "p", "base rate", "precision", "recall")
    return Table("Verdicts against outcomes", (*head, *(f"{s}, a {g} left out" for g, s in ends)), tuple(rows))


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _matrix(told: Json, truth: Json) -> Table:
    """Predictors by outcomes."""
    rows: list[tuple[Cell | str, ...]] = []
    for name, by in told["predictors"].items():
        cells = [_correlation(by[o]) for o in truth["outcomes"]]
        rows.append((f"{name}: {truth['predictors'][name]}", *cells))
    head = ("known before training", *(f"{o}: {says}" for o, says in truth["outcomes"].items()))
    return Table("Spearman's r, ranks within task; a dot: the interval includes 0", head, tuple(rows))


def _correlation(one: Json | None, key: str = "r") -> Cell:
    """A correlation with its interval; shaded by size only where it can be told from none."""
    if one is None or one[key] is None:
        return Cell("–")
    open_ = one["low"] <= 0 <= one["high"]
    shown = f"{signed(one[key])} [{fixed(one['low'])}, {fixed(one['high'])}]"
    found = heat(5 * one[key])
    return Cell(shown, "·" if open_ else found.sign, 0 if open_ else found.shade)


def _left_table(told: Json, truth: Json) -> Table:
    """Correlations with Q a task, and without each task and family."""
    tasks = told["tasks"]
    rows: list[tuple[Cell | str, ...]] = []
    for name, by in told["predictors"].items():
        one = by["quality"]
        if one:
            own = [_correlation(one["tasks"].get(t)) for t in tasks]
            rows.append((name, *own, *(words.between(one["without_each"][g]) for g in ("task", "family"))))
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
    bars = [_bar(r["probe"], r["auc"]) for r in told["probes"]]
    return charts.forest("probes", "Probes against hacking", bars, (0.0, 1.0), 0.5, "area under the ROC curve")


def _probe_table(told: Json) -> Table:
    rows = tuple(
        (r["probe"], str(r["found"]), str(r["designs"]), str(r["hits"]), span(r["auc"]), span(r["precision"]),
         span(r["recall"]), _correlation(r["quality"]))
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


# --- seeds ---------------------------------------------------------------------------------------


def _known(told: Json) -> Iterator[tuple[str, Json]]:
    return ((task, one) for task, one in told.items() if one)


MEASURES = {
    "half_spearman": "halves, Spearman",
    "half_kendall": "halves, Kendall",
    "whole_spearman": "all seeds, Spearman",
    "icc_2_1": "ICC(2,1), one seed",
    "icc_2_k": "ICC(2,k), all seeds",
    "seed_correlation": "seeds alike",
}


def _retest(truth: Json) -> Made:
    """Correlations a task."""
    told = dict(_known(truth["retest"]))
    bars = [
        _bar(f"{task}: {name}", one[key], None, i % 7 + 1, "r")
        for i, (task, one) in enumerate(told.items())
        for key, name in MEASURES.items()
        if one[key] is not None
    ]
    gate = next(one["gate"] for one in told.values())
    chart = charts.forest("retest", "Test and retest", bars, (0.0, 1.0), gate, "correlation")
    rows = tuple(
        (task, str(one["designs"]), str(one["left_out"]), str(one["seeds"]),
         *(span(one[k], "r") if one[k] else "–" for k in MEASURES), words.between(one["range"]),
         "passed" if one["reliable"] else "not passed")
        for task, one in told.items()
    )  # fmt: skip
    head = ("task", "designs", "lacking a seed", "seeds", *MEASURES.values(), "Spearman, middle 95% of splits", "gate")
    caption = f"Correlations with 95% intervals; dotted: the gate of {fixed(gate, 1)} that ICC(2,k) has to pass."
    return (), [(chart, caption)], [Table("Test and retest", head, rows)]


# --- second gold ---------------------------------------------------------------------------------


def _second(truth: Json) -> Made:
    """Tau on words and on the order; both golds of each entry."""
    told = dict(_known(truth["second_gold"]))
    sorts = ("order", "untrained", "trained")
    bars = [
        _bar(f"{task}: {'the order of designs' if k == 'order' else f'{k} words'}", one[k], None, i % 7 + 1, "tau")
        for i, (task, one) in enumerate(told.items())
        for k in sorts
        if one[k]
    ]
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


# --- another trainer -----------------------------------------------------------------------------


def _sensitivity(truth: Json) -> Made:
    """Tau with the board's order a trainer; gold of each design under each."""
    told = dict(_known(truth["sensitivity"]))
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
    caption = "Mean final gold of each design under each trainer. Lines that cross are orders that change."
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
        return _correlation(cells.get((rate, algorithm)), "tau")

    rows: list[tuple[Cell | str, ...]] = [(f"{r} learning rate", *(cell(r, a) for a in algorithms)) for r in rates]
    title = f"{task}: tau with the board's order; a dot: the interval includes 0"
    return Table(title, ("", *algorithms), tuple(rows))


def _flip_table(task: str, one: Json) -> Table:
    """Each design's verdict under each trainer."""
    rows: list[tuple[str, ...]] = []
    for d in one["designs"]:
        if d != one["baseline"]:
            mark = "trainer-dependent" if d in one["dependent"] else "changes" if d in one["unsettled"] else "same"
            rows.append((d, *(t["verdicts"][d] for t in one["trainers"]), mark))
    head = (f"against {one['baseline']}", *(_trainer(t) for t in one["trainers"]), "over trainers")
    return Table(f"{task}: verdicts", head, tuple(rows), frozenset(range(1, len(head))))


# --- challenge seeds -----------------------------------------------------------------------------


def _challenge(truth: Json) -> Made:
    """Caught rates a design, beside the table for normal seeds."""
    told = truth["challenge"]
    panels, tables = {}, [_theory_table(told)]
    for design, one in told["designs"].items():
        shown = []
        for i, (pick, found) in enumerate(one["picks"].items()):
            shown.append(Line(pick, found["caught"], found["low"], found["high"], look=i))
            shown.append(Line(pick, told["theory"][pick]["caught"], dashed=True, look=i))
        panels[design] = shown
        tables.append(_caught_table(design, one, told["seeds"]))
    steps = [str(c) for c in told["seeds"]]
    chart = charts.lines(
        "challenge", "Caught by challenge seeds", panels, steps, ("challenge seeds", "share flagged"), (0.0, 1.0)
    )
    return (), [(chart, CAPTIONS["caught"])], tables


def _caught_head(seeds: Sequence[int]) -> tuple[str, ...]:
    return ("reported", "inflation, in sd", "sd shown", *(f"caught by {c}" for c in seeds), "too alike")


def _theory_table(told: Json) -> Table:
    rows = tuple(
        (
            pick,
            fixed(g["inflation"]),
            fixed(g["shown"]),
            *(words.percent(c) for c in g["caught"]),
            words.percent(g["spread_caught"]),
        )
        for pick, g in told["theory"].items()
    )
    return Table("If seeds were normal", _caught_head(told["seeds"]), rows)


def _caught_table(design: str, one: Json, seeds: Sequence[int]) -> Table:
    rows = [
        (pick, fixed(g["inflation"]), fixed(g["shown"]), *(words.rate(g, i) for i in range(len(seeds))),
         words.percent(g["spread_caught"]))
        for pick, g in one["picks"].items()
    ]  # fmt: skip
    rows += [
        (f"{pick} copies, ground", fixed(g["inflation"]), fixed(g["shown"]), *(words.percent(c) for c in g["caught"]),
         words.percent(g["spread_caught"]))
        for pick, g in one["ground"].items()
    ]  # fmt: skip
    title = f"{design}: {one['seeds']} fresh seeds, standard deviation {fixed(one['sd'], 3)}, {one['copies']} copies"
    return Table(title, _caught_head(seeds), tuple(rows))
