"""What does the proof look like? Intervals in rows, ranks against ranks, gold against gold, rates caught.

Each chart is a row of small panels, a picture each, as wide as a telephone: a page sets as many side by side as fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rewardbench.pages import svg
from rewardbench.pages.pictures import _panel
from rewardbench.pages.pictures._look import place
from rewardbench.pages.pictures._panel import Box, axes
from rewardbench.pages.pictures._scale import Scale, reach, short, ticks

Json = Mapping[str, Any]
WIDE = 360.0
"""Of a panel, in its own units: about one to a pixel of a telephone."""
ROW = 17.0
NAMED = 23
"""Characters of a row's name."""
LETTER = 6.4
"""How wide one is taken to be in a row's name."""
HEAD = 44.0
"""Room above the axes for a panel's name, and for that of its y axis."""
Marks = TypeVar("Marks")


@dataclass(frozen=True)
class Bar:
    """A row of intervals: a value with its ends, and a mark to hold it against."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    mark: float | None = None
    """Drawn as a tick, such as what chance would give."""
    colour: int = 1


@dataclass(frozen=True)
class Dot:
    """A point of a scatter."""

    name: str
    x: float
    y: float
    kind: str
    """Its classes, such as `f1`."""


def _panels(
    key: str, name: str, title: str, panels: Mapping[str, Marks], draw: Callable[[str, Marks], tuple[str, float, str]],
    legend: Sequence[tuple[str, str]] = (),
) -> str:  # fmt: skip
    """Pictures beside each other; `draw` makes a panel's marks, its height, and what it shows in words."""
    drawn = []
    for panel, marks in panels.items():
        body, height, told = draw(panel, marks)
        drawn.append(svg.whole(f"{key} {panel}", name, f"{title}: {panel}", told, height, [body], WIDE))
    return f'{_legend(legend)}<div class="panels">{"".join(drawn)}</div>' if drawn else ""


def _legend(legend: Sequence[tuple[str, str]]) -> str:
    """What the marks are, words that wrap; `legend` is (kind, words)."""
    told = []
    for kind, says in legend:
        circle = svg.tag("circle", cx=6, cy=6, r=3.6, kind=kind)
        mark = svg.tag("svg", circle, kind="picture", viewBox="0 0 12 12", aria_hidden="true")
        told.append(svg.tag("li", mark, svg.escape(svg.cut(says, 40))))
    return svg.tag("ul", *told, kind="marks") if told else ""


def _name(panel: str) -> str:
    return svg.words(6, 14, panel, "b", longest=int((WIDE - 12) / (svg.CHARACTER * 1.15)))


# --- intervals -----------------------------------------------------------------------------------


def forest(
    key: str, title: str, panels: Mapping[str, Sequence[Bar]], span: tuple[float, float], line: float | None, says: str
) -> str:
    """Intervals, one a row, all panels on one scale, with a line to hold all of them against (chance, an aim)."""
    known = {n: [b for b in bars if b.value is not None] for n, bars in panels.items()}
    shown = {n: bars for n, bars in known.items() if bars}
    if not shown:
        return ""
    every = [b for bars in shown.values() for b in bars]
    low, high = reach([v for b in every for v in (b.value, b.low, b.high) if v is not None], *span)
    left = 16 + LETTER * min(NAMED, max(len(b.name) for b in every))
    x = Scale(low, high, left, WIDE - 14)
    return _panels(key, "forest", title, shown, lambda panel, bars: _forest(panel, bars, x, line, says))


def _forest(panel: str, bars: Sequence[Bar], x: Scale, line: float | None, says: str) -> tuple[str, float, str]:
    """One panel."""
    top, bottom = 24.0, 30 + ROW * len(bars)
    left, right = x(x.low), x(x.high)
    at = ticks(x.low, x.high, 6)
    body = [_name(panel), *(svg.line(x(v), top, x(v), bottom, "grid") for v in at)]
    body += [svg.words(x(v), bottom + 15, short(v), "s soft", "middle") for v in at]
    body.append(svg.line(left, bottom, right, bottom, "axis"))
    body.append(svg.words((left + right) / 2, bottom + 31, says, "s", "middle"))
    if line is not None:
        body.append(svg.line(x(line), top, x(line), bottom, "drop"))
    body += [_bar(bar, x, top + ROW * (i + 0.5)) for i, bar in enumerate(bars)]
    told = "; ".join(f"{b.name} {b.value:.2f}" for b in bars if b.value is not None)
    return "".join(body), bottom + 38, told


def _bar(bar: Bar, x: Scale, y: float) -> str:
    """One row."""
    assert bar.value is not None
    drawn = [svg.words(x(x.low) - 10, y + 4, bar.name, "s", "end", longest=NAMED)]
    if bar.low is not None and bar.high is not None:
        drawn.append(svg.line(x(bar.low), y, x(bar.high), y, f"whisker c{bar.colour}"))
    if bar.mark is not None:
        drawn.append(svg.line(x(bar.mark), y - 6, x(bar.mark), y + 6, "ring"))
    drawn.append(svg.tag("circle", cx=x(bar.value), cy=y, r=3.6, kind=f"f{bar.colour}"))
    return "".join(drawn)


# --- points --------------------------------------------------------------------------------------


