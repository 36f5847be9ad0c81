"""How do R runs learn from their batches? One forward pass for all, a loss for each, one backward pass.

The sum of per-run losses has exactly each run's own gradient on that run's weights, since the weights
are disjoint. "Old" log-probabilities come from this pass too: decoding rounds differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rewardbench.engine.forward import Seen, forward, own_logp
from rewardbench.engine.optimise import Adam, update
from rewardbench.engine.stack import Stack
from rewardbench.policies.load import Policy
from rewardbench.types import Algorithm, Batch, Floats, Now, State


def as_tensors(batch: Batch, device: torch.device, T: int) -> Batch:
    """The batch with torch tensors on the device in place of arrays, cut to T positions."""
    long = ("ids", "logp", "mine", "turn", "entropy", "credit")
    short = ("ended", "parts", "reward")
    values: dict[str, Any] = {}
    for name in long + short:
        array = getattr(batch, name)
        if array is not None:
            tensor = torch.from_numpy(np.ascontiguousarray(array)).to(device)
            values[name] = tensor[..., :T] if name in long else tensor
            if tensor.is_floating_point():
                values[name] = values[name].float()
    return replace(batch, **values)


@dataclass(frozen=True)
class Learnt:
    """What one step of learning looked like, a value a run [R]."""

    loss: Floats
    norm: Floats
    """Gradient norm before the clip, the largest of the step's updates."""
    drift: Floats
    """Mean |log-probability when decoded - when trained|, nats a token."""


def learn(
    policy: Policy,
    stacked: Stack,
    opt: Adam,
    algorithms: Sequence[Algorithm],
    batches: Sequence[Batch | None],
    gains: Sequence[Floats | None],
    states: Sequence[State],
    rate: Tensor,
) -> Learnt:
    """Teach each run its batch with its advantages `gains` [P, K, T]; moves weights in place.

    Passes and minibatches are the algorithm's, the same for every run of a pack.
    """
    device = next(stacked.model.parameters()).device
    R, micro = len(batches), policy.settings.micro
    passes, minis = algorithms[0].passes, algorithms[0].minibatches
    loss_sum, top, drift = np.zeros(R), np.zeros(R), np.zeros(R)
    work = [(b, g) for b, g in zip(batches, gains, strict=True)]
    many = passes * minis > 1
    needs = algorithms[0].needs
    refs = own_logp(policy, stacked, batches, micro, start=True) if "ref_logp" in needs else None
    olds = own_logp(policy, stacked, batches, micro, start=False) if many else None
    P = max(b.ids.shape[0] for b in batches if b is not None)
    width = -(-P // minis)
    for _ in range(passes):
        for start in range(0, P, width):
            cut = slice(start, min(start + width, P))
            mini = [b.cut(cut) if b is not None else None for b, _ in work]
            active = torch.tensor([b is not None and b.ids.shape[0] > 0 for b in mini], device=device)
            _zero(stacked, states)
            step = 1 if micro <= 0 else max(1, micro // max(b.ids.shape[1] for b in mini if b is not None))
            step = cut.stop - cut.start if micro <= 0 else step
            for p in range(cut.start, cut.stop, step):
                piece = slice(p, min(p + step, cut.stop))
                part = [b.cut(piece) if b is not None else None for b, _ in work]
                seen = forward(policy, stacked, part, needs)
                total = seen.logp.new_zeros(())
                for r, batch in enumerate(part):
                    gain = work[r][1]
                    if batch is None or gain is None or not batch.ids.shape[0]:
                        continue
                    now, tensors, cutgain = _now(
                        seen, r, batch, mini[r], gain[piece], None if refs is None else refs[r][piece],
                        None if olds is None else olds[r][piece], device,
                    )
                    loss = algorithms[r].loss(now, tensors, cutgain, stacked.learned(states[r], r))
                    total = total + loss
                    loss_sum[r] += loss.item() / (passes * minis)
                    gap = (now.logp.detach() - torch.from_numpy(batch.logp).to(device)[..., : now.logp.shape[-1]]).abs()
                    drift[r] += float((gap * tensors.mine).sum() / max(now.tokens, 1)) / (passes * minis)
                if total.requires_grad:
                    total.backward()  # type: ignore[no-untyped-call]
            top = np.maximum(top, _move(stacked, opt, rate, active))
    return Learnt(loss_sum, top, drift)


def _now(
    seen: Seen,
    r: int,
    batch: Batch,
    mini: Batch | None,
    gain: Floats,
    ref: Floats | None,
    old: Floats | None,
    device: torch.device,
) -> tuple[Now, Batch, Tensor]:
    """What run r's loss is given of a micro-batch, its batch as tensors, and its advantages."""
    P, K = batch.ids.shape[:2]
    T = seen.logp.shape[-1]

    def own(values: Tensor | None) -> Tensor | None:
        return None if values is None else values[r, : P * K].reshape(P, K, *values.shape[2:])

    tensors = as_tensors(batch, device, T)
    mine = tensors.mine
    T = mine.shape[-1]
    logp = own(seen.logp)
    assert logp is not None
    assert mini is not None
    # the partner's words and padding are set to 0, not multiplied by 0: their values may be infinite
    logp = torch.where(mine, logp[..., :T], 0.0)
    past = logp.detach() if old is None else torch.from_numpy(np.ascontiguousarray(old[..., :T])).to(device)
    now = Now(
        logp,
        tokens=float(np.asarray(mini.mine).sum()),
        sequences=float(np.prod(mini.ids.shape[:2])),
        entropy=own(seen.entropy),
        hidden=own(seen.hidden),
        ref_logp=None if ref is None else torch.from_numpy(np.ascontiguousarray(ref[..., :T])).to(device),
    )
    return now, replace(tensors, logp=past), torch.from_numpy(np.ascontiguousarray(gain[..., :T])).float().to(device)


def _zero(stacked: Stack, states: Sequence[State]) -> None:
    """Forget the last gradients."""
    for p in stacked.params.values():
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad.zero_()


def _move(stacked: Stack, opt: Adam, rate: Tensor, active: Tensor) -> Floats:
    """One optimiser update of the active runs; gradient norms [R]."""
    params = {n: stacked.lead(n) for n in stacked.params}
    gradients = {n: stacked.gradient(n) for n in stacked.params}
    return np.asarray(update(opt, params, gradients, rate, active).numpy(force=True), dtype=np.float64)
