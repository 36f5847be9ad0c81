"""How do R runs learn from their batches? One forward pass for all, a loss for each, one backward pass.

The sum of per-run losses has exactly each run's own gradient on that run's weights, since the weights
are disjoint. "Old" log-probabilities come from this pass too: decoding rounds differently. How a run's batch is
cut into minibatches and micro-batches depends on that run alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rewardbench import hooks
from rewardbench.engine import fused
from rewardbench.engine.forward import Seen, asked_logp, forward, micro_cuts
from rewardbench.engine.optimise import Adam, update
from rewardbench.engine.send import Fetched, sent, sent_together
from rewardbench.engine.stack import Stack
from rewardbench.policies.load import Policy
from rewardbench.types import Algorithm, Batch, Floats, Now, State

OWN = ("gain", "ref", "old")
"""What a lesson has of each position, beside its batch."""
LONG = ("ids", "logp", "mine", "turn", "entropy", "credit")
"""What a batch has of each position."""
SHORT = ("ended", "parts", "reward")
"""What it has of each completion."""


@dataclass(frozen=True)
class Learnt:
    """What one step of learning looked like, a value a run [R]; 0 for a run that did not move."""

    loss: Floats
    """Mean over the run's updates."""
    norm: Floats
    """Gradient norm before the clip, the largest of the step's updates."""
    drift: Floats
    """Mean |log-probability when decoded - when trained|, nats a token."""
    faults: tuple[Exception | None, ...]
    """What a run's loss raised, if it did: that run alone is left where it was then."""


@dataclass(frozen=True)
class Lesson:
    """What one run learns from, or a part of it. Arrays are NumPy, [P, K, T]."""

    batch: Batch
    gain: Floats
    ref: Floats | None = None
    """Log-probabilities under the start policy; if needed."""
    old: Floats | None = None
    """Log-probabilities before the first update; None where there is one update alone."""
    tokens: float = 0.0
    """The policy's own tokens in the whole minibatch."""
    sequences: float = 0.0
    """Completions in the whole minibatch."""

    def cut(self, prompts: slice) -> Lesson:
        """The lesson of some of its prompts."""
        ref, old = (None if a is None else a[prompts] for a in (self.ref, self.old))
        return replace(self, batch=self.batch.cut(prompts), gain=self.gain[prompts], ref=ref, old=old)


@dataclass(frozen=True)
class School:
    """Who is taught, and by what: what does not change within a step."""

    policy: Policy
    stacked: Stack
    opt: Adam
    algorithm: Algorithm
    states: Sequence[State]
    rate: Tensor
    """Learning rate of each run, [R]."""


def learn(
    policy: Policy,
    stacked: Stack,
    opt: Adam,
    algorithm: Algorithm,
    batches: Sequence[Batch | None],
    gains: Sequence[Floats | None],
    states: Sequence[State],
    rate: Tensor,
) -> Learnt:
    """Teach each run its batch with its advantages `gains` [P, K, T]; moves weights in place."""
    school = School(policy, stacked, opt, algorithm, states, rate)
    minis = [minibatches(lesson, algorithm.minibatches) for lesson in _lessons(school, batches, gains)]
    faults: list[Exception | None] = [None] * len(batches)
    updates: list[Floats] = [np.zeros((4, len(batches)))]
    for _ in range(algorithm.passes):
        for together in zip(*minis, strict=True):
            parts = [None if fault else part for part, fault in zip(together, faults, strict=True)]
            if any(part is not None for part in parts):
                updates.append(_update(school, parts, faults))
    loss, norm, drift, moved = np.stack(updates, axis=1)
    made = np.maximum(moved.sum(0), 1)
    return Learnt(loss.sum(0) / made, norm.max(0), drift.sum(0) / made, tuple(faults))


