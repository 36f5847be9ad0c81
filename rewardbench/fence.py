"""What can a user's code do to a sweep by accident? Little: a worker puts limits on itself before it loads any.

This is accident protection, no security boundary: code that means harm is to be run on a machine that may be harmed.
What is limited: memory, file sizes, open files, processes (not for root, whom the kernel exempts), inherited
secrets, and where files are written and processes signalled (Linux with Landlock). Reading is not limited, and the
network is open unless it is closed on purpose: a judge needs it. What is reached is tried, not assumed. Memory is
what a process may write to privately (RLIMIT_DATA), so that address space that a GPU's driver reserves is free;
shared memory is not counted.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import multiprocessing as mp
import os
import pickle
import re
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any, TextIO

from rewardbench import typed
from rewardbench.policies import settings
from rewardbench.types import Limit, NotNegative, RewardError, UserError

GIB = 1 << 30
VARIABLE = "REWARDBENCH_LIMITS"
LEAST_MEMORY = 4.0
"""GiB that a worker may always take; one with torch and the shipped policy takes 0.4."""
SPARE_MEMORY, SPARE_FILES = 0.25, 64
"""GiB and open files that a user's function may not take: what it broke must still be written down."""
MOST_SAID = 64 << 20
"""Bytes of JSON that a function run apart may return."""
SECRET = re.compile(
    r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|APIKEY)S?(_|$)|(^|_)(KEYS?|AUTH|PAT)(_|$)|_PWD$|^PGPASS", re.I
)
DEVICES = ("null", "zero", "full", "tty", "ptmx", "pts", "shm", "nvidia*", "dri", "kfd")
CACHES, COMPILED = ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME"), ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
"""Environment variables that name a folder of a library's."""
KERNELS = (".triton", ".nv")
"""Folders of a home where what was compiled for a GPU is kept."""
Level = dict[str, bool | str]
"""Limit -> whether it holds, or which mechanism holds it."""


@dataclass(frozen=True)
class Limits:
    """What a process may do; a 0 is no limit."""

    memory: Annotated[float, Limit("at least 1 (GiB), or 0: no limit", lambda v: v >= 1 or v == 0)] = LEAST_MEMORY
    """GiB that it may write to privately."""
    file: NotNegative = 16.0
    """GiB of its largest file."""
    files: Annotated[int, Limit("at least 256, or 0: no limit", lambda v: v >= 256 or v == 0)] = 4096
    """Open files."""
    processes: Annotated[int, Limit("0 or above (0: no limit)", lambda v: v >= 0)] = 4096
    """Processes and threads that its user may have beyond those there are."""
    write: tuple[str, ...] = ()
    """Folders that it may write in, besides temporary ones and caches."""
    keep: tuple[str, ...] = ()
    """Environment variables that it is given although they look like secrets."""
    network: bool = True
    """Whether it may use the network."""


class Ended(RewardError):
    """A function run apart that gave no value."""

    def __init__(self, message: str, how: str) -> None:
        super().__init__(message)
        self.how = how
        """`died`, `memory`, `time`, `file` (wrote too much), `refused` (wrote elsewhere) or `raised`."""


def limits(
    workers: int = 1, weights: int = 0, write: Iterable[str | Path] = (), keep: Iterable[str] = ()
) -> Limits:
    """The limits of one of so many workers whose policy has so many bytes of weights.

    Memory is a worker's share of four fifths of the machine's; a file may be as large as a checkpoint can be, and
    else 16 GiB, or half of what the disk has free. `$REWARDBENCH_LIMITS` says otherwise, as in `memory = 12`.
    """
    folders = tuple(str(Path(place).resolve()) for place in write)
    free = shutil.disk_usage(folders[0] if folders else tempfile.gettempdir()).free / GIB
    own = Limits(
        memory=max(LEAST_MEMORY, 0.8 * memory() / GIB / workers),
        file=max(1.0 + 32 * weights / GIB, min(16.0, free / 2)),
        write=folders,
    )
    asked = _asked(os.environ.get(VARIABLE, ""))
    more = {"write": (*folders, *asked.get("write", ())), "keep": (*asked.get("keep", ()), *keep)}
    return replace(own, **{**asked, **more})


