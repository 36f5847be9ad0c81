"""Does a reward function, a design, a task or an algorithm keep its promises? In seconds, nothing is trained."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands import _completing
from rewardbench.commands._paths import Given


@click.command()
@click.argument("thing", shell_complete=_completing.things)
@click.option(
    "--task", metavar="T", help="The task that a design's name belongs to, and whose examples THING is tried on.",
    shell_complete=_completing.of("tasks"),
)  # fmt: skip
@click.option(
    "--rows", type=Given(), metavar="rows.jsonl",
              help='Completions to score: {"prompt": …, "completion": …, columns …} a line.')
@click.option("--reward-timeout", type=float, default=60.0, metavar="S", help="Seconds that a part may take (60).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(thing: str, task: str | None, rows: Path | None, reward_timeout: float, as_json: bool) -> int:
    """Check what THING is relied on for: file.py:name, module:name, a part, a design, a task or an algorithm.

    A reward function is read by its signature (TRL, verl, OpenRLHF, verifiers, plain) and called on rows: yours, the
    examples of --task, or those of the first task whose columns fit, which may be another than it was made for. Code 0
    if every promise is kept, 3 if one is not, 6 if the function breaks.

    \b
    Example:
      rbench check my.py:score --rows rows.jsonl
    """
    from rewardbench.check import report
    from rewardbench.cli import print_json

    found = report.examine(thing, task, rows, reward_timeout)
    if as_json:
        print_json(found)
    else:
        for line in report.lines(found):
            click.echo(line)
    return report.code(found)
