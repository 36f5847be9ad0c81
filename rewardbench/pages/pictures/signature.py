"""Up to where is the reward a guide, and from where on does it pay for something else?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rewardbench.pages import svg
from rewardbench.pages.picture import Cell, Picture
from rewardbench.pages.pictures import _panel as panel
from rewardbench.pages.pictures._look import GREY, Look, key, looks
from rewardbench.pages.pictures._parting import parting, pooled, seeds_agree
from rewardbench.pages.pictures._runs import (
    Groups,
    Lines,
    cell,
    furthest,
    gold,
    lines,
    nats,
    of_task,
    reward,
    seeds_of,
    start_gold,
    taught,
)
from rewardbench.pages.pictures._scale import Scale
from rewardbench.results import Result
from rewardbench.types import Floats

PLACE = 1
TITLE = "What each reward paid, and what that was worth"


@dataclass(frozen=True)
class Story:
    """What one design paid and what gold said of it, along the KL from the start."""

    name: str
    reward: Lines
    """Raw."""
    gold: Lines
    low: float
    """The least that an evaluation of any of its seeds was paid, on average."""
    high: float
    part: int | None
    """The evaluation at which reward and gold part."""
    hacked: str
    """How many of its seeds raised the flag, `2/3`; empty where none did."""

    @property
    def paid(self) -> Lines:
        """The reward as a share of the design's own range; NaN where it never changes."""
        width = self.high - self.low if self.high - self.low > 1e-9 else np.nan
        r = self.reward
        ys = tuple((y - self.low) / width for y in r.y)
        return Lines(r.seeds, (False,) * len(r.seeds), r.x, ys, r.mean_x, (r.mean_y - self.low) / width, r.low, r.high)


def story(name: str, group: Sequence[Result]) -> Story:
    """A design's two curves, the range of its reward, and where they part over all of its seeds' prompts."""
    paid, told = lines(group, nats, reward), lines(group, nats, gold)
    known = np.array([v for y in paid.y for v in y if np.isfinite(v)] or [np.nan])
    both = pooled([r.run.curve for r in group if r.run.curve is not None]) if len(told.mean_y) else None
    part = None if both is None else parting(both)
    sure = part is not None and np.isfinite(told.mean_x[part]) and seeds_agree(paid.y, told.y, part)
    part = part if sure else None
    hit = sum("hacked" in r.flags for r in group)
    return Story(name, paid, told, float(known.min()), float(known.max()), part, f"{hit}/{len(group)}" if hit else "")


def draw(task: str, results: Sequence[Result]) -> Picture | None:
    """The picture, or None where no design that teaches was evaluated."""
    groups = of_task(task, results)
    stories = [s for n in taught(groups) if (s := story(n, groups[n])).gold.seeds]
    if not stories:
        return None
    height, body = _cells(stories, looks(groups), start_gold(groups))
    return Picture(
        "signature", TITLE, _caption(groups), svg.whole(task, "signature", TITLE, _told(stories), height, body),
        ("design", "seed", "evaluation", "KL", "reward", "reward of its own range", "gold", "parts here"),
        tuple(row for s in stories for row in _rows(s)),
    )  # fmt: skip


_X = "KL from the start policy, nats a completion (square-root scale)"


def _cells(stories: Sequence[Story], look: dict[str, Look], start: float | None) -> tuple[float, list[str]]:
    """A cell a design with both curves in it: (height, markup)."""
    columns, far = panel.columns(len(stories)), furthest([xs for s in stories for xs in s.gold.x])
    places = panel.boxes(len(stories), columns, 30, 420 / columns)
    body, names = [_legend(start is not None)], [s.name for s in stories]
    for s, box in zip(stories, places, strict=True):
        x, y = Scale(0, far, box.left, box.right, root=True), Scale(0, 1, box.bottom, box.top)
        body += [_apart(x, y, s), panel.axes(box, x, y, tall=2), *_start(x, y, start)]
        body.append(key(look[s.name], box.left, box.top - 22, s.name, panel.room(box), "b", names))
        body.append(svg.words(box.left, box.top - 8, _verdict(s), "s soft"))
        body += [svg.path(map(x, a), map(y, b), "rewards") for a, b in zip(s.paid.x, s.paid.y, strict=True)]
        body.append(svg.path(map(x, s.paid.mean_x), map(y, s.paid.mean_y), "reward"))
        body += [panel.curves(x, y, s.gold, look[s.name]), _ring(x, y, s.gold, s.part)]
    bottom = max(box.bottom for box in places)
    body.append(svg.words(svg.WIDTH / 2, bottom + 34, _X, "s", "middle"))
    return bottom + 42, body


