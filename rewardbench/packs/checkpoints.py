"""What does a kill cost? The runs of a pack are saved after a step, and put back to one that they share."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch

from rewardbench import trace
from rewardbench.design import Running
from rewardbench.packs.pack import Pack, Run, alone

LARGE = 16e6
"""Bytes of a checkpoint above which it is not written at every step, nor alone."""
THREADS = 4
"""Large files that are written at a time."""
Made = TypeVar("Made")


def large(pack: Pack) -> bool:
    """Whether a run's checkpoint is one that takes long to write."""
    return sum(pack.stacked.lead(n)[0].numel() for n in pack.stacked.params) * 12 > LARGE


def side_by_side(work: Callable[..., Made], calls: Iterable[tuple[Any, ...]], count: int) -> Iterator[Made]:
    """What `work` gives for each call, in order; `count` at a time, and no more of them are made before. To write and
    to hash large files asks little of the interpreter.

    >>> list(side_by_side(pow, ((n, 2) for n in range(5)), 2))
    [0, 1, 4, 9, 16]
    """
    if count == 1:
        yield from (work(*call) for call in calls)
        return
    with ThreadPoolExecutor(count) as pool:
        going: deque[Future[Made]] = deque()
        for call in calls:
            going.append(pool.submit(work, *call))
            if len(going) == count:
                yield going.popleft().result()
        yield from (one.result() for one in going)


def save(pack: Pack, step: int) -> None:
    """Save each run so that a kill costs at most this step; or, where a checkpoint is large, a minute, or twenty times
    what the last one took.

    A run's last checkpoint stays until all runs have their next one: a kill in between finds a step they share.
    """
    begun, count = time.monotonic(), THREADS if large(pack) else 1
    if count > 1 and begun - pack.saved < max(60.0, 20 * pack.took):
        return
    taught = [(r, run) for r, run in enumerate(pack.runs) if run.trains]
    snapshots = ((run.folder, *_snapshot(pack, r, run, step)) for r, run in taught)
    for _ in side_by_side(trace.write_checkpoint, snapshots, count):
        pass
    for _, run in taught:
        trace.keep_checkpoint(run.folder, step)
    pack.saved = time.monotonic()
    pack.took = pack.saved - begun


def _snapshot(pack: Pack, r: int, run: Run, step: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(arrays, meta): everything that run r needs to go on from `step`."""
    own = pack.stacked.alone(r).items()
    arrays = {f"p/{n}": (p.float() if p.dtype == torch.bfloat16 else p).numpy() for n, p in own}  # NumPy lacks that one
    for kind, values in (("m", pack.opt.m), ("v", pack.opt.v)):
        arrays |= {f"{kind}/{n}": values[n][r].numpy(force=True).copy() for n in values}
    arrays |= {f"kept/{k}": np.asarray(v, dtype=np.float64) for k, v in run.state.kept.items()}
    arrays |= {f"running/{k}": np.asarray(getattr(run.running, k)) for k in ("count", "mean", "square")}
    meta = {
        "step": step,
        "updates": float(pack.opt.steps[r]),
        "taken": run.taken,
        "charged": run.charged,
        "rows": run.rows,
        "kept": sorted(run.state.kept),
    }
    return arrays, meta


def restore(pack: Pack) -> None:
    """Put every run back to the newest step that all of them have saved, or where there is none (a checkpoint was
    deleted) that most have: the others wait, and keep theirs. Decided before anything is cut.

    Only runs that are taught have something to go back to: others follow. A run that was done, failed or put aside
    before keeps its place in the pack, so that the others compute as before, and is left alone.
    """
    for run in pack.runs:
        known = trace.status(run.folder)
        run.ended = run.ended or known["status"] != "partial" or "reason" in known
    saved = {r: trace.checkpoints(run.folder) or {0} for r, run in enumerate(pack.runs) if run.trains}
    shared = Counter(step for steps in saved.values() for step in steps)
    pack.step = max(shared, key=lambda step: (shared[step], step), default=0)
    for r, steps in saved.items():
        run = pack.runs[r]
        run.ended = run.waits = pack.step not in steps
        if pack.step and run.alive:
            with alone(pack, run):
                _put_back(pack, r, run)
    end = pack.step if pack.step < pack.spec.steps else trace.LAST  # after the last step nothing is made again
    for run in pack.runs:
        if run.alive:
            with alone(pack, run):
                trace.cut(run.folder, end)
                if run.trains and not pack.step:
                    trace.begin_checkpoints(run.folder)
                trace.keep_checkpoint(run.folder, pack.step)


def _put_back(pack: Pack, r: int, run: Run) -> None:
    """Give run r what it had after `pack.step` steps."""
    arrays, meta = trace.read_checkpoint(run.folder, pack.step)
    for name in pack.stacked.params:
        pack.stacked.lead(name)[r].copy_(torch.from_numpy(arrays[f"p/{name}"]))
    for kind, values in (("m", pack.opt.m), ("v", pack.opt.v)):
        for name in values:
            values[name][r].copy_(torch.from_numpy(arrays[f"{kind}/{name}"]))
    pack.opt.steps[r] = float(meta["updates"])
    run.taken, run.charged = int(meta["taken"]), int(meta["charged"])
    run.rows = trace.check_rows(run.folder, pack.step, meta.get("rows"))
    next(islice(run.stream, run.taken, run.taken), None)  # past what was drawn already
    run.state = replace(run.state, kept={k: arrays[f"kept/{k}"] for k in meta["kept"]})
    run.running = Running(*(arrays[f"running/{k}"] for k in ("count", "mean", "square")))
