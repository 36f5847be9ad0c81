"""What is a pack? Runs that share one model: opened from their folders, saved after a step, put back after a kill."""

from __future__ import annotations

import gc
import random
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from rewardbench import admission, fence, find, scoring, trace
from rewardbench.admission import evaluated
from rewardbench.calling import users_line
from rewardbench.design import Running
from rewardbench.engine.optimise import Adam, adam
from rewardbench.engine.stack import STATE, Stack, stack
from rewardbench.plan import RunSpec, call_of
from rewardbench.policies import card
from rewardbench.policies.load import Policy
from rewardbench.policies.settings import Folder
from rewardbench.types import Algorithm, Batch, Gold, Prompt, State, Task, UserError, Want

Say = Callable[[dict[str, Any]], None]
LARGE = 16e6
"""Bytes of a checkpoint above which it is not written at every step, nor alone."""
THREADS = 4
"""Large files that are written at a time."""
Made = TypeVar("Made")


@dataclass(eq=False)
class Run:
    """One run of a pack while it goes on."""

    spec: RunSpec
    folder: Path
    contestant: scoring.Contestant
    state: State
    running: Running
    shown: dict[str, list[Prompt]]
    """The prompts of every evaluation, by split."""
    stream: Iterator[Prompt]
    """Training prompts, from the next one on."""
    taken: int = 0
    """Training prompts drawn so far."""
    charged: int = 0
    """Completion tokens charged so far."""
    rows: int = 0
    """Lines of `steps.jsonl` so far: a step at which its algorithm asked for nothing has none."""
    ended: bool = False
    """It goes no further: done or failed, now or before its pack was resumed, or put aside, or it waits."""
    waits: bool = False
    """It lacks the step that its pack goes on from, and is made when that is over."""
    known: dict[str, Prompt] = field(default_factory=dict)
    """Training prompts drawn so far by their ids, truth included: the algorithm is shown them without."""

    @property
    def alive(self) -> bool:
        """Whether it goes on."""
        return not self.ended

    @property
    def trains(self) -> bool:
        """Whether it goes on and is taught."""
        return self.alive and self.contestant.design.trains

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
    saved: float = field(default_factory=time.monotonic)
    """When it was opened or last saved (monotonic seconds)."""
    took: float = 0.0
    """Seconds that saving it took then."""


def blind(batch: Batch) -> Batch:
    """The batch as an algorithm may see it: truth is for gold and the partner."""
    return replace(batch, prompts=tuple(replace(p, truth=None) for p in batch.prompts))


def fail(pack: Pack, run: Run, reason: str, code: int) -> None:
    """End one run, keep what it recorded, let the others go on."""
    run.ended = True
    trace.close(run.folder, "failed", reason=reason, code=code, step=pack.step)
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
        run.ended = True
        put_aside(run.spec, run.folder, error, pack.say)


def _stacked(policy: Policy, specs: Sequence[RunSpec]) -> Stack:
    """The policy's model with the weights of R runs on it."""
    s = policy.settings
    stacked = stack(policy.model, [spec.seed for spec in specs], s.kind, s.rank, s.alpha, s.targets)
    if s.kind == "lora" and policy.device.type == "cuda":
        stacked.flatten()
    return stacked


