"""Who does the packs? One-thread processes with one pack each in hand, watched by their parent.

A worker that hangs or dies takes its own pack with it and nothing else.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from rewardbench import fence, trace
from rewardbench.design import variables
from rewardbench.plan import RunSpec
from rewardbench.policies.settings import Folder
from rewardbench.types import UserError
from rewardbench.worker import Tell, work

WORKER = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    "PYTHONHASHSEED": "0",  # a user's part that walks through a set of words pays the same in every worker
    # glibc would give every large block back and have it paged in again at the next step: 7 % of a run
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # products on a GPU come out the same again
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",  # lengths change at each pass: blocks of any would be left
}
"""The environment that a worker starts in; most of it is read once, when a process begins."""


@dataclass(frozen=True)
class Job:
    """What all packs of a sweep share."""

    policy: Folder
    timeout: float
    """Seconds that a part may take."""
    sources: Path
    firsts: list[RunSpec]
    """A run of each task: what a worker asks before its first pack is asked for these."""
    folder: Callable[[RunSpec], Path]
    """Where a run is recorded."""
    card: bool = False
    """Whether packs are made for a GPU."""

    def weights(self) -> int:
        """Bytes of the policy's files: how large a checkpoint may become."""
        return sum(path.stat().st_size for path in self.policy.path.glob("*") if path.is_file())


@dataclass
class _Worker:
    """A process and what it is doing."""

    process: Any
    pipe: Connection
    pack: list[RunSpec] = field(default_factory=list)
    part: str = ""
    call: str = ""
    """Which call of the part it is, in words."""
    keep: frozenset[str] = frozenset()
    """Secrets that it was given: its packs' designs name them."""
    since: float = 0.0
    """When the part in progress was begun (monotonic seconds)."""


def named(pack: Sequence[RunSpec]) -> frozenset[str]:
    """The environment variables that the designs of a pack name."""
    return frozenset().union(*(variables(run.design) for run in pack))


@contextmanager
def _surroundings(names: Mapping[str, str]) -> Iterator[None]:
    """The environment with these names set, for what is started meanwhile; then as it was: it is the caller's."""
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(names)
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]
        os.environ.update(before)


