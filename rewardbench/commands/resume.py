"""Go on with a sweep after a kill, from its folder alone."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands._asking import display
from rewardbench.commands._paths import Given


@click.command()
@click.argument("folder", type=Given())
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@display
def command(folder: Path, workers: int | None, as_json: bool, display: str) -> int:
    """Go on with the sweep in FOLDER: the same rows as if it had never been stopped.

    \b
    Example:
      rbench resume runs/3f2a91c0d4e5
    """
    from rewardbench import watch

    display = watch.resolve(display)
    watch.phase(display, f"reading {folder}")
    from rewardbench import sweep
    from rewardbench.commands import _running

    return _running.go(sweep.reopen(folder), workers, as_json, display)
