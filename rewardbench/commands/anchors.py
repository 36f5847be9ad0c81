"""Make the frozen ends of a task's scale: `untrained` below, the oracle arm trained by GRPO above."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rewardbench.commands import _completing
from rewardbench.commands._paths import Out

if TYPE_CHECKING:
    from rewardbench.spec import Spec

SWEPT = 10
"""Seeds 1 to this are what a count of seeds means, as in `--seeds 5`."""


@click.command()
@click.option(
    "--task", "tasks", multiple=True, metavar="T", help="Tasks (default: all whose data and words are there).",
    shell_complete=_completing.of("tasks"),
)  # fmt: skip
@click.option(
    "--policy", default="tiny", metavar="P", help="The policy that the scale is for.",
    shell_complete=_completing.of("policies", files=True),
)  # fmt: skip
@click.option("--budget", default="default", metavar="quick|default|long|N", help="The budget that the scale is for.")
@click.option(
    "--seeds", default="101,102,103,104,105,106,107,108,109,110", metavar="N,N,…",
    help="Seeds, apart from those of sweeps (101 to 110).",
)  # fmt: skip
@click.option("--out", type=Out(), help="Folder of the sweep behind it.")
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
@click.option("--replace", "again", is_flag=True, help="Make rows anew that are there, and do not ask.")
def command(
    tasks: tuple[str, ...], policy: str, budget: str, seeds: str, out: Path | None, workers: int | None, again: bool
) -> int:
    """Train the arms `untrained` and `oracle`, and write each task's anchors.json.

    The anchors are keyed by task version, policy hash and budget; other rows of the file stay. Before a row that
    is there is made anew, it is shown, and on a terminal you are asked: all scores hang on it. Where nobody can be
    asked, shipped rows want --replace. The shipped ones are of seeds 101,102,103,104,105; of 1 to 10 a line warns: a
    scale that is measured on the prompts and noise of the runs that it scales is not independent of them. Without
    --task, a task whose data is not there, or whose words the policy lacks, is left out, with a line on stderr.

    \b
    Example:
      rbench anchors --task writing/sentence
      rbench anchors --task writing/story --seeds 101,102,103,104,105 --replace
    """
    from rewardbench import anchors, find, sweep, watch
    from rewardbench.commands import _showing
    from rewardbench.spec import Spec, seeds_of
    from rewardbench.verbs import finish

    named = seeds_of(seeds if "," in seeds else f"{seeds},")  # they are named, never counted
    _warn_of(named)
    spec = Spec(
        tasks=tasks or tuple(sorted(find.task_folders())),
        designs=("untrained", "oracle"),
        policy=policy,
        seeds=named,
        budget=budget,
        alone=True,
    )
    spec = spec if tasks else replace(spec, tasks=_feasible(spec, out))
    old = _frozen(spec, out, again)
    prepared = sweep.prepare(spec, out)
    with watch.showing("plain", prepared.id, sweep.unfinished(prepared)) as tell:
        _, scored = finish(prepared, workers or 0, tell)
    for task in spec.tasks:
        row = anchors.make([r for r in scored if r.task == task])
        anchors.write(task, row)
        was = f" (was {anchors.said(old[task])})" if task in old else ""
        click.echo(f"{task}: {anchors.said(row)}{was}")
    return _showing.exit_code(scored)


def _warn_of(seeds: Sequence[int]) -> None:
    """Say which seeds are those that sweeps are run on: 5 of them rank, 10 let claim."""
    if shared := [str(seed) for seed in seeds if 1 <= seed <= SWEPT]:
        why = f"sweeps are run on 1 to {SWEPT}, and a scale is better measured apart from what it scales"
        click.echo(f"--seeds {','.join(shared)}: {why}, as on 101,102,103,104,105", err=True)


def _frozen(spec: Spec, out: Path | None, again: bool) -> dict[str, dict[str, Any]]:
    """The rows that will be made anew, by task: each is told, and on a terminal nothing goes on without a yes. Where
    nobody can be asked, those that ship want --replace (UserError): every published score hangs on them.
    """
    from rewardbench import anchors, find
    from rewardbench.types import UserError

    digest = find.policy(spec.policy, out).digest
    there = {task: anchors.frozen(task, find.task(task).version, digest, spec.budget) for task in spec.tasks}
    found = {task: row for task, row in there.items() if row is not None}
    asks = bool(found) and not again and sys.stdin is not None and sys.stdin.isatty()
    if not asks and not again and (ships := found.keys() - find.own_tasks(found).keys()):
        rows = "; ".join(f"{task} {anchors.said(found[task])}" for task in sorted(ships))
        asked = "all scores hang on them, and nobody can be asked here: say --replace to make them anew"
        raise UserError(f"there are frozen anchors for this policy and budget ({rows}): {asked}")
    for task, row in found.items():
        made = f"{anchors.said(row)}; {row['algorithm']}, seeds {','.join(map(str, row['seeds']))}"
        click.echo(f"{task} has frozen anchors for this policy and budget ({made}): they will be replaced", err=True)
    if asks:
        click.confirm("all scores hang on them; go on?", abort=True, err=True)
    return found


def _feasible(spec: Spec, out: Path | None) -> tuple[str, ...]:
    """The tasks of a spec that can be done here; of each other one a line says why not. Raises UserError (code 5) if
    there is none.
    """
    from rewardbench import find, sweep
    from rewardbench.plan import plan
    from rewardbench.policies.load import reader, unknown_share
    from rewardbench.policies.words import MOST_UNKNOWN
    from rewardbench.types import UserError

    folder = find.policy(spec.policy, out)
    left_out: dict[str, str] = {}
    for task in spec.tasks:
        try:
            for split in ("train", "dev"):
                find.first_prompt(task, split, spec.seeds[0])
        except UserError as error:
            if error.code != 5:
                raise
            left_out[task] = str(error)
    there = tuple(task for task in spec.tasks if task not in left_out)
    reading = reader(folder)
    for run in sweep.firsts(plan(replace(spec, tasks=there), folder)[0] if there else ()):
        prompts = find.some(find.task(run.task), "dev", run.seed, run.eval_prompts)
        if (share := unknown_share(reading, prompts)) > MOST_UNKNOWN:
            left_out[run.task] = f"policy {folder.name!r} lacks {share:.0%} of the tokens of its prompts"
    for task, why in sorted(left_out.items()):
        click.echo(f"{task} is left out: {why}", err=True)
    if not (found := tuple(task for task in spec.tasks if task not in left_out)):
        raise UserError("no task can be done here", 5)
    return found
