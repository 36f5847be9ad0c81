"""What stands around the lines? Axes with ticks, cells side by side, labels at the lines' ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rewardbench.pages import svg
from rewardbench.pages.pictures._look import Look, key, marker, spread
from rewardbench.pages.pictures._runs import Lines
from rewardbench.pages.pictures._scale import Scale, root_ticks, short, ticks
from rewardbench.types import Floats

GAP = 15.0
"""From a label's baseline to the next."""


End = tuple[float, float, str, Look | None]
"""Where a line ends, its name and its look; None for a level that is only named."""


@dataclass(frozen=True)
class Box:
    """The room within a panel's axes."""

    left: float
    top: float
    right: float
    bottom: float
    first: bool = True
    """It stands leftmost, and so names the values of its y axis."""
    last: bool = True
    """None stands below it, and so it names those of its x axis."""


def boxes(count: int, columns: int, top: float, height: float, left: float = 46.0, head: float = 40.0) -> list[Box]:
    """A box for each cell, row by row, below room for a head of its own."""
    wide = (svg.WIDTH - left) / columns
    return [
        Box(
            left + wide * (i % columns),
            top + (height + head) * (i // columns) + head,
            left + wide * (i % columns + 1) - 24,
            top + (height + head) * (i // columns + 1),
            i % columns == 0,
            i + columns >= count,
        )
        for i in range(count)
    ]


def columns(count: int) -> int:
    """How many cells stand side by side.

    >>> [columns(n) for n in (1, 2, 4, 6, 7)]
    [2, 2, 2, 3, 4]
    """
    return 2 if count in (1, 2, 4) else 3 if count <= 6 else 4


def room(box: Box) -> int:
    """How many characters of a bold name stand above a cell, beside its key."""
    return int((box.right - box.left - 27) / (svg.CHARACTER * 1.15))


def axes(
    box: Box, x: Scale, y: Scale, x_name: str = "", y_name: str = "", marks: int = 0, tall: int = 4,
    says: Callable[[float], str] = short,
) -> str:  # fmt: skip
    """The frame of a panel: grid, ticks and, where its box asks for them, the values (`says`) and names of the axes."""
    across = root_ticks(x) if x.root else ticks(x.low, x.high, marks or max(2, int((box.right - box.left) / 75)))
    up = ticks(y.low, y.high, tall)
    drawn = [svg.line(box.left, y(v), box.right, y(v), "grid") for v in up]
    drawn += [svg.line(x(v), box.bottom, x(v), box.bottom + 4, "axis") for v in across]
    drawn.append(svg.path([box.left, box.left, box.right], [box.top, box.bottom, box.bottom], "axis"))
    if box.first:
        drawn += [svg.words(box.left - 6, y(v) + 4, short(v), "s soft", "end") for v in up]
    if box.last:
        drawn += [svg.words(x(v), box.bottom + 16, says(v), "s soft", "middle") for v in across]
    if x_name:
        drawn.append(svg.words((box.left + box.right) / 2, box.bottom + 32, x_name, "s", "middle"))
    if y_name:
        drawn.append(svg.words(box.left - 34, box.top - 9, y_name, "s"))
    return "".join(drawn)


def curves(x: Scale, y: Scale, shown: Lines, look: Look, seeds: bool = True, band: bool = False) -> str:
    """A design's lines: its band, a thin line a seed (x where the run failed), the mean with a marker at its end."""
    drawn = [strip(x, y, shown.mean_x, shown.low, shown.high, look)] if band else []
    if seeds and len(shown.seeds) > 1:
        drawn += [svg.path(map(x, xs), map(y, ys), look.seed) for xs, ys in zip(shown.x, shown.y, strict=True)]
    ends = zip(shown.x, shown.y, shown.broke, strict=True)
    drawn += [cross(x(xs[-1]), y(ys[-1])) for xs, ys, broke in ends if broke and np.isfinite(xs[-1] + ys[-1])]
    drawn.append(svg.path(map(x, shown.mean_x), map(y, shown.mean_y), look.line))
    at = np.flatnonzero(np.isfinite(shown.mean_x + shown.mean_y))
    if len(at):
        drawn.append(marker(look, x(shown.mean_x[at[-1]]), y(shown.mean_y[at[-1]])))
    return "".join(drawn)


def strip(x: Scale, y: Scale, at: Floats, low: Floats, high: Floats, look: Look) -> str:
    """The area between two curves, cut at the axes' ends; nothing where the edges are not known."""
    known = np.isfinite(at + low + high)
    if known.sum() < 2:
        return ""
    edge = [(x(a), y(min(max(v, y.low), y.high))) for a, v in zip(at[known], high[known], strict=True)]
    back = [(x(a), y(min(max(v, y.low), y.high))) for a, v in zip(at[known], low[known], strict=True)]
    points = " ".join(f"{svg.number(a)},{svg.number(b)}" for a, b in [*edge, *reversed(back)])
    return svg.tag("polygon", points=points, kind=f"band f{look.colour}")


def cross(x: float, y: float) -> str:
    """The mark of a run that failed."""
    return svg.tag(
        "path",
        d=f"M{svg.number(x - 3)},{svg.number(y - 3)}l6,6m0,-6l-6,6",
        kind="ring",
    )


def labels(box: Box, at: Sequence[End], longest: int = 19, kind: str = "") -> str:
    """A label for each line's end (x, y, name, look), in the margin to the right, none upon another."""
    places = spread([y for _, y, _, _ in at], GAP, box.top + 4, box.bottom)
    drawn, names = [], [name for _, _, name, look in at if look]
    for (x, y, name, look), place in zip(at, places, strict=True):
        drawn.append(svg.path([x + 5, box.right + 4, box.right + 12], [y, y, place], "lead"))
        beside = box.right + 14
        bare = svg.words(beside + 27, place + 4, name, "s soft")
        drawn.append(key(look, beside, place + 4, name, longest, kind, names) if look else bare)
    return "".join(drawn)
