"""Which lines is an event worth, in a log and as JSON?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rewardbench import disk, progress
from rewardbench.plan import RunSpec
from rewardbench.progress import Event, View
from rewardbench.watch.words import Pace, alarm_line, ended, head, paced, time_left, under_way

EVERY = 30.0
"""Seconds between two progress lines of `plain`."""


def as_json(old: View, new: View, event: Event) -> list[str]:
    """The event as a line of JSON without its arrays, named; then the alarms that it raised."""
    if event["event"] == "part":
        return []
    row = new.rows.get(event.get("run", ""))
    named = {} if row is None else _names(row.run)
    told = [disk.dumps({**named, **{k: v for k, v in event.items() if k != "seen"}})]
    for alarm in new.alarms[len(old.alarms) :]:
        what = {"event": "alarm", "run": alarm.run.id, "alarm": alarm.name, "text": alarm.text}
        told.append(disk.dumps({**_names(alarm.run), **what}))
    return told


def _names(run: RunSpec) -> dict[str, Any]:
    return {"task": run.task, "design": run.design.name, "seed": run.seed}


class Plain:
    """Lines for a log: one when a run ends, alarms as they are raised, and progress now and then."""

    def __init__(self, clock_: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock_
        self.pace = Pace(clock_())
        self.said = self.pace.begun

    def __call__(self, old: View, new: View, event: Event) -> list[str]:
        """The lines that this event is worth."""
        now = self.clock()
        self.pace = paced(self.pace, new, event, now)
        told = [f"! {alarm_line(a)}" for a in new.alarms[len(old.alarms) :] if a.name not in ("failed", "lost")]
        told += [event["text"]] if event["event"] == "phase" else []
        row = new.rows.get(event.get("run", ""))
        if row is not None and event["event"] in progress.OVER:
            told.append(ended(new, row, time_left(new, self.pace, now)))
        elif not told and now - self.said >= EVERY:
            told.append(f"{head(new, self.pace, now)}: {under_way(new)}")
        self.said = now if told else self.said
        return told
