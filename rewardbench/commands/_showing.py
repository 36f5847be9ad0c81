"""How are runs and scores shown in a terminal? Plain lines while they go on, one table at the end; all to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from rewardbench.plan import RunSpec
from rewardbench.results import AXES, Result
from rewardbench.tables import summary


def lines(runs: Sequence[RunSpec]) -> Callable[[dict[str, Any]], None]:
    """A listener that prints a line whenever a run ends or fails, with the time left."""
    names = {r.id: f"{r.task} {r.design.name} seed {r.seed}" for r in runs}
    begun, ended = time.monotonic(), [0]
    golds: dict[str, float] = {}

    def tell(event: dict[str, Any]) -> None:
        if event["event"] == "evaluation":
            golds[event["run"]] = event["gold"]
        if event["event"] == "lost":
            click.echo(f"{names[event['run']]}: {event['reason']}", err=True)
        if event["event"] not in ("done", "failed"):
            return
        ended[0] += 1
        left = (time.monotonic() - begun) / ended[0] * (len(runs) - ended[0])
        what = f"last gold {golds.get(event['run'], float('nan')):.3f}" if event["event"] == "done" else event["reason"]
        click.echo(f"[{ended[0]}/{len(runs)}] {names[event['run']]}: {what} (about {left:.0f} s left)", err=True)

    return tell


def table(results: Sequence[Result]) -> None:
    """Mean and half-width of the 95% interval over seeds of each design, a table a task."""
    from rich.table import Table

    console = _console()
    rows = summary(results)
    for task in dict.fromkeys(r["task"] for r in rows):
        shown = Table(title=f"{task} (mean ± 95% interval over seeds)", title_justify="left")
        for column in ("design", "seeds", "gold", *AXES, "flags (seeds)"):
            shown.add_column(column, justify="left" if column in ("design", "flags (seeds)") else "right")
        mine = [r for r in rows if r["task"] == task]
        for row in sorted(mine, key=lambda r: -(r["gold"][0] if r["gold"] else -1)):
            flags = ", ".join(f"{k} {v}" for k, v in row["flags"].items())
            shown.add_row(row["design"], str(row["seeds"]), *(_cell(row[m]) for m in ("gold", *AXES)), flags)
        console.print(shown)
    if any(r.failed for r in results):
        console.print("a failed run's gold counts 0: a crash leaves no policy")
    console.print("gold: mean of the last two evaluations; flags: see the README")
    reasons = {v for r in results for k, v in r.reasons.items() if k in AXES}
    for reason in sorted(reasons):
        console.print(f"– : {reason}")


def _cell(value: tuple[float, float | None, float | None] | None) -> str:
    """`.75 ± .03`, `.75` for one seed, or a dash."""
    if value is None:
        return "–"
    mean, low, _ = value
    return f"{mean:.2f}" if low is None else f"{mean:.2f} ± {mean - low:.2f}"


def verdicts(comparisons: Sequence[dict[str, Any]], metrics: Sequence[str] = ("gold",)) -> None:
    """The paired verdicts as lines."""
    from rich.table import Table

    if not any(c["metric"] in metrics for c in comparisons):
        takes = "it takes two finished designs with that score on the same two seeds"
        _console().print(f"nothing to compare on {', '.join(metrics)}: {takes}")
        return
    title = "paired by seed, verdicts Holm-adjusted within each task and metric, intervals unadjusted"
    shown = Table(title=title, title_justify="left")
    for column in ("task", "metric", "a", "verdict", "b", "a − b", "95% interval", "n"):
        shown.add_column(column)
    for c in comparisons:
        if c["metric"] in metrics:
            interval = f"[{c['low']:+.3f}, {c['high']:+.3f}]"
            shown.add_row(
                c["task"], c["metric"], c["a"], c["verdict"], c["b"], f"{c['difference']:+.3f}", interval, str(c["n"])
            )
    _console().print(shown)


def _console() -> Any:
    """A console on stderr; wide where nobody's window limits it."""
    from rich.console import Console

    return Console(stderr=True, width=None if sys.stderr.isatty() else 140)


def exit_code(results: Sequence[Result]) -> int:
    """0 if every run is done; 1 for our bug, 6 if a user's code failed in some run, 5 if one's data did, else 8."""
    codes = [int(r.run.status.get("code", 8)) for r in results if r.run.status["status"] != "done"]
    for code in (1, 6, 5):
        if code in codes:
            return code
    return 0 if all(r.run.status["status"] == "done" for r in results) else 8
