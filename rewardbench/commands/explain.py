"""What a code means: a check's, a flag's, a mark's, a probe's of the audit, or an exit code; and how to mend it."""

from __future__ import annotations

import click

from rewardbench.commands import _explaining


@click.command()
@click.argument("code", shell_complete=_explaining.completing)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(code: str, as_json: bool) -> int:
    """Explain CODE: a check of `rbench verify` (V05), a flag or metric (hacked), a probe of `rbench audit` (echo),
    a mark or verdict of a board (front), or an exit code (5).

    \b
    Example:
      rbench explain V05
      rbench explain hacked
    """
    from rewardbench.cli import print_json

    found = _explaining.explained(code)
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(_explaining.lines(found)))
    return 0