@contextmanager
def failing(pack: Pack, run: Run) -> Iterator[None]:
    """Within it an exception fails this run alone; what all runs share (a UserError, a card) goes through."""
    try:
        yield
    except (UserError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if card_broke(error):
            raise
        fail(pack, run, *blame(error))


def card_broke(error: BaseException) -> bool:
    """Whether a card has failed this process, which gets nothing but such errors from it from then on.

    >>> card_broke(RuntimeError("CUDA error: an illegal memory access was encountered")), card_broke(ValueError("CUDA"))
    (True, False)
    """
    known = getattr(torch, "AcceleratorError", None)  # of torch 2.8 on
    told = isinstance(error, RuntimeError) and "CUDA error" in str(error)
    return told or (known is not None and isinstance(error, known))


def blame(error: BaseException) -> tuple[str, int]:
    """What went wrong in one line, and the code: 6 if it went through a user's own file, which is named; else 1.

    The traceback of what is our own fault is printed.
    """
    found = users_line(error)
    if not found:
        traceback.print_exception(error)
    _, why = fence.cause(error)
    return (why or f"{type(error).__name__}: {error}") + found, 6 if found else 1


def open_pack(
    specs: Sequence[RunSpec], folders: Sequence[Path], folder: Folder, say: Say, timeout: float, sources: Path
) -> Pack:
    """Load the policy, put R runs on it, and go back to their checkpoints. Places of a tile that no run takes are
    runs that are over.
    """
    first = specs[0]
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # errors of runs may hold an earlier pack, in cycles that are seldom looked for
        gc.collect()
        torch.cuda.empty_cache()
    for seeded in (random.seed, np.random.seed, torch.manual_seed):
        seeded(0)  # nothing here draws from these; a user's part that does at least repeats itself
    find.check_digest(first.task, first.task_digest)
    task = find.task(first.task)
    algorithm = find.algorithm(first.algorithm, first.options, first.algorithm_source or "", sources)
    policy = admission.loaded(folder)
    torch.use_deterministic_algorithms(policy.device.type == "cpu")  # kernels that a GPU lacks would be refused
    tile = folder.settings.tile
    empty = tile.runs - len(specs) if tile and policy.device.type == "cuda" else 0
    places = [*zip(specs, folders, strict=True), *[(first, folders[0])] * empty]
    runs = [
        Run(
            s, f, c := scoring.Contestant(s.design), State(), scoring.start(c), {}, task.prompts("train", s.seed),
            ended=n >= len(specs),
        )
        for n, (s, f) in enumerate(places)
    ]
    stacked = _stacked(policy, [s for s, _ in places])
    for run in runs:
        run.state = algorithm.start(policy)
    stacked.adopt([run.state for run in runs])
    params = {n: p for n, (p, _) in stacked.moved().items()}
    opt = adam(params, len(runs), policy.settings.betas, policy.settings.clip)
    pack = Pack(task, find.gold(first.task), policy, stacked, algorithm, opt, runs, first, say, timeout)
    for run in runs:
        with alone(pack, run):
            run.contestant = find.bind(run.spec.design, run.spec.task, sources)
            run.shown = {split: evaluated(task, run.spec, split) for split in {"dev", run.spec.grid_split or "dev"}}
    if policy.device.type == "cuda":
        policy.longest = _longest(pack)
        call = call_of(specs, folder.settings)
        shape, free = card.shape_of(card.files(folder), folder.settings), torch.cuda.mem_get_info()[0]
        policy.wide = card.wide(shape, folder.settings, replace(call, prompt=policy.longest), len(runs), free)
        policy.settings = replace(policy.settings, micro=card.micro(folder.settings, call, len(runs)))
    restore(pack)
    return pack


def _longest(pack: Pack) -> int:
    """Tokens of the longest prompt that the runs will see: with room for it no shape depends on what was seen first."""
    alive = {run.spec.seed: run for run in pack.runs if run.alive}.values()
    train = ((pack.task.prompts("train", r.spec.seed), r.spec.P * r.spec.steps) for r in alive)
    trained = (p for prompts, count in train for p in islice(prompts, count))
    shown = (p for r in alive for prompts in r.shown.values() for p in prompts)
    return max((len(pack.policy.prompt_ids(p)) for p in chain(trained, shown)), default=0)


def sizes(pack: Pack) -> dict[str, int]:
    """Parameters that a run's token passes through: the model's, with the adapters of that run alone; and how many of
    them are trained, where that is not all.
    """
    stacked = pack.stacked
    own = sum(stacked.lead(n)[0].numel() for n in stacked.params if not n.startswith(STATE))
    whole = sum(p.numel() for p in pack.policy.model.parameters()) - (stacked.R - 1) * own
    return {"parameters": whole} | ({"trained": own} if stacked.kind == "lora" else {})


def told(pack: Pack) -> dict[str, Any]:
    """In which company a run was computed: across shapes of packs, numbers agree statistically, not bit for bit."""
    settings, device = pack.policy.settings, pack.policy.device.type
    return {"runs": len(pack.runs), "micro": settings.micro, "device": device, "tile": settings.tile is not None}


def weights(pack: Pack, r: int) -> dict[str, Any]:
    """Run r's trained weights, name -> array, float32."""
    return {n: p.float().numpy() for n, p in pack.stacked.alone(r).items()}


# --- checkpoints ---------------------------------------------------------------------------------


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
