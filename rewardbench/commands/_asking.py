"""Which flags say what to run? Shared by `run` and `plan`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from rewardbench.commands import _completing
from rewardbench.commands._paths import Given

Function = Callable[..., Any]
METRICS = ("gold", "quality", "stability", "efficiency", "diversity")
"""As in `gates.METRICS`, which a test compares: a command's help loads nothing."""
DISPLAYS = ("auto", "rich", "plain", "json", "none")
"""Here, and not where they are shown: a command's help loads nothing."""

OPTIONS: tuple[Callable[[Function], Function], ...] = (
    click.argument("spec", required=False, type=Given()),
    click.option(
        "--task", "tasks", multiple=True, metavar="T", help="A task, such as qa/lookup; may be repeated.",
        shell_complete=_completing.of("tasks"),
    ),
    click.option(
        "--design", "designs", multiple=True, metavar="D",
        help="A design of the task, an arm, a .toml, file.py:name or module:name; without it: all of them.",
        shell_complete=_completing.designs,
    ),
    click.option(
        "--algorithm", metavar="A", help="reinforce, rloo, grpo, dr_grpo, best_of_n, raft or file.py:Class.",
        shell_complete=_completing.of("algorithms", files=True),
    ),
    click.option(
        "--policy", metavar="P", help="A shipped name, a folder, hub/name@revision or run:<id>.",
        shell_complete=_completing.of("policies", files=True),
    ),
    click.option("--seeds", metavar="5|1,2,3", help="How many seeds, or which."),
    click.option(
        "--board", metavar="B",
        help="Run as board B (a name or folder) has it: its seeds, budget, policy and algorithm, scored on `test`.",
        shell_complete=_completing.of("boards", files=True),
    ),
    click.option("--budget", metavar="quick|default|long|N", help="Optimiser steps, by name or number."),
    click.option("--ablate", is_flag=True, help="Run each design also without each of its parts in turn."),
    click.option(
        "--sweep", multiple=True, metavar="part.x.weight=0,0.1,0.3",
        help="Run each design also with these values; repeated: every combination.",
    ),
    click.option("--reward-timeout", type=float, metavar="S", help="Seconds that a part may take for one batch (60)."),
)


display = click.option(
    "--display", type=click.Choice(DISPLAYS), default="auto",
    help="How to show what goes on: a live table (rich, needs a terminal), lines, JSON lines, or errors alone.",
)  # fmt: skip
"""The flag of every command that runs something."""


def asking(function: Function) -> Function:
    """Give a command the flags of a spec."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def spec_of(spec: Path | None, board: str | None = None, **flags: Any) -> Any:
    """The spec file's values with the flags over them; with a board, what it fixes and nothing else is the board's."""
    from rewardbench.spec import Spec, read_spec
    from rewardbench.variants import parse_sweep

    found = read_spec(spec) if spec is not None else Spec()
    given = {k: v for k, v in flags.items() if v is not False and v not in (None, ())}
    if "sweep" in given:
        given["sweep"] = parse_sweep(given["sweep"])
    if board is not None:
        from rewardbench.boards import submitting

        return submitting.asked(board, found, given)
    return replace(found, **given)
