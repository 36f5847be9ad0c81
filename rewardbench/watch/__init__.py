"""What is seen of a sweep while it goes on? A live table in a terminal, lines elsewhere, JSON, or nothing; on stderr.

`showing` gives the listener that `sweep.execute` tells its events to. How a sweep is shown enters no id.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rewardbench import alarms, disk, progress
from rewardbench.plan import RunSpec
from rewardbench.progress import Event, View
from rewardbench.watch import lines, live

Tell = Callable[[dict[str, Any]], None]


def resolve(asked: str) -> str:
    """The display that is meant here: `auto` is `rich` on a terminal that can show it, else `plain`; so is `rich`."""
    if asked not in ("auto", "rich"):
        return asked
    able = sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
    encoding = (getattr(sys.stderr, "encoding", "") or "").lower().replace("-", "")
    return "rich" if able and (asked == "rich" or encoding == "utf8") else "plain"


def phase(display: str, text: str) -> None:
    """Say what is happening, before or after the runs themselves."""
    if display == "json":
        _line(disk.dumps({"event": "phase", "text": text}))
    elif display != "none":
        _line(text)


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def showing(display: str, sweep: str, runs: Sequence[RunSpec], before: int = 0) -> Iterator[Tell]:
    """A listener for the events of these runs, shown until the block ends; `before` runs were over already.

    However the block ends, the terminal is as it was.
    """
    display = resolve(display)
    view = progress.begin(sweep, runs, before, "workers start: torch and the policy are loaded" if runs else "")
    if display == "rich" and runs:
        with live.on_terminal(view) as tell:
            yield tell
    elif display == "json":
        yield _folding(view, lines.as_json)
    elif display == "plain":
        if runs:
            _line(view.phase)
        yield _folding(view, lines.Plain())
    else:
        yield lambda event: None


def _folding(view: View, say: Callable[[View, View, Event], Sequence[str]]) -> Tell:
    """A listener that keeps the view and prints the lines that each event is worth."""
    kept = [view]

    def tell(event: dict[str, Any]) -> None:
        new = alarms.check(progress.advance(kept[0], event), event)
        for line in say(kept[0], new, event):
            _line(line)
        kept[0] = new

    return tell