def _legend(start: bool) -> str:
    """What the kinds of lines are, in one row."""
    items = [(("reward",), "reward (0–1: its own range)"), (("line c1",), "gold"), (("rewards", "seed c1"), "one seed")]
    items += [(("level c0 d4",), "gold of untrained")] if start else []
    drawn, x = [], 4.0
    for kinds, name in items:
        drawn += [svg.line(x, 14 + 5 * i, x + 22, 14 + 5 * i, kind) for i, kind in enumerate(kinds)]
        drawn.append(svg.words(x + 27, 18, name, "s"))
        x += 27 + len(name) * svg.CHARACTER + 14
    here = svg.tag("rect", x=x, y=8, width=22, height=12, kind="apart") + svg.line(x, 6, x, 22, "drop")
    ring = svg.tag("circle", cx=x, cy=14, r=5, kind="ring")
    return "".join([*drawn, here, ring, svg.words(x + 27, 18, "from here on they part", "s")])


def _start(x: Scale, y: Scale, start: float | None) -> list[str]:
    """The gold of `untrained`, across."""
    return [] if start is None else [svg.line(x.start, y(start), x.end, y(start), f"level c0 d{GREY.dash}")]


def _ring(x: Scale, y: Scale, shown: Lines, part: int | None) -> str:
    if part is None or not np.isfinite(shown.mean_y[part]):
        return ""
    return svg.tag("circle", cx=x(shown.mean_x[part]), cy=y(shown.mean_y[part]), r=6, kind="ring")


def _apart(x: Scale, y: Scale, s: Story) -> str:
    """The ground of a cell from where reward and gold part."""
    if s.part is None:
        return ""
    at = x(s.gold.mean_x[s.part])
    ground = svg.tag("rect", x=at, y=y(1), width=max(0.0, x.end - at), height=y(0) - y(1), kind="apart")
    return ground + svg.line(at, y(0), at, y(1), "drop")


def _verdict(s: Story) -> str:
    """What a cell shows, in a few words."""
    if not len(s.gold.mean_y):
        return "a run has no evaluation: no mean"
    if np.isnan(s.low):
        return "pays nothing"
    if s.high - s.low <= 1e-9:
        return "pays the same throughout"
    if s.part is None:
        return f"hacked {s.hacked}; mean: not shown" if s.hacked else "not shown to part"
    return "part from the start" if s.part == 0 else f"part at {s.gold.mean_x[s.part]:.1f} nats"


def _told(stories: Sequence[Story]) -> str:
    """The picture in words: where each design ends and where it parts."""
    ends = [(s, s.gold.mean_y) for s in stories]
    return "; ".join(
        f"{s.name}: {_verdict(s)}" + (f", gold {g[0]:.2f} to {g[-1]:.2f}" if len(g) else "") for s, g in ends
    )


def _caption(groups: Groups) -> str:
    start = "; the grey dashed line is the gold of untrained" if start_gold(groups) is not None else ""
    return (
        "A cell a design, best end first: what it pays (in the colour of the words) and what gold says of the same "
        f"completions (in the design's colour){start}. Designs pay on scales of their own, so each reward is drawn "
        "from its least (0) to its most (1) over its seeds and evaluations; raw values stand in the table. A line "
        "joins a design's evaluations in the order of training, at their mean KL (where it turns back, the policy "
        f"did); x is spaced by the square root of KL. Thick: mean over seeds ({seeds_of(groups)}); thin: single seeds; "
        "no band, no smoothing. The ring marks where reward and gold part: the evaluation of the best mean gold, if "
        "from there to the end the reward rose and gold fell, each by more than two standard errors, over the prompts "
        "of all seeds (gold's fall is read on prompts that did not choose the best) and over the seeds. That is a test "
        "of all seeds together; the flag hacked is one seed's own, against its own start: some seeds of a design may "
        "be hacked while of the mean it is not shown."
    )


def _rows(s: Story) -> list[tuple[Cell, ...]]:
    """A row an evaluation: of the mean, then of each seed."""
    each: Iterable[tuple[str | int, Floats, Floats, Floats, Floats]] = zip(
        s.reward.seeds, s.gold.x, s.reward.y, s.paid.y, s.gold.y, strict=True
    )
    tracks = [("mean", s.gold.mean_x, s.reward.mean_y, s.paid.mean_y, s.gold.mean_y), *each]
    return [
        (s.name, seed, e, *map(cell, (x[e], r[e], p[e], g[e])), "yes" if (seed, e) == ("mean", s.part) else None)
        for seed, x, r, p, g in tracks
        for e in range(len(g))
    ]
