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
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import tomli_w

from rewardbench import find, trace
from rewardbench.plan import RunSpec, Spec, plan, read_run, shard_of, sweep_id
from rewardbench.policies.settings import Folder, shipped
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
    planned: int
    """Runs of the whole sweep; a shard has fewer."""

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
    place = {run.id: n for n, run in enumerate(runs)}
    head = _head(name, spec.reward_timeout, len(runs), {r.id: place[r.id] for r in mine})
    _check_head(folder, head)
    for target, source in sources.items():
        copy = folder / "sources" / target
        if not copy.is_file():
            trace.write_whole(copy, source.read_bytes())
    trace.write_whole(folder / "local.toml", tomli_w.dumps({"policy": _policy_place(spec.policy, policy)}).encode())
    sweep = Sweep(folder, name, tuple(mine), policy, spec.reward_timeout, len(runs))
    for run in mine:
        trace.create(sweep.run_folder(run), run.as_dict())
    if not (folder / "sweep.toml").is_file():  # last, so that a folder which has it can be resumed
        trace.write_whole(folder / "sweep.toml", tomli_w.dumps(head).encode())
    return sweep


def _head(name: str, timeout: float, planned: int, places: Mapping[str, int]) -> dict[str, Any]:
    """What `sweep.toml` says; `places` (run -> its number in the whole plan) lets shards be put in order."""
    runs = sorted(places, key=lambda run: places[run])
    return {
        "schema_version": 1,
        "sweep": name,
        "reward_timeout": float(timeout),
        "planned": planned,
        "runs": runs,
        "places": [places[run] for run in runs],
    }


def _check_head(folder: Path, head: Mapping[str, Any]) -> None:
    """Raise UserError (code 2) if the folder holds another sweep or shard; the same may be there already."""
    if not (folder / "sweep.toml").is_file():
        return
    there = trace.head(folder)
    if there["sweep"] != head["sweep"]:
        raise UserError(f"{folder} holds another spec (sweep {there['sweep']}); choose another --out")
    if there["runs"] != head["runs"]:
        raise UserError(f"{folder} holds another shard of this sweep; give each shard its own --out")


def _policy_place(asked: str, policy: Folder) -> str:
    """How this machine finds the policy again, from any working directory."""
    return str(policy.path) if asked not in shipped() and Path(asked).expanduser().is_dir() else asked


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
    head = trace.head(folder)
    runs = tuple(_run_of(folder, name) for name in head["runs"])
    local = folder / "local.toml"
    place = trace.read_toml(local, "") if local.is_file() else {}
    asked = str(place.get("policy", runs[0].policy))
    policy = find.policy(asked, folder)
    if policy.digest != runs[0].policy_hash:
        raise UserError(f"policy {asked!r} is not the one this sweep began with (its files or its .toml changed)", 5)
    sweep = Sweep(folder, head["sweep"], runs, policy, float(head["reward_timeout"]), head["planned"])
    for task, digest in {(run.task, run.task_digest) for run in unfinished(sweep)}:
        if find.task_digest(task) != digest:
            raise UserError(f"the code of task {task!r} changed since this sweep began; start a new --out", 5)
    return sweep


