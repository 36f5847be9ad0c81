"""What is there? Names and summaries, read from folders and docstrings; nothing is imported."""

from __future__ import annotations

import json
import tomllib
from itertools import takewhile
from pathlib import Path

from rewardbench.find.designs import task_designs
from rewardbench.find.functions import arms, parts
from rewardbench.find.names import beside, files, first_line
from rewardbench.find.tasks import task_folders
from rewardbench.policies import settings as policies_


def listing(kind: str) -> dict[str, str]:
    """Name -> summary of everything of a kind; reads folders and docstrings, imports nothing."""
    if kind == "tasks":
        return {name: first_line(path / "task.py") for name, path in sorted(task_folders().items())}
    if kind == "designs":
        own = {f"{t}/{d}": _summary(p) for t in sorted(task_folders()) for d, p in task_designs(t).items()}
        return own | arms()
    if kind == "parts":
        return dict(parts())
    if kind == "policies":
        names = sorted({*policies_.shipped(), *policies_.known()})
        return {n: first_comment(policies_.HERE / f"{n}.toml") for n in names}
    if kind == "boards":
        return {p.parent.name: _board(p) for p in sorted(beside("leaderboards").glob("*/board.toml"))}
    return files(kind)


def _board(path: Path) -> str:
    """A board's `summary`, and that it has no entries yet where it has none."""
    return _summary(path) + ("" if _entered(path.parent) else " (no entries yet)")


def _entered(board: Path) -> bool:
    """Whether a board's folder has entries, or was built from some: a wheel carries none."""
    if any((board / "entries").glob("*/entry.json")):
        return True
    try:
        return bool(json.loads((board / "board.json").read_text(encoding="utf-8"))["entries"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _summary(path: Path) -> str:
    """The `summary` of a TOML file."""
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8")).get("summary", ""))
    except tomllib.TOMLDecodeError:
        return "(is not valid TOML)"


def first_comment(path: Path) -> str:
    """The first sentence of the comment that a TOML file begins with."""
    lines = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    text = " ".join(line.lstrip("# ") for line in lines)
    sentence, stop, _ = text.partition(". ")
    return sentence + stop.strip()
