"""Where does what ships lie, and what is said of a name that is not there?"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from rewardbench import design as designs_
from rewardbench import fence
from rewardbench.types import UserError

PACKAGE = Path(__file__).parents[1]
MOST = 20
"""Names that a message lists; of more it lists the first and their number: a line has to stay one."""


def unknown(kind: str, asked: str, known: Iterable[str], code: int = 2) -> UserError:
    """The one shape of an unknown name: what was asked, what was probably meant, what there is."""
    known = sorted(known)
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    there = (", ".join(known[:MOST]) or "none") + more
    return UserError(f"unknown {kind} {asked!r}{designs_.nearest(asked, known)} (there is: {there})", code)


def why(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, without its name: whoever says it names the path as it was asked for.

    >>> why(FileNotFoundError(2, "No such file or directory", "a.toml"))
    'No such file or directory'
    """
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)


@contextmanager
def importing(what: str, missing: int = 5) -> Iterator[None]:
    """Turn whatever a user's file does when it is imported into one line, with the file's own: code 6, or `missing` for
    an ImportError.
    """
    try:
        with redirect_stdout(sys.stderr):  # stdout carries the one JSON object
            yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        code = missing if isinstance(error, ImportError) else 6
        told = f"{type(error).__name__}: {fence.first_line(error)}{fence.users_line(error)}"
        raise UserError(f"{what} cannot be imported: {told}", code) from error


def beside(name: str) -> Path:
    """A folder that ships with the package: inside a wheel, beside the package in a checkout."""
    inside = PACKAGE / f"_{name}"
    return inside if inside.is_dir() else PACKAGE.parent / name


def first_line(path: Path) -> str:
    """The first line of a file's docstring, without importing it."""
    try:
        return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
    except SyntaxError:
        return "(does not parse)"


def files(folder: str) -> dict[str, str]:
    """Name -> first docstring line of the files in a folder of the package."""
    return {p.stem: first_line(p) for p in sorted((PACKAGE / folder).glob("[!_]*.py"))}
