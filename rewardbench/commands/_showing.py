"""How are scores shown in a terminal? One table a task, verdicts, and flags in words; all to stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from rewardbench import comparing, trace
from rewardbench.find import arms
from rewardbench.results import AXES, Result
from rewardbench.tables import summary
from rewardbench.watch.words import safe

WORDS = {
    "better": "is better than",
    "worse": "is worse than",
    "equivalent": "is equivalent to",
    "unresolved": "cannot be told apart from",
}
"""Verdicts as they stand between two designs."""
PASS = "pass@k"
"""What the area under it is called in a table."""


def table(results: Sequence[Result]) -> None:
    """Mean and half-width of the 95% interval over seeds of each design, a table a task."""
    from rich.text import Text

    console = _console()
    rows, wide = summary(results), console.width >= 110  # the flags come once more in words
    for task in dict.fromkeys(r["task"] for r in rows):
        mine = [r for r in rows if r["task"] == task]
        metrics = _columns(rows, mine)
        named = [PASS if m == "pass_at_k" else m for m in metrics]
        columns = ("design", "seeds", *named, *(["flags (seeds)"] if wide else []))
        shown = _table(columns, ("design", "flags (seeds)"))
        for row in sorted(mine, key=lambda r: -(r["gold"][0] if r["gold"] else -1)):
            flags = ", ".join(f"{k} {v}" for k, v in row["flags"].items())
            name = Text(safe(row["design"], 40))  # a name is no markup
            shown.add_row(name, str(row["seeds"]), *(_cell(row[m]) for m in metrics), *([flags] if wide else []))
        spec = next(r.run.spec for r in results if r.task == task)
        budget = f"budget {spec.budget}, {spec.steps} steps" if not spec.budget.isdigit() else f"{spec.steps} steps"
        console.print(Text(f"{task}, {budget} (mean ± 95% interval over seeds)", style="bold"), shown)
    if any(r.failed for r in results):
        scaled = any(r.failed and r.values["quality"] is not None for r in results)
        counts = "gold, Q and S of a failed run count 0, E from its last evaluation on"
        counts = counts if scaled else "a failed run's gold counts 0"
        console.print(f"{counts}: a crash leaves no policy", highlight=False)
    console.print("gold: mean of the last two evaluations; flags: `rbench list metrics`")
    passed = any(r["pass_at_k"] is not None for r in rows)
    if passed:
        console.print(f"{PASS}: prompts that one of k samples solves, a mean over log k from 1 to 16", highlight=False)
    for reason, axes in _missing(results, passed).items():
        console.print(f"{', '.join(axes)} – : {reason}", highlight=False)


def _columns(rows: Sequence[Mapping[str, Any]], mine: Sequence[Mapping[str, Any]]) -> list[str]:
    """The numbers that a task's table has: every one that some task's does, but pass@k where the task itself has it."""
    every = [m for m in ("gold", *AXES) if any(r[m] is not None for r in rows)]
    return every + ["pass_at_k"] * any(r["pass_at_k"] is not None for r in mine)


def _missing(results: Sequence[Result], passed: bool) -> dict[str, list[str]]:
    """Why axes are not known -> which. What points to pass@k stands in the record, and so in entries of boards, whether
    or not there is one: here it does so only where a table shows it (`passed`).
    """
    found: dict[str, list[str]] = {}
    see = f"; see {PASS}" if passed else ""
    for axis, reason in sorted({(k, v) for r in results for k, v in r.reasons.items() if k in AXES}):
        found.setdefault(reason.replace("; see pass_at_k", see), []).append(axis)
    return found


def _table(columns: Sequence[str], words: Sequence[str]) -> Any:
    """A table of light lines; the columns of words are set to the left and may wrap, those of numbers may not."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in columns:
        made.add_column(name, justify="left" if name in words else "right", no_wrap=name not in words)
    return made


