"""What does a worker do? Packs, on one thread, until told to stop; it dies with its parent."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rewardbench import fence, find, trace
from rewardbench.fence import first_line, users_line
from rewardbench.plan import RunSpec
from rewardbench.policies.settings import Folder
from rewardbench.types import UserError

Tell = Callable[[dict[str, Any]], None]
SELDOM = (100_000, 20, 20)
"""When Python looks for cycles: a sweep makes millions of texts and hardly one, and a sixth of its time went there."""


def work(
    pipe: Connection,
    policy: Folder,
    timeout: float,
    sources: Path,
    firsts: Sequence[RunSpec],
    limits: fence.Limits,
    card: bool = False,
) -> None:
    """Do packs until told to stop, or until a user's code or a card has used this process up; none if what all of
    them share is refused. The fence is up before a user's code is loaded, and after ours is: what that writes is not
    refused. On a `card` the process ends with it.
    """
    fence.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a key press reaches the whole group
    fence.no_output()
    import rewardbench.loop  # noqa: F401

    gc.freeze()
    gc.set_threshold(*SELDOM)
    pipe.send({"event": "fence", "level": fence.put_up(limits)})
    admitted = False
    while not fence.spent():
        try:
            specs, folders = pipe.recv()
        except (EOFError, OSError):
            break
        admitted = admitted or admit(policy, firsts, pipe.send, sources, card)
        if admitted and not do_pack(specs, folders, policy, partial(_say, pipe), timeout, sources):
            break
    if card:  # at once: all is on disk, and the processes that compile kernels are seconds in leaving
        logging.shutdown()
        os._exit(0)


def _say(pipe: Connection, event: dict[str, Any]) -> None:
    """Tell the parent; a worker that is used up says that it leaves, where it would say that it is free."""
    pipe.send({"event": "spent"} if event["event"] == "free" and fence.spent() else event)


def admit(policy: Folder, firsts: Sequence[RunSpec], say: Tell, sources: Path, card: bool = False) -> bool:
    """Whether the policy can be trained at all on the tasks of these runs, on a `card` where packs are made for one; if
    not, the sweep is told to stop.

    Every worker asks before its first pack, so that a refusal comes while nothing has run.
    """
    import torch

    from rewardbench.admission import admit as check

    torch.set_num_threads(1)
    try:
        if card:
            card_there()
        for run in firsts:  # the parent found them, and this is another process
            find.recall(run.task, sources.parent / "local.toml")
        check(policy, firsts, sources)
    except UserError as error:
        remedy = "; REWARDBENCH_DEVICE=cpu computes on processors" if card and error.code == 4 else ""
        say({"event": "stop", "reason": f"{error}{remedy}", "code": error.code})
        return False
    except Exception:  # nothing that a user could mend: the pack meets it again, and says whose fault it is
        return True
    return True


def card_there() -> None:
    """Raise UserError (code 4) where this process finds no GPU: a pack made for one would go on, for days, without."""
    import torch

    try:
        torch.zeros(1, device="cuda")
    except Exception as error:  # whatever a driver may raise
        raise UserError(f"a worker cannot use the GPU: {first_line(error)}", 4) from error


def do_pack(
    specs: Sequence[RunSpec], folders: Sequence[Path], policy: Folder, say: Tell, timeout: float, sources: Path
) -> bool:
    """Train and evaluate one pack in this process, on one thread; whatever goes wrong is said, not raised. False: this
    process can do no other.
    """
    import torch

    from rewardbench.loop import run_pack
    from rewardbench.packs import blame, card_broke, put_aside

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    filling: Any = torch.utils.deterministic
    filling.fill_uninitialized_memory = False  # else each new tensor is written twice
    try:
        for folder in folders:
            known = trace.status(folder)
            if known["status"] == "partial" and "reason" in known:  # why it was put aside; it is tried again
                trace.set_status(folder, "partial")
        run_pack(specs, folders, policy, say, timeout, sources)
    except torch.OutOfMemoryError as error:  # no fault of any run's: each goes on from its checkpoint
        if len(specs) > 1 and policy.settings.tile is None:
            say({"event": "full", "runs": [spec.id for spec in specs]})
            remedy = f"`rbench resume` goes on with the {len(specs)} runs of this pack in two halves"
        else:  # a tile computes all of its places, whatever is in them
            remedy = "free it and `rbench resume`, or take a smaller model or another .toml, and a new --out"
        say({"event": "stop", "reason": f"the GPU is full ({first_line(error)}); {remedy}", "code": 4})
        return False
    except UserError as error:
        if error.code == 4:  # the environment is at fault, and it is every run's
            say({"event": "stop", "reason": str(error), "code": 4})
            return False
        for spec, folder in zip(specs, folders, strict=True):
            if trace.status(folder)["status"] == "partial":
                put_aside(spec, folder, error, say)
    except Exception as error:
        if card_broke(error):  # no run is known to be at fault: a fresh process may do them
            say({"event": "broken", "reason": f"the GPU broke down ({first_line(error)}){users_line(error)}"})
            return False
        reason, code = blame(error)
        for spec, folder in zip(specs, folders, strict=True):
            if trace.status(folder)["status"] == "partial":
                trace.close(folder, "failed", reason=reason, code=code)
                say({"event": "failed", "run": spec.id, "reason": reason, "code": code})
    say({"event": "free"})
    return True
