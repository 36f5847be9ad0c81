"""What does the proof look like? Intervals in rows, ranks against ranks, gold against gold, rates caught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench.pages import svg
from rewardbench.pages.pictures import _panel
from rewardbench.pages.pictures._look import place
from rewardbench.pages.pictures._panel import Box, axes, boxes
from rewardbench.pages.pictures._scale import Scale, reach, short, ticks

Json = Mapping[str, Any]
ROW = 17.0
LEFT = 270.0
NAMED = 44
"""Characters of a row's name."""


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


def forest(key: str, title: str, bars: Sequence[Bar], span: tuple[float, float], line: float | None, says: str) -> str:
    """Intervals, one a row, on one axis, with a line to hold all of them against (chance, an aim)."""
    bars = [b for b in bars if b.value is not None]
    if not bars:
        return ""
    low, high = reach([v for b in bars for v in (b.value, b.low, b.high) if v is not None], *span)
    bottom = 14 + ROW * len(bars)
    x = Scale(low, high, LEFT, svg.WIDTH - 24.0)
    body = [svg.line(x(v), 8, x(v), bottom, "grid") for v in ticks(low, high, 6)]
    body += [svg.words(x(v), bottom + 15, short(v), "s soft", "middle") for v in ticks(low, high, 6)]
    body.append(svg.line(LEFT, bottom, svg.WIDTH - 24.0, bottom, "axis"))
    body.append(svg.words((LEFT + svg.WIDTH - 24) / 2, bottom + 31, says, "s", "middle"))
    if line is not None:
        body.append(svg.line(x(line), 8, x(line), bottom, "drop"))
    for i, bar in enumerate(bars):
        body.append(_bar(bar, x, 8 + ROW * (i + 0.5)))
    told = "; ".join(f"{b.name} {b.value:.2f}" for b in bars if b.value is not None)
    return svg.whole(key, "forest", title, told, bottom + 38, body)


def _bar(bar: Bar, x: Scale, y: float) -> str:
    """One row."""
    assert bar.value is not None
    drawn = [svg.words(LEFT - 10, y + 4, bar.name, "s", "end", longest=NAMED)]
    if bar.low is not None and bar.high is not None:
        drawn.append(svg.line(x(bar.low), y, x(bar.high), y, f"whisker c{bar.colour}"))
    if bar.mark is not None:
        drawn.append(svg.line(x(bar.mark), y - 6, x(bar.mark), y + 6, "ring"))
    drawn.append(svg.tag("circle", cx=x(bar.value), cy=y, r=3.6, kind=f"f{bar.colour}"))
    return "".join(drawn)


def scatter(
    key: str, title: str, panels: Mapping[str, Sequence[Dot]], names: tuple[str, str], span: tuple[float, float] | None,
    diagonal: bool = False, legend: Sequence[tuple[str, str]] = (),
) -> str:  # fmt: skip
    """Points, a panel each; `names` of the axes, `legend` (kind, words)."""
    panels = {n: dots for n, dots in panels.items() if dots}
    if not panels:
        return ""
    columns = min(2, len(panels)) if len(panels) != 3 else 3
    head = 26.0 if legend else 0.0
    places = boxes(len(panels), columns, head, 190.0 if columns == 3 else 220.0, head=76.0)
    body = _legend(legend)
    for (name, dots), box in zip(panels.items(), places, strict=True):
        body.append(_scatter(box, name, dots, names, span, diagonal))
    told = "; ".join(f"{n}: {len(d)} points" for n, d in panels.items())
    return svg.whole(key, "scatter", title, told, places[-1].bottom + 42, body)


def _scatter(
    box: Box, name: str, dots: Sequence[Dot], names: tuple[str, str], span: tuple[float, float] | None, diagonal: bool
) -> str:
    """One panel."""
    box = Box(box.left, box.top, box.right - 12, box.bottom)
    xs = span or reach([d.x for d in dots])
    ys = span or reach([d.y for d in dots])
    x, y = Scale(*xs, box.left, box.right), Scale(*ys, box.bottom, box.top)
    drawn = [svg.words(box.left - 34, box.top - 26, name, "b", longest=_panel.room(box))]
    drawn.append(axes(box, x, y, x_name=names[0], y_name=names[1], marks=4))
    if diagonal:
        drawn.append(svg.line(x(xs[0]), y(ys[0]), x(xs[1]), y(ys[1]), "drop"))
    for d in dots:
        title = svg.tag("title", svg.escape(d.name))
        drawn.append(svg.tag("circle", title, cx=x(d.x), cy=y(d.y), r=3.4, kind=d.kind))
    return "".join(drawn)


def _legend(legend: Sequence[tuple[str, str]]) -> list[str]:
    """What the marks are, in one row."""
    drawn, at = [], 8.0
    for kind, says in legend:
        drawn.append(svg.tag("circle", cx=at, cy=12, r=3.6, kind=kind))
        drawn.append(svg.words(at + 10, 16, says, "s", longest=40))
        at += 30 + min(40, len(says)) * svg.CHARACTER
    return drawn


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
    """Lines over steps that are names, a panel a row, each line named at its end."""
    if not any(panels.values()):
        return ""
    tall, gap, body = 190.0, 80.0, []
    for n, (name, shown) in enumerate(panels.items()):
        box = Box(46, 52 + n * (tall + gap), svg.WIDTH - 190.0, 52 + n * (tall + gap) + tall)
        body.append(_lines(box, name, shown, steps, names, span))
    return svg.whole(key, "lines", title, "; ".join(panels), 52 + len(panels) * (tall + gap) - gap + 42, body)


def _lines(
    box: Box, name: str, shown: Sequence[Line], steps: Sequence[str], names: tuple[str, str], span: tuple[float, float]
) -> str:
    """One panel."""
    room = max(1, len(steps) - 1)
    x = Scale(0, room, box.left + 24, box.right - 24)
    low, high = reach([v for s in shown for v in (*s.values, *s.low, *s.high)], *span)
    y = Scale(low, high, box.bottom, box.top)
    drawn = [svg.words(box.left - 34, box.top - 28, name, "b", longest=60)]
    drawn += [svg.line(box.left, y(v), box.right, y(v), "grid") for v in ticks(low, high, 4)]
    drawn += [svg.words(box.left - 6, y(v) + 4, short(v), "s soft", "end") for v in ticks(low, high, 4)]
    drawn.append(svg.path([box.left, box.left, box.right], [box.top, box.bottom, box.bottom], "axis"))
    drawn += [svg.words(x(i), box.bottom + 16, s, "s soft", "middle") for i, s in enumerate(steps)]
    drawn.append(svg.words((box.left + box.right) / 2, box.bottom + 32, names[0], "s", "middle"))
    drawn.append(svg.words(box.left - 34, box.top - 9, names[1], "s"))
    for s in shown:
        drawn.append(_line(s, x, y))
    ends = [(x(len(s.values) - 1), y(s.values[-1]), s.name, place(s.look)) for s in shown if not s.dashed]
    return "".join([*drawn, _panel.labels(box, ends, longest=18)])


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
