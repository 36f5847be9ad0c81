"""What has a path on the command line to be? Named at all; and one that is written, a place that can be written."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import click


class Given(click.Path):
    """A path that somebody names."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path; click's error (code 2) where it is empty: taken as a path it would be the working directory."""
        if not os.fspath(value):
            self.fail("an empty text names no file or folder", param, ctx)
        return Path(os.fsdecode(super().convert(value, param, ctx)))


class Out(Given):
    """A folder to write into."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The folder; raises UserError (code 4) where there can be none of that name."""
        path = super().convert(value, param, ctx)
        try:
            _mode(path)
        except OSError as error:
            raise _unusable(f"{_flag(param)} {path} cannot be used: {error.strerror or error}") from error
        return path


class OutFile(Given):
    """A file to write; `like` is how one could be called."""

    def __init__(self, like: str) -> None:
        """Any path will do until it is asked for."""
        super().__init__()
        self.like = like

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The file; raises UserError (code 4) where it could not be written, before anything is computed for it."""
        path = super().convert(value, param, ctx)
        try:
            mode = _mode(path)
            if stat.S_ISDIR(mode) or os.fspath(value).endswith("/"):  # a `Path` forgets the slash
                like = path / self.like
                raise _unusable(f"{_flag(param)} {value} is a folder: name a file in it, such as {like}")
            if not mode or stat.S_ISREG(mode):
                _probe(Path(os.path.realpath(path)).parent)
        except OSError as error:
            raise _unusable(f"{_flag(param)} {path} cannot be used: {error.strerror or error}") from error
        return path


def _mode(path: Path) -> int:
    """What stands at a path, as the system has it; 0 where nothing does, or a link to nothing."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0


def _probe(folder: Path) -> None:
    """Raise OSError unless a file can be made in the folder, or in what there is above it; none is left."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    with tempfile.TemporaryFile(dir=there):
        pass


def _flag(param: click.Parameter | None) -> str:
    return param.opts[-1] if param else "the output"


def _unusable(words: str) -> Exception:
    from rewardbench.types import UserError  # not at the top: it loads NumPy, and a command's help nothing

    return UserError(words, 4)
