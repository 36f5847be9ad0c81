"""What does `rbench new` write? The files of a folder of `scaffolds/`, names filled in; the folders are the kinds."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rewardbench.types import UserError

SCAFFOLDS = Path(__file__).parents[1] / "scaffolds"
NEXT = "NEXT.txt"
"""Of a scaffold's files the one that is printed: the commands that come next."""
SHOWN = "writing/story"
"""The task that the next commands run where none is named."""


@dataclass(frozen=True)
class Made:
    """What is to be written."""

    files: Mapping[Path, str]
    """Path -> text."""
    next: tuple[str, ...]
    """The commands that come next."""


def kinds() -> list[str]:
    """What can be made."""
    return sorted(path.name for path in SCAFFOLDS.iterdir() if path.is_dir())


def plan(kind: str, name: str, task: str | None, out: Path) -> Made:
    """The files of a new thing and the commands that come next; raises UserError where its name will not do."""
    from rewardbench import find

    if kind not in kinds():
        raise find.unknown("kind", kind, kinds())
    if task is not None:
        find.task_folder(task)
    family, _, own = name.rpartition("/")
    if kind == "task":
        _check_task(name, out)
    else:
        _check(name, f"{kind} {name!r}")
        _check_module(name)
    if kind == "design" and task is None:
        raise UserError(f"design {name!r}: for which task? Give --task (there is: {', '.join(find.task_folders())})")
    here = "" if out == Path() else shlex.quote(f"{out.as_posix()}/")
    words = {
        "NAME": own, "FAMILY": family, "FULL": name, "CLASS": camel(own), "TASK": task or SHOWN, "DIR": here,
        "ROOT": shlex.quote(str(out.resolve())),
    }  # fmt: skip
    folder = SCAFFOLDS / kind
    target = out / name if kind == "task" else out
    files = {
        target / fill(name.removesuffix(".txt"), words): fill((folder / name).read_text(encoding="utf-8"), words)
        for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt"))
        if name != NEXT
    }
    return Made(files, tuple(fill((folder / NEXT).read_text(encoding="utf-8"), words).splitlines()))


def fill(text: str, words: Mapping[str, str]) -> str:
    """The text with each `@WORD@` replaced.

    >>> fill("@NAME@.py: class @CLASS@", {"NAME": "my_part", "CLASS": "MyPart"})
    'my_part.py: class MyPart'
    """
    return re.sub(r"@([A-Z]+)@", lambda found: words[found[1]], text)


def camel(name: str) -> str:
    """The name as that of a class.

    >>> camel("dr_grpo"), camel("signed")
    ('DrGrpo', 'Signed')
    """
    return "".join(word.capitalize() for word in name.split("_"))


def _check(name: str, what: str) -> None:
    """Raise UserError unless a name is made of small letters, digits and underscores, and is no word of Python's."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        meant = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
        meant = f"my_{meant}" if keyword.iskeyword(meant) else meant
        hint = f", did you mean {meant!r}?" if meant else ""
        why = "is a word of Python's" if keyword.iskeyword(name) else "is not small letters, digits and underscores"
        raise UserError(f"{what} {why}{hint}")


def _check_module(name: str) -> None:
    """Raise UserError where a file of that name would hide a module, or be hidden by one."""
    found = None if name in sys.stdlib_module_names else importlib.util.find_spec(name)
    installed = found is not None and "site-packages" in str(found.origin)
    if name in sys.stdlib_module_names or name == "rewardbench" or installed:
        raise UserError(f"{name!r} is an installed module's name, which its test could not import: try 'my_{name}'")


def _check_task(name: str, out: Path) -> None:
    """Raise UserError unless a task's name is family/name, and new."""
    from rewardbench import find

    family, slash, own = name.partition("/")
    if not slash or "/" in own:
        there = sorted({known.partition("/")[0] for known in find.task_folders()})
        meant = f", did you mean {f'{there[-1]}/{name}'!r}?" if not slash else ""
        raise UserError(f"task {name!r} is not family/name{meant} (families there are: {', '.join(there)})")
    for word in (family, own):
        _check(word, f"task {name!r}: {word!r}")
    known = find.task_folders().get(name)
    if known is not None and known.resolve() != (out / name).resolve():
        raise UserError(f"there is a task {name!r} already, and a name found twice is an error: choose another")


def write(made: Made) -> None:
    """Write all of it, or nothing where one of the files is there already (code 4)."""
    try:
        if there := [path for path in made.files if path.exists() or path.is_symlink()]:
            raise UserError(f"{there[0]} is there already and is left as it is: choose another name or --out", 4)
        for path, text in made.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UserError(f"cannot write {error.filename or 'it'}: {error.strerror or error}", 4) from error
