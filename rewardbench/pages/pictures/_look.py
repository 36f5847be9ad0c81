"""How does a design look? The same in every picture of its task: a colour, a dash and a marker, by its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import pi, sqrt

from rewardbench.pages import svg
from rewardbench.pages.pictures._runs import Groups, trains


@dataclass(frozen=True)
class Look:
    """Three marks of identity, so that none has to carry it alone. Numbers are those of the style's classes."""

    colour: int
    dash: int
    marker: int

    @property
    def line(self) -> str:
        """Classes of its thick line."""
        return f"line c{self.colour} d{self.dash}"

    @property
    def seed(self) -> str:
        """Classes of a thin line."""
        return f"seed c{self.colour}"


GREY = Look(0, len(svg.DASHES), 0)
"""Of `untrained`, always."""


def looks(groups: Groups) -> dict[str, Look]:
    """The look of each design of a task, by its place among those that teach."""
    names = [n for n, g in groups.items() if trains(g)]
    found = {n: place(i) for i, n in enumerate(names)}
    return {n: found.get(n, GREY) for n in groups}


def place(i: int) -> Look:
    """The look at a place; the first 84 differ.

    >>> len({place(i) for i in range(84)})
    84
    """
    return Look(i % svg.COLOURS + 1, i % len(svg.DASHES), i % len(MARKERS))


def _polygon(*points: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    return points


_W = sqrt(pi) / 2
MARKERS = (
    (),  # a circle
    _polygon((-_W, -_W), (_W, -_W), (_W, _W), (-_W, _W)),
    _polygon((0, -1.3), (1.2, 0.8), (-1.2, 0.8)),
    _polygon((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    _polygon((0, 1.3), (1.2, -0.8), (-1.2, -0.8)),
    _polygon((-1.2, -0.4), (-0.4, -0.4), (-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4),
             (0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4)),
)  # fmt: skip
"""Outlines around the origin, about equal in area."""


def marker(look: Look, x: float, y: float, size: float = 3.4, kind: str = "") -> str:
    """The design's marker at a point."""
    kind = kind or (f"f{look.colour}" if look.colour else "hollow c0")
    if not MARKERS[look.marker]:
        return svg.tag("circle", cx=x, cy=y, r=size, kind=kind)
    points = " ".join(f"{svg.number(x + a * size)},{svg.number(y + b * size)}" for a, b in MARKERS[look.marker])
    return svg.tag("polygon", points=points, kind=kind)


def key(
    look: Look, x: float, y: float, name: str, longest: int, kind: str = "", among: Iterable[str] = ()
) -> str:
    """A sample of the look with the name beside it, told from those `among` which it stands; y is the baseline."""
    sample = svg.line(x, y - 4, x + 22, y - 4, look.line) + marker(look, x + 11, y - 4)
    return sample + svg.words(x + 27, y, name, kind, longest=longest, among=among)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to those wanted as `gap` between them allows, within low..high if there is room for all.

    >>> spread([10, 11, 50], 12, 0, 100)
    [4.5, 16.5, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    blocks: list[tuple[float, int]] = []  # (middle of its members' wishes, members)
    for i in order:
        middle, size = float(wanted[i]), 1
        while blocks and middle - blocks[-1][0] < gap * (size + blocks[-1][1]) / 2 - 1e-9:
            before, count = blocks.pop()
            middle, size = (middle * size + before * count) / (size + count), size + count
        blocks.append((middle, size))
        blocks = _inside(blocks, gap, low, high)
    found = [m + gap * (j - (n - 1) / 2) for m, n in blocks for j in range(n)]
    placed = [0.0] * len(wanted)
    for i, y in zip(order, found, strict=True):
        placed[i] = y
    return placed


def _inside(blocks: list[tuple[float, int]], gap: float, low: float, high: float) -> list[tuple[float, int]]:
    """Blocks of labels pushed back within the bounds, those that then meet made one."""
    done: list[tuple[float, int]] = []
    for middle, size in blocks:
        half = gap * (size - 1) / 2
        middle = max(min(middle, high - half), low + half)
        while done and middle - done[-1][0] < gap * (size + done[-1][1]) / 2 - 1e-9:
            before, count = done.pop()
            middle, size = (middle * size + before * count) / (size + count), size + count
            half = gap * (size - 1) / 2
            middle = max(min(middle, high - half), low + half)
        done.append((middle, size))
    return done
