"""How does a process limit itself for good? Each limit is set, then tried: a level says which of them hold."""

from __future__ import annotations

import errno
import mmap
import os
import re
import resource
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rewardbench.fence import landlock
from rewardbench.fence.bounds import GIB, Level, Limits, secret

_up: list[tuple[Limits, Level]] = []
"""The fence of this process, once it is up."""


def put_up(wanted: Limits) -> Level:
    """Limit this process for good, and its children; returns what holds, each limit having been tried.

    Call it before any of a user's code is loaded, with one thread: others are not kept from writing.
    """
    if _up:
        raise RuntimeError("this process has its fence already")
    for name in [n for n in os.environ if secret(n) and n not in wanted.keep]:
        del os.environ[name]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    level: Level = {
        "memory": _lower(resource.RLIMIT_DATA, int(wanted.memory * GIB)) and _memory_refused(int(wanted.memory * GIB)),
        "file": _lower(resource.RLIMIT_FSIZE, int(wanted.file * GIB)) and _file_refused(int(wanted.file * GIB)),
        "files": _lower(resource.RLIMIT_NOFILE, wanted.files) and _descriptor_refused(),
        "processes": _bound_processes(wanted.processes),
        "secrets": not any(secret(name) and name not in wanted.keep for name in _inherited()),
        "network": not wanted.network and landlock.network_closed(),
    }
    level |= landlock.only_write(landlock.writable(wanted.write))
    _up.append((wanted, level))
    return level


def here() -> Level:
    """What holds in this process; nothing before its fence is up."""
    return dict(_up[0][1]) if _up else {}


def own() -> Limits | None:
    """The limits of this process; None before its fence is up."""
    return _up[0][0] if _up else None


def able() -> set[str]:
    """The limits that this kind of machine can hold, the network's left out: it is open on purpose."""
    found = {"memory", "file", "files", "secrets"} if sys.platform == "linux" else {"file", "files", "secrets"}
    found |= {"processes"} if os.geteuid() else set()
    abi = landlock.abi_here()
    return found | ({"writes"} if abi else set()) | ({"signals"} if abi >= 6 else set())


def lower(level: Mapping[str, bool | str], wanted: Limits) -> list[str]:
    """The limits that do not hold though this machine could hold them; those that were set to 0 are left out."""
    unasked = {name for name in ("memory", "file", "files", "processes") if not getattr(wanted, name)}
    return sorted(name for name in able() - unasked if not level.get(name))


def words(level: Mapping[str, bool | str]) -> str:
    """A level in words.

    >>> words({"memory": True, "writes": "landlock 7", "network": False})
    'holds memory, writes (landlock 7); not network'
    """
    held = [name + (f" ({how})" if isinstance(how, str) else "") for name, how in level.items() if how]
    free = [name for name, how in level.items() if not how]
    return f"holds {', '.join(held) or 'nothing'}" + (f"; not {', '.join(free)}" if free else "")


def _inherited() -> set[str]:
    """Names of the variables that this process was started with, or has now."""
    begun = Path("/proc/self/environ")
    raw = begun.read_bytes().split(b"\0") if begun.is_file() else []
    return set(os.environ) | {os.fsdecode(line.partition(b"=")[0]) for line in raw if line}


def _lower(kind: int, most: int) -> bool:
    """Lower a limit for good, never raise it; whether one was asked for and is set."""
    if not most:
        return False
    _, hard = resource.getrlimit(kind)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(kind, (least, least))
    except (OSError, ValueError):  # this system has no such limit
        return False
    return True


def _memory_refused(most: int) -> bool:
    """Whether this process is refused one page more than it may have; pages that nobody writes to cost nothing."""
    try:
        mmap.mmap(-1, most + mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, ValueError, OverflowError):
        return True
    return False


def _file_refused(most: int) -> bool:
    """Whether this process is refused a file one byte too large; a file of holes takes no room."""
    with tempfile.TemporaryFile() as file:
        try:
            os.ftruncate(file.fileno(), most + 1)
        except OSError as error:
            return error.errno == errno.EFBIG
    return False


def _descriptor_refused() -> bool:
    """Whether this process is refused a descriptor beyond its last one."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        os.close(os.dup2(2, most))
    except (OSError, OverflowError):
        return True
    return False


def _bound_processes(more: int) -> bool:
    """Let this process's user have so many processes and threads more than now; whether that bites (not for root)."""
    if not more or not os.geteuid():
        return False
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, hard))
    try:
        threading.Thread(target=int, daemon=True).start()
        bites = False
    except RuntimeError:
        bites = True
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
    return _lower(resource.RLIMIT_NPROC, _tasks_of_user() + more) and bites


def _tasks_of_user() -> int:
    """Threads that run under this process's user now."""
    total, mine = 0, re.compile(rf"^Uid:\s+{os.getuid()}\s.*^Threads:\s+(\d+)", re.M | re.S)
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it ended meanwhile
            found = mine.search(path.read_text(encoding="utf-8"))
            total += int(found[1]) if found else 0
    return total
