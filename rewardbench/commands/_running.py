"""How does a command carry a sweep through to its scores, and say them? For `run`, `resume`, `merge` and `demo`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from rewardbench import comparing, results, sweep, tables, watch
from rewardbench.cli import print_json
from rewardbench.commands import _showing
from rewardbench.verbs import finish
from rewardbench.watch.words import safe, who

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
        say(scored, prepared.folder)
    complain(scored)
    if line := sweep.unfenced(prepared):
        click.echo(line, err=True)
    return _showing.exit_code(scored)


def say(scored: Sequence[results.Result], folder: Path) -> None:
    """Print the table, the verdicts on gold, the flags in words, and where it is recorded."""
    _showing.table(scored)
    _showing.verdicts([c for c in comparing.compare(scored) if c["metric"] == "gold"])
    _showing.flagged(scored, folder)
    click.echo(f"recorded in {folder}", err=True)


def complain(scored: Sequence[results.Result]) -> None:
    """Print a line for each cause why runs did not end well."""
    causes: dict[tuple[str, ...], list[results.Result]] = {}
    for result in scored:
        if result.run.status.get("reason"):
            causes.setdefault(_cause(result), []).append(result)
    for (status, design, *_), group in causes.items():
        word = "failed" if status == "failed" else "could not go on"
        first, seeds = group[0].run, [r.run.spec.seed for r in group]
        alike = len({r.run.status["reason"] for r in group}) == 1
        whose = f"{who(first.spec, seeds)}{': ' if alike else ', '}" if design else ""
        told = f"{whose}{'' if alike else 'the first: '}{safe(first.status['reason'], 600)}"
        click.echo(f"rbench: {len(group)} of {len(scored)} runs {word}: {told}", err=True)


def _cause(result: results.Result) -> tuple[str, ...]:
    """(status, design, task, kind of error) of a run that did not end well; what is no design's own, such as a gold
    that raises, is one cause for all designs.
    """
    status, kind = result.run.status, kind_of(result.run.status["reason"])
    algorithms = result.run.spec.algorithm_source and not kind.startswith("part ")
    own = status["status"] == "failed" and status.get("code") == 6
    own = own and not algorithms and not kind.startswith(("gold of ", "kind of "))
    return (status["status"], result.design, result.task, kind) if own else (status["status"], "", "", kind)


def kind_of(reason: str) -> str:
    """What seeds that failed alike have in common of their reasons: no prompt, no completion, no words of an exception.

    >>> kind_of("part 'a' raised KeyError: 'wolf' (a call for 32 completions, the first of prompt p)")
    "part 'a' raised KeyError"
    >>> kind_of("part 'a' returned nan for prompt p, completion 3 ('The wolf')")
    "part 'a' returned nan"
    >>> kind_of("ValueError: The wolf (own.py, line 9)")
    'ValueError (own.py, line 9)'
    """
    told, place, _ = re.split(r" \(a call for |, the first of ", reason)[0].partition(" for prompt ")
    if raised := re.match(r".*? raised \w+", told):
        return raised[0]
    if of_file := re.match(r"(\w+): .*( \([^()]+, line \d+\))$", told, re.DOTALL):
        return of_file[1] + of_file[2]
    told = re.sub(r" returned (?!nan|-?inf).*", " returned", told) if place else told
    return "'".join(re.sub(r"\d+", "0", piece) if n % 2 == 0 else piece for n, piece in enumerate(told.split("'")))
