"""How does a command carry a sweep through to its scores? Shared by `run` and `resume`."""

from __future__ import annotations

import sys
from collections import Counter

import click

from rewardbench import comparing, sweep, tables
from rewardbench.cli import print_json
from rewardbench.commands import _showing
from rewardbench.verbs import finish

ASK_ABOVE = 400
"""Runs above which a person is asked first."""


def go(prepared: sweep.Sweep, workers: int | None, as_json: bool, yes: bool = True) -> int:
    """Run what is left, print table and verdicts (or JSON), return the exit code."""
    left = sweep.unfinished(prepared)
    if len(left) > ASK_ABOVE and not yes and sys.stdin.isatty():
        click.confirm(f"{len(left)} runs to do; go on?", abort=True, err=True)
    click.echo(f"sweep {prepared.id}: {len(left)} of {len(prepared.runs)} runs to do, in {prepared.folder}", err=True)
    _, scored = finish(prepared, workers or 0, _showing.lines(left))
    if as_json:
        print_json(tables.as_json(prepared.id, scored))
    else:
        _showing.table(scored)
        _showing.verdicts(comparing.compare(scored))
        click.echo(f"recorded in {prepared.folder}", err=True)
    ends = [(r.run.status["status"], r.run.status["reason"]) for r in scored if r.run.status.get("reason")]
    for (status, reason), count in Counter(ends).items():
        word = "failed" if status == "failed" else "could not go on"
        click.echo(f"rbench: {count} of {len(scored)} runs {word}: {reason}", err=True)
    return _showing.exit_code(scored)
