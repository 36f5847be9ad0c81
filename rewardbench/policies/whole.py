"""Are a policy folder's files there, and whole? Told by first bytes and sizes, so that a plan says it at once.

Loads no torch and reads no weights: what only loading can tell, `reading` says.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

from rewardbench.types import UserError

VOCABULARY = ("tokenizer.json", "*.model", "vocab*", "merges.txt", "*.tiktoken", "tekken.json")
POINTER = b"version https://git-lfs"
"""How a file begins that stands for one which Git LFS did not fetch."""
LARGEST_HEAD = 100 << 20
"""Bytes of a head above which a file is damaged; safetensors itself refuses longer ones."""


def check(name: str, folder: Path) -> None:
    """Raise UserError (code 5) for the first thing that an ordinary model's folder lacks, or that is not whole."""
    where = f"policy {name!r} ({shown(folder)})"
    try:
        if not isinstance(json.loads((folder / "config.json").read_bytes()), dict):
            raise ValueError("it is no object")
    except (OSError, ValueError) as error:
        why = _pointed(folder / "config.json") or error
        raise UserError(f"{where}: its config.json cannot be read: {why}", 5) from error
    if not any(path for pattern in VOCABULARY for path in folder.glob(pattern)):
        raise UserError(f"{where} holds no tokenizer files (such as tokenizer.json)", 5)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        told = "; a .bin is not read, since it can run code: save the model again as safetensors" if pickled else ""
        raise UserError(f"{where} holds no weights (*.safetensors){told}", 5)
    there = {path.name for path in weights}
    for file in _listed(folder):
        if file not in there:
            raise UserError(f"{where}: {file} is missing, one of the files that hold its weights", 5)
    for path in weights:
        try:
            head(path)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error) as error:
            why = _pointed(path) or "its size is not what its head says"
            raise UserError(f"{where}: {path.name} is damaged or cut off ({why}); fetch or copy it again", 5) from error


def check_gguf(name: str, file: Path) -> None:
    """Raise UserError (code 5) for a `.gguf` that is none."""
    with file.open("rb") as opened:
        if opened.read(4) != b"GGUF":
            why = _pointed(file) or "it does not begin as one"
            raise UserError(f"policy {name!r}: {file.name} is no GGUF file ({why}); fetch or copy it again", 5)


def head(path: Path) -> dict[str, Any]:
    """What a safetensors file holds, without its numbers: name -> dtype, shape, place; raises ValueError (or what a
    malformed head leads to) for a file whose size is another than its head says.
    """
    with path.open("rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        if size > min(LARGEST_HEAD, path.stat().st_size):
            raise ValueError(f"{path.name} is damaged")
        told: dict[str, Any] = json.loads(file.read(size))
    told.pop("__metadata__", None)
    if 8 + size + max((tensor["data_offsets"][1] for tensor in told.values()), default=0) != path.stat().st_size:
        raise ValueError(f"{path.name} is cut off")
    return told


def shown(path: Path) -> str:
    """A path as a user would write it: from the working directory where it lies below, else from `~` or whole."""
    here = os.path.abspath(path)
    for root, mark in ((os.getcwd(), ""), (os.path.expanduser("~"), "~/")):
        if len(root) > 1 and here.startswith(root + os.sep):
            return mark + os.path.relpath(here, root)
    return here


def _listed(folder: Path) -> list[str]:
    """The files that an index says the weights lie in; none without one."""
    try:
        table = json.loads((folder / "model.safetensors.index.json").read_bytes())["weight_map"]
        return sorted(set(table.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _pointed(path: Path) -> str:
    """What to say of a file that Git LFS did not fetch; nothing for any other."""
    try:
        with path.open("rb") as file:
            return "it is a pointer of Git LFS: run `git lfs pull`" if file.read(len(POINTER)) == POINTER else ""
    except OSError:
        return ""
