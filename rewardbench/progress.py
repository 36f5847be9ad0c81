"""How far is each run? Events of the runs folded into one view: pure, so that a view is what its events say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rewardbench.plan import RunSpec, completions
from rewardbench.types import Curve, Floats

Event = Mapping[str, Any]
OVER = ("done", "failed", "lost")
"""States in which a run does not go on; `lost` is put aside, for `rbench resume`."""


@dataclass(frozen=True)
class Row:
    """One run as far as its events tell."""

    run: RunSpec
    state: str = "waiting"
    """waiting, running, or one of OVER."""
    moved: int = 0
    """Number of the event that last changed the state: later ones are larger."""
    step: int = 0
    """Optimiser steps done."""
    last: Event = field(default_factory=dict)
    """The latest step."""
    dead: tuple[float, ...] = ()
    """Share of each step's prompts whose completions were all paid alike."""
    points: tuple[Event, ...] = ()
    """The evaluations."""
    reason: str = ""

    @property
    def golds(self) -> list[float]:
        """Mean gold of each evaluation."""
        return [float(p["gold"]) for p in self.points]

    @property
    def abstained(self) -> float | None:
        """Share of the last step's completions on which the part that abstains most did so."""
        return max(self.last.get("abstained", {}).values(), default=None)


@dataclass(frozen=True)
class Alarm:
    """Something that a person should look at; raised at most once a run."""

    run: RunSpec
    name: str
    text: str


@dataclass(frozen=True)
class View:
    """All runs of a sweep that were to be done."""

    sweep: str
    rows: Mapping[str, Row]
    before: int = 0
    """Runs that were done or failed before this began."""
    phase: str = ""
    """What is happening, in words."""
    count: int = 0
    """Events so far."""
    alarms: tuple[Alarm, ...] = ()

    def of(self, *states: str) -> list[Row]:
        """Rows in one of these states, the latest to change first."""
        return sorted((r for r in self.rows.values() if r.state in states), key=lambda r: -r.moved)


def begin(sweep: str, runs: Sequence[RunSpec], before: int = 0, phase: str = "") -> View:
    """The view before anything happened."""
    return View(sweep, {r.id: Row(r) for r in runs}, before, phase)


def advance(view: View, event: Event) -> View:
    """The view after one more event; events of runs that it does not know change nothing but the count."""
    view = replace(view, count=view.count + 1)
    if event["event"] == "phase":
        return replace(view, phase=event["text"])
    row = view.rows.get(event.get("run", ""))
    if row is None:
        return view
    phase = "" if event["event"] in ("step", "evaluation") else view.phase
    return replace(view, rows={**view.rows, row.run.id: _moved(row, event, view.count)}, phase=phase)


def _moved(row: Row, event: Event, count: int) -> Row:
    """The row after one of its own events."""
    kind = event["event"]
    if kind in OVER:
        step = row.run.steps if kind == "done" else row.step
        return replace(row, state=kind, moved=count, reason=str(event.get("reason", "")), step=step)
    if row.state != "running":
        row = replace(row, state="running", moved=count)
    if kind == "step":
        dead = event["dead"] if event["dead"] is not None else 1.0
        again = max(row.step - event["step"], 0)  # steps that come again: a worker was killed, a checkpoint is older
        known = row.dead[: max(len(row.dead) - again, 0)]
        return replace(row, step=event["step"] + 1, last=event, dead=(*known, dead))
    if kind == "evaluation":
        before = tuple(p for p in row.points if p["step"] < event["step"])
        return replace(row, points=(*before, event), step=max(row.step, event["step"]))
    return row


def share_done(view: View) -> float:
    """How much of the work is behind, in [0, 1]; a run's work is counted in completions that it samples."""
    work = {name: sum(completions(row.run)) for name, row in view.rows.items()}
    behind = sum(work[name] * _share(row) for name, row in view.rows.items())
    return behind / max(sum(work.values()), 1)


def _share(row: Row) -> float:
    """How much of one run is behind."""
    if row.state in OVER:
        return 1.0
    return row.step / row.run.steps if row.run.design.trains else 0.0


def curve(row: Row) -> Curve | None:
    """A run's evaluations so far as the metrics read them; None where its start, or a later one, was not told here."""
    if len(row.points) < 2 or row.points[0]["step"] != 0 or any("seen" not in p for p in row.points):
        return None

    def every(name: str) -> Floats:
        return np.stack([np.asarray(p["seen"][name], dtype=np.float64) for p in row.points])

    run = row.run
    return Curve(
        steps=np.array([p["step"] for p in row.points]),
        tokens=np.array([float(p["charged"]) for p in row.points]),
        gold=every("gold"),
        reward=every("reward"),
        kl=every("kl"),
        length=every("length"),
        ended=every("ended").astype(bool),
        entropy=np.array([float(p["entropy"]) for p in row.points]),
        budget_steps=run.steps,
        budget_tokens=run.budget_tokens(),
    )
