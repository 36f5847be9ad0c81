"""How are scores shown in a terminal? One table a task, verdicts, and flags in words; all to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rewardbench.results import AXES, Result
from rewardbench.tables import summary
from rewardbench.watch import safe

WORDS = {
    "better": "better than",
    "worse": "worse than",
    "equivalent": "equivalent to",
    "unresolved": "cannot be told apart from",
}
"""Verdicts as they stand between two designs."""


def table(results: Sequence[Result]) -> None:
    """Mean and half-width of the 95% interval over seeds of each design, a table a task."""
    from rich.table import Table
    from rich.text import Text

    console = _console()
    rows = summary(results)
    for task in dict.fromkeys(r["task"] for r in rows):
        shown = Table(title=f"{task} (mean ± 95% interval over seeds)", title_justify="left")
        for column in ("design", "seeds", "gold", *AXES, "flags (seeds)"):
            shown.add_column(column, justify="left" if column in ("design", "flags (seeds)") else "right")
        mine = [r for r in rows if r["task"] == task]
        for row in sorted(mine, key=lambda r: -(r["gold"][0] if r["gold"] else -1)):
            name = Text(safe(row["design"], 60))  # a name is no markup
            flags = ", ".join(f"{k} {v}" for k, v in row["flags"].items())
            shown.add_row(name, str(row["seeds"]), *(_cell(row[m]) for m in ("gold", *AXES)), flags)
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
    from rich.text import Text

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
                c["task"], c["metric"], Text(safe(c["a"], 60)), WORDS[c["verdict"]], Text(safe(c["b"], 60)),
                f"{c['difference']:+.3f}", Text(interval), str(c["n"]),
            )  # fmt: skip
    _console().print(shown)


def flagged(results: Sequence[Result], folder: Path) -> None:
    """The flags in words, and where the completions are shown."""
    lines = flag_lines(results)
    if lines:
        lines.append(f"`rbench report {folder}` shows the completions behind them")
    for line in lines:
        _console().print(line, markup=False, highlight=False, soft_wrap=True)


def flag_lines(results: Sequence[Result]) -> list[str]:
    """A line a task and flag: which designs, on how many of their seeds."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in summary(results):
        for flag, count in row["flags"].items():
            designs = found.setdefault((row["task"], flag), [])
            words = f" {said(flag)} on {count} of {row['seeds']} seeds" if not designs else f" on {count}"
            designs.append(f"`{safe(row['design'], 60)}`{words}")
    return [f"{task}: {', '.join(designs)}" for (task, _), designs in found.items()]


def said(flag: str) -> str:
    """A flag in words, as its own file says it."""
    return str(import_module(f"rewardbench.metrics.{flag}").SAID)


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