def _run_of(folder: Path, name: str) -> RunSpec:
    """The spec of a sweep's run, which must be the one that its id was made of."""
    found = read_run(folder / "runs" / str(name))
    if found.id != name:
        raise UserError(f"{name}/spec.toml is damaged: its content belongs to run {found.id}", 5)
    return found


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock; a second process is told so (code 4). The lock goes with its process."""
    with trace.writing(folder / ".lock"):
        lock = (folder / ".lock").open("w")
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            reason = f"{folder} is in use by another process; wait for it, or choose another --out"
            raise UserError(reason, 4) from error
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
        self.todo: list[list[RunSpec]] = []
        self.killed: set[str] = set()
        """Runs whose worker was killed from outside once."""
        self.stopped: UserError | None = None

    def run(self, todo: list[list[RunSpec]], count: int) -> None:
        """Hand out packs until none is left."""
        self.todo = todo[::-1]
        try:
            while self.todo or any(w.pack for w in self.workers):
                while self.todo and self.stopped is None and (free := self._free(count)):
                    self._give(free, self.todo.pop())
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
        """Fail the pack of a dead worker; the next pack gets a new one.

        A worker killed from outside (by hand, or for want of memory) is no fault of the run's: it is done
        again from its checkpoint, once; killed again outside a part, it stays partial, for `rbench resume`.
        """
        worker.process.join(5)
        self.workers.remove(worker)
        left = [r for r in worker.pack if trace.status(self.sweep.run_folder(r))["status"] == "partial"]
        code = worker.process.exitcode
        outside = not reason and code == -signal.SIGKILL
        if outside and left and not self.killed & {r.id for r in left}:
            self.killed |= {r.id for r in left}
            self.todo.append(left)
            return
        doing = f" in part {worker.part!r}" if worker.part else ""
        reason = reason or f"the worker died{doing} (exit code {code})"
        for run in left:
            if outside and not worker.part:
                self.tell({"event": "lost", "run": run.id, "reason": f"{reason}; `rbench resume` goes on"})
                continue
            exit_code = 6 if worker.part else 1
            trace.set_status(self.sweep.run_folder(run), "failed", reason=reason, code=exit_code)
            self.tell({"event": "failed", "run": run.id, "reason": reason, "code": exit_code})


# --- the worker's side ---------------------------------------------------------------------------


def work(pipe: Connection, policy: Folder, timeout: float, sources: Path) -> None:
    """Do packs until told to stop."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a key press reaches the whole group
    sys.stdout = sys.stderr  # stdout carries the one JSON object of the parent
    os.dup2(2, 1)  # and what a part prints through a library or a child of its own goes there neither
    while True:
        try:
            specs, folders = pipe.recv()
        except (EOFError, OSError):
            return
        do_pack(specs, folders, policy, pipe.send, timeout, sources)


def do_pack(
    specs: Sequence[RunSpec], folders: Sequence[Path], policy: Folder, say: Tell, timeout: float, sources: Path
) -> None:
    """Train and evaluate one pack in this process, on one thread; whatever goes wrong is said, not raised."""
    import torch

    from rewardbench.loop import run_pack

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        run_pack(specs, folders, policy, say, timeout, sources)
    except UserError as error:
        say({"event": "stop", "reason": str(error), "code": error.code})
        return
    except Exception as error:
        place = users_fault(error)
        code, reason = (6 if place else 1), f"{type(error).__name__}: {error}{place}"
        if code == 1:
            traceback.print_exc()
        for spec, folder in zip(specs, folders, strict=True):
            if trace.status(folder)["status"] == "partial":
                trace.set_status(folder, "failed", reason=reason, code=code)
                say({"event": "failed", "run": spec.id, "reason": reason, "code": code})
    say({"event": "free"})


def users_fault(error: BaseException) -> str:
    """` (file.py, line n)` of the last line of a user's own file that an error went through, or nothing."""
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).startswith("_rewardbench_user_"):
            found = f" ({Path(frame.f_code.co_filename).name}, line {line})"
    return found


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


# --- shards --------------------------------------------------------------------------------------


def merge(folders: Sequence[Path], out: Path) -> Sweep:
    """Put the shards of one sweep together: the same folder as the undisturbed sweep."""
    heads = [trace.head(folder) for folder in folders]
    if out.resolve() in [folder.resolve() for folder in folders]:
        raise UserError(f"--out {out} is one of the shards; choose a folder of its own")
    if len({h["sweep"] for h in heads}) > 1:
        raise UserError(f"these are shards of different sweeps: {', '.join(sorted({h['sweep'] for h in heads}))}")
    if (out / "sweep.toml").is_file() and trace.head(out)["sweep"] != heads[0]["sweep"]:
        raise UserError(f"{out} holds another sweep ({trace.head(out)['sweep']}); choose another --out")
    make_folder(out)
    places: dict[str, int] = {}
    for folder, head in zip(folders, heads, strict=True):
        for name, place in zip(head["runs"], head["places"], strict=True):
            _run_of(folder, name)
            _take_better(folder / "runs" / name, out / "runs" / name)
            places[name] = int(place)
        for source in sorted((folder / "sources").glob("*/*")):
            trace.write_whole(out / source.relative_to(folder), source.read_bytes())
    whole = _head(heads[0]["sweep"], heads[0]["reward_timeout"], heads[0]["planned"], places)
    trace.write_whole(out / "sweep.toml", tomli_w.dumps(whole).encode())
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
