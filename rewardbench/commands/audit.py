"""How a design can be gamed, said before training."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands import _completing
from rewardbench.commands._paths import OutFile


@click.command()
@click.argument("design", shell_complete=_completing.designs)
@click.option(
    "--task", "tasks", required=True, multiple=True, metavar="T", help="The task that it teaches, such as qa/lookup.",
    shell_complete=_completing.of("tasks"),
)  # fmt: skip
@click.option(
    "--policy", default="tiny", metavar="P", help="Whose untrained completions are read (tiny).",
    shell_complete=_completing.of("policies", files=True),
)  # fmt: skip
@click.option("--prompts", default=32, type=click.IntRange(8, 512), help="Dev prompts (32).")
@click.option("--samples", default=16, type=click.IntRange(2, 64), help="Completions of each (16).")
@click.option("--seed", default=1, type=click.IntRange(0), help="Names prompts and chance (1).")
@click.option(
    "--reward-timeout", default=60.0, type=float, metavar="S", help="Seconds that a part may take for one batch (60)."
)
@click.option("-o", "out", type=OutFile("audit.html"), help="Write a page with every probe here too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    design: str, tasks: tuple[str, ...], policy: str, prompts: int, samples: int, seed: int, reward_timeout: float,
    out: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Probe a design: what do strategies that ignore the task earn, and does it see what ruins a good completion?

    DESIGN is a design of the task, an arm, a .toml, file.py:name or module:name. Leaves with code 3 if something was
    found, with 5 if no good completion is known to compare with. Nothing is trained; the limits and their reasons
    stand in docs/audit.md.

    \b
    Example:
      rbench audit exploit --task writing/story
      rbench audit mine.toml --task qa/lookup -o audit.html
    """
    from rewardbench.cli import print_json
    from rewardbench.commands import _auditing
    from rewardbench.types import UserError

    if len(tasks) > 1:
        raise UserError("a design is audited on one task: give --task once")
    asked = design.removeprefix(f"{tasks[0]}/")
    order = (tasks[0], policy, prompts, samples, seed, reward_timeout)
    done = _auditing.audited(_auditing.Asked(asked, *order, page=out is not None))
    if out is not None:
        from rewardbench.pages import audit as pages

        pages.save(done["page"], out)
    if as_json:
        print_json(done["json"])
    else:
        for line in [*done["lines"], *([] if out is None else ["", f"written to {out}"])]:
            click.echo(line, err=True)
    return int(done["code"])
