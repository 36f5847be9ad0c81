"""What is a pack? Runs that share one model: opened from their folders, saved after a step, put back after a kill."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardbench import find, scoring, trace
from rewardbench.design import Running
from rewardbench.engine.optimise import Adam, adam
from rewardbench.engine.stack import STATE, Stack, stack
from rewardbench.plan import RunSpec
from rewardbench.policies.load import Policy, load, unknown_share
from rewardbench.policies.settings import Folder
from rewardbench.types import Algorithm, Gold, Prompt, State, Task, UserError

Say = Callable[[dict[str, Any]], None]


@dataclass(eq=False)
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
    ended: bool = False
    """Closed as done or failed, now or before its pack was resumed."""

    @property
    def alive(self) -> bool:
        """Whether it goes on."""
        return not self.ended

    @property
    def trains(self) -> bool:
        """Whether it goes on and is taught."""
        return self.alive and self.contestant.design.trains


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
    saved: float = float("-inf")
    """When it was last saved (monotonic seconds)."""


def fail(pack: Pack, run: Run, reason: str, code: int) -> None:
    """End one run, keep what it recorded, let the others go on."""
    run.ended = True
    trace.close(run.folder, "failed", reason=reason, code=code, step=pack.step)
    pack.say({"event": "failed", "run": run.spec.id, "reason": reason, "code": code})


@contextmanager
def failing(pack: Pack, run: Run) -> Iterator[None]:
    """Within it an exception fails this run alone; a UserError, which all runs share, goes through."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        fail(pack, run, *blame(error))


def blame(error: BaseException) -> tuple[str, int]:
    """What went wrong in one line, and the code: 6 if it went through a user's own file, which is named; else 1.

    The traceback of what is our own fault is printed.
    """
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).startswith("_rewardbench_user_"):
            found = f" ({Path(frame.f_code.co_filename).name}, line {line})"
    if not found:
        traceback.print_exception(error)
    return f"{type(error).__name__}: {error}{found}", 6 if found else 1


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
    return list(islice(task.prompts(spec.end_split, spec.seed), spec.eval_prompts))


def size(pack: Pack) -> int:
    """Parameters that a run's token passes through: the model's, with the adapters of that run alone."""
    stacked = pack.stacked
    others = (stacked.R - 1) * sum(stacked.lead(n)[0].numel() for n in stacked.params if not n.startswith(STATE))
    return int(sum(p.numel() for p in pack.policy.model.parameters())) - others


def weights(pack: Pack, r: int) -> dict[str, Any]:
    """Run r's trained weights, name -> array."""
    return {n: pack.stacked.lead(n)[r].float().numpy(force=True).copy() for n in pack.stacked.params}


# --- checkpoints ---------------------------------------------------------------------------------


def save(pack: Pack, step: int) -> None:
    """Save each run so that a kill costs at most this step (or a minute, where a checkpoint is large).

    A run's last checkpoint stays until all runs have their next one: a kill in between finds a step they share.
    """
    size = sum(pack.stacked.lead(n)[0].numel() for n in pack.stacked.params) * 12
    if size > 16e6 and time.monotonic() - pack.saved < 60 and step < pack.spec.steps:
        return
    pack.saved = time.monotonic()
    taught = [(r, run) for r, run in enumerate(pack.runs) if run.trains]
    for r, run in taught:
        trace.write_checkpoint(run.folder, *_snapshot(pack, r, run, step))
    for _, run in taught:
        trace.keep_checkpoint(run.folder, step)


def _snapshot(pack: Pack, r: int, run: Run, step: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(arrays, meta): everything that run r needs to go on from `step`."""
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
    return arrays, meta


def restore(pack: Pack) -> None:
    """Put every run back to the newest step that all of them have saved; decided before anything is cut.

    Only runs that are taught have something to go back to: others follow. A run that was done or failed before
    the kill keeps its place in the pack, so that the others compute as before, and is left alone.
    """
    for run in pack.runs:
        run.ended = trace.status(run.folder)["status"] != "partial"
    taught = {r: trace.checkpoints(run.folder) for r, run in enumerate(pack.runs) if run.trains}
    pack.step = max(set.intersection(*taught.values()), default=0) if taught else 0
    for r in taught if pack.step else ():
        _put_back(pack, r, pack.runs[r])
    end = pack.step if pack.step < pack.spec.steps else trace.LAST  # after the last step nothing is made again
    for run in pack.runs:
        if run.alive:
            trace.cut(run.folder, end)
            trace.keep_checkpoint(run.folder, pack.step)


def _put_back(pack: Pack, r: int, run: Run) -> None:
    """Give run r what it had after `pack.step` steps."""
    arrays, meta = trace.read_checkpoint(run.folder, pack.step)
    for name in pack.stacked.params:
        pack.stacked.lead(name)[r].copy_(torch.from_numpy(arrays[f"p/{name}"]))
        pack.opt.m[name][r].copy_(torch.from_numpy(arrays[f"m/{name}"]))
        pack.opt.v[name][r].copy_(torch.from_numpy(arrays[f"v/{name}"]))
    pack.opt.steps[r] = float(meta["updates"])
    run.taken, run.charged = int(meta["taken"]), int(meta["charged"])
    next(islice(run.stream, run.taken, run.taken), None)  # past what was drawn already
    run.state = replace(run.state, kept={k: arrays[f"kept/{k}"] for k in meta["kept"]})
    run.running = Running(*(arrays[f"running/{k}"] for k in ("count", "mean", "square")))
