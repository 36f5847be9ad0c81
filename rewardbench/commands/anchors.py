"""Make the frozen ends of a task's scale: `untrained` below, the oracle arm trained by GRPO above."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands import _completing


@click.command()
@click.option(
    "--task", "tasks", multiple=True, metavar="T", help="Tasks (default: all).",
    shell_complete=_completing.of("tasks"),
)  # fmt: skip
@click.option(
    "--policy", default="tiny", metavar="P", help="The policy that the scale is for.",
    shell_complete=_completing.of("policies", files=True),
)  # fmt: skip
@click.option("--budget", default="default", metavar="quick|default|long|N", help="The budget that the scale is for.")
@click.option("--seeds", default="101,102,103,104,105,106,107,108,109,110", help="Seeds, apart from those of sweeps.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the sweep behind it.")
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
def command(
    tasks: tuple[str, ...], policy: str, budget: str, seeds: str, out: Path | None, workers: int | None
) -> int:
    """Run the arms `untrained` and `oracle`, and write each task's anchors.json.

    The anchors are keyed by task version, policy hash and budget; other rows of the file stay.

    \b
    Example:
      rbench anchors --task writing/story
    """
    from rewardbench import anchors, find, sweep, watch
    from rewardbench.commands import _showing
    from rewardbench.plan import Spec, parse_seeds
    from rewardbench.verbs import finish

    spec = Spec(
        tasks=tasks or tuple(find.task_folders()),
        designs=("untrained", "oracle"),
        policy=policy,
        seeds=parse_seeds(seeds),
        budget=budget,
    )
    prepared = sweep.prepare(spec, out)
    with watch.showing("plain", prepared.id, sweep.unfinished(prepared)) as tell:
        _, scored = finish(prepared, workers or 0, tell)
    for task in spec.tasks:
        row = anchors.make([r for r in scored if r.task == task])
        anchors.write(task, row)
        click.echo(f"{task}: low {row['low']:.3f} ± {row['low_se']:.3f}, high {row['high']:.3f} ± {row['high_se']:.3f}")
    return _showing.exit_code(scored)
