"""Leaderboards: run a board's own entries, build its pages."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.cli import Named
from rewardbench.commands import _completing
from rewardbench.commands._paths import Given, Out


@click.group(cls=Named, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Run a board's own entries and build what it shows.

    \b
    Example:
      rbench board build leaderboards/cpu
    """


@command.command("run")
@click.argument("board")
@click.option("--out", type=Out(), help="Folder of its sweeps (default runs/board-<name>).")
@click.option("--only", multiple=True, metavar="SHARD", help="A shard, such as qa-lookup-controls; may be repeated.")
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one a core).")
@click.option("--list", "as_list", is_flag=True, help="Name the shards and how many runs each has; run nothing.")
def run(board: str, out: Path | None, only: tuple[str, ...], workers: int | None, as_list: bool) -> int:
    """Run the entries that BOARD itself ships: arms, the tasks' designs, and the drawn ones.

    Each shard is a sweep of its own; the same command goes on after a kill.

    \b
    Example:
      rbench board run cpu --list
    """
    from rewardbench import sweep, watch
    from rewardbench.boards import definition, running
    from rewardbench.find.names import unknown

    found = definition.read(board)
    there = running.shards(found)
    for name in only:
        if name not in {s.name for s in there}:
            raise unknown(f"shard of board {found.name}", name, [s.name for s in there])
    if as_list:
        for shard in there:
            click.echo(f"{shard.name}  {len(shard.designs)} designs x {shard.seeds} seeds")
        return 0
    for shard, prepared in running.prepared(found, out or Path("runs") / f"board-{found.name}", only):
        left = sweep.unfinished(prepared)
        click.echo(f"{shard.name}: {len(left)} of {len(prepared.runs)} runs to do", err=True)
        if left:
            with watch.showing("plain", prepared.id, left, len(prepared.runs) - len(left)) as tell:
                sweep.execute(prepared, workers or sweep.cores(), tell)
    return 0


@command.command("add")
@click.argument("board")
@click.argument("sweeps", nargs=-1, required=True, type=Given(exists=True, file_okay=False))
@click.option("--replace", "over", multiple=True, metavar="ENTRY", help="Write this entry anew if its runs are others.")
def add(board: str, sweeps: tuple[Path, ...], over: tuple[str, ...]) -> int:
    """Put what SWEEPS have finished of the designs that BOARD ships into its folder.

    Designs whose seeds are not all there are named and left for later. An entry that has other runs of a task already
    is named, stays as it is, and makes the exit code 3; the same runs may be added again, and another task's too.

    \b
    Example:
      rbench board add leaderboards/cpu runs/board-cpu/*
      rbench board add leaderboards/cpu runs/again --replace untrained
    """
    from rewardbench.boards import definition, packing

    found = definition.read(board)
    done = packing.add_own(found, sweeps, over)
    click.echo(f"{len(done.written)} entries written: {', '.join(done.written) or 'none'}")
    for line in done.wrong:
        click.echo(f"left out: {line}", err=True)
    for line in done.kept:
        click.echo(f"not written: {line}", err=True)
    if "untrained" in over:
        others = "add the runs of the other entries again, or see what `rbench board check` says of them"
        click.echo(f"every number of the board is relative to untrained: {others}", err=True)
    return 3 if done.kept else 0 if done.written else 8


@command.command("freeze")
@click.argument("board")
def freeze(board: str) -> int:
    """Write the scale and the hashes of BOARD into its board.toml, from its `untrained` and `oracle` entries.

    Done once, before others enter: another scale or hash is another version of the board. Entries name the digest of
    their board, which changes: `board add` their runs once more.

    \b
    Example:
      rbench board freeze leaderboards/cpu
    """
    from rewardbench.boards import definition, freezing

    found = freezing.freeze(definition.read(board))
    click.echo(f"board {found.name} version {found.version}: {found.digest}")
    click.echo(f"its entries name it as it was: `rbench board add {board}` their runs once more", err=True)
    return 0


@command.command("build")
@click.argument("board")
@click.option("--pages", "out", type=Out(file_okay=False), help="Also a page an entry, here.")
def build(board: str, out: Path | None) -> int:
    """Compute every number of BOARD again from its entries' rows, and write its pages.

    Learning curves and completions of each entry need room: they are written only where --pages says.

    \b
    Example:
      rbench board build leaderboards/cpu
      rbench board build leaderboards/cpu --pages pages
    """
    import gc

    from rewardbench.boards import definition, writing

    found = definition.read(board)
    gc.disable()  # what a build makes lives until its end: to look for garbage costs a tenth of it
    try:
        written = writing.write(found, out)
    finally:
        gc.enable()
    for path in written:
        click.echo(path.name)
    return 0


