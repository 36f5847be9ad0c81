"""How does a command carry a sweep through to its scores? Shared by `run` and `resume`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import click

from rewardbench import comparing, results, sweep, tables, watch
from rewardbench.cli import print_json
from rewardbench.commands import _showing
from rewardbench.verbs import finish
from rewardbench.watch.words import safe

ASK_ABOVE = 400
"""Runs above which a person is asked first."""


def go(prepared: sweep.Sweep, workers: int | None, as_json: bool, display: str, yes: bool = True) -> int:
    """Run what is left, print table and verdicts (or JSON), return the exit code."""
    left = sweep.unfinished(prepared)
    if len(left) > ASK_ABOVE and not yes and sys.stdin.isatty():
        click.confirm(f"{len(left)} runs to do; go on?", abort=True, err=True)
    head = f"sweep {prepared.id}: {len(left)} of {len(prepared.runs)} runs to do, in {prepared.folder}"
    watch.phase(display, head)
    for line in sweep.other_versions(prepared):
        click.echo(line, err=True)
    with watch.showing(display, prepared.id, left, before=len(prepared.runs) - len(left)) as tell:
        _, scored = finish(prepared, workers or 0, tell)
    if as_json:
        print_json(tables.as_json(prepared.id, scored))
    elif display not in ("json", "none"):
        _showing.table(scored)
        _showing.verdicts([c for c in comparing.compare(scored) if c["metric"] == "gold"])
        _showing.flagged(scored, prepared.folder)
        click.echo(f"recorded in {prepared.folder}", err=True)
    _complaints(scored)
    if line := sweep.unfenced(prepared):
        click.echo(line, err=True)
    return _showing.exit_code(scored)


def _complaints(scored: Sequence[results.Result]) -> None:
    """A line for each reason why runs did not end well."""
    ends = [(r.run.status["status"], r.run.status["reason"]) for r in scored if r.run.status.get("reason")]
    for (status, reason), count in Counter(ends).items():
        word = "failed" if status == "failed" else "could not go on"
        click.echo(f"rbench: {count} of {len(scored)} runs {word}: {safe(reason, 600)}", err=True)