def _cell(value: tuple[float, float | None, float | None] | None) -> str:
    """`.75 ± .03`, `.75` for one seed, or a dash."""
    if value is None:
        return "–"
    mean, low, _ = value
    return f"{mean:.2f}" if low is None else f"{mean:.2f} ± {mean - low:.2f}"


TAKES = "it takes two finished designs with that score on the same two seeds"
"""What a comparison needs."""


def verdicts(told: Sequence[dict[str, Any]]) -> None:
    """The paired verdicts as sentences, a table a task and metric."""
    from rich.text import Text

    if not told:
        _console().print(f"nothing to compare on gold: {TAKES}")
        return
    for task, metric in dict.fromkeys((c["task"], c["metric"]) for c in told):
        columns = ("verdict", "a − b", "95% interval", "seeds")
        shown = _table(columns, ("verdict",))
        for c in comparing.once([c for c in told if (c["task"], c["metric"]) == (task, metric)]):
            interval = f"[{c['low']:+.3f}, {c['high']:+.3f}]"
            shown.add_row(Text(sentence(c)), f"{c['difference']:+.3f}", Text(interval), str(c["n"]))
        _console().print(Text(f"{task}: {metric}, paired by seed", style="bold"), shown)
    _console().print("verdicts are Holm-adjusted within a task and metric, intervals are not", highlight=False)
    if (fewest := min(c["n"] for c in told)) < 5:
        _console().print(f"{fewest} seeds: enough to see, too few to rank (5) or to claim (10)", highlight=False)
    if any(c["verdict"] == "unresolved" and (c["low"] > 0 or c["high"] < 0) for c in told):
        why = "an interval without 0 and no verdict: too few seeds for so many comparisons"
        _console().print(why, highlight=False)


def sentence(c: Mapping[str, Any]) -> str:
    """A verdict in words, such as `a cannot be told apart from b`."""
    return f"{safe(c['a'], 40)} {WORDS[c['verdict']]} {safe(c['b'], 40)}"


def flagged(results: Sequence[Result], folder: Path) -> None:
    """The flags in words, and where the completions are shown."""
    lines = flag_lines(results)
    for line in [*lines, f"`rbench report {safe(str(folder))}` shows the completions behind that"]:
        _console().print(line, markup=False, highlight=False)


def flag_lines(results: Sequence[Result]) -> list[str]:
    """A line a design that some flag was raised on, `hacked` first; what arms are flagged for stands in the table."""
    found = []
    for row in summary(results):
        if row["design"] in arms() or not row["flags"]:
            continue
        order = sorted(row["flags"], key=lambda flag: (flag != "hacked", -row["flags"][flag]))
        words = [f"{said(flag)} on {row['flags'][flag]}" for flag in order if not together(flag)]
        if words:
            words[0] += f" of {row['seeds']} seeds"
        words += [f"{said(flag)} (`{flag}`), all seeds together" for flag in order if together(flag)]
        found.append(f"{row['task']}: `{safe(row['design'], 60)}` {', '.join(words)}")
    return found


def said(flag: str) -> str:
    """A flag in words, as its own file says it."""
    return str(import_module(f"rewardbench.metrics.{flag}").SAID)


def together(flag: str) -> bool:
    """Whether a flag is said of all seeds of a design together, so that counting them would say more than it does."""
    return bool(getattr(import_module(f"rewardbench.metrics.{flag}"), "TOGETHER", False))


def unlisted(folders: Sequence[Path]) -> None:
    """A line where finished runs have no whole manifest.json."""
    runs = [run for f in folders for run in ([f] if (f / "spec.toml").is_file() else sorted((f / "runs").glob("*")))]
    done = [run for run in runs if trace.status(run)["status"] == "done"]
    if lost := [run for run in done if trace.listed(run) is None]:
        more = f", as in {len(lost) - 1} more of {len(done)} runs" if len(lost) > 1 else ""
        means = "the run still has its content hash, but a file that changes cannot be named"
        click.echo(f"{safe(str(lost[0]))}: manifest.json is missing or damaged{more}: {means}", err=True)


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
