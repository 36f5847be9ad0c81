"""How is a function run in a process of its own, behind the fence, with its value or its failure told here?"""

from __future__ import annotations

import ctypes
import json
import multiprocessing as mp
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from rewardbench.fence.bounds import Ended, Limits, limits, without_secrets
from rewardbench.fence.called import cause, no_output, raised, watched
from rewardbench.fence.up import put_up
from rewardbench.types import RewardError, UserError

MOST_SAID = 64 << 20
"""Bytes of JSON that a function run apart may return."""


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a key press reaches the whole group
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
    except raised() as error:  # anything may come out of a user's function: it is said, not swallowed
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