def _asked(text: str) -> dict[str, Any]:
    """What the variable says: the fields of `Limits`, as in an inline table of TOML.

    >>> _asked("memory = 12, keep = ['HF_TOKEN']")
    {'memory': 12.0, 'keep': ('HF_TOKEN',)}
    """
    try:
        found = typed.values(Limits, tomllib.loads(f"limits = {{{text}}}")["limits"], f"${VARIABLE}")
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"${VARIABLE}={text!r} is no list such as `memory = 12, file = 40`: {error}") from error
    if "write" in found:
        found["write"] = tuple(str(settings.expanded(place)) for place in found["write"])
    return found


def memory() -> int:
    """Bytes of the machine's memory, or of this container's share of it."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(whole, int(text)) if text.isdigit() else whole


# --- secrets ------------------------------------------------------------------------------------------


def secret(name: str) -> bool:
    """Whether an environment variable's name looks like that of a secret.

    >>> [secret(n) for n in ("HF_TOKEN", "OPENAI_API_KEY", "PGPASSWORD", "TOKENIZERS_PARALLELISM", "KEYBOARD", "PWD")]
    [True, True, True, False, False, False]
    """
    return SECRET.search(name) is not None


@contextmanager
def without_secrets(keep: Iterable[str] = ()) -> Iterator[None]:
    """The environment without what looks like a secret, for a process that is started meanwhile; then as it was."""
    hidden = {name: value for name, value in os.environ.items() if secret(name) and name not in set(keep)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _inherited() -> set[str]:
    """Names of the variables that this process was started with, or has now."""
    begun = Path("/proc/self/environ")
    raw = begun.read_bytes().split(b"\0") if begun.is_file() else []
    return set(os.environ) | {os.fsdecode(line.partition(b"=")[0]) for line in raw if line}


# --- putting it up ------------------------------------------------------------------------------------

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
        "network": not wanted.network and _network_closed(),
    }
    level |= _only_write(_writable(wanted.write))
    _up.append((wanted, level))
    return level


def here() -> Level:
    """What holds in this process; nothing before its fence is up."""
    return dict(_up[0][1]) if _up else {}


def able() -> set[str]:
    """The limits that this kind of machine can hold, the network's left out: it is open on purpose."""
    found = {"memory", "file", "files", "secrets"} if sys.platform == "linux" else {"file", "files", "secrets"}
    found |= {"processes"} if os.geteuid() else set()
    abi = _landlock_abi()
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
            found = mine.search(path.read_text())
            total += int(found[1]) if found else 0
    return total


# --- where it may write: Landlock ---------------------------------------------------------------------

CREATE, ADD, RESTRICT = 444, 445, 446
"""Numbers of the system calls landlock_create_ruleset, _add_rule and _restrict_self, on every architecture."""
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
MAKE = sum(1 << n for n in range(4, 13))
"""Removing and making directory entries of every kind."""
REFER = 1 << 13
CONNECT_TCP = 1 << 1 | 1 << 0
SIGNALS = 1 << 1
NO_NEW_PRIVILEGES = 38


def _landlock_abi() -> int:
    """The version of Landlock that the kernel speaks; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(int(ctypes.CDLL(None, use_errno=True).syscall(CREATE, None, ctypes.c_size_t(0), 1)), 0)


def _writable(folders: Iterable[str]) -> list[Path]:
    """Every place that a worker may write in: its sweep's folder, temporary ones, caches, harmless devices."""
    named = [Path(os.environ[name]) for name in (*CACHES, *COMPILED) if os.environ.get(name)]
    places = [*map(Path, folders), Path(tempfile.gettempdir()), *named]
    with suppress(UserError, OSError):  # no home folder, or one that cannot be written: then there is no cache either
        cache = settings.cache()
        cache.parent.mkdir(parents=True, exist_ok=True)
        places += [cache.parent, *(Path.home() / name for name in (".cache", *KERNELS))]
    if any(Path("/dev").glob("nvidia[0-9]*")):
        for place in (p for p in places if p.name in KERNELS or p in named):
            with suppress(OSError):  # what is not there yet could not be made later, and nothing would be compiled
                place.mkdir(parents=True, exist_ok=True)
    places += [found for name in DEVICES for found in Path("/dev").glob(name)]
    return [p for p in dict.fromkeys(p.resolve() for p in places) if p.exists()]


