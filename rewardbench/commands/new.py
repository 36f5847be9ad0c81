"""A reward, design, task or algorithm to start from, with its test: both run as made."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from rewardbench.commands import _completing, _scaffolding
from rewardbench.commands._paths import Out


def _kinds(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    return _completing.matching(_scaffolding.kinds(), begun)


@click.command()
@click.argument("kind", metavar=f"[{'|'.join(_scaffolding.kinds())}]", shell_complete=_kinds)
@click.argument("name")
@click.option(
    "--task", metavar="T", help="The task that a design is for; for others, the one that the next commands run.",
    shell_complete=_completing.of("tasks"),
)  # fmt: skip
@click.option("--out", type=Out(), default=Path(), help="Folder to write into (default: here).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(kind: str, name: str, task: str | None, out: Path, as_json: bool) -> int:
    """Write a KIND of thing called NAME, and its test, and say which commands come next.

    NAME is in small letters, digits and underscores; a task's is family/name, a folder that is found through
    $REWARDBENCH_TASKS. A design needs --task. Nothing is overwritten.

    \b
    Example:
      rbench new reward politeness
      rbench new design kinder --task writing/story
      rbench new task writing/sentence --out tasks
    """
    from rewardbench.cli import print_json

    made = _scaffolding.plan(kind, name, task, out)
    _scaffolding.write(made)
    if as_json:
        files = [path.as_posix() for path in made.files]
        print_json({"schema_version": 1, "kind": kind, "name": name, "files": files, "next": list(made.next)})
        return 0
    for path in made.files:
        click.echo(f"wrote {path}", err=True)
    click.echo("what now", err=True)
    for line in made.next:
        click.echo(f"  {line}", err=True)
    return 0
