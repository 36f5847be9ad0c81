"""Where does each design stand on each axis, and how sure is that?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rewardbench.pages import svg
from rewardbench.pages.numbers import fixed
from rewardbench.pages.picture import Cell, Picture
from rewardbench.pages.pictures._look import Look, looks, marker
from rewardbench.pages.pictures._runs import Groups, cell, of_task, seeds_of
from rewardbench.pages.pictures._scale import Scale, reach, short, ticks
from rewardbench.results import Result
from rewardbench.tables import summary

PLACE = 4
TITLE = "Gold and the four axes"
NAMES = {"gold": "gold", "quality": "Q quality", "stability": "S stability",
         "efficiency": "E efficiency", "diversity": "D diversity"}  # fmt: skip
LEFT, ROW, TOP = 176.0, 22.0, 44.0
FURTHEST = 1.5
"""Intervals of few seeds may be as wide as one likes; beyond this they are cut, and an arrow says so."""


def draw(task: str, results: Sequence[Result]) -> Picture | None:
    """The picture, or None where no design has a value."""
    groups = of_task(task, results)
    rows = sorted(summary([r for g in groups.values() for r in g]), key=_place)
    if not any(row[m] is not None for row in rows for m in NAMES):
        return None
    look, bottom = looks(groups), TOP + ROW * len(rows)
    body = [_row(TOP + ROW * (i + 0.5), row["design"], look[row["design"]], look) for i, row in enumerate(rows)]
    wide = (svg.WIDTH - LEFT) / len(NAMES)
    for i, metric in enumerate(NAMES):
        x = _scale(rows, metric, LEFT + wide * i + 10, LEFT + wide * (i + 1) - 12)
        body += [_column(x, metric, bottom), *(_interval(x, row[metric], TOP + ROW * (j + 0.5), look[row["design"]])
                                               for j, row in enumerate(rows))]  # fmt: skip
    return Picture(
        "axes", TITLE, _caption(groups, rows), svg.whole(task, "axes", TITLE, _told(rows), bottom + 28, body),
        ("design", "seeds", *(f"{m}{end}" for m in NAMES for end in ("", " low", " high"))), tuple(map(_cells, rows)),
    )  # fmt: skip


def _place(row: Mapping[str, Any]) -> tuple[float, float]:
    """Best quality first; without one, by gold; with neither, last."""
    quality, gold = (9.0 if row[m] is None else -float(row[m][0]) for m in ("quality", "gold"))
    return quality, gold


def _scale(rows: Sequence[Mapping[str, Any]], metric: str, left: float, right: float) -> Scale:
    """An axis that shows 0, 1 and every value, but no interval further out than it is useful."""
    known = [v for row in rows if row[metric] is not None for v in row[metric] if v is not None]
    low, high = reach([min(max(v, -FURTHEST), FURTHEST) for v in known], 0, 1)
    return Scale(low - 0.04, high + 0.04, left, right)


def _row(y: float, name: str, look: Look, among: Iterable[str]) -> str:
    """A design's name, with its key, and a line to follow across."""
    drawn = svg.line(LEFT, y, svg.WIDTH, y, "grid") + svg.line(4, y, 26, y, look.line) + marker(look, 15, y)
    return drawn + svg.words(32, y + 4, name, longest=int((LEFT - 36) / svg.CHARACTER), among=among)


def _column(x: Scale, metric: str, bottom: float) -> str:
    """The head and foot of an axis, with lines at 0 and 1."""
    marks = [v for v in ticks(x.low, x.high, 3) if v not in (0, 1)]
    drawn = [svg.words((x.start + x.end) / 2, 16, NAMES[metric], "b", "middle")]
    drawn += [svg.line(x(v), TOP - 6, x(v), bottom, "axis" if v == 0 else "dotted") for v in (0, 1)]
    drawn += [svg.words(x(v), bottom + 14, short(v), "s soft", "middle") for v in (0, 1)]
    drawn += [svg.line(x(v), bottom, x(v), bottom + 3, "axis") for v in marks]
    shown = [v for v in marks if min(abs(x(v) - x(w)) for w in (0, 1)) > 24]
    drawn += [svg.words(x(v), bottom + 14, short(v), "s soft", "middle") for v in shown]
    return "".join([*drawn, svg.line(x.start, bottom, x.end, bottom, "axis")])


def _interval(x: Scale, value: tuple[float, float | None, float | None] | None, y: float, look: Look) -> str:
    """A dot with its interval, arrows where that is cut; a dash where nothing is known."""
    if value is None:
        return svg.words((x.start + x.end) / 2, y + 3.5, "–", "soft", "middle")
    mean, low, high = value
    drawn = ""
    if low is not None and high is not None:
        a, b = max(x.start, x(low)), min(x.end, x(high))
        drawn = svg.line(a, y, b, y, f"whisker c{look.colour}")
        drawn += _arrow(a, y, 4, look) if x(low) < x.start else svg.line(a, y - 3, a, y + 3, f"whisker c{look.colour}")
        drawn += _arrow(b, y, -4, look) if x(high) > x.end else svg.line(b, y - 3, b, y + 3, f"whisker c{look.colour}")
    return drawn + marker(look, min(max(x(mean), x.start), x.end), y)


def _arrow(x: float, y: float, back: float, look: Look) -> str:
    return svg.path([x + back, x, x + back], [y - 4, y, y + 4], f"whisker c{look.colour}")


def _caption(groups: Groups, rows: Sequence[Mapping[str, Any]]) -> str:
    missing = [NAMES[m] for m in NAMES if any(row[m] is None for row in rows)]
    reasons = {r.reasons[m] for g in groups.values() for r in g for m in NAMES if m in r.reasons and m != "gold"}
    dash = f" A dash: not known ({'; '.join(sorted(reasons)) or 'a run has no value'})." if missing else ""
    return (
        f"Mean over seeds ({seeds_of(groups)}) with its 95% interval; one seed has none; no smoothing. Gold is raw; "
        "Q is gold on the task's scale (0 = untrained, 1 = trained on gold itself) and its interval holds the scale's "
        "own error too; S, E and D rank only designs whose Q is above that of untrained. "
        f"Best Q first (without a scale: best gold).{dash}"
    )


def _told(rows: Sequence[Mapping[str, Any]]) -> str:
    """The picture in words: each design's gold and Q."""
    return "; ".join(f"{r['design']}: " + ", ".join(_said(m, r[m]) for m in ("gold", "quality")) for r in rows)


def _said(metric: str, value: tuple[float, float | None, float | None] | None) -> str:
    return f"{metric} not known" if value is None else f"{metric} {fixed(value[0])}"


def _cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    """A row of the table."""
    values = [v for m in NAMES for v in (row[m] or (None, None, None))]
    return (row["design"], row["seeds"], *(None if v is None else cell(v) for v in values))