class Pool:
    """Workers, each with one pack in hand."""

    def __init__(self, job: Job, tell: Tell) -> None:
        self.job, self.tell = job, tell
        self.workers: list[_Worker] = []
        self.todo: list[list[RunSpec]] = []
        self.again: set[str] = set()
        """Runs that were done again, since their worker was killed from outside or its card broke down."""
        self.stopped: UserError | None = None
        self.limits = fence.Limits()

    def run(self, todo: list[list[RunSpec]], count: int) -> None:
        """Hand out packs until none is left."""
        self.todo = todo[::-1]
        self.limits = fence.limits(count, self.job.weights(), [self.job.sources.parent])
        try:
            while self.todo or any(w.pack for w in self.workers):
                while self.todo and self.stopped is None and (free := self._free(count, named(self.todo[-1]))):
                    self._give(free, self.todo.pop())
                if self.stopped is not None and not any(w.pack for w in self.workers):
                    break
                self._listen()
        finally:
            for worker in self.workers:  # all are told first: they leave side by side
                if worker.pack:
                    worker.process.kill()
                worker.pipe.close()
            for worker in list(self.workers):
                self._leave(worker)
        if self.stopped is not None:
            raise self.stopped

    def _free(self, count: int, keep: frozenset[str]) -> _Worker | None:
        """A worker without a pack that has these secrets and no other; started if fewer than `count` have a pack."""
        idle = [w for w in self.workers if not w.pack]
        for worker in idle:
            if worker.keep == keep:
                return worker
        if len(self.workers) - len(idle) >= count:
            return None
        if len(self.workers) >= count:
            self._leave(idle[0])
        limits = replace(self.limits, keep=(*self.limits.keep, *keep))
        here, there = mp.get_context("spawn").Pipe()
        job = self.job
        args = (there, job.policy, job.timeout, job.sources, job.firsts, limits, job.card)
        process = mp.get_context("spawn").Process(target=work, args=args, daemon=True)
        with _surroundings(WORKER), fence.without_secrets(limits.keep):
            process.start()
        there.close()
        self.workers.append(_Worker(process, here, keep=keep))
        return self.workers[-1]

    def _leave(self, worker: _Worker) -> None:
        """Send a worker home that has no pack in hand."""
        self.workers.remove(worker)
        worker.pipe.close()  # it sees the end of its pipe and leaves
        worker.process.join(5)
        worker.process.kill()

    def _give(self, worker: _Worker, pack: list[RunSpec]) -> None:
        worker.pack, worker.part, worker.call = pack, "", ""
        for run in pack:
            if trace.status(self.job.folder(run))["status"] == "partial":  # others keep their place in a pack
                self.tell({"event": "begun", "run": run.id})
        try:
            worker.pipe.send((pack, [self.job.folder(r) for r in pack]))
        except (BrokenPipeError, OSError):
            self._died(worker)

    def _listen(self) -> None:
        """Take in what the workers say; end those that hang in a reward."""
        busy = [w for w in self.workers if w.pack]
        ready = wait([w.pipe for w in busy], timeout=0.5)
        for worker in busy:
            if worker.pipe in ready:
                try:
                    self._heard(worker, worker.pipe.recv())
                except (EOFError, OSError):
                    self._died(worker)
            elif worker.part and time.monotonic() - worker.since > self.job.timeout + 5:
                worker.process.kill()
                self._died(worker, f"part {worker.part!r} gave no scores within {self.job.timeout:g} s{worker.call}")

    def _heard(self, worker: _Worker, event: dict[str, Any]) -> None:
        worker.part, worker.call = (event["part"], event["call"]) if event["event"] == "part" else ("", "")
        worker.since = time.monotonic()
        if event["event"] == "free":
            worker.pack = []
        elif event["event"] == "spent":  # a user's code left too little of it for another's
            worker.pack = []
            self._leave(worker)
        elif event["event"] == "broken":
            self._leave(worker)
            self._broke(worker.pack, event["reason"])
        elif event["event"] == "stop":  # what all runs share is at fault: policy, configuration, disk
            worker.pack = []
            self.stopped = UserError(event["reason"], event["code"])
        else:
            self.tell(event)

    def _died(self, worker: _Worker, reason: str = "") -> None:
        """Fail the pack of a dead worker; the next pack gets a new one.

        A worker killed from outside (by hand, or for want of memory) is no fault of the run's: it is done
        again from its checkpoint, once; killed again outside a part, it stays partial, for `rbench resume`.
        """
        worker.process.join(5)
        self.workers.remove(worker)
        left = self._left(worker.pack)
        code = worker.process.exitcode
        outside = not reason and code == -signal.SIGKILL
        if outside and self._once_more(worker.pack):
            return
        doing = f" in part {worker.part!r}" if worker.part else ""
        reason = reason or f"the worker died{doing} (exit code {code}){worker.call}"
        for run in left:
            if outside and not worker.part:
                self.tell({"event": "lost", "run": run.id, "reason": f"{reason}; `rbench resume` goes on"})
                continue
            exit_code = 6 if worker.part or run.algorithm_source else 1
            trace.close(self.job.folder(run), "failed", reason=reason, code=exit_code)
            self.tell({"event": "failed", "run": run.id, "reason": reason, "code": exit_code})

    def _left(self, pack: Sequence[RunSpec]) -> list[RunSpec]:
        """The runs of a pack that are not over."""
        return [run for run in pack if trace.status(self.job.folder(run))["status"] == "partial"]

    def _once_more(self, pack: list[RunSpec]) -> bool:
        """Do a pack again, with those that are over: they keep their places. False if nothing of it is left, or what is
        left was done again before.
        """
        left = {run.id for run in self._left(pack)}
        if not left or self.again & left:
            return False
        self.again |= left
        self.todo.append(pack)
        return True

    def _broke(self, pack: list[RunSpec], reason: str) -> None:
        """A card broke down under a pack: a fresh worker is given it once more; then it stays partial, others go on."""
        if self._once_more(pack):
            return
        told = {"reason": f"{reason}, twice; `rbench resume` tries once more", "code": 8}
        for run in self._left(pack):
            trace.set_status(self.job.folder(run), "partial", **told)
            self.tell({"event": "lost", "run": run.id, **told})
