"""How are R runs' weights moved? Adam with a clip, a step count and a quarantine of each run's own.

Written here because stock optimisers clip and count over all parameters together, which couples runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Adam:
    """Kingma and Ba 2015 with bias correction; every statistic has a leading R."""

    betas: tuple[float, float]
    clip: float
    steps: Tensor
    """Updates done by each run, [R]."""
    m: dict[str, Tensor]
    v: dict[str, Tensor]
    epsilon: float = 1e-8


def adam(params: Mapping[str, Tensor], R: int, betas: tuple[float, float], clip: float) -> Adam:
    """A fresh optimiser for parameters given as [R, ...]."""
    device = next(iter(params.values())).device
    zeros = {n: torch.zeros_like(p, dtype=torch.float32) for n, p in params.items()}
    return Adam(betas, clip, torch.zeros(R, device=device), zeros, {n: z.clone() for n, z in zeros.items()})


def norms(gradients: Mapping[str, Tensor]) -> Tensor:
    """Norm of each run's whole gradient, [R]; not finite for a run that blew up."""
    squares = [g.float().flatten(1).square().sum(1) for g in gradients.values()]
    return torch.stack(squares).sum(0).sqrt()


@torch.no_grad()
def update(
    opt: Adam, params: Mapping[str, Tensor], gradients: Mapping[str, Tensor], rate: Tensor, active: Tensor
) -> Tensor:
    """Move the `active` runs [R] whose gradient is finite, in place; returns the gradient norms [R].

    A run left out keeps weights and statistics as they are: nothing of it reaches the others.
    """
    size = norms(gradients)
    moving = active & size.isfinite()
    opt.steps += moving
    shrink = torch.where(moving, (opt.clip / (size + 1e-6)).clamp(max=1.0), 0.0)
    count = opt.steps.clamp(min=1)
    one, two = opt.betas
    step_size = rate * moving / (1 - one**count)
    root = (1 - two**count).sqrt()
    for name, p in params.items():
        shape = (-1,) + (1,) * (p.dim() - 1)
        on = moving.view(shape)
        g = torch.where(on, gradients[name].float() * shrink.view(shape), 0.0)
        opt.m[name] = torch.where(on, torch.lerp(g, opt.m[name], one), opt.m[name])
        opt.v[name] = torch.where(on, torch.lerp(g.square(), opt.v[name], two), opt.v[name])
        change = opt.m[name] / (opt.v[name].sqrt() / root.view(shape) + opt.epsilon)
        p.copy_(torch.where(on, p - (step_size.view(shape) * change).to(p.dtype), p))
    return size
