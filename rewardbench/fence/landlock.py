"""Where may a process write, whom may it signal, and whom may it reach? Landlock and network namespaces, each tried."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from rewardbench.fence.bounds import Level
from rewardbench.policies import settings
from rewardbench.types import UserError

DEVICES = ("null", "zero", "full", "tty", "ptmx", "pts", "shm", "nvidia*", "dri", "kfd")
CACHES, COMPILED = ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME"), ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
"""Environment variables that name a folder of a library's."""
KERNELS = (".triton", ".nv")
"""Folders of a home where what was compiled for a GPU is kept."""
THREADS = "/proc/self/task"
"""Where a card's driver names its threads as it starts; refused that, it (570 and later) finds no card: error 304."""
CREATE, ADD, RESTRICT = 444, 445, 446
"""Numbers of the system calls landlock_create_ruleset, _add_rule and _restrict_self, on every architecture."""
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
MAKE = sum(1 << n for n in range(4, 13))
"""Removing and making directory entries of every kind."""
REFER = 1 << 13
CONNECT_TCP = 1 << 1 | 1 << 0
SIGNALS = 1 << 1
NO_NEW_PRIVILEGES = 38


_held: list[int] = []
"""Descriptors that stay open: a folder of /proc that nobody holds is made anew, and a rule is of the old one."""


def card_here() -> bool:
    """Whether this machine shows a card of NVIDIA's."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def abi_here() -> int:
    """The version of Landlock that the kernel speaks; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(int(ctypes.CDLL(None, use_errno=True).syscall(CREATE, None, ctypes.c_size_t(0), 1)), 0)


def writable(folders: Iterable[str]) -> list[Path]:
    """Every place that a worker may write in: its sweep's folder, temporary ones, caches, harmless devices."""
    named = [Path(os.environ[name]) for name in (*CACHES, *COMPILED) if os.environ.get(name)]
    places = [*map(Path, folders), Path(tempfile.gettempdir()), *named]
    with suppress(UserError, OSError):  # no home folder, or one that cannot be written: then there is no cache either
        cache = settings.cache()
        cache.parent.mkdir(parents=True, exist_ok=True)
        places += [cache.parent, *(Path.home() / name for name in (".cache", *KERNELS))]
    if card_here():
        for place in (p for p in places if p.name in KERNELS or p in named):
            with suppress(OSError):  # what is not there yet could not be made later, and nothing would be compiled
                place.mkdir(parents=True, exist_ok=True)
    places += [found for name in DEVICES for found in Path("/dev").glob(name)]
    return [p for p in dict.fromkeys(p.resolve() for p in places) if p.exists()]


def only_write(places: Sequence[Path]) -> Level:
    """Keep this process from writing anywhere else, and from signalling processes outside."""
    abi = abi_here()
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
            refused = _allow(libc, rules, where, rights if place.is_dir() else on_files)
            os.close(where)
            if refused:
                return False
        if not tcp and card_here() and Path(THREADS).is_dir():  # this process's own threads, and nothing made there
            _held.append(os.open(THREADS, os.O_PATH | os.O_CLOEXEC))
            if _allow(libc, rules, _held[-1], on_files):
                return False
        return not libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) and not libc.syscall(RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, where: int, rights: int) -> bool:
    """Allow these rights on what lies at a descriptor; whether the kernel refused that."""
    return bool(libc.syscall(ADD, rules, 1, struct.pack("=Qi", rights, where), 0))


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


def network_closed() -> bool | str:
    """Cut this process off: a network namespace of its own where that is allowed, else no TCP (Landlock 4)."""
    if sys.platform != "linux":
        return False
    libc, user = ctypes.CDLL(None, use_errno=True), (os.getuid(), os.getgid())
    for flags in (0x40000000, 0x50000000):  # CLONE_NEWNET; with CLONE_NEWUSER
        if libc.unshare(flags) == 0:
            if flags != 0x40000000:
                for name, text in (("setgroups", "deny"), ("uid_map", "{0} {0} 1"), ("gid_map", "{1} {1} 1")):
                    Path(f"/proc/self/{name}").write_text(text.format(*user), encoding="utf-8")
            return "namespace" if _unreachable(socket.SOCK_DGRAM) else False
    if abi_here() >= 4 and _restrict(abi_here(), (), tcp=True):
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