def _only_write(places: Sequence[Path]) -> Level:
    """Keep this process from writing anywhere else, and from signalling processes outside."""
    abi = _landlock_abi()
    if not abi or not _restrict(abi, places):
        return {"writes": False, "signals": False}
    return {"writes": f"landlock {abi}" if _write_refused(places) else False, "signals": _signal_refused()}


def _restrict(abi: int, places: Sequence[Path], tcp: bool = False) -> bool:
    """Ask the kernel for it; whether it agreed."""
    libc = ctypes.CDLL(None, use_errno=True)
    on_files = WRITE_FILE | (TRUNCATE if abi >= 3 else 0)
    rights = 0 if tcp else on_files | MAKE | (REFER if abi >= 2 else 0)
    asked = struct.pack("QQQ", rights, CONNECT_TCP if tcp else 0, 0 if tcp or abi < 6 else SIGNALS)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    rules = int(libc.syscall(CREATE, asked[:size], ctypes.c_size_t(size), 0))
    if rules < 0:
        return False
    try:
        for place in [] if tcp else places:
            where = os.open(place, os.O_PATH | os.O_CLOEXEC)
            rule = struct.pack("=Qi", rights if place.is_dir() else on_files, where)
            added = libc.syscall(ADD, rules, 1, rule, 0)
            os.close(where)
            if added:
                return False
        return not libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) and not libc.syscall(RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _write_refused(places: Sequence[Path]) -> bool:
    """Whether this process is refused to open a file for writing that lies elsewhere (nothing is written)."""
    elsewhere = [Path(f) for f in (__file__, os.__file__, "/etc/passwd", "/etc/hosts")]
    for path in (p.resolve() for p in elsewhere if p.is_file()):
        if not any(path.is_relative_to(place) for place in places):
            try:
                os.close(os.open(path, os.O_WRONLY))
            except PermissionError:
                return True
            return False
    return False


def _signal_refused() -> bool:
    """Whether this process is refused to signal its parent (the signal 0 does nothing)."""
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return True
    return False


# --- network ------------------------------------------------------------------------------------------


def _network_closed() -> bool | str:
    """Cut this process off: a network namespace of its own where that is allowed, else no TCP (Landlock 4)."""
    if sys.platform != "linux":
        return False
    libc, user = ctypes.CDLL(None, use_errno=True), (os.getuid(), os.getgid())
    for flags in (0x40000000, 0x50000000):  # CLONE_NEWNET; with CLONE_NEWUSER
        if libc.unshare(flags) == 0:
            if flags != 0x40000000:
                for name, text in (("setgroups", "deny"), ("uid_map", "{0} {0} 1"), ("gid_map", "{1} {1} 1")):
                    Path(f"/proc/self/{name}").write_text(text.format(*user))
            return "namespace" if _unreachable(socket.SOCK_DGRAM) else False
    if _landlock_abi() >= 4 and _restrict(_landlock_abi(), (), tcp=True):
        return "no tcp" if _unreachable(socket.SOCK_STREAM) else False
    return False


def _unreachable(kind: int) -> bool:
    """Whether an address outside cannot be asked for; connecting a datagram socket sends nothing."""
    with closing(socket.socket(socket.AF_INET, kind)) as asked:
        asked.settimeout(1)
        try:
            asked.connect(("192.0.2.1", 9) if kind == socket.SOCK_DGRAM else ("127.0.0.1", 9))
        except OSError as error:
            return error.errno in (errno.ENETUNREACH, errno.EACCES, errno.EPERM)
    return False


# --- while a user's function is called ----------------------------------------------------------------

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
    if not _up:
        return
    for kind, spare in ((resource.RLIMIT_DATA, int(SPARE_MEMORY * GIB)), (resource.RLIMIT_NOFILE, SPARE_FILES)):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(kind, (max(hard - spare * held, 0), hard))


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


def _bound(name: str, unit: str) -> str:
    """Which limit it was, and what sets it; nothing where there is none."""
    most = getattr(_up[0][0], name) if _up else 0
    return f" (limit {most:.4g}{unit}; `{name}` in ${VARIABLE} sets it)" if most else ""


def _by_landlock(name: Any) -> bool:
    """Whether the file's own permissions would allow to write it, so that it was refused by the fence."""
    path = Path(os.fsdecode(name)) if isinstance(name, (str, bytes)) else None
    return path is not None and os.access(path if path.exists() else path.parent, os.W_OK)


def spent() -> bool:
    """Whether this process had better not be given another user's code: something ran out in it, or is about to."""
    status = Path("/proc/self/status")
    found = re.search(r"^VmData:\s+(\d+) kB", status.read_text(), re.M) if _up and status.is_file() else None
    most = _up[0][0].memory if _up else 0
    return bool(_hurt) or bool(found and most and int(found[1]) / (1 << 20) > 0.75 * most)


# --- a function run apart -----------------------------------------------------------------------------


def apart(
    function: Callable[..., Any], args: Sequence[Any] = (), limited: Limits | None = None, timeout: float = 60.0,
    name: str = "",
) -> Any:
    """The function's value, as JSON has it, from a fresh process behind the fence; from a script, call it under
    `if __name__ == "__main__":`. The user's code is loaded there and never here.

    Raises UserError as the function does, and Ended if it raised anything else, died, or took more than it may.
    """
    name = name or getattr(function, "__name__", "the function")
    wanted = limited if limited is not None else limits()
    hear, speak = mp.get_context("spawn").Pipe(duplex=False)
    given = pickle.dumps((function, tuple(args)))
    process = mp.get_context("spawn").Process(target=_behind, args=(speak, given, wanted, name), daemon=True)
    with without_secrets(wanted.keep):
        process.start()
    speak.close()
    try:
        said = _heard(hear, timeout, name)
    finally:
        hear.close()
        process.join(0 if sys.exc_info()[0] else 5)
        process.kill()
        process.join()
    if said is None:
        raise Ended(f"{name} ended its process (exit code {process.exitcode})", "died")
    return _value(said)


def _heard(hear: Connection, timeout: float, name: str) -> dict[str, Any] | None:
    """What the process said; None if it died without a word."""
    if not hear.poll(timeout):
        raise Ended(f"{name} took more than {timeout:g} s", "time")
    try:
        said = json.loads(hear.recv_bytes(MOST_SAID))
    except EOFError:
        return None
    except (OSError, ValueError) as error:
        raise Ended(f"{name} gave nothing that can be read: {error}", "died") from error
    return said if isinstance(said, dict) else None


def _value(said: Mapping[str, Any]) -> Any:
    """The value that was said, or the error."""
    if "value" in said:
        return said["value"]
    if "code" in said:
        raise UserError(str(said["error"]), int(said["code"]))
    raise Ended(str(said["error"]), str(said["how"]))


def _behind(speak: Connection, given: bytes, wanted: Limits, name: str) -> None:
    """In the fresh process: put up the fence, load the function, say its value or what went wrong."""
    die_with_parent()
    no_output()
    put_up(wanted)
    try:
        function, args = pickle.loads(given)
        with watched(name):
            said = json.dumps({"value": function(*args)}, allow_nan=False)
    except UserError as error:
        said = json.dumps({"error": str(error), "code": error.code})
    except RewardError as error:
        said = json.dumps({"error": str(error), "how": "raised"})
    except (Exception, SystemExit) as error:  # anything may come out of a user's function: it is said, not swallowed
        said = json.dumps(_told(error, name))
    speak.send_bytes(said.encode())
    speak.close()


def _told(error: BaseException, name: str) -> dict[str, str]:
    """An error as the other process is told it."""
    how, why = cause(error)
    line = (str(error).strip().splitlines() or ["(no message)"])[0][:300]
    return {"how": how or "raised", "error": f"{name} " + (why or f"raised {type(error).__name__}: {line}")}


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; elsewhere, watch for it."""
    above = mp.parent_process()
    parent = os.getppid() if above is None or above.pid is None else above.pid
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
