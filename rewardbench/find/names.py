"""Where does what ships lie, and what is said of a name that is not there?"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from rewardbench import design as designs_
from rewardbench.types import UserError

PACKAGE = Path(__file__).parents[1]


def unknown(kind: str, asked: str, known: Iterable[str], code: int = 2) -> UserError:
    """The one shape of an unknown name: what was asked, what was probably meant, what there is."""
    known = sorted(known)
    there = ", ".join(known) or "none"
    return UserError(f"unknown {kind} {asked!r}{designs_.nearest(asked, known)} (there is: {there})", code)


def beside(name: str) -> Path:
    """A folder that ships with the package: inside a wheel, beside the package in a checkout."""
    inside = PACKAGE / f"_{name}"
    return inside if inside.is_dir() else PACKAGE.parent / name


def first_line(path: Path) -> str:
    """The first line of a file's docstring, without importing it."""
    try:
        return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
    except SyntaxError:
        return "(does not parse)"


def files(folder: str) -> dict[str, str]:
    """Name -> first docstring line of the files in a folder of the package."""
    return {p.stem: first_line(p) for p in sorted((PACKAGE / folder).glob("[!_]*.py"))}
