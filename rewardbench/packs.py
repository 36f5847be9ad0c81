"""What is a pack? Runs that share one model: opened from their folders, saved after a step, put back after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardbench import find, scoring, trace
from rewardbench.design import Running
from rewardbench.engine.optimise import Adam, adam
from rewardbench.engine.stack import Stack, stack
from rewardbench.plan import RunSpec
from rewardbench.policies.load import Policy, load, unknown_share
from rewardbench.policies.settings import Folder
from rewardbench.types import Algorithm, Batch, Gold, Prompt, State, Task, UserError, Want

Say = Callable[[dict[str, Any]], None]
MOST_UNKNOWN = 0.02
"""Share of a task's prompt tokens that a policy's vocabulary may lack."""


@dataclass
class Run:
    """One run of a pack while it goes on."""

    spec: RunSpec
    folder: Path
    contestant: scoring.Contestant
    state: State
    running: Running
    dev: list[Prompt]
    stream: Iterator[Prompt]
    """Training prompts, from the next one on."""
    taken: int = 0
    """Training prompts drawn so far."""
    charged: int = 0
    """Completion tokens charged so far."""
    failure: str = ""
    """Why it goes no further: it failed, or it was put aside."""
    known: dict[str, Prompt] = field(default_factory=dict)
    """Training prompts drawn so far by their ids, truth included: the algorithm is shown them without."""

    @property
    def alive(self) -> bool:
        """Whether it goes on."""
        return not self.failure

    def take(self, count: int) -> list[Prompt]:
        """The next training prompts, as an algorithm may see them."""
        drawn = list(islice(self.stream, count))
        self.taken += count
        self.known |= {p.id: p for p in drawn}
        return [replace(p, truth=None) for p in drawn]

    def whole(self, want: Want) -> Want:
        """What an algorithm wants, with the truth put back: the partner and the oracle arm read it."""
        return replace(want, prompts=[self.known.get(p.id, p) for p in want.prompts])


@dataclass
class Pack:
    """R runs on one model."""

    task: Task
    gold: Gold
    policy: Policy
    stacked: Stack
    algorithm: Algorithm
    opt: Adam
    runs: list[Run]
    spec: RunSpec
    """The first run's: what all runs of a pack share is read from it."""
    say: Say
    timeout: float
    step: int = 0


def blind(batch: Batch) -> Batch:
    """The batch as an algorithm may see it: truth is for gold and the partner."""
    return replace(batch, prompts=tuple(replace(p, truth=None) for p in batch.prompts))


def fail(pack: Pack, run: Run, reason: str, code: int) -> None:
    """End one run, keep what it recorded, let the others go on."""
    run.failure = reason
    trace.set_status(run.folder, "failed", reason=reason, code=code, step=pack.step)
    pack.say({"event": "failed", "run": run.spec.id, "reason": reason, "code": code})


def put_aside(spec: RunSpec, folder: Path, error: UserError, say: Say) -> None:
    """Leave one run as it is, with the reason in its status: no fault of its design's, so it has not failed.

    `rbench resume` tries it again, once the cause is mended. The user's own code that broke (6) is a failure.
    """
    status, event = ("failed", "failed") if error.code == 6 else ("partial", "lost")
    trace.set_status(folder, status, reason=str(error), code=error.code)
    say({"event": event, "run": spec.id, "reason": str(error), "code": error.code})


@contextmanager
def alone(pack: Pack, run: Run) -> Iterator[None]:
    """Keep a mistake that belongs to one run (a damaged checkpoint) to that run; a full disk is everybody's."""
    try:
        yield
    except UserError as error:
        if error.code == 4:
            raise
        run.failure = str(error)
        put_aside(run.spec, run.folder, error, pack.say)


def admit(folder: Folder, firsts: Sequence[RunSpec], sources: Path) -> None:
    """Raise the UserError that every run would end in: a policy that cannot be trained, or lacks a task's words."""
    policy = load(folder)
    for spec in firsts:
        find.algorithm(spec.algorithm, spec.options, spec.algorithm_source or "", sources)
        missing = unknown_share(policy, _dev(find.task(spec.task), spec))
        if missing > MOST_UNKNOWN:
            lacks = f"{missing:.0%} of the tokens of {spec.task}'s prompts"
            raise UserError(f"policy {folder.name!r} lacks {lacks} (limit {MOST_UNKNOWN:.0%})")
    _stacked(policy, firsts[:1])


def _stacked(policy: Policy, specs: Sequence[RunSpec]) -> Stack:
    """The policy's model with the weights of R runs on it."""
    s = policy.settings
    return stack(policy.model, [spec.seed for spec in specs], s.kind, s.rank, s.alpha, s.targets)


