"""How far an entry may be believed: every check of a level, on anybody's bundle."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands._paths import Given


@click.command()
@click.argument("bundle", type=Given())
@click.option(
    "--level", default="rescored", metavar="L",
    help="consistent, rescored (the default), regenerated or reproduced; each includes those before.",
)  # fmt: skip
@click.option("--board", metavar="DIR|NAME", help="The board (default: the shipped one that the entry names).")
@click.option(
    "--challenge-seeds", "challenge", default=3, type=click.IntRange(1, 20), metavar="N",
    help="Seeds to train anew at the level reproduced (3).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(bundle: Path, level: str, board: str | None, challenge: int, as_json: bool) -> int:
    """Check BUNDLE, an entry's folder or a .zip of one, and say which level it reaches.

    Nothing of a bundle is executed below the level reproduced. Leaves with code 3 if a check rejects it, with 5 if
    there is no bundle or its board does not ship, with 4 if the board was made with another version. `rbench explain
    CODE` tells what a check asks, why, and how to mend it.

    \b
    Example:
      rbench verify leaderboards/cpu/entries/reference
      rbench verify mine.zip --level consistent --json
    """
    from rewardbench.boards import verify
    from rewardbench.cli import print_json

    verdict = verify.verify(bundle, board, level, challenge)
    if as_json:
        print_json(verdict.as_dict())
    else:
        for line in verify.lines(verdict):
            click.echo(line)
    return 0 if verdict.accepted else 3
