"""Which runs are computed together? What a run and a pack hold, and how one run ends without the others."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from rewardbench import fence, find, scoring, trace
from rewardbench.calling import When, in_call
from rewardbench.design import Running
from rewardbench.engine.optimise import Adam
from rewardbench.engine.stack import STATE, Stack
from rewardbench.packs.later import Later
from rewardbench.plan import RunSpec
from rewardbench.policies.load import Policy
from rewardbench.types import (
    Algorithm,
    AlgorithmError,
    Batch,
    Gold,
    GoldError,
    Prompt,
    RewardError,
    State,
    Task,
    UserError,
    Want,
)

Say = Callable[[dict[str, Any]], None]


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
    fault: str = ""
    """Why it ends as soon as all that was left for later is done: gold broke in what was said before this step."""
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
        """The next training prompts, as an algorithm may see them; raises UserError (code 6) where they end."""
        drawn = list(islice(self.stream, count))
        if len(drawn) < count:
            raise UserError(find.ends(self.spec.task, "train", self.taken + len(drawn)), 6)
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
    later: Later = field(default_factory=Later)
    """What is left to be done while a card computes."""


def blind(batch: Batch) -> Batch:
    """The batch as an algorithm may see it: truth is for gold and the partner."""
    return replace(batch, prompts=tuple(replace(p, truth=None) for p in batch.prompts))


def settle(pack: Pack) -> None:
    """Do all that was left for later, and end the runs in which that found a fault."""
    pack.later.settle()
    for run in pack.runs:
        reason, run.fault = run.fault, ""
        if run.alive and reason:
            fail(pack, run, reason, 6)


def fail(pack: Pack, run: Run, reason: str, code: int) -> None:
    """End one run, keep what it recorded, let the others go on. What was left for later came before, and is recorded
    first; it may have ended the run.
    """
    if not pack.later.doing:
        settle(pack)
    if run.ended:
        return
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


def pay(pack: Pack, run: Run, batch: Batch, stream: str, *, learning: bool) -> Batch | None:
    """The batch with its reward, or None after the run has failed: a broken part is never a silent 0."""
    when = When(stream, pack.step, pack.step / max(run.spec.steps, 1))

    def tell(part: str) -> None:
        pack.say({"event": "part", "run": run.spec.id, "part": part, "call": in_call(batch)})

    contestant = run.contestant if learning else scoring.raw(run.contestant)
    try:
        scored = scoring.pay(contestant, batch, when, run.running, pack.timeout, tell)
    except (RewardError, GoldError) as error:
        fail(pack, run, str(error), 6)
        return None
    if learning:
        run.running = scored.running
    return scored.batch


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


@contextmanager
def failing(pack: Pack, run: Run) -> Iterator[None]:
    """Within it an exception fails this run alone, as does a user's code that broke (6); what all runs share (another
    UserError, a card) goes through.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except UserError as error:
        if error.code != 6:
            raise
        fail(pack, run, str(error), 6)
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
    """What went wrong in one line, and the code: 6 if it went through a user's own file, which is named, or a hook gave
    what it may not; else 1.

    The traceback of what is our own fault is printed.
    """
    if isinstance(error, AlgorithmError):
        return str(error), 6
    found = fence.users_line(error)
    if not found:
        traceback.print_exception(error)
    _, why = fence.cause(error)
    return (why or f"{type(error).__name__}: {error}") + found, 6 if found else 1


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


