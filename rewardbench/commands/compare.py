"""Paired verdicts between the designs of a sweep."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands._asking import METRICS
from rewardbench.commands._paths import Given


@click.command()
@click.argument("folders", nargs=-1, required=True, type=Given())
@click.option(
    "--metric", "metrics", multiple=True, type=click.Choice(METRICS), help="Which to show (default: gold)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    help="text (default, on stderr), json (as --json), or markdown tables on stdout, to paste.",
)
@click.option("--baseline", metavar="D", help="Compare with this design (default: reference, else untrained).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option(
    "--fail-if",
    "rules",
    multiple=True,
    metavar="METRIC:LIMIT",
    help="Leave with code 3 if on any task the mean difference a − b of a design and the baseline is below LIMIT (it "
    "is said whether its whole interval is), or a design cannot be compared. Arms are left out. May be repeated.",
)
def command(
    folders: tuple[Path, ...], metrics: tuple[str, ...], form: str | None, baseline: str | None, as_json: bool,
    rules: tuple[str, ...],
) -> int:
    """Compare designs, paired by seed: everything against the baseline and against `untrained`.

    FOLDERS are sweep folders or run folders. One seed is refused: it has no interval. The baseline is `reference`
    if it was run, else `untrained`; after `run --ablate` it may be the design itself.

    \b
    Example:
      rbench compare runs/3f2a91c0d4e5 --metric gold --metric diversity
      rbench compare runs/3f2a91c0d4e5 --fail-if gold:-0.02 --format markdown
      rbench compare runs/ablated --baseline mine
    """
    from rewardbench import comparing, gates, results
    from rewardbench.commands import _comparing, _showing
    from rewardbench.types import UserError

    if as_json and form not in (None, "json"):
        raise UserError(f"--json and --format {form} are two formats: choose one")
    asked = [gates.parse(text) for text in rules]
    loaded = [run for folder in folders for run in results.load_sweep(folder)]
    _showing.unlisted(folders)
    unique = {run.spec.id: run for run in loaded}
    scored = results.score(list(unique.values()))
    if len({r.run.spec.seed for r in scored}) < 2:
        raise UserError("one seed has no interval, so nothing can be compared: run at least 2 (5 rank, 10 claim)")
    compared = comparing.compare(scored, baseline)
    held = [gates.hold(rule, compared, scored, baseline) for rule in asked]
    _comparing.say("json" if as_json else form or "text", compared, metrics, held, scored)
    return 0 if all(gate.ok for gate in held) else 3
