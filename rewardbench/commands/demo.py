"""The tour: good and bad rewards on three tasks, offline, in minutes."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands._asking import display
from rewardbench.commands._paths import Out

TOUR = Path(__file__).parents[1] / "demo.toml"

NEXT = """what now
  rbench report {folder}    the page again; open {folder}/report.html: the completions that were paid most for least
  rbench show writing/story/coverage    a reward that people do write; your own is a function in a file, like it
  rbench run --task writing/story --design mine.py:score --design reference --seeds 5"""


@click.command()
@click.option("--out", type=Out(), default=Path("runs/demo"), show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@display
def command(out: Path, workers: int | None, as_json: bool, display: str) -> int:
    """Train the shipped policy with good and bad rewards, and show what became of it.

    On the three tasks that need no data of yours: qa/lookup, writing/story and dialogue/booking. A small budget
    (`quick`, 3 seeds): enough to see, too little to claim. Run again, it goes on where it was. It ends in a page,
    report.html in the folder.

    \b
    Example:
      rbench demo --out runs/demo
    """
    from rewardbench import sweep, watch
    from rewardbench.commands import _running
    from rewardbench.pages import report
    from rewardbench.spec import read_spec

    display = watch.resolve(display)
    watch.phase(display, "the tour: three tasks, good and bad rewards, offline")
    spec = read_spec(TOUR)
    prepared = sweep.prepare(spec, out)
    code = _running.go(prepared, workers, as_json, display)
    page = report.write(prepared.folder)
    if display not in ("json", "none"):
        click.echo(f"report {page}\n{NEXT.format(folder=prepared.folder)}", err=True)
    return code
