"""Train an entry anew: the same rows on the board's seeds, or as good on seeds that nobody could choose."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rewardbench.commands import _completing
from rewardbench.commands._paths import Out

WHOLE = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
"""A commit's whole hash: any other spelling of it would name other seeds, and so could be picked."""

if TYPE_CHECKING:
    from rewardbench.boards.definition import Board


@click.command()
@click.argument("entry")
@click.option(
    "--board", "asked", metavar="B", help="A board's name or folder (default: the one that the entry names).",
    shell_complete=_completing.of("boards", files=True),
)  # fmt: skip
@click.option("--task", "tasks", multiple=True, metavar="T", help="Of its tasks, only these; may be repeated.")
@click.option("--seeds", type=click.IntRange(1), metavar="N", help="Only its first N seeds (default: all).")
@click.option(
    "--challenge-seeds", "count", type=click.IntRange(1, 100), metavar="N",
    help="Train N seeds that are named by board, entry and --commit instead of its own.",
)  # fmt: skip
@click.option("--commit", metavar="HASH", help="The merge commit, its whole hash: a shorter one names other seeds.")
@click.option(
    "--out", type=Out(), help="Folder of its sweeps (default runs/reproduce-<entry>[-<commit>])."
)
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
@click.option("--trust", is_flag=True, help="Run code that the entry brings. Only in a container without secrets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    entry: str, asked: str | None, tasks: tuple[str, ...], seeds: int | None, count: int | None, commit: str | None,
    out: Path | None, workers: int | None, trust: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train ENTRY's design anew, with `untrained` beside it, and compare.

    ENTRY is <board>/<entry>, an entry's folder, or a bundle; entries lie in a clone of the repository alone. On its own
    seeds every row has to be the same, bit for bit; on another kind of processor, and on challenge seeds, quality must
    not be below what its own spread over seeds explains. Leaves with code 3 if it is; that asks for more seeds, and
    accuses nobody.

    \b
    Example:
      rbench reproduce leaderboards/cpu/reference --seeds 2
      rbench reproduce mine.zip --challenge-seeds 3 --commit "$(git rev-parse HEAD)"
    """
    from rewardbench.boards import definition, entries
    from rewardbench.boards import reproduce as reproducing
    from rewardbench.cli import print_json
    from rewardbench.find.names import unknown
    from rewardbench.types import UserError

    if (count is None) != (commit is None):
        raise UserError("--challenge-seeds and --commit go together: the commit names the seeds")
    if commit is not None and not WHOLE.fullmatch(commit):
        raise UserError(f"--commit {commit!r} is no whole hash (40 or 64 digits of 0-9 and a-f), and names other seeds")
    if count is not None and seeds is not None:
        raise UserError("--seeds are the entry's own, --challenge-seeds are not: give one of them")
    with _opened(entry, asked) as folder:
        found = entries.read(folder)
        board = _board(entry, asked, found.about)
        for task in tasks:
            if task not in found.tasks:
                raise unknown(f"task of entry {found.name}", task, found.tasks)
        wanted = list(dict.fromkeys(tasks or found.tasks))  # a task that is named twice is no second witness
        definition.check_scale(board, wanted)
        if warning := reproducing.check_trust(found, trust):
            click.echo(f"rbench: {warning}", err=True)
        place = out or Path("runs") / "-".join(["reproduce", found.name, *([commit[:12]] if commit else [])])
        done = []
        for task in wanted:
            own = [r.spec.seed for r in found.runs(task)]
            if seeds is not None and seeds > len(own):
                raise UserError(f"--seeds {seeds}: entry {found.name} has {len(own)} seeds on {task}")
            fresh = count is not None
            chosen = definition.challenge_seeds(board, found.name, commit or "", count) if count else own[:seeds]
            done.append(reproducing.reproduce(board, found, task, chosen, fresh, place, workers or 0, "plain"))
    ok = reproducing.holds(board, done)
    if as_json:
        head = {"schema_version": 1, "entry": found.name, "board": board.name, "version": board.version, "ok": ok}
        p = reproducing.together(board, done).p
        print_json({**head, "p": p, "commit": commit, "tasks": [reproducing.as_json(one) for one in done]})
    else:
        _say(board, done)
    return 0 if ok else 3


def _opened(entry: str, asked: str | None) -> AbstractContextManager[Path]:
    """The folder of an entry: of a board by its name, or of a bundle, which is checked before it is read."""
    from contextlib import nullcontext

    from rewardbench.boards import definition, entries
    from rewardbench.find.names import unknown
    from rewardbench.types import UserError

    if "" in (entry, asked):
        raise UserError("an empty text names no entry or board: give <board>/<entry>, an entry's folder, or a bundle")
    board, name = entries.parted(entry)
    place = asked or board
    if not Path(entry).exists() and place:
        there = entries.at_hand(definition.read(place).folder)
        if name not in there:
            raise unknown(f"entry of board {place}", name, there)
        return nullcontext(there[name])
    from rewardbench.boards import bundle

    return bundle.opened(Path(entry))


def _board(entry: str, asked: str | None, about: Any) -> Board:
    """The board that an entry is trained for."""
    from rewardbench.boards import definition, entries, verify

    place = asked or ("" if Path(entry).exists() else entries.parted(entry)[0])
    return definition.read(place) if place else verify.shipped(about, Path(entry))


def _say(board: Board, done: Any) -> None:
    """What came out, a line a task, then the other axes that differ; of several tasks, what they say together."""
    from rewardbench.boards import reproduce

    for one in done:
        click.echo(reproduce.sentence(one), err=True)
        for axis, (old, new) in one.axes.items():
            if axis != "quality" and None not in (old, new) and f"{old:.3f}" != f"{new:.3f}":
                click.echo(f"  {axis}: {old:.3f} by the entry, {new:.3f} now", err=True)
    held = reproduce.holds(board, done)
    if len(done) > 1 and not all(one.same for one in done):
        p, word = reproduce.together(board, done).p, "not below" if held else "below"
        click.echo(f"all {len(done)} tasks together: {word} what the entry's seeds explain (p = {p:.3f})", err=True)
    if not held:
        click.echo("that asks for more challenge seeds; it accuses nobody", err=True)
