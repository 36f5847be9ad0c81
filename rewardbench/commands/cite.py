"""How to cite the suite, a task, a board or an entry: BibTeX, CFF or plain words."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from rewardbench.commands import _completing

FORMS = ("bibtex", "cff", "plain")
"""As in `citing.FORMS`, which a test compares: a command's help loads nothing."""


def _things(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    from rewardbench import find

    return _completing.matching(["suite", *find.listing("tasks"), *find.listing("boards")], begun, files=True)


@click.command()
@click.argument("thing", default="suite", shell_complete=_things)
@click.option("--format", "form", type=click.Choice(FORMS), default="bibtex", help="How to write it (bibtex).")
def command(thing: str, form: str) -> int:
    """Print how THING is cited, and what it stands on: the suite (the default), a task, a board, or <board>/<entry>.

    A board is cited with its version and digest, an entry with its authors and digest, so that a reader finds the same
    numbers; entries lie in a clone of the repository alone. A task's data is cited too, where it is somebody's.

    \b
    Example:
      rbench cite
      rbench cite qa/math --format plain
      rbench cite leaderboards/cpu/reference
    """
    from rewardbench.boards import citing

    click.echo(citing.FORMS[form](citing.works(thing)))
    return 0
