"""What does a worker do? Packs, on one thread, until told to stop; it dies with its parent."""

from __future__ import annotations

import ctypes
import multiprocessing as mp
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rewardbench import trace
from rewardbench.plan import RunSpec
from rewardbench.policies.settings import Folder
from rewardbench.types import UserError

Tell = Callable[[dict[str, Any]], None]


def work(pipe: Connection, policy: Folder, timeout: float, sources: Path, firsts: Sequence[RunSpec]) -> None:
    """Do packs until told to stop; none if what all of them share is refused."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a key press reaches the whole group
    sys.stdout = sys.stderr  # stdout carries the one JSON object of the parent
    os.dup2(2, 1)  # and what a part prints through a library or a child of its own goes there neither
    admitted = False
    while True:
        try:
            specs, folders = pipe.recv()
        except (EOFError, OSError):
            return
        admitted = admitted or admit(policy, firsts, pipe.send, sources)
        if admitted:
            do_pack(specs, folders, policy, pipe.send, timeout, sources)


def admit(policy: Folder, firsts: Sequence[RunSpec], say: Tell, sources: Path) -> bool:
    """Whether the policy can be trained at all on the tasks of these runs; if not, the sweep is told to stop.

    Every worker asks before its first pack, so that a refusal comes while nothing has run.
    """
    from rewardbench.packs import admit as check

    try:
        check(policy, firsts, sources)
    except UserError as error:
        say({"event": "stop", "reason": str(error), "code": error.code})
        return False
    except Exception:  # nothing that a user could mend: the pack meets it again, and says whose fault it is
        return True
    return True


def do_pack(
    specs: Sequence[RunSpec], folders: Sequence[Path], policy: Folder, say: Tell, timeout: float, sources: Path
) -> None:
    """Train and evaluate one pack in this process, on one thread; whatever goes wrong is said, not raised."""
    import torch

    from rewardbench.loop import run_pack
    from rewardbench.packs import blame, put_aside

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        for folder in folders:
            if "reason" in trace.status(folder):  # why it was put aside the last time; it is tried again
                trace.set_status(folder, "partial")
        run_pack(specs, folders, policy, say, timeout, sources)
    except UserError as error:
        if error.code == 4:  # the environment is at fault, and it is every run's
            say({"event": "stop", "reason": str(error), "code": 4})
            return
        for spec, folder in zip(specs, folders, strict=True):
            if trace.status(folder)["status"] == "partial":
                put_aside(spec, folder, error, say)
    except Exception as error:
        reason, code = blame(error)
        for spec, folder in zip(specs, folders, strict=True):
            if trace.status(folder)["status"] == "partial":
                trace.close(folder, "failed", reason=reason, code=code)
                say({"event": "failed", "run": spec.id, "reason": reason, "code": code})
    say({"event": "free"})


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
