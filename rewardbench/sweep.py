"""How are many runs done? A pool of one-thread processes, a pack at a time; locks, a watchdog, resume.

A worker that hangs or dies takes its own pack with it and nothing else; workers die with their parent.
"""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing as mp
import os
import shutil
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import tomli_w

from rewardbench import find, trace
from rewardbench.plan import RunSpec, Spec, plan, run_spec, shard_of, sweep_id
from rewardbench.policies.settings import Folder
from rewardbench.types import UserError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder and what it is to hold."""

    folder: Path
    id: str
    runs: tuple[RunSpec, ...]
    policy: Folder
    timeout: float

    def run_folder(self, run: RunSpec) -> Path:
        """Where a run is recorded."""
        return self.folder / "runs" / run.id


def prepare(spec: Spec, out: Path | None, shard: str | None = None) -> Sweep:
    """Resolve a spec and open its folder, before any model loads: run folders, sources, policy."""
    policy = find.policy(spec.policy, out)
    runs, sources = plan(spec, policy)
    name = sweep_id(runs)
    mine = shard_of(runs, shard) if shard else runs
    folder = out if out is not None else Path("runs") / name
    make_folder(folder)
    head = {"schema_version": 1, "sweep": name, "reward_timeout": spec.reward_timeout, "runs": [r.id for r in mine]}
    text = tomli_w.dumps(head).encode()
    path = folder / "sweep.toml"
    if path.is_file() and path.read_bytes() != text:
        raise UserError(f"{folder} holds another spec (sweep {_sweep_name(path)}); choose another --out")
    if not path.is_file():
        trace.write_whole(path, text)
    for digest, source in sources.items():
        copy = folder / "sources" / digest[:16] / source.name
        if not copy.is_file():
            trace.write_whole(copy, source.read_bytes())
    trace.write_whole(folder / "local.toml", tomli_w.dumps({"policy": _policy_place(spec.policy, policy)}).encode())
    sweep = Sweep(folder, name, tuple(mine), policy, spec.reward_timeout)
    for run in mine:
        trace.create(sweep.run_folder(run), run.as_dict())
    return sweep


def _policy_place(asked: str, policy: Folder) -> str:
    """How this machine finds the policy again."""
    return asked if not policy.path.is_dir() or policy.name == asked else str(policy.path)


def _sweep_name(path: Path) -> str:
    """The id in a sweep.toml, if it can be read."""
    try:
        return str(tomllib.loads(path.read_text()).get("sweep", "?"))
    except tomllib.TOMLDecodeError:
        return "?"


def make_folder(folder: Path) -> None:
    """Make an output folder, or say in one line why it cannot be one (code 4)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"--out {folder} cannot be used: {error.strerror or error}", 4) from error


def open_sweep(folder: Path) -> Sweep:
    """A sweep as its folder tells it."""
    path = folder / "sweep.toml"
    if not path.is_file():
        raise UserError(f"{folder} is no sweep folder: it has no sweep.toml", 5)
    head = tomllib.loads(path.read_text())
    runs = tuple(run_spec(trace.spec(folder / "runs" / name)) for name in head["runs"])
    local = folder / "local.toml"
    asked = tomllib.loads(local.read_text())["policy"] if local.is_file() else runs[0].policy
    policy = find.policy(asked, folder)
    if runs and policy.digest != runs[0].policy_hash:
        raise UserError(f"policy {asked!r} is not the one this sweep began with (its files or its .toml changed)", 5)
    return Sweep(folder, str(head["sweep"]), runs, policy, float(head["reward_timeout"]))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock; a second process is told so (code 4). The lock goes with its process."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{folder} is in use by another process; wait for it, or choose another --out", 4) from error
        yield


def unfinished(sweep: Sweep) -> list[RunSpec]:
    """Runs that are not done yet. A failed one stays failed: `rbench run` on the same folder does not hide it."""
    return [r for r in sweep.runs if trace.status(sweep.run_folder(r))["status"] == "partial"]


def packs(sweep: Sweep) -> list[list[RunSpec]]:
    """The unfinished runs in packs. On a CPU a pack holds one run: stacking gains nothing there."""
    return [[run] for run in unfinished(sweep)]


def execute(sweep: Sweep, workers: int, tell: Tell) -> None:
    """Do what is left of a sweep. Returns when every run is done or failed; interrupts leave it resumable."""
    with locked(sweep.folder):
        todo = packs(sweep)
        if todo:
            _Pool(sweep, tell).run(todo, min(workers, len(todo)))


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


# --- the parent's side ---------------------------------------------------------------------------


@dataclass
class _Worker:
    """A process and what it is doing."""

    process: Any
    pipe: Connection
    pack: list[RunSpec] = field(default_factory=list)
    part: str = ""
    since: float = 0.0
    """When the part in progress was begun (monotonic seconds)."""


