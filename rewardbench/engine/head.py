"""How probable was each token, given what the model thought before it? The vocabulary is never held for all at once.

Logits of 60,000 tokens over 49,152 words are 12 GB. The gradient of a token's log-probability with respect to its
hidden state is W[token] - softmax(logits) @ W, whatever the loss makes of it later: both are computed a chunk at a time
on the way forward, and the way back is one product a token.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rewardbench.engine.fused import maybe_compiled

CHUNK = 2048
"""Tokens whose logits are held at once."""


def _told(logits: Tensor, ids: Tensor, heat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities of `ids` [n], logits over temperature [n, V], and the logarithm of their mass [n, 1]."""
    logits = logits.float() / heat[:, None]
    whole = logits.logsumexp(-1, keepdim=True)
    return (logits.gather(-1, ids[:, None]) - whole)[:, 0], logits, whole


def _read(logits: Tensor, ids: Tensor, heat: Tensor) -> Tensor:
    """The first of these alone."""
    return _told(logits, ids, heat)[0]


def _shared(logits: Tensor, ids: Tensor, heat: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of `ids` [n], and the probability of every word [n, V] in the type of the logits."""
    logp, warm, whole = _told(logits, ids, heat)
    return logp, (warm - whole).exp().to(logits.dtype)


def log_probability(hidden: Tensor, head: Any, ids: Tensor, heat: Tensor) -> Tensor:
    """Log-probability of `ids` [n] at temperatures `heat` [n], given hidden states [n, d] and a frozen linear head."""
    found: Tensor = _LogProbability.apply(hidden, head.weight, head.bias, ids, heat)  # type: ignore[no-untyped-call]
    return found


class _LogProbability(torch.autograd.Function):
    """As above; the head gets no gradient."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, ids: Tensor, heat: Tensor) -> Tensor:
        logp = torch.empty(len(ids), dtype=torch.float32, device=hidden.device)
        slope = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(ids), CHUNK):
            part = slice(start, start + CHUNK)
            logits = torch.nn.functional.linear(hidden[part], weight, bias)
            if slope is None:
                logp[part] = maybe_compiled(_read)(logits, ids[part], heat[part])
                continue
            logp[part], share = maybe_compiled(_shared)(logits, ids[part], heat[part])
            slope[part] = (weight[ids[part]] - share @ weight) / heat[part, None].to(weight.dtype)
        ctx.save_for_backward(slope)
        return logp

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        (slope,) = ctx.saved_tensors
        return (grads[0][:, None] * slope.float()).to(slope.dtype), None, None, None, None
