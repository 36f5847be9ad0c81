"""Paired verdicts between the designs of a sweep."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(["gold", "quality", "stability", "efficiency", "diversity"]),
    help="Which to show (default: gold).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(folders: tuple[Path, ...], metrics: tuple[str, ...], as_json: bool) -> int:
    """Compare designs, paired by seed: everything against the baseline and against `untrained`.

    FOLDERS are sweep folders or run folders. One seed is refused: it has no interval.

    \b
    Example:
      rbench compare runs/3f2a91c0d4e5 --metric gold --metric diversity
    """
    from rewardbench import comparing, results, tables
    from rewardbench.cli import print_json
    from rewardbench.commands import _showing
    from rewardbench.types import UserError

    loaded = [run for folder in folders for run in results.load_sweep(folder)]
    unique = {run.spec.id: run for run in loaded}
    scored = results.score(list(unique.values()))
    if len({r.run.spec.seed for r in scored}) < 2:
        raise UserError("one seed has no interval, so nothing can be compared: run at least 2 (5 rank, 10 claim)")
    compared = comparing.compare(scored)
    if as_json:
        print_json({"schema_version": tables.SCHEMA, "comparisons": compared})
    else:
        _showing.verdicts(compared, metrics or ("gold",))
    return 0
