"""What does the host do while a card computes, and what did each thing take? What evaluations left, in its order.

To read what was said asks a host for about as long as to say it asks a card, and nothing that is taught waits for it:
gold goes into files alone. So an evaluation tells the card what to do and leaves the rest here, and whoever waits for
the card next does some of it. A processor would do both itself: there nothing is left for later.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

Job = Callable[[], None]


@dataclass
class Later:
    """Jobs that wait. Those that call a design's parts are done before training calls these, and all of them before a
    step is written down: a run is told what it was told without a card, in the same order.
    """

    beside: bool = False
    """Whether a card computes meanwhile; else what is put here is done at once."""
    jobs: deque[Job] = field(default_factory=deque)
    paying: int = 0
    """Of the jobs, those up to the last one that calls a design's parts."""
    doing: bool = False
    """Whether a job is being done just now."""
    cpu: float = 0.0
    """Seconds of this process that went into jobs so far."""
    wall: float = 0.0
    """Seconds that somebody had to wait for jobs so far."""

    def put(self, job: Job, *, pays: bool = False) -> None:
        """Leave a job; it `pays` if it calls a design's parts."""
        self.jobs.append(job)
        if pays:
            self.paying = len(self.jobs)
        if not self.beside:
            self.settle()

    def some(self) -> bool:
        """Do the next job; whether there was one."""
        if not self.jobs:
            return False
        job, begun = self.jobs.popleft(), time.process_time()
        self.paying, self.doing = max(0, self.paying - 1), True
        try:
            with torch.inference_mode(False):  # whoever waits may be sampling: a part's own model is no part of that
                job()
        finally:
            self.doing = False
        self.cpu += time.process_time() - begun
        return True

    def settle(self, *, paying: bool = False) -> None:
        """Do all that was left, or no more than what is `paying`."""
        while self.paying if paying else self.jobs:
            begun = time.perf_counter()
            self.some()
            self.wall += time.perf_counter() - begun


class Clock:
    """CPU and wall (`_wall`) seconds between marks, less those of what was left for later; they go to `timing.jsonl`,
    never into a hash.
    """

    def __init__(self, later: Later) -> None:
        self.spent: dict[str, float] = {}
        self._later = later
        self._left = (later.cpu, later.wall)
        self._last = self._now()

    def mark(self, name: str) -> None:
        """Book what passed since the last mark under a name."""
        now = self._now()
        self._book(name, self._last, now)
        self._last = now

    def left(self, name: str) -> None:
        """Book under a name what went into what was left for later, by anybody, since this clock was made."""
        self._book(name, self._left, (self._later.cpu, self._later.wall))

    def shared(self, runs: int) -> dict[str, float]:
        """What each of the runs that took part is booked: a share of the CPU seconds, all of the wall's."""
        return {name: spent if name.endswith("_wall") else spent / runs for name, spent in self.spent.items()}

    def _now(self) -> tuple[float, float]:
        return time.process_time() - self._later.cpu, time.perf_counter() - self._later.wall

    def _book(self, name: str, begun: tuple[float, float], ended: tuple[float, float]) -> None:
        for key, start, end in zip((name, f"{name}_wall"), begun, ended, strict=True):
            self.spent[key] = self.spent.get(key, 0.0) + end - start
