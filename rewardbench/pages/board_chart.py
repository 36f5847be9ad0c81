"""Who is good at what else? Quality against efficiency (and diversity, where it is asked), with the front drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench import stats
from rewardbench.pages import svg
from rewardbench.pages.board_rows import LETTERS, extremes
from rewardbench.pages.numbers import fixed
from rewardbench.pages.pictures._look import spread
from rewardbench.pages.pictures._panel import Box, axes
from rewardbench.pages.pictures._scale import Scale, reach

Json = Mapping[str, Any]
TITLE = "Quality beside what it cost"
NAMED = 12
"""Points that are named: the front, the baseline, arms; the others have their name as a title."""


@dataclass(frozen=True)
class Point:
    """An entry in one panel: means with their intervals."""

    name: str
    kind: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    """(mean, low, high)."""
    seeds: tuple[float, float] | None = None
    """Q of the worst and of the best seed, where the row has its seeds."""


def points(rows: Sequence[Json], across: str, baseline: str) -> list[Point]:
    """Entries that have Q and the axis that lies across; arms are `arm`, the baseline `baseline`, others `entry`."""
    found = []
    for row in rows:
        x, y = row["means"].get(across), row["means"].get("quality")
        if x and y:
            kind = "arm" if row["kind"] == "control" else "baseline" if row["entry"] == baseline else "entry"
            seeds = extremes([run["quality"] for run in row.get("runs", ())])
            found.append(Point(row["entry"], kind, _span(x), _span(y), seeds))
    return found


def _span(told: Json) -> tuple[float, float, float]:
    return told["mean"], told["low"], told["high"]


def front(there: Sequence[Point]) -> list[Point]:
    """Contestants that no other contestant beats on one of the two without being beaten on the other, left to right.

    >>> a, b, c = (Point(n, "entry", (x, x, x), (y, y, y)) for n, x, y in (("a", 1, 3), ("b", 2, 2), ("c", 1, 2)))
    >>> [p.name for p in front([a, b, c])]
    ['a', 'b']
    """
    contest = sorted((p for p in there if p.kind != "arm"), key=lambda p: (p.x[0], -p.y[0]))
    best = stats.pareto([(p.x[0], p.y[0]) for p in contest]) if contest else []
    return [p for p, unbeaten in zip(contest, best, strict=True) if unbeaten]


def draw(task: str, rows: Sequence[Json], baseline: str, diversity: bool) -> str:
    """The picture's markup; empty where no entry has both numbers."""
    across = [("efficiency", "E: how much of the budget was spent well")]
    across += [("diversity", "D: variety gained while getting precise")] if diversity else []
    panels = [(axis, name, points(rows, axis, baseline)) for axis, name in across]
    panels = [p for p in panels if p[2]]
    if not panels:
        return ""
    wide = svg.WIDTH / len(panels)
    boxes = [Box(46 + wide * i, 40, wide * (i + 1) - 118, 330) for i in range(len(panels))]
    body = [_legend()]
    for (_, name, there), box in zip(panels, boxes, strict=True):
        body.append(_panel(box, name, there))
    return svg.whole(task, "board", f"{TITLE}, {task}", _told(panels), 372, body)


def _told(panels: Sequence[tuple[str, str, list[Point]]]) -> str:
    """The picture in words: how much is drawn, and who is on the front of each panel, best Q first."""
    there = panels[0][2]
    arms = sum(p.kind == "arm" for p in there)
    said = [f"Q against {' and '.join(LETTERS[a] for a, _, _ in panels)} of {len(there) - arms} entries, {arms} arms"]
    said += [f"front in Q and {LETTERS[a]}: {', '.join(map(_value, reversed(front(t))))}" for a, _, t in panels]
    return "; ".join(said)


def _value(p: Point) -> str:
    return f"{p.name} (Q {fixed(p.y[0])})"


def _panel(box: Box, name: str, there: Sequence[Point]) -> str:
    """One panel: axes, front, points, names beside those that are named."""
    x = Scale(*_room([p.x[0] for p in there]), box.left, box.right)
    y = Scale(*_room([p.y[0] for p in there]), box.bottom, box.top)
    best = front(there)
    named = _named(there, best)
    drawn = [axes(box, x, y, x_name=name, y_name="Q: how good it got")]
    drawn += [_steps(x, y, best)]
    drawn += [_cross(x, y, p) for p in named if p.kind != "arm"]
    arms, beaten = [p for p in there if p.kind == "arm"], [p for p in there if p.kind == "entry" and p not in best]
    drawn.append(svg.tag("g", *(_dot(x, y, p) for p in beaten), kind="hollow c1") if beaten else "")
    drawn.append(svg.tag("g", *(_diamond(x, y, p) for p in arms), kind="hollow c0") if arms else "")
    drawn += [
        _square(x, y, p) if p.kind == "baseline" else _dot(x, y, p, "f1")
        for p in there
        if p in best or p.kind == "baseline"
    ]
    return "".join([*drawn, _names(box, x, y, named)])


