"""Plan and run: tasks × designs × seeds, then score them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rewardbench.commands._asking import asking, display, spec_of
from rewardbench.commands._paths import Out


@click.command()
@asking
@click.option("--out", type=Out(), help="Folder of the sweep (default runs/<sweep id>).")
@click.option("--shard", metavar="i/n", help="Run only this part of the plan; `rbench merge` puts parts together.")
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@display
@click.option("--yes", is_flag=True, help="Do not ask before a long sweep.")
def command(
    out: Path | None, shard: str | None, workers: int | None, as_json: bool, display: str, yes: bool, **flags: Any
) -> int:
    """Plan and run tasks × designs × seeds, and score what came of it.

    Finished runs in the same --out are not run again. Flags override the spec file.

    \b
    Example:
      rbench run --task writing/story --design reference --design exploit --seeds 3
    """
    from rewardbench import watch

    display = watch.resolve(display)
    watch.phase(display, "planning: tasks, designs and the policy are read")
    from rewardbench import sweep
    from rewardbench.commands import _running

    spec = spec_of(**flags)
    prepared = sweep.prepare(spec, out, shard)
    if len(spec.seeds) == 1:
        watch.phase(display, "one seed has no interval: numbers below cannot be compared (5 seeds rank, 10 claim)")
    return _running.go(prepared, workers, as_json, display, yes)
