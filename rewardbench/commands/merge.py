"""Put the shards of a sweep together."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands._paths import Given, Out


@click.command()
@click.argument("folders", nargs=-1, required=True, type=Given())
@click.option("--out", required=True, type=Out(), help="Folder of the whole sweep.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(folders: tuple[Path, ...], out: Path, as_json: bool) -> int:
    """Put shards made by `rbench run --shard i/n` together: the same result as the undisturbed sweep.

    \b
    Example:
      rbench merge shard1 shard2 shard3 --out whole
    """
    from rewardbench import results, sweep, tables
    from rewardbench.cli import print_json
    from rewardbench.commands import _running, _showing

    merged = sweep.merge(folders, out)
    scored = results.score(results.load_sweep(merged.folder))
    if as_json:
        print_json(tables.as_json(merged.id, scored))
    else:
        _running.say(scored, merged.folder)
    _running.complain(scored)
    missing = merged.planned - len(merged.runs)
    if missing:
        click.echo(f"rbench: {missing} of {merged.planned} runs are in none of these shards", err=True)
    return _showing.exit_code(scored) or (8 if missing else 0)
