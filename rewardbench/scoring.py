"""What is each completion of a batch paid? Every part of a run's own design, called and composed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rewardbench import calling
from rewardbench.design import Running, compose, no_history, observe, weights
from rewardbench.types import Batch, Design, Floats, RewardError

MOST = 1e30
"""Largest reward: siblings are compared by squares, and learnt from in single precision."""


@dataclass(frozen=True)
class Contestant:
    """A design with its functions at hand."""

    design: Design
    bounds: tuple[calling.Bound, ...] = ()
    oracle: Callable[[Batch], Floats] | None = None


@dataclass(frozen=True)
class Scored:
    """A batch with parts, reward and credit; and the running statistics after it."""

    batch: Batch
    running: Running
    names: tuple[str, ...]
    """Of the columns of `batch.parts`."""


def pay(
    contestant: Contestant,
    batch: Batch,
    when: calling.When,
    running: Running,
    timeout: float,
    say: Callable[[str], None] = lambda part: None,
) -> Scored:
    """The batch scored. `say` is told each part before it is called (and "" after), so that a dead worker has
    a last word.

    Raises RewardError that names the part; for the oracle, GoldError.
    """
    if contestant.oracle is not None:
        reward = contestant.oracle(batch)
        return Scored(replace(batch, parts=reward[..., None], reward=reward), running, ("gold",))
    if not contestant.bounds:
        nothing = np.full(batch.ids.shape[:2], np.nan)
        return Scored(replace(batch, parts=nothing[..., None][..., :0], reward=nothing), running, ())
    paid = []
    for bound in contestant.bounds:
        if not bound.trusted:
            say(bound.name)
        paid.append(calling.score(bound, batch, when, timeout))
        if not bound.trusted:
            say("")
    columns, credits = [one.scores for one in paid], [one.credit for one in paid]
    bounds = contestant.bounds
    noted = {f"{b.name}.{n}": v for b, one in zip(bounds, paid, strict=True) for n, v in one.noted.items()}
    raw = np.stack(columns, axis=-1)
    running = observe(running, raw) if contestant.design.normalise == "running" else running
    try:
        reward = compose(contestant.design, raw, running, when.fraction)
    except RewardError as error:
        raise RewardError(f"design {contestant.design.name!r}: {error}{calling.in_call(batch)}") from error
    for p, k in np.argwhere(np.abs(reward) > MOST):
        much = f"pays more than can be learnt from: {abs(reward[p, k]):.3g}, beyond {MOST:.0e}"
        raise RewardError(f"design {contestant.design.name!r}: {much}, for {calling.where(batch, p, k)}")
    credit = _credit(contestant.design, raw, reward, credits, batch, when.fraction)
    names = tuple(part.name for part in contestant.design.parts)
    marks = [one.stands for one in paid if one.stands is not None]
    stands = None if credit is None else np.any(marks, axis=0)
    told = replace(batch, parts=raw, reward=reward, credit=credit, stands=stands, noted=noted)
    return Scored(told, running, names)


def raw(contestant: Contestant) -> Contestant:
    """The contestant as evaluations score it, so that one level is watched: not normalised within a group, and with
    the weights that a schedule ends in."""
    design = contestant.design
    ended = [replace(p, weight=float(w), schedule=None) for p, w in zip(design.parts, weights(design), strict=True)]
    return replace(contestant, design=replace(design, normalise="none", parts=tuple(ended)))


def start(contestant: Contestant) -> Running:
    """The running statistics before the first batch."""
    return no_history(contestant.design)


def _credit(
    design: Design, raw: Floats, reward: Floats, credits: list[Floats | None], batch: Batch, fraction: float
) -> Floats | None:
    """Reward spread over positions, [P, K, T]: segments where they stand, all else on the last own token.

    Only a weighted sum of unnormalised parts can be taken apart; for other designs there is no credit.
    """
    if all(c is None for c in credits) or design.credit == "end":
        return None
    if design.combine != "sum" or design.normalise != "none":
        return None
    total, now = np.zeros(batch.ids.shape), weights(design, fraction)
    share = (np.abs(now) * np.isfinite(raw)).sum(-1)
    more = np.abs(now).sum() / np.where(share > 0, share, 1.0)  # the weights of what abstained are the others'
    for part, weight, credit in zip(design.parts, now, credits, strict=True):
        if credit is not None and part.clip is None:
            total += weight * part.scale * credit * more[..., None]
    return calling.at_the_end(reward, total, batch)