def _lessons(
    school: School, batches: Sequence[Batch | None], gains: Sequence[Floats | None]
) -> list[Lesson | None]:
    """Each run's whole lesson, with the log-probabilities that have to be taken before any weight moves."""
    algorithm, micro = school.algorithm, school.policy.settings.micro
    nothing = [None] * len(batches)
    many = algorithm.passes * algorithm.minibatches > 1
    policy, stacked = school.policy, school.stacked
    with _in_order(stacked):  # as the passes that move weights: what is compiled and captured is one for both
        asked = [
            asked_logp(policy, stacked, batches, micro, start=start) if needed else None
            for start, needed in ((True, "ref_logp" in algorithm.needs), (False, many))
        ]
    refs, olds = (nothing if read is None else read(policy.meanwhile) for read in asked)
    return [
        None if batch is None or gain is None else Lesson(batch, gain, ref, old)
        for batch, gain, ref, old in zip(batches, gains, refs, olds, strict=True)
    ]


def minibatches(lesson: Lesson | None, count: int) -> list[Lesson | None]:
    """A run's lesson in `count` parts of nearly as many prompts each; None where a part is empty."""
    if lesson is None:
        return [None] * count
    ends = np.cumsum([len(part) for part in np.array_split(np.arange(len(lesson.batch.ids)), count)]).tolist()
    parts = [lesson.cut(slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    return [
        replace(x, tokens=float(np.asarray(x.batch.mine).sum()), sequences=float(np.prod(x.batch.ids.shape[:2])))
        if len(x.batch.ids) else None
        for x in parts
    ]


def _update(school: School, parts: Sequence[Lesson | None], faults: list[Exception | None]) -> Floats:
    """One update of the runs that have a part: loss, norm, drift, and whether each run moved, [4, R].

    What a run's loss raises is put into `faults`.
    """
    with _in_order(school.stacked):
        try:
            told = _pass(school, parts, faults)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a compiler's, at a length that it had not met: nothing has moved yet
            if not fused.gave_up(school.stacked.model, error):
                raise
            told = _pass(school, parts, faults)
    moved = np.array([part is not None and fault is None for part, fault in zip(parts, faults, strict=True)])
    size = _move(school, sent(moved, school.rate.device))
    runs, losses, gaps = zip(*told, strict=True) if told else ((), (), ())
    # read at last, and at once: a GPU would wait for the host at each
    asked = [size, *(torch.stack(one) for one in (losses, gaps) if one)]
    norm, *sums = Fetched(asked).arrays(school.policy.meanwhile)
    loss, drift = np.zeros(len(parts)), np.zeros(len(parts))
    for whole, shares in zip((loss, drift), sums, strict=False):
        np.add.at(whole, list(runs), shares)
    return np.stack([loss, np.where(moved, norm, 0.0), drift, moved])


def _pass(
    school: School, parts: Sequence[Lesson | None], faults: list[Exception | None]
) -> list[tuple[int, Tensor, Tensor]]:
    """(run, its loss, its drift) of each micro-batch of the runs that have a part; their gradients are those of nothing
    before.
    """
    school.stacked.forget()
    told: list[tuple[int, Tensor, Tensor]] = []
    for pieces in micro_batches(parts, school.policy.settings.micro):
        told += _piece(school, pieces, faults)  # what one keeps for its way back is gone before the next
    return told


def _piece(
    school: School, pieces: Sequence[Lesson | None], faults: list[Exception | None]
) -> list[tuple[int, Tensor, Tensor]]:
    """The same of one micro-batch, whose gradients are added to what is there."""
    told: list[tuple[int, Tensor, Tensor]] = []
    there = on_device(pieces, school.rate.device)
    seen = forward(school.policy, school.stacked, [x.batch if x else None for x in pieces], school.algorithm.needs)
    # all at once: the way back of a slice is as large as the whole
    logp, total = seen.logp.unbind(), seen.logp.new_zeros(())
    for r, piece in enumerate(there):
        if piece is None or faults[r] is not None:
            continue
        try:
            one, gap = _loss(school, seen, logp[r], r, piece)
            one = one.reshape(())
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # the algorithm's own: the other runs go on
            faults[r] = error
            continue
        told.append((r, one.detach(), gap))
        total = total + one
    if total.requires_grad:
        torch.autograd.backward(total)
    return told


def micro_batches(parts: Sequence[Lesson | None], micro: int) -> list[tuple[Lesson | None, ...]]:
    """The parts [R] cut along P: one forward pass holds `micro` completions a run at most, or one prompt's (0: all)."""
    return list(zip_longest(*([part.cut(c) for c in micro_cuts(part.batch, micro)] if part else [] for part in parts)))


@contextmanager
def _in_order(stacked: Stack) -> Iterator[None]:
    """Within it a pack on a GPU sums in a fixed order, on the way back above all. Kernels are free in that otherwise,
    and a run that turned into no number could change the others' last bits. (Who compiles a way back asks that it be so
    on the way forward.)
    """
    if stacked.flat is None or stacked.flat[0].device.type != "cuda":
        yield
        return
    filling: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), filling.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    filling.fill_uninitialized_memory = False  # ours is all written
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        filling.fill_uninitialized_memory = before[1]


def _loss(school: School, seen: Seen, logp: Tensor, r: int, piece: Lesson) -> tuple[Tensor, Tensor]:
    """Run r's loss of a micro-batch that is `on_device`, and its share of the minibatch's drift."""
    now, batch, gain = _now(seen, logp, r, piece)
    decoded: Any = piece.batch.logp
    gap = ((now.logp.detach() - decoded[..., : gain.shape[-1]]).abs() * batch.mine).sum() / max(now.tokens, 1)
    found = school.algorithm.loss(now, batch, gain, school.stacked.learned(school.states[r], r))
    return hooks.scalar(school.algorithm, found), gap


def _now(seen: Seen, every: Tensor, r: int, piece: Lesson) -> tuple[Now, Batch, Tensor]:
    """What run r's loss is given of a micro-batch that is `on_device` (`every`: its log-probabilities [b, T]), its
    batch as tensors, and its advantages.
    """
    P, K = piece.batch.ids.shape[:2]
    T = min(every.shape[-1], piece.batch.ids.shape[-1])

    def own(values: Tensor | None) -> Tensor | None:
        return None if values is None else values[r, : P * K, :T].reshape(P, K, T, *values.shape[3:])

    def given(values: Any) -> Tensor | None:
        return None if values is None else values[..., :T]

    long: dict[str, Any] = {name: given(getattr(piece.batch, name)) for name in LONG}
    tensors = replace(piece.batch, **long)
    # the partner's words and padding are set to 0, not multiplied by 0: their values may be infinite
    logp = torch.where(tensors.mine, every[: P * K, :T].reshape(P, K, T), 0.0)
    old, gain = given(piece.old), given(piece.gain)
    assert gain is not None
    now = Now(
        logp,
        tokens=piece.tokens,
        sequences=piece.sequences,
        entropy=own(seen.entropy),
        hidden=own(seen.hidden),
        ref_logp=given(piece.ref),
    )
    return now, replace(tensors, logp=logp.detach() if old is None else old), gain


def on_device(pieces: Sequence[Lesson | None], device: torch.device) -> list[Lesson | None]:
    """The lessons with torch tensors on the device in place of arrays, all floats in single precision."""
    taught = [piece for piece in pieces if piece is not None]
    told = [(part, name) for x in taught for part, names in ((x, OWN), (x.batch, (*LONG, *SHORT))) for name in names]
    there = [(part, name) for part, name in told if getattr(part, name) is not None]
    sent_ = sent_together([_single(getattr(part, name)) for part, name in there], device)
    found: dict[int, dict[str, Any]] = {}
    for (part, name), value in zip(there, sent_, strict=True):
        found.setdefault(id(part), {})[name] = value
    return [x and replace(x, batch=replace(x.batch, **found[id(x.batch)]), **found[id(x)]) for x in pieces]


def _single(array: np.ndarray) -> np.ndarray:
    """Floats in single precision, all else as it is."""
    return array.astype(np.float32, copy=False) if np.issubdtype(array.dtype, np.floating) else array


def _move(school: School, active: Tensor) -> Tensor:
    """One optimiser update of the active runs; gradient norms [R]."""
    moved = school.stacked.moved()
    params = {n: p for n, (p, _) in moved.items()}
    gradients = {n: g for n, (_, g) in moved.items() if g is not None}
    return update(school.opt, params, gradients, school.rate, active)
