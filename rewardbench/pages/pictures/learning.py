"""How fast does gold rise for what is spent, and does it stay?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardbench.pages import svg
from rewardbench.pages.picture import Cell, Picture
from rewardbench.pages.pictures import _panel as panel
from rewardbench.pages.pictures._look import GREY, Look, key, looks
from rewardbench.pages.pictures._runs import (
    FEW,
    Groups,
    Lines,
    cell,
    furthest,
    gold,
    lines,
    of_task,
    seeds_of,
    start_gold,
    taught,
)
from rewardbench.pages.pictures._scale import Scale
from rewardbench.results import Result, anchor_of
from rewardbench.types import Anchor, Curve, Floats

PLACE = 2
TITLE = "Gold, as the budget is spent"
_X = "completion tokens charged"


def draw(task: str, results: Sequence[Result]) -> Picture | None:
    """The picture, or None where no design that teaches was evaluated."""
    groups = of_task(task, results)
    shown = {n: found for n in taught(groups) if (found := lines(groups[n], _tokens, gold)).seeds}
    if not shown:
        return None
    anchor = anchor_of(next(iter(groups.values()))[0].run.spec)
    marks = {"Q = 0": anchor.low, "Q = 1": anchor.high} if isinstance(anchor, Anchor) else {}
    plot = _panel if len(shown) <= FEW else _cells
    height, body = plot(shown, looks(groups), start_gold(groups), marks)
    return Picture(
        "learning", TITLE, _caption(groups, marks), svg.whole(task, "learning", TITLE, _told(shown), height, body),
        ("design", "seed", "evaluation", "tokens", "gold", "low", "high"),
        tuple(row for n, found in shown.items() for row in _rows(n, found)),
    )  # fmt: skip


def _tokens(curve: Curve) -> Floats:
    return np.asarray(curve.tokens, dtype=np.float64)


def _panel(
    shown: dict[str, Lines], look: dict[str, Look], start: float | None, marks: dict[str, float]
) -> tuple[float, list[str]]:
    """All designs in one panel: (height, markup)."""
    box, far = panel.Box(46, 26, 620, 316), furthest([xs for found in shown.values() for xs in found.x])
    x, y = Scale(0, far, box.left, box.right), Scale(0, 1, box.bottom, box.top)
    body = [panel.axes(box, x, y, x_name=_X, y_name="gold"), *_across(x, y, start, marks)]
    body += [panel.curves(x, y, found, look[n], band=True) for n, found in shown.items()]
    ends: list[panel.End] = [
        (x(f.mean_x[-1]), y(f.mean_y[-1]), n, look[n]) for n, f in shown.items() if len(f.mean_y)
    ]
    ends += [(x.end - 5, y(v), name, None) for name, v in marks.items()]
    ends += [(x.end - 5, y(start), "untrained", GREY)] if start is not None else []
    return 356, [*body, panel.labels(box, ends)]


def _cells(
    shown: dict[str, Lines], look: dict[str, Look], start: float | None, marks: dict[str, float]
) -> tuple[float, list[str]]:
    """A cell a design: (height, markup)."""
    places = panel.boxes(len(shown), panel.columns(len(shown)), 0, 96, head=32)
    body, far = [], furthest([xs for found in shown.values() for xs in found.x])
    for (n, found), box in zip(shown.items(), places, strict=True):
        x, y = Scale(0, far, box.left, box.right), Scale(0, 1, box.bottom, box.top)
        body += [panel.axes(box, x, y, tall=2, marks=3), *_across(x, y, start, marks)]
        body.append(panel.curves(x, y, found, look[n], band=True))
        body.append(key(look[n], box.left, box.top - 8, n, panel.room(box), "b", look))
    bottom = max(box.bottom for box in places)
    return bottom + 42, [*body, svg.words(svg.WIDTH / 2, bottom + 34, _X, "s", "middle")]


def _across(x: Scale, y: Scale, start: float | None, marks: dict[str, float]) -> list[str]:
    """Levels to compare with: the anchors, and the gold of `untrained`."""
    drawn = [svg.line(x.start, y(v), x.end, y(v), "dotted") for v in marks.values()]
    return drawn if start is None else [*drawn, svg.line(x.start, y(start), x.end, y(start), f"level c0 d{GREY.dash}")]


def _caption(groups: Groups, marks: dict[str, float]) -> str:
    start = " Grey and dashed: the gold of untrained." if start_gold(groups) is not None else ""
    levels = " and ".join(f"{name} ({v:.3f})" for name, v in marks.items())
    anchors = f" Dotted: the task's anchors, {levels}." if marks else ""
    return (
        "Mean gold on dev prompts at each evaluation; designs by their end. "
        f"Thick: mean over seeds ({seeds_of(groups)}) at their mean spending, as far as every run of the design went; "
        "band: 95% interval of that mean over seeds; thin: single seeds, a cross where one failed; "
        f"no smoothing.{start}{anchors}"
    )


def _told(shown: dict[str, Lines]) -> str:
    """The picture in words: where each design begins and ends."""
    ends = [(n, f.mean_y) for n, f in shown.items()]
    return "; ".join(f"{n}: gold " + (f"{g[0]:.2f} to {g[-1]:.2f}" if len(g) else "without a mean") for n, g in ends)


def _rows(name: str, found: Lines) -> list[tuple[Cell, ...]]:
    """A row an evaluation: of the mean, then of each seed."""
    mean = [
        (name, "mean", e, *(cell(v[e]) for v in (found.mean_x, found.mean_y, found.low, found.high)))
        for e in range(len(found.mean_y))
    ]
    each = zip(found.seeds, found.x, found.y, strict=True)
    seeds = [(name, s, e, cell(x[e]), cell(y[e]), None, None) for s, x, y in each for e in range(len(y))]
    return [*mean, *seeds]