class _Pool:
    """Workers, each with one pack in hand."""

    def __init__(self, sweep: Sweep, tell: Tell) -> None:
        self.sweep, self.tell = sweep, tell
        self.workers: list[_Worker] = []
        self.stopped: UserError | None = None

    def run(self, todo: list[list[RunSpec]], count: int) -> None:
        """Hand out packs until none is left."""
        todo = todo[::-1]
        try:
            while todo or any(w.pack for w in self.workers):
                while todo and self.stopped is None and (free := self._free(count)):
                    self._give(free, todo.pop())
                if self.stopped is not None and not any(w.pack for w in self.workers):
                    break
                self._listen()
        finally:
            for worker in self.workers:
                worker.pipe.close()  # an idle worker sees the end of its pipe and leaves
                if worker.pack:
                    worker.process.kill()
                worker.process.join(5)
                worker.process.kill()
        if self.stopped is not None:
            raise self.stopped

    def _free(self, count: int) -> _Worker | None:
        """A worker without a pack; started if there are fewer than `count`."""
        for worker in self.workers:
            if not worker.pack:
                return worker
        if len(self.workers) >= count:
            return None
        for name in THREADS:
            os.environ[name] = "1"
        here, there = mp.get_context("spawn").Pipe()
        args = (there, self.sweep.policy, self.sweep.timeout, self.sweep.folder / "sources")
        process = mp.get_context("spawn").Process(target=work, args=args, daemon=True)
        process.start()
        there.close()
        self.workers.append(_Worker(process, here))
        return self.workers[-1]

    def _give(self, worker: _Worker, pack: list[RunSpec]) -> None:
        worker.pack, worker.part = pack, ""
        try:
            worker.pipe.send((pack, [self.sweep.run_folder(r) for r in pack]))
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
            elif worker.part and time.monotonic() - worker.since > self.sweep.timeout + 5:
                worker.process.kill()
                self._died(worker, f"part {worker.part!r} gave no scores within {self.sweep.timeout:g} s")

    def _heard(self, worker: _Worker, event: dict[str, Any]) -> None:
        worker.part = event["part"] if event["event"] == "part" else ""
        worker.since = time.monotonic()
        if event["event"] == "free":
            worker.pack = []
        elif event["event"] == "stop":  # the environment or the configuration is at fault, not a run
            worker.pack = []
            self.stopped = UserError(event["reason"], event["code"])
        else:
            self.tell(event)

    def _died(self, worker: _Worker, reason: str = "") -> None:
        """Fail the pack of a dead worker; the next pack gets a new one."""
        worker.process.join(5)
        code = worker.process.exitcode
        doing = f" in part {worker.part!r}" if worker.part else ""
        reason = reason or f"the worker died{doing} (exit code {code})"
        for run in worker.pack:
            folder = self.sweep.run_folder(run)
            if trace.status(folder)["status"] == "partial":
                exit_code = 6 if worker.part else 1
                trace.set_status(folder, "failed", reason=reason, code=exit_code)
                self.tell({"event": "failed", "run": run.id, "reason": reason, "code": exit_code})
        self.workers.remove(worker)


# --- the worker's side ---------------------------------------------------------------------------


def work(pipe: Connection, policy: Folder, timeout: float, sources: Path) -> None:
    """Do packs until told to stop."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a key press reaches the whole group
    sys.stdout = sys.stderr  # stdout carries the one JSON object of the parent
    import torch

    from rewardbench.loop import run_pack

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    while True:
        try:
            specs, folders = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            run_pack(specs, folders, policy, pipe.send, timeout, sources)
        except UserError as error:
            pipe.send({"event": "stop", "reason": str(error), "code": error.code})
            continue
        except Exception as error:
            import traceback

            traceback.print_exc()
            for spec, folder in zip(specs, folders, strict=True):
                reason = f"{type(error).__name__}: {error}"
                trace.set_status(folder, "failed", reason=reason, code=1)
                pipe.send({"event": "failed", "run": spec.id, "reason": reason, "code": 1})
        pipe.send({"event": "free"})


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; elsewhere, watch for it."""
    parent = os.getppid()
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


# --- shards --------------------------------------------------------------------------------------


def merge(folders: Sequence[Path], out: Path) -> Sweep:
    """Put the shards of one sweep together: the same folder as the undisturbed sweep."""
    heads = []
    for folder in folders:
        path = folder / "sweep.toml"
        if not path.is_file():
            raise UserError(f"{folder} is no sweep folder: it has no sweep.toml", 5)
        heads.append(tomllib.loads(path.read_text()))
    if len({h["sweep"] for h in heads}) > 1:
        raise UserError(f"these are shards of different sweeps: {', '.join(sorted({h['sweep'] for h in heads}))}")
    make_folder(out)
    specs: dict[str, RunSpec] = {}
    for folder, head in zip(folders, heads, strict=True):
        for name in head["runs"]:
            specs.setdefault(name, run_spec(trace.spec(folder / "runs" / name)))
            _take_better(folder / "runs" / name, out / "runs" / name)
        for source in sorted((folder / "sources").glob("*/*")):
            trace.write_whole(out / source.relative_to(folder), source.read_bytes())
    ordered = _in_order(list(specs.values()))
    head = {**heads[0], "runs": [r.id for r in ordered]}
    trace.write_whole(out / "sweep.toml", tomli_w.dumps(head).encode())
    local = folders[0] / "local.toml"
    if local.is_file():
        trace.write_whole(out / "local.toml", local.read_bytes())
    return open_sweep(out)


def _take_better(source: Path, target: Path) -> None:
    """Copy a run unless the target has it finished already."""
    if target.is_dir() and trace.status(target)["status"] == "done":
        return
    if target.is_dir() and trace.status(source)["status"] == "partial":
        return
    shutil.rmtree(target, ignore_errors=True)
    with trace.writing(target):
        shutil.copytree(source, target)


def _in_order(runs: list[RunSpec]) -> list[RunSpec]:
    """Shards interleave; the order of results is by task, then design and seed as names."""
    return sorted(runs, key=lambda r: (r.task, r.design.name, r.seed))
