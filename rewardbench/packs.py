"""What is a pack? Runs that share one model: opened from their folders, saved after a step, put back after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
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
    known: dict[str, Prompt] = field(default_factory=dict)
    """Training prompts drawn so far by their ids, truth included: the algorithm is shown them without."""

    @property
    def alive(self) -> bool:
        """Whether it has not failed."""
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
            s, f, c := find.bind(s.design, s.task, sources), State(), scoring.start(c), _dev(task, s),
            task.prompts("train", s.seed),
        )
        for s, f in zip(specs, folders, strict=True)
    ]
    missing = unknown_share(policy, runs[0].dev)
    if missing > 0.02:
        lacks = f"{missing:.0%} of the tokens of {first.task}'s prompts"
        raise UserError(f"policy {folder.name!r} lacks {lacks} (limit 2%)")
    settings = policy.settings
    shape = (settings.kind, settings.rank, settings.alpha, settings.targets)
    stacked = stack(policy.model, [s.seed for s in specs], *shape)
    for run in runs:
        run.state = algorithm.start(policy)
    stacked.adopt([run.state for run in runs])
    params = {n: stacked.lead(n) for n in stacked.params}
    opt = adam(params, len(runs), settings.betas, settings.clip)
    pack = Pack(task, find.gold(first.task), policy, stacked, algorithm, opt, runs, first, say, timeout)
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
    """Put every run back to the last step that all of them have saved."""
    found = [trace.read_checkpoint(run.folder) for run in pack.runs]
    pack.step = min(int(f[1]["step"]) if f else 0 for f in found)
    for r, (run, saved) in enumerate(zip(pack.runs, found, strict=True)):
        trace.cut(run.folder, pack.step)
        if saved is None or pack.step == 0:
            continue
        arrays, meta = saved
        if int(meta["step"]) != pack.step:
            raise UserError(f"the checkpoints of this pack stand at different steps; start {run.folder.name} anew")
        for name in pack.stacked.params:
            pack.stacked.lead(name)[r].copy_(torch.from_numpy(arrays[f"p/{name}"]))
            pack.opt.m[name][r].copy_(torch.from_numpy(arrays[f"m/{name}"]))
            pack.opt.v[name][r].copy_(torch.from_numpy(arrays[f"v/{name}"]))
        pack.opt.steps[r] = float(meta["updates"])
        run.taken, run.charged = int(meta["taken"]), int(meta["charged"])
        next(islice(run.stream, run.taken, run.taken), None)  # past what was drawn already
        run.state = replace(run.state, kept={k: arrays[f"kept/{k}"] for k in meta["kept"]})
        run.running = Running(*(arrays[f"running/{k}"] for k in ("count", "mean", "square")))