def _room(values: Sequence[float]) -> tuple[float, float]:
    """An axis that shows 0 to 1 and whatever lies beyond."""
    low, high = reach(values, 0.0, 1.0) if max(values) > 0.4 else reach(values, 0.0)
    spare = 0.04 * (high - low)
    return low - (spare if low < 0 else 0), high + spare


def _named(there: Sequence[Point], best: Sequence[Point]) -> list[Point]:
    """The front from its best Q, the baseline, then arms, as many as there is room for."""
    order = [*(p for p in there if p.kind == "baseline"), *reversed(best)]
    order += [p for p in there if p.kind == "arm" and p.name in ("untrained", "oracle")]
    order += [p for p in there if p.kind == "arm"]
    return list(dict.fromkeys(order))[:NAMED]


def _steps(x: Scale, y: Scale, best: Sequence[Point]) -> str:
    """The front as a step line: everything below and left of it is beaten."""
    if not best:
        return ""
    xs, ys = [x(x.low)], [y(best[0].y[0])]
    for i, p in enumerate(best):
        xs += [x(p.x[0]), x(p.x[0])]
        ys += [y(p.y[0]), y(best[i + 1].y[0] if i + 1 < len(best) else y.low)]
    return svg.path(xs, ys, "dotted")


def _cross(x: Scale, y: Scale, p: Point) -> str:
    """The intervals of a point, cut at the axes' ends; beside Q's, short bars at its worst and its best seed."""
    left, right = (x(min(max(v, x.low), x.high)) for v in p.x[1:])
    low, high = (y(min(max(v, y.low), y.high)) for v in p.y[1:])
    kind = f"whisker c{3 if p.kind == 'baseline' else 1}"
    drawn = svg.line(left, y(p.y[0]), right, y(p.y[0]), kind) + svg.line(x(p.x[0]), low, x(p.x[0]), high, kind)
    there = [v for v in p.seeds or () if y.low <= v <= y.high]
    return drawn + "".join(svg.line(x(p.x[0]) - 4, y(v), x(p.x[0]) + 4, y(v), kind) for v in there)


def _dot(x: Scale, y: Scale, p: Point, kind: str = "") -> str:
    """A point; a filled one is larger."""
    return svg.tag("circle", _title(p), cx=x(p.x[0]), cy=y(p.y[0]), r=3.6 if kind else 3, kind=kind)


def _square(x: Scale, y: Scale, p: Point) -> str:
    """The baseline's point."""
    return svg.tag("rect", _title(p), x=x(p.x[0]) - 4, y=y(p.y[0]) - 4, width=8, height=8, kind="f3")


def _diamond(x: Scale, y: Scale, p: Point) -> str:
    """An arm's point."""
    return svg.tag("path", _title(p), d=f"M{svg.number(x(p.x[0]))},{svg.number(y(p.y[0]) - 4)}l4,4l-4,4l-4,-4z")


def _title(p: Point) -> str:
    return svg.tag("title", svg.escape(p.name))


def _names(box: Box, x: Scale, y: Scale, named: Sequence[Point]) -> str:
    """Names in the margin to the right, none upon another, each with a thread to its point."""
    order = sorted(named, key=lambda p: (-p.y[0], p.name))
    places = spread([y(p.y[0]) for p in order], 14, box.top + 4, box.bottom)
    drawn = []
    for p, place in zip(order, places, strict=True):
        drawn.append(svg.path([x(p.x[0]) + 5, box.right + 4, box.right + 10], [y(p.y[0]), place, place], "lead"))
        kind = "s soft" if p.kind == "arm" else "s b" if p.kind == "baseline" else "s"
        drawn.append(svg.words(box.right + 13, place + 4, p.name, kind, longest=14))
    return "".join(drawn)


def _legend() -> str:
    """What the marks are, in one row."""
    marks = [
        (svg.tag("circle", cx=8, cy=14, r=3.6, kind="f1"), "front"),
        (svg.tag("circle", cx=8, cy=14, r=3, kind="hollow c1"), "beaten"),
        (svg.tag("rect", x=4, y=10, width=8, height=8, kind="f3"), "baseline"),
        (svg.tag("path", d="M8,10l4,4l-4,4l-4,-4z", kind="hollow c0"), "arm (never ranked)"),
    ]
    drawn, at = [], 0.0
    for mark, name in marks:
        drawn.append(svg.tag("g", mark, svg.words(18, 18, name, "s"), transform=f"translate({at:g} 0)"))
        at += 30 + len(name) * svg.CHARACTER
    return "".join(drawn)