def scatter(
    key: str, title: str, panels: Mapping[str, Sequence[Dot]], names: tuple[str, str], span: tuple[float, float] | None,
    diagonal: bool = False, legend: Sequence[tuple[str, str]] = (),
) -> str:  # fmt: skip
    """Points, a panel each; `names` of the axes, `legend` (kind, words)."""
    shown = {n: dots for n, dots in panels.items() if dots}
    return _panels(
        key, "scatter", title, shown, lambda panel, dots: _scatter(panel, dots, names, span, diagonal), legend
    )


def _scatter(
    panel: str, dots: Sequence[Dot], names: tuple[str, str], span: tuple[float, float] | None, diagonal: bool
) -> tuple[str, float, str]:
    """One panel."""
    box = Box(46, HEAD, WIDE - 16, HEAD + 200)
    xs = span or reach([d.x for d in dots])
    ys = span or reach([d.y for d in dots])
    x, y = Scale(*xs, box.left, box.right), Scale(*ys, box.bottom, box.top)
    drawn = [_name(panel), axes(box, x, y, x_name=names[0], y_name=names[1], marks=4)]
    if diagonal:
        drawn.append(svg.line(x(xs[0]), y(ys[0]), x(xs[1]), y(ys[1]), "drop"))
    for d in dots:
        title = svg.tag("title", svg.escape(d.name))
        drawn.append(svg.tag("circle", title, cx=x(d.x), cy=y(d.y), r=3.4, kind=d.kind))
    return "".join(drawn), box.bottom + 40, f"{len(dots)} points"


# --- lines ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A line through a panel's steps, with ends where they are known."""

    name: str
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False
    look: int = 0
    """Its place among the looks; dashed lines share that of the line they belong to."""


def lines(
    key: str, title: str, panels: Mapping[str, Sequence[Line]], steps: Sequence[str], names: tuple[str, str],
    span: tuple[float, float],
) -> str:  # fmt: skip
    """Lines over steps that are names, a panel each, each line named at its end."""
    shown = {n: some for n, some in panels.items() if some}
    return _panels(key, "lines", title, shown, lambda panel, some: _lines(panel, some, steps, names, span))


def _lines(
    panel: str, shown: Sequence[Line], steps: Sequence[str], names: tuple[str, str], span: tuple[float, float]
) -> tuple[str, float, str]:
    """One panel."""
    box = Box(46, HEAD, WIDE - 122, HEAD + 190)
    x = Scale(0, max(1, len(steps) - 1), box.left + 12, box.right - 8)
    low, high = reach([v for s in shown for v in (*s.values, *s.low, *s.high)], *span)
    y = Scale(low, high, box.bottom, box.top)
    drawn = [_name(panel)]
    drawn += [svg.line(box.left, y(v), box.right, y(v), "grid") for v in ticks(low, high, 4)]
    drawn += [svg.words(box.left - 6, y(v) + 4, short(v), "s soft", "end") for v in ticks(low, high, 4)]
    drawn.append(svg.path([box.left, box.left, box.right], [box.top, box.bottom, box.bottom], "axis"))
    under, deep = _steps(box, x, steps)
    drawn.append(under)
    drawn.append(svg.words((box.left + box.right) / 2, box.bottom + deep + 16, names[0], "s", "middle"))
    drawn.append(svg.words(box.left - 34, box.top - 9, names[1], "s"))
    drawn += [_line(s, x, y) for s in shown]
    ends = [(x(len(s.values) - 1), y(s.values[-1]), s.name, place(s.look)) for s in shown if not s.dashed]
    drawn.append(_panel.labels(box, ends, longest=12))
    return "".join(drawn), box.bottom + deep + 24, ", ".join(s.name for s in shown if not s.dashed)


def _steps(box: Box, x: Scale, steps: Sequence[str]) -> tuple[str, float]:
    """The names of the steps and how deep they reach below the axis; aslant where they would run into each other."""
    longest = max(map(len, steps), default=0)
    if longest * LETTER < (box.right - box.left) / max(1, len(steps)):
        return "".join(svg.words(x(i), box.bottom + 16, s, "s soft", "middle") for i, s in enumerate(steps)), 16.0
    drawn = []
    for i, name in enumerate(steps):
        at = (svg.number(x(i) + 4), svg.number(box.bottom + 12))
        turned = f"translate({at[0]} {at[1]}) rotate(-40)"
        drawn.append(svg.tag("text", svg.escape(svg.cut(name, 18)), kind="s soft", text_anchor="end", transform=turned))
    return "".join(drawn), 14 + 0.65 * LETTER * min(18, longest)


def _line(shown: Line, x: Scale, y: Scale) -> str:
    """A line with its whiskers and dots; a dashed one is thin, without dots."""
    look = place(shown.look)
    xs = [x(i) for i in range(len(shown.values))]
    if shown.dashed:
        return svg.path(xs, [y(v) for v in shown.values], f"level c{look.colour} d4")
    drawn = [svg.path(xs, [y(v) for v in shown.values], look.line)]
    for at, a, b in zip(xs, shown.low, shown.high, strict=False):
        drawn.append(svg.line(at, y(a), at, y(b), f"whisker c{look.colour}"))
    drawn += [
        svg.tag("circle", cx=at, cy=y(v), r=3.4, kind=f"f{look.colour}") for at, v in zip(xs, shown.values, strict=True)
    ]
    return "".join(drawn)
