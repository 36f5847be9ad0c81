"""Where does a task's real data lie? Under `$REWARDBENCH_DATA`, a folder or a data set of the hub; held to its hash.

A task on real data names its files in the `sources.toml` beside its card, a `[[file]]` each:

    [[file]]
    place = "qa/xquad/xquad.en.json"    # under $REWARDBENCH_DATA
    sha256 = "…"                        # of the published file; left out, any file in that layout is taken
    what = "XQuAD, English, CC BY-SA 4.0, github.com/google-deepmind/xquad"

Whoever has data of their own in the same layout copies the task's folder and names their own file there: it is another
task, with other prompts, and no number of it should stand beside the published one's.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from functools import cache
from pathlib import Path

from rewardbench.types import UserError

VARIABLE = "REWARDBENCH_DATA"
HUB = "hub:"


def file(task: str | Path, place: str) -> Path:
    """The local path of a file that the task's `sources.toml` names; `task` is a file of the task (`__file__`).

    Raises UserError (code 5), saying what to get and where to put it, if the file is not there or is another one.
    """
    row = _named(Path(task).with_name("sources.toml"), place)
    name = "/".join(Path(task).absolute().parts[-3:-1])
    found = _under(name, place, row["what"])
    wanted = row.get("sha256")
    if wanted and digest(found, found.stat().st_mtime_ns) != wanted:
        raise UserError(
            f"{name}: {place} is not the published file (its SHA-256 is not {wanted[:12]}…): get {row['what']} again; "
            "for data of your own, copy the task's folder and name your file in its sources.toml", 5,
        )  # fmt: skip
    return found


def text(task: str | Path, place: str) -> str:
    """The same file's text, UTF-8; raises UserError (code 5) also where it cannot be read."""
    path = file(task, place)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place} cannot be read: {error}", 5) from error


@cache
def digest(path: Path, changed: int) -> str:
    """SHA-256 of a file that was last changed then, hexadecimal."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _named(sources: Path, place: str) -> dict[str, str]:
    """The row of `sources.toml` that names a place; a task that asks for a file it does not name is ours to mend."""
    rows: list[dict[str, str]] = tomllib.loads(sources.read_text(encoding="utf-8")).get("file", [])
    return next(row for row in rows if row["place"] == place)


def _under(task: str, place: str, what: str) -> Path:
    """The path of a place under `$REWARDBENCH_DATA`."""
    root = os.environ.get(VARIABLE, "")
    if not root:
        remedy = f"set {VARIABLE} to the folder (or hub:owner/name@revision) that holds {place}"
        raise UserError(f"{task} reads {what}: {remedy}", 5)
    found = _of_hub(root.removeprefix(HUB), place) if root.startswith(HUB) else Path(root).expanduser() / place
    if not found.is_file():
        raise UserError(f"{task} reads {what}: {VARIABLE}={root} holds no {place}", 5)
    return found


def _of_hub(name: str, place: str) -> Path:
    """The local copy of a file of a data set on the hub, fetched if it is not there yet."""
    from huggingface_hub import hf_hub_download

    repository, _, revision = name.partition("@")
    try:
        return Path(hf_hub_download(repository, place, repo_type="dataset", revision=revision or None))
    except Exception as error:  # the hub's client raises its own, urllib's, httpx's and ValueError
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{place}: the data set {name!r} of the hub cannot be had: {first}", 5) from error