def open_pack(
    specs: Sequence[RunSpec], folders: Sequence[Path], folder: Folder, say: Say, timeout: float, sources: Path
) -> Pack:
    """Load the policy, put R runs on it, and go back to their checkpoints."""
    first = specs[0]
    torch.manual_seed(0)  # nothing here draws from it; a user's part that does at least repeats itself
    task = find.task(first.task)
    algorithm = find.algorithm(first.algorithm, first.options, first.algorithm_source or "", sources)
    policy = load(folder)
    runs = [
        Run(
            s, f, c := scoring.Contestant(s.design), State(), scoring.start(c), [], task.prompts("train", s.seed)
        )
        for s, f in zip(specs, folders, strict=True)
    ]
    stacked = _stacked(policy, specs)
    for run in runs:
        run.state = algorithm.start(policy)
    stacked.adopt([run.state for run in runs])
    params = {n: stacked.lead(n) for n in stacked.params}
    opt = adam(params, len(runs), policy.settings.betas, policy.settings.clip)
    pack = Pack(task, find.gold(first.task), policy, stacked, algorithm, opt, runs, first, say, timeout)
    for run in runs:
        with alone(pack, run):
            run.contestant = find.bind(run.spec.design, run.spec.task, sources)
            run.dev = _dev(task, run.spec)
    restore(pack)
    return pack


def _dev(task: Task, spec: RunSpec) -> list[Prompt]:
    """The prompts of every evaluation of a run."""
    return list(islice(task.prompts("dev", spec.seed), spec.eval_prompts))


def size(pack: Pack) -> int:
    """Parameters that a token passes through."""
    return sum(p.numel() for p in pack.policy.model.parameters())


def weights(pack: Pack, r: int) -> dict[str, Any]:
    """Run r's trained weights, name -> array."""
    return {n: pack.stacked.lead(n)[r].float().numpy(force=True).copy() for n in pack.stacked.params}


_last_saved = [0.0]


def save(pack: Pack, step: int) -> None:
    """Save each run so that a kill costs at most this step (or a minute, where a checkpoint is large)."""
    size = sum(pack.stacked.lead(n)[0].numel() for n in pack.stacked.params) * 12
    if size > 16e6 and time.monotonic() - _last_saved[0] < 60 and step < pack.spec.steps:
        return
    _last_saved[0] = time.monotonic()
    for r, run in enumerate(pack.runs):
        if not run.alive or not run.contestant.design.trains:
            continue
        arrays = {f"p/{k}": v for k, v in weights(pack, r).items()}
        for kind, values in (("m", pack.opt.m), ("v", pack.opt.v)):
            arrays |= {f"{kind}/{n}": values[n][r].numpy(force=True).copy() for n in values}
        arrays |= {f"kept/{k}": np.asarray(v, dtype=np.float64) for k, v in run.state.kept.items()}
        arrays |= {f"running/{k}": np.asarray(getattr(run.running, k)) for k in ("count", "mean", "square")}
        meta = {
            "step": step,
            "updates": float(pack.opt.steps[r]),
            "taken": run.taken,
            "charged": run.charged,
            "kept": sorted(run.state.kept),
        }
        trace.write_checkpoint(run.folder, arrays, meta)


def restore(pack: Pack) -> None:
    """Put every run back to the last step that all of them have saved; what cannot be put back is left as it is."""
    found: list[tuple[dict[str, Any], dict[str, Any]] | None] = [None] * len(pack.runs)
    for r, run in enumerate(pack.runs):
        with alone(pack, run):
            found[r] = trace.read_checkpoint(run.folder)
    steps = [int(f[1]["step"]) if f else 0 for f, run in zip(found, pack.runs, strict=True) if run.alive]
    pack.step = min(steps, default=0)
    for r, (run, saved) in enumerate(zip(pack.runs, found, strict=True)):
        if run.alive:
            with alone(pack, run):
                _put_back(pack, r, saved)


def _put_back(pack: Pack, r: int, saved: tuple[dict[str, Any], dict[str, Any]] | None) -> None:
    """Put run r back to the pack's step: rows after it are cut, weights and state come from its checkpoint."""
    run = pack.runs[r]
    trace.cut(run.folder, pack.step)
    if saved is None or pack.step == 0:
        return
    arrays, meta = saved
    if int(meta["step"]) != pack.step:
        raise UserError(f"the checkpoints of this pack stand at different steps; start {run.folder.name} anew", 5)
    for name in pack.stacked.params:
        pack.stacked.lead(name)[r].copy_(torch.from_numpy(arrays[f"p/{name}"]))
        pack.opt.m[name][r].copy_(torch.from_numpy(arrays[f"m/{name}"]))
        pack.opt.v[name][r].copy_(torch.from_numpy(arrays[f"v/{name}"]))
    pack.opt.steps[r] = float(meta["updates"])
    run.taken, run.charged = int(meta["taken"]), int(meta["charged"])
    next(islice(run.stream, run.taken, run.taken), None)  # past what was drawn already
    run.state = replace(run.state, kept={k: arrays[f"kept/{k}"] for k in meta["kept"]})
    run.running = Running(*(arrays[f"running/{k}"] for k in ("count", "mean", "square")))
