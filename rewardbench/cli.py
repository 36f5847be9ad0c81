"""What can be asked on the command line? One small file a command under `commands/`, listed without import."""

from __future__ import annotations

import ast
import errno
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from rewardbench import __version__

COMMANDS = Path(__file__).parent / "commands"
EPILOG = """Exit codes: 0 done · 1 our bug · 2 usage or configuration · 3 a gate said no · 4 environment not usable ·
5 data or model not available · 6 a user's code failed in some run · 7 a budget cap stopped the run · 8 finished in
part · 130 interrupted (saved)."""


class _ReadEnough(Exception):
    """Whoever read our output has closed it, as `head` does. Click would leave with 1: that we are broken."""


class _NoOutput(Exception):
    """What we print cannot be written, as to a full disk."""


@contextmanager
def _printing() -> Iterator[None]:
    """Within it a command prints: a pipe that was closed and a stdout that takes nothing are told from our bugs."""
    if sys.stdout is None:  # the next file that is opened would be it
        raise _NoOutput("it is closed")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise _ReadEnough from error
    except OSError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__") not in ("click.utils", __name__):  # not raised by echo, nor by the flush
            raise
        raise _NoOutput(error.strerror or str(error)) from error


class Named(click.Group):
    """A group that says of a command which is none what was probably meant, and what there is."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click's, with the nearest name in the error."""
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"unknown command {args[0]!r}{hint} (there is: {', '.join(self.list_commands(ctx))})")
        return super().resolve_command(ctx, args)


class Folder(Named):
    """A group whose commands are the files of a folder; a command is imported when it is called."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click's, printing."""
        with _printing():
            return super().invoke(ctx)

    def make_context(self, *words: Any, **more: Any) -> click.Context:
        """As click's, which prints the help and the version here."""
        with _printing():
            return super().make_context(*words, **more)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The files' names."""
        return sorted(p.stem for p in COMMANDS.glob("[!_]*.py"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The function `command` of the file."""
        if name not in self.list_commands(ctx):
            return None
        from importlib import import_module

        command: click.Command = import_module(f"rewardbench.commands.{name}").command
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with the first line of their files, read without importing them."""
        rows = []
        for name in self.list_commands(ctx):
            text = ast.get_docstring(ast.parse((COMMANDS / f"{name}.py").read_text(encoding="utf-8"))) or ""
            rows.append((name, text.split("\n")[0]))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(cls=Folder, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rbench")
def main() -> None:
    """Benchmark reward designs: train a small policy with each, and see on a gold score what it did."""


def call(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code. A user's mistake is one line without a traceback."""
    from rewardbench.types import UserError

    try:
        code = main.main(list(arguments), prog_name="rbench", standalone_mode=False)
        return int(code or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        click.echo(f"rbench: {error.format_message()}", err=True)
        return 2
    except UserError as error:
        click.echo(f"rbench: {error}", err=True)
        return error.code
    except OSError as error:
        if not _of_users(error):
            raise
        code = 4 if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) else 5
        click.echo(f"rbench: {os.fsdecode(error.filename)!r} cannot be used: {error.strerror or error}", err=True)
        return code
    except (KeyboardInterrupt, click.Abort) as stop:
        saved = str(stop.__cause__ or "") if isinstance(stop.__cause__, KeyboardInterrupt) else ""  # click turns it
        click.echo("rbench: interrupted" + (f"; what was recorded is saved, {saved}" if saved else ""), err=True)
        return 130
    except _ReadEnough:
        _drop_output()
        return 0
    except _NoOutput as why:
        with suppress(OSError):  # stderr may be what takes nothing
            click.echo(f"rbench: stdout cannot be written: {why}", err=True)
        _drop_output()
        return 4


def _drop_output() -> None:
    """Let what is still to be written go nowhere: Python would complain of it as it ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_users(error: OSError) -> bool:
    """Whether it is about a file or folder that is not ours: somebody named what cannot be read or written, such as a
    name that is too long. Without a name, or on a file of the package, its tasks or boards, it is a bug.
    """
    from rewardbench.find.names import beside

    ours = (COMMANDS.parent, beside("tasks"), beside("leaderboards"))
    named = isinstance(error.filename, (str, bytes))
    return named and not any(Path(os.fsdecode(error.filename)).absolute().is_relative_to(place) for place in ours)


def print_json(value: Any) -> None:
    """One object on stdout; in plain ASCII where stdout cannot say more."""
    plain = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    click.echo(json.dumps(value, indent=2, ensure_ascii=plain, allow_nan=False))
