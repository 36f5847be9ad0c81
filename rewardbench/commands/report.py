"""One self-contained page of what came of a sweep: verdicts, pictures, completions."""

from __future__ import annotations

from pathlib import Path

import click

from rewardbench.commands._paths import Given, Out, OutFile


@click.command()
@click.argument("folders", nargs=-1, required=True, type=Given())
@click.option("-o", "out", type=OutFile("report.html"), help="The page (default: report.html in the one DIR).")
@click.option("--svg", "drawn", type=Out(), help="Write every picture here too, for papers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(folders: tuple[Path, ...], out: Path | None, drawn: Path | None, as_json: bool) -> int:
    """Write one HTML page that opens from disk: what came out, how sure that is, and the completions behind it.

    FOLDERS are sweep folders or run folders; unfinished ones are shown as far as they are.

    \b
    Example:
      rbench report runs/3f2a91c0d4e5
      rbench report runs/story runs/qa -o both.html --svg pictures
    """
    from rewardbench import tables
    from rewardbench.cli import print_json
    from rewardbench.commands import _showing
    from rewardbench.pages import report
    from rewardbench.types import UserError

    if out is None and len(folders) > 1:
        raise UserError(f"{len(folders)} folders: say with -o where their one page goes, such as -o report.html")
    path = out or folders[0] / "report.html"
    built = report.build(folders)
    _showing.unlisted(folders)
    size = report.save(built, path)
    pictures = report.save_pictures(built, drawn) if drawn is not None else []
    if as_json:
        print_json(
            {
                "schema_version": tables.SCHEMA,
                "file": str(path),
                "bytes": size,
                "runs": built.runs,
                "tasks": list(built.tasks),
            }
        )
    else:
        runs = f"{built.runs} run{'s' * (built.runs != 1)}"
        click.echo(f"{path}: {runs}, {', '.join(built.tasks)}; {size / 1000:.0f} kB", err=True)
        if pictures:
            click.echo(f"{drawn}: {len(pictures)} pictures", err=True)
    return 0
