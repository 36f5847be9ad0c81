"""How is a file written so that a kill or a full disk loses nothing, and what may stand in it?"""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rewardbench.types import Damaged, UserError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full or unusable disk into one clear line (code 4); what was recorded stays."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"no space left to write {path.name}; free some, then `rbench resume` goes on"
            raise UserError(reason, 4) from error
        raise UserError(f"cannot write {path.name}: {error.strerror or error}", 4) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader or a kill sees the old or the new one: temporary name, fsync, rename."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _swap(path, path.with_name(path.name + ".tmp"), data)


def write_asked(path: Path, data: bytes) -> None:
    """Write the file that a user named, whatever stands there: a link is followed, a device or pipe is written into,
    and a file is replaced whole. Its temporary name is no file of the user's, and goes if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        apart = str(path.absolute()).startswith(("/dev/", "/proc/"))  # stdout, or another descriptor that is open
        if path.exists() and (apart or not path.is_file()):
            with path.open("ab") as file:  # a shell's `>>` keeps what was there
                file.write(data)
            return
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            _swap(target, temporary, data)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}", 4) from error


def _swap(path: Path, temporary: Path, data: bytes) -> None:
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def dumps(value: Any) -> str:
    """Compact JSON with sorted keys; a number that is not finite becomes null.

    >>> dumps({"b": float("nan"), "a": 1})
    '{"a": 1, "b": null}'
    """
    return json.dumps(finite(value), sort_keys=True, allow_nan=False, ensure_ascii=False)


def finite(value: Any) -> Any:
    """Plain values for JSON, with None for each number that is not finite.

    >>> finite({"a": (1, float("inf"))})
    {'a': [1, None]}
    """
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_toml(path: Path, missing: str) -> dict[str, Any]:
    """A TOML file that we wrote; raises UserError (code 5) if it is missing or damaged."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damaged(missing) from error
    except OSError as error:
        raise Damaged(f"{path.parent.name}/{path.name} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise Damaged(f"{path.parent.name}/{path.name} is damaged: {error}") from error


def plain(value: Any) -> Any:
    """The value as TOML can say it: tuples are lists, keys without a value are left out."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value
