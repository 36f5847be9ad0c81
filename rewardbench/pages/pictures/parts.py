"""Which part of a design drives it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rewardbench.pages import svg
from rewardbench.pages.numbers import fixed
from rewardbench.pages.picture import Picture
from rewardbench.pages.pictures import _panel as panel
from rewardbench.pages.pictures._look import Look, key, looks, marker, place
from rewardbench.pages.pictures._runs import Groups, cell, of_task, seeds_of, taught
from rewardbench.pages.pictures._scale import Scale, reach
from rewardbench.results import Result
from rewardbench.types import Floats, Part

PLACE = 6
TITLE = "What each part pays, as training goes on"


@dataclass(frozen=True)
class Paid:
    """One part of one design: its mean a step over the seeds, raw."""

    part: Part
    steps: Floats
    """Learnt so far when it was paid."""
    values: Floats
    """NaN where it abstained throughout, or where a run of the design had stopped."""
    shares: Floats
    """How much of the reward's variance among siblings it explained at each step; NaN where nothing was told apart."""

    @property
    def share(self) -> float:
        """The mean of its shares; NaN where none is known."""
        known = self.shares[np.isfinite(self.shares)]
        return float(known.mean()) if len(known) else float("nan")


def draw(task: str, results: Sequence[Result]) -> Picture | None:
    """The picture, or None where no design has more than one part and a step behind it."""
    groups = of_task(task, results)
    shown = {n: _paid(groups[n]) for n in taught(groups) if len(groups[n][0].run.spec.design.parts) > 1}
    shown = {n: found for n, found in shown.items() if any(np.isfinite(p.values).any() for p in found)}
    if not shown:
        return None
    height, body = _cells(shown, looks(groups))
    told = "; ".join(f"{n}: " + ", ".join(map(_told, found)) for n, found in shown.items())
    return Picture(
        "parts", TITLE, _caption(groups), svg.whole(task, "parts", TITLE, told, height, body),
        ("design", "part", "weight", "step", "mean", "share of advantage variance"),
        tuple(
            (n, p.part.name, cell(p.part.weight), int(s), cell(v), cell(share))
            for n, found in shown.items() for p in found
            for s, v, share in zip(p.steps, p.values, p.shares, strict=True)
        ),
    )  # fmt: skip


def _paid(group: Sequence[Result]) -> list[Paid]:
    """Each part's mean over the seeds at every step that all runs of the design did."""
    length = min(len(r.run.rows) for r in group)
    steps = np.array([float(row["step"]) for row in group[0].run.rows[:length]])
    found = []
    for part in group[0].run.spec.design.parts:
        paid = _table(group, "parts", part.name, length).mean(axis=0)
        shares = _table(group, "shares", part.name, length)
        known = np.maximum(np.isfinite(shares).sum(axis=0), 1)
        share = np.where(np.isfinite(shares).any(axis=0), np.nansum(shares, axis=0) / known, np.nan)
        found.append(Paid(part, steps, paid, share))
    return found


def _table(group: Sequence[Result], key: str, part: str, length: int) -> Floats:
    """What the rows of the runs say of a part under a key, [runs, steps]; NaN where they say nothing."""
    told = [[_number(row.get(key, {}).get(part)) for row in r.run.rows[:length]] for r in group]
    return np.array(told, dtype=np.float64).reshape(len(group), length)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _cells(shown: dict[str, list[Paid]], look: dict[str, Look]) -> tuple[float, list[str]]:
    """A cell a design, its parts named at their ends: (height, markup)."""
    tall = max(120.0, panel.GAP * max(len(found) for found in shown.values()) + 8)
    places = panel.boxes(len(shown), 2, 0, tall, head=34)
    body = []
    for (n, found), whole in zip(shown.items(), places, strict=True):
        box = panel.Box(whole.left, whole.top, whole.right - 174, whole.bottom, last=whole.last)
        x = Scale(0, max(1.0, *(float(p.steps[-1]) for p in found)), box.left, box.right)
        low, high = reach([v for p in found for v in p.values])
        y = Scale(low, high, box.bottom, box.top)
        body += [panel.axes(box, x, y, marks=3), key(look[n], box.left, box.top - 12, n, panel.room(whole), "b", look)]
        body.append(_lines(box, x, y, found, look[n]))
    bottom = max(box.bottom for box in places)
    under = svg.words(svg.WIDTH / 2, bottom + 34, "optimiser steps done when it was paid", "s", "middle")
    return bottom + 42, [*body, under]


def _lines(box: panel.Box, x: Scale, y: Scale, found: Sequence[Paid], look: Look) -> str:
    """The parts of one design in its colour, told apart by dash and marker."""
    drawn, ends = [], []
    for i, paid in enumerate(found):
        mark = Look(look.colour, place(i).dash, place(i).marker)
        at = np.flatnonzero(np.isfinite(paid.values))
        drawn.append(svg.path(map(x, paid.steps), map(y, paid.values), mark.line))
        drawn += [marker(mark, x(paid.steps[j]), y(paid.values[j]), 2.8) for j in at[:: max(1, len(at) // 4)]]
        if len(at):
            ends.append((x(paid.steps[at[-1]]), y(paid.values[at[-1]]), _label(paid), mark))
    return "".join([*drawn, panel.labels(box, ends, 19, "s")])


def _label(paid: Paid) -> str:
    """A part's name with its weight, or that it gates; and its share of the advantages, where that is known."""
    part = paid.part
    head = f"≥{part.gate:g}" if part.gate is not None else f"{part.weight:g}×".replace("-", "−")
    share = f" {fixed(100 * paid.share, 0)} %" if np.isfinite(paid.share) else ""
    return f"{head} {part.name}{share}"


def _told(paid: Paid) -> str:
    known = paid.values[np.isfinite(paid.values)]
    return f"{_label(paid)} " + (f"{fixed(known[0])} to {fixed(known[-1])}" if len(known) else "abstains")


def _caption(groups: Groups) -> str:
    return (
        "A cell a design with more than one part, in the design's colour; dash and marker tell its parts apart. Each "
        "line is the part's mean over a step's training completions and over seeds "
        f"({seeds_of(groups)}), raw: before weight, scale, clip and gate; before each name stands the part's weight in "
        "the design (w×) or gate (≥), behind it the share of the reward's variance among siblings that it explains, "
        "which is what pulls the policy. Completions on which a part abstained are left out. No band, no smoothing; "
        "each cell has a y axis of its own."
    )
