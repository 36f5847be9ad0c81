"""What is said of a sweep that goes on, in words: how far it is, how long it takes, what ended and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewardbench import progress
from rewardbench.plan import RunSpec
from rewardbench.progress import Alarm, Event, Row, View


def safe(text: str, most: int = 200) -> str:
    """The text as a terminal can be shown it: what is not printable (control, bidirectional) is spelt, long is cut.

    >>> safe("a\\x1b[31mred"), safe("x" * 9, 5)
    ('a\\\\x1b[31mred', 'xxxx…')
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def clock(seconds: float) -> str:
    """Seconds as a person says them.

    >>> clock(42.4), clock(125), clock(7260)
    ('42 s', '2 min 05 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole // 60 % 60:02d} min"


@dataclass(frozen=True)
class Pace:
    """Since when is something done, and how much of the work was behind then?"""

    begun: float
    """When the view was opened (monotonic seconds)."""
    first: float | None = None
    """When the first thing that a worker did was heard of: until then it loads, which says nothing of the pace."""
    share: float = 0.0
    """Of the work, behind by then; a resumed run has some."""


def paced(pace: Pace, view: View, event: Event, now: float) -> Pace:
    """The pace once an event is known."""
    if pace.first is not None or event["event"] not in ("step", "evaluation"):
        return pace
    return Pace(pace.begun, now, progress.share_done(view))


def time_left(view: View, pace: Pace, now: float) -> float | None:
    """Seconds until the last run ends, at the pace so far; None before much is done."""
    done = progress.share_done(view)
    if pace.first is None or done - pace.share < 0.01:
        return None
    return (now - pace.first) * (1 - done) / (done - pace.share)


def head(view: View, pace: Pace, now: float) -> str:
    """How the sweep stands in a line: sweep, runs done of all, failed, time gone and left."""
    over, failed = len(view.of(*progress.OVER)) + view.before, len(view.of("failed"))
    words = [f"sweep {view.sweep}", f"{over}/{len(view.rows) + view.before} ended"]
    words += [f"{failed} failed"] if failed else []
    words += [f"{clock(now - pace.begun)} gone"]
    left = time_left(view, pace, now)
    words += [f"about {clock(left)} left"] if left is not None else []
    return " · ".join(words)


def alarm_line(alarm: Alarm, seeds: Sequence[int] = ()) -> str:
    """An alarm in a line, of one run or of several seeds of a design."""
    return f"{who(alarm.run, seeds)}: {safe(alarm.text, 400)}"


def who(run: RunSpec, seeds: Sequence[int] = ()) -> str:
    """A run in words, or the runs of several seeds of its design."""
    of = f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {run.seed}"
    return f"{run.task} {safe(run.design.name, 40)} {of}"


def ended(view: View, row: Row, left: float | None = None) -> str:
    """The line of a run that is over."""
    what = f"last gold {row.golds[-1]:.3f}" if row.golds else "no evaluation was made here"
    if row.state != "done":
        what = f"{'failed' if row.state == 'failed' else 'put aside'}: {safe(row.reason, 400)}"
    over = f"[{len(view.of(*progress.OVER)) + view.before}/{len(view.rows) + view.before}]"
    return f"{over} {who(row.run)}: {what}{f' (about {clock(left)} left)' if left else ''}"


def under_way(view: View) -> str:
    """What goes on, in words."""
    now = [f"{who(r.run)} step {r.step}/{r.run.steps}" for r in view.of("running")]
    more = f" and {len(now) - 3} more" if len(now) > 3 else ""
    return f"{', '.join(now[:3]) or view.phase}{more}"
