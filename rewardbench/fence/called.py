"""What becomes of this process while a user's function is called, and which limit explains its failure?"""

from __future__ import annotations

import errno
import os
import re
import resource
import select
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rewardbench.fence.bounds import GIB, VARIABLE
from rewardbench.fence.up import here, own
from rewardbench.types import RewardError

SPARE_MEMORY, SPARE_FILES = 0.25, 64
"""GiB and open files that a user's function may not take: what it broke must still be written down."""
_forks = [0]
os.register_at_fork(after_in_parent=lambda: _forks.__setitem__(0, _forks[0] + 1))
_hurt: set[str] = set()
"""What ran out in this process, in a user's code."""
_saved: list[int] = []
"""Copies of the standard descriptors, to put them back."""


@contextmanager
def watched(name: str) -> Iterator[None]:
    """Within it a user's function is called. Something is kept back for what must be written down if it breaks.

    Raises RewardError if the function closed a standard stream (which is put back: the next file opened would
    become it), or forked a process that came back from it (which is ended: it would go on as a second worker).
    """
    if not _saved:
        _saved.extend(os.dup(n) for n in range(3))
    before, forks, mine, (ear, mouth) = _streams(), _forks[0], os.getpid(), os.pipe()
    _spare(True)
    try:
        yield
    finally:
        if os.getpid() != mine:
            os.write(mouth, b"x")
            os._exit(0)
        _spare(False)
        os.close(mouth)  # so that the pipe ends at once where no child is left to speak
        came_back = _forks[0] > forks and select.select([ear], [], [], 0.5)[0] and os.read(ear, 1)
        os.close(ear)
        closed = _put_back(before)
    if came_back:
        raise RewardError(f"{name} forked, and the child came back from it too: end children with os._exit")
    if closed:
        raise RewardError(f"{name} closed standard {' and '.join(closed)}")


def _streams() -> list[tuple[int, int] | None]:
    """Which files the three standard descriptors are."""
    found: list[tuple[int, int] | None] = []
    for n in range(3):
        try:
            at = os.fstat(n)
            found.append((at.st_dev, at.st_ino))
        except OSError:
            found.append(None)
    return found


def _put_back(before: Sequence[tuple[int, int] | None]) -> list[str]:
    """Put back the standard streams that were closed or became other files; returns their names."""
    other = [n for n, (was, now) in enumerate(zip(before, _streams(), strict=True)) if was is not None and was != now]
    for n in other:
        os.dup2(_saved[n], n)
    shut = [n for n, name in ((1, "stdout"), (2, "stderr")) if getattr(getattr(sys, name), "closed", False)]
    for n in shut:
        setattr(sys, ("", "stdout", "stderr")[n], _stream(n))
    return [("input", "output", "error")[n] for n in sorted({*other, *shut})]


def _stream(n: int) -> TextIO:
    """A text stream on one of the standard descriptors, a line at a time."""
    return open(n, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def no_output() -> None:
    """Send what this process and its children print to standard error: stdout carries the parent's one JSON object."""
    os.dup2(2, 1)
    sys.stdout = _stream(1)


def _spare(held: bool) -> None:
    """Keep something back from what this process may have (`held`), or give it back."""
    if own() is None:
        return
    for kind, spare in ((resource.RLIMIT_DATA, int(SPARE_MEMORY * GIB)), (resource.RLIMIT_NOFILE, SPARE_FILES)):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(kind, (max(hard - spare * held, 0), hard))


def raised() -> tuple[type[BaseException], ...]:
    """What a user's function may raise: anything at all where no key press is heard, as in a worker; where one is, a
    KeyboardInterrupt is the person's.
    """
    return (BaseException,) if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else (Exception, SystemExit)


def cause(error: BaseException) -> tuple[str, str]:
    """(how, words) of a failure that a limit explains, such as `("memory", "ran out of memory …")`; else empty texts.

    Frames of what ran out of memory are cleared, so that it is free again.
    """
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or code == errno.ENOMEM or "can't allocate memory" in str(error):  # torch's words
        _hurt.add("memory")
        traceback.clear_frames(error.__traceback__)
        return "memory", "ran out of memory" + _bound("memory", " GiB")
    if code == errno.EFBIG:
        return "file", "wrote too large a file" + _bound("file", " GiB")
    if code == errno.EMFILE:
        _hurt.add("files")
        return "file", "opened too many files" + _bound("files", "")
    if code == errno.EACCES and here().get("writes") and isinstance(error, OSError) and _by_landlock(error.filename):
        where = f"the sweep's folder, temporary folders, caches, and what `write` in ${VARIABLE} names"
        return "refused", f"may not write {Path(os.fsdecode(error.filename)).name!r}: only in {where}"
    return "", ""


def users_line(error: BaseException) -> str:
    """` (mine.py, line 4)`: the last line of a user's own file that an error went through, or nothing."""
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("_rewardbench_user_"):
            found = f" ({frame.f_code.co_filename.rpartition('/')[2]}, line {line})"
    return found


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return (str(error).strip().splitlines() or ["(no message)"])[0][:300]


def _bound(name: str, unit: str) -> str:
    """Which limit it was, and what sets it; nothing where there is none."""
    limited = own()
    most = 0 if limited is None else getattr(limited, name)
    return f" (limit {most:.4g}{unit}; `{name}` in ${VARIABLE} sets it)" if most else ""


def _by_landlock(name: Any) -> bool:
    """Whether the file's own permissions would allow to write it, so that it was refused by the fence."""
    path = Path(os.fsdecode(name)) if isinstance(name, (str, bytes)) else None
    return path is not None and os.access(path if path.exists() else path.parent, os.W_OK)


def spent() -> bool:
    """Whether this process had better not be given another user's code: something ran out in it, or is about to."""
    limited, status = own(), Path("/proc/self/status")
    told = status.read_text(encoding="utf-8") if limited and status.is_file() else ""
    found = re.search(r"^VmData:\s+(\d+) kB", told, re.M)
    most = limited.memory if limited else 0
    return bool(_hurt) or bool(found and most and int(found[1]) / (1 << 20) > 0.75 * most)
