"""Hand a design in: pack finished runs into a bundle, check it, put it into a pull request."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.cli import Named
from rewardbench.commands import _completing
from rewardbench.commands._paths import Given, Out, OutFile

BOARD = click.option(
    "--board", metavar="B", help="A board's name or folder (default: the one that the bundle names).",
    shell_complete=_completing.of("boards", files=True),
)  # fmt: skip


@click.group(cls=Named, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Enter a board: pack what `rbench run --board` recorded, check it as the board will, open a pull request.

    \b
    Example:
      rbench run --board cpu --task qa/lookup --design mine.toml --out runs/entry
      rbench submit pack runs/entry --board cpu --name mine --author "Ann Example" --specs-tried 1
      rbench submit check mine.zip
      rbench submit open mine.zip
    """


@command.command("pack")
@click.argument("sweeps", nargs=-1, required=True, type=Given())
@click.option(
    "--board", required=True, metavar="B", help="A board's name or folder.",
    shell_complete=_completing.of("boards", files=True),
)  # fmt: skip
@click.option("--name", required=True, metavar="X", help="The entry's name: small letters, digits, dots, dashes, _.")
@click.option("--design", metavar="D", help="The design to hand in, where the runs have several.")
@click.option("--author", "authors", multiple=True, required=True, metavar="A", help="Who made it; may be repeated.")
@click.option("--summary", metavar="S", help="One line on what the design pays for (default: its own file's summary).")
@click.option("--specs-tried", type=click.IntRange(1), metavar="N", help="Designs that you tried, this one included.")
@click.option("--link", "links", multiple=True, metavar="URL", help="A paper or page, https:// only; may be repeated.")
@click.option("--licence", default="CC-BY-4.0", metavar="L", help="Of the rows and the design (CC-BY-4.0).")
@click.option("-o", "out", type=OutFile("mine.zip"), help="The bundle (default <name>.zip).")
@click.option("--replace", is_flag=True, help="Write over another bundle that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def pack(
    sweeps: tuple[Path, ...], board: str, name: str, design: str | None, authors: tuple[str, ...],
    summary: str | None, specs_tried: int | None, links: tuple[str, ...], licence: str, out: Path | None,
    replace: bool, as_json: bool,
) -> int:  # fmt: skip
    """Pack one design's finished runs on the board's seeds, in the sweep folders SWEEPS, into a bundle.

    Failed runs are packed and count; missing or unfinished ones are named and nothing is written. What looks like a
    key or a path of somebody's home is refused with its place (code 3). Another bundle that is there stays, unless
    --replace says otherwise.

    \b
    Example:
      rbench submit pack runs/entry --board cpu --name mine --author "Ann Example" --specs-tried 4
    """
    from rewardbench.boards import definition, entries, submitting
    from rewardbench.boards.packing import About
    from rewardbench.cli import print_json

    for link in links:
        entries.check_link(link)
    found = definition.read(board)
    entered = submitting.gather(found, sweeps, design)
    said = submitting.summary_of(found, entered) if summary is None else summary
    about = About(name, summary=said, authors=authors, licence=licence, links=links, specs_tried=specs_tried)
    made = submitting.pack(found, about, entered, out or Path(f"{name}.zip"), replace)
    if as_json:
        print_json(submitting.as_json(made, entered))
        return 0
    for line in submitting.lines(made, entered):
        click.echo(line, err=True)
    if name in entries.places(found.folder):
        click.echo(f"the board has an entry {name!r} already: unless this is it, take another --name", err=True)
    return 0


@command.command("check")
@click.argument("bundle", type=Given())
@BOARD
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def check(bundle: Path, board: str | None, as_json: bool) -> int:
    """Check BUNDLE as the board does when it comes in: the same as `rbench verify BUNDLE --level rescored`.

    \b
    Example:
      rbench submit check mine.zip
    """
    from rewardbench.cli import call

    more = [*(() if board is None else ("--board", board)), *(("--json",) if as_json else ())]
    return call(["verify", str(bundle), "--level", "rescored", *more])


@command.command("open")
@click.argument("bundle", type=Given())
@click.option("--board", metavar="B", help="A board's name or folder (default: the shipped one that it names).")
@click.option(
    "--into", type=Out(file_okay=False), metavar="CHECKOUT",
    help="Write the entry as the board keeps it into this checkout of the boards' repository.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def open_(bundle: Path, board: str | None, into: Path | None, as_json: bool) -> int:
    """Say how BUNDLE becomes a pull request: steps, title and text. Nothing is sent, and git is yours to run.

    With --into, the entry is written below leaderboards/<board>/entries/ of a checkout, ready to commit: all scores,
    the words of a seeded few, and the SHA-256 of the whole bundle.

    \b
    Example:
      rbench submit open mine.zip
      rbench submit open mine.zip --into ../boards
    """
    from rewardbench.boards import bundle as bundles
    from rewardbench.boards import entries, handing, verify
    from rewardbench.cli import print_json
    from rewardbench.types import UserError

    verdict = verify.verify(bundle, board, "consistent")
    if not verdict.accepted:
        first = next(f for f in verdict.findings if f.severity == "reject")
        raise UserError(f"the bundle is refused ({first.code}: {first.message}); `rbench submit check` says all", 3)
    with bundles.opened(bundle) as folder:
        entry = entries.read(folder)
        digest = handing.sha256(bundle, folder)
        told = handing.request(entry, bundle, digest)
        written = handing.put(entry, digest, into) if into is not None else None
    if as_json:
        print_json(handing.as_json(told, entry, written))
        return 0
    if written is not None:
        click.echo(f"wrote {written}: git add it, commit, push", err=True)
        return 0
    for number, line in enumerate(told.steps, 1):
        click.echo(f"{number}. {line}")
    click.echo(f"\n{told.title}\n\n{told.body}")
    return 0