@command.command("check")
@click.argument("board")
@click.option(
    "--level", default="rescored", metavar="L",
    help="How far, as `rbench verify` has it: consistent, rescored (the default), regenerated or reproduced.",
)  # fmt: skip
@click.option(
    "--challenge-seeds", "challenge", default=3, type=click.IntRange(1, 20), metavar="N",
    help="Seeds to train anew at the level reproduced (3).",
)  # fmt: skip
@click.option("--entry", "only", multiple=True, metavar="ENTRY", help="Of its entries, only this; may be repeated.")
def check(board: str, level: str, challenge: int, only: tuple[str, ...]) -> int:
    """Verify every entry of BOARD, and write how far each got into its evidence.json.

    An entry that was checked further before keeps its word, unless it changed or is now denied. The level reproduced
    trains each of them anew: give --entry.

    \b
    Example:
      rbench board check leaderboards/cpu
      rbench board check leaderboards/cpu --level reproduced --entry reference
    """
    from rewardbench.boards import definition, evidence

    checked = refused = 0
    for name, verdict in evidence.check(definition.read(board), level, challenge, only):
        checked += 1
        refused += not verdict.accepted
        codes = ", ".join(sorted({f.code for f in verdict.findings}))
        click.echo(f"{name}: {verdict.level}{f' ({codes})' if codes else ''}")
    if not checked:
        click.echo("0 entries")
    return 3 if refused else 0


@command.command("state")
@click.argument("board")
@click.argument("entry")
@click.argument("state", required=False)
@click.option("--reason", default="", metavar="R", help="Why, in a line that the board shows.")
@click.option("--by", metavar="ENTRY", help="Of a corrected entry: the one that took its place.")
@click.option("--link", metavar="URL", help="Where the evidence stands, https:// only.")
@click.option("--date", "day", metavar="DAY", help="When, as 2027-03-04 (default: today).")
def state(
    board: str, entry: str, state: str | None, reason: str, by: str | None, link: str | None, day: str | None
) -> int:
    """Record that ENTRY of BOARD is STATE: challenged, listed (again), corrected, withdrawn or removed.

    Without STATE, print what was recorded. A challenged row stays ranked, and is marked. Of a corrected, withdrawn or
    removed entry a tombstone stays, with date and reason, unranked and without numbers; the board's own entries cannot
    leave. It is written into BOARD's states.json; what was handed in is not touched.

    \b
    Example:
      rbench board state leaderboards/cpu mine challenged --reason "rows of seed 3 do not reproduce" --link https://example.org/12
      rbench board state leaderboards/cpu mine withdrawn --reason "its author found a bug in a part"
    """
    from datetime import date

    from rewardbench.boards import definition, states

    found = definition.read(board)
    told = states.read(found).get(entry)
    if state is not None:
        change = states.Change(state, day or str(date.today()), reason, by, link)
        told = states.record(found, entry, change)
    else:
        states.check_name(found, entry)
    for line in states.lines(entry, told):
        click.echo(line)
    if state is not None:
        click.echo(f"`rbench board build {board}` shows it", err=True)
    return 0


@command.command("study")
@click.argument("name")
@click.argument("board")
@click.option("--out", type=Out(), help="Folder of its sweeps (default runs/study-<board>).")
def study(name: str, board: str, out: Path | None) -> int:
    """Do a study of whether BOARD tells the truth: audits, challenge or sensitivity; its rows go beside the board.

    \b
    Example:
      rbench board study audits leaderboards/cpu
    """
    from rewardbench.boards import definition, studies

    found = definition.read(board)
    place = out or Path("runs") / f"study-{found.name}"
    rows = studies.collect(name, found, place, lambda line: click.echo(line, err=True))
    click.echo(f"{len(rows)} rows in studies/{name}.jsonl")
    return 0


@command.command("transfer")
@click.argument("first", shell_complete=_completing.of("boards", files=True))
@click.argument("second", shell_complete=_completing.of("boards", files=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def transfer(first: str, second: str, as_json: bool) -> int:
    """Does board FIRST foretell board SECOND? Designs that stand on both, by their hash, task by task.

    \b
    Example:
      rbench board transfer cpu gpu
    """
    from dataclasses import asdict

    from rewardbench.boards import definition
    from rewardbench.boards import transfer as transferring
    from rewardbench.cli import print_json

    one, other = definition.read(first), definition.read(second)
    found = transferring.between(one, other)
    if as_json:
        boards = [{"name": b.name, "version": b.version, "digest": b.digest} for b in (one, other)]
        print_json({"schema_version": 1, "boards": boards, "tasks": {t: asdict(f) for t, f in found.items()}})
        return 0
    for task, told in found.items():
        for line in transferring.lines(task, told, one.name, other.name):
            click.echo(line)
    return 0
