"""How does a query find its keys where many rows are computed at once? By one function, told from outside what to do.

Stock models look their attention up by name. Within `attending` they find ours, which hands query, keys and values to
whatever the engine needs then: keep the keys of prompts, add one token to what was said, stay within one's own
completion. So the models keep no cache and build no mask, and any architecture that looks its attention up can be run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa
from transformers import AttentionInterface

NAME = "rewardbench"
How = Callable[[Any, Tensor, Tensor, Tensor, float], Tensor]
"""(its layer, query [rows, heads, n, d], keys and values [rows, groups, n, d], scale) -> [rows, heads, n, d]."""
UNKNOWN = ("sliding_window", "softcap", "s_aux")
"""What a layer may ask of its attention that `How` cannot do."""
TRIED: WeakKeyDictionary[torch.nn.Module, int] = WeakKeyDictionary()
"""`group` of each model that was asked about."""
_now: list[How] = []


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **asked: Any
) -> tuple[Tensor, None]:
    """What stock layers call; [rows, n, heads, d]."""
    if lacking := [name for name in UNKNOWN if asked.get(name) is not None]:
        raise NotImplementedError(f"attention with {lacking[0]}")
    return _now[-1](module, query, key, value, scaling).transpose(1, 2), None


AttentionInterface.register(NAME, _attention)


@contextmanager
def attending(model: Any, how: How) -> Iterator[None]:
    """Within it the model's layers attend as `how` says."""
    own = model.config._attn_implementation
    model.config._attn_implementation = NAME
    _now.append(how)
    try:
        yield
    finally:
        _now.pop()
        model.config._attn_implementation = own


def able(model: Any, R: int = 1) -> bool:
    """Whether a model (with R runs on it) computes with our attention what it computes with its own."""
    return group(model, R) > 0


def group(model: Any, R: int = 1) -> int:
    """How many query heads share their keys; 0 in a model that is not `able`. Asked once, on a few tokens."""
    if model not in TRIED:
        TRIED[model] = _group(model, 2 * R)
        if TRIED[model] == 0 and next(model.parameters()).device.type == "cuda":
            kind = type(model).__name__
            print(f"{kind}'s attention is not one that packs can do: it is run readably, and slowly", file=sys.stderr)
    return TRIED[model]


@torch.inference_mode()
def _group(model: Any, rows: int) -> int:
    """As `group`: more than 0 if logits come out the same on short texts, hidden states are all that the head reads,
    and layers do not differ in it.
    """
    size = model.config.get_text_config().vocab_size
    device = next(model.parameters()).device
    ids = torch.tensor([[(7 * i + 3 * r + 1) % size for i in range(9)] for r in range(rows)], device=device)
    stock = model(input_ids=ids, use_cache=False).logits
    groups: set[int] = set()

    def causal(module: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        groups.add(query.shape[1] // key.shape[1])
        return sdpa(query, key, value, is_causal=True, scale=scale, enable_gqa=True)

    try:
        with attending(model, causal):
            hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(hidden)
    except torch.OutOfMemoryError:
        raise
    except (NotImplementedError, AttributeError, TypeError, RuntimeError):
        return 0  # it asks more of its attention, does not look it up, or has no plain head
    close = 1e-4 if stock.dtype == torch.float32 else 5e-2
    same = torch.allclose(stock.float(), logits.float(), rtol=close, atol=close * float(stock.abs().max()))
    return min(groups) if same and len(groups) == 1 else 0
