"""The tour: all tasks, good and bad rewards, offline, in minutes."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(out: Path, workers: int | None, as_json: bool) -> int:
    """Train the shipped policy with good and bad rewards on every task, and show what became of it.

    A small budget (`quick`, 3 seeds): enough to see, too little to claim. Run again, it goes on where it was.

    \b
    Example:
      rbench demo --out runs/demo
    """
    from rewardbench import sweep
    from rewardbench.commands import _running
    from rewardbench.plan import read_spec

    spec = read_spec(Path(__file__).parents[1] / "demo.toml")
    return _running.go(sweep.prepare(spec, out), workers, as_json)
