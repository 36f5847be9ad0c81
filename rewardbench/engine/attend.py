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
"""(its layer, query [R, heads, N, d], keys and values [R, groups, N, d], scale) -> [R, heads, N, d]: all words of a run
stand in one row, one text after the other, so that all but attention is asked for one shape of which one side varies.
"""
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
    return _found(module, query, key, value, scaling).transpose(1, 2), None


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _found(module: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """What `How` says now. Never compiled with its block: a compiler thinks for minutes about the lengths that meet
    here, and would make its code anew for every layer's keys.
    """
    return _now[-1](module, query, key, value, scale)


AttentionInterface.register(NAME, _attention)


def cut(x: Tensor, rows: int) -> Tensor:
    """The words of some rows as those of other, shorter or longer ones: [R, heads, N, d] as [rows, heads, n, d].

    >>> cut(torch.arange(12).view(2, 2, 3, 1), 6)[1].tolist()
    [[[1]], [[4]]]
    """
    return x.transpose(1, 2).reshape(rows, -1, x.shape[1], x.shape[3]).transpose(1, 2)


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
        TRIED[model] = _group(model, R)
        if TRIED[model] == 0 and next(model.parameters()).device.type == "cuda":
            kind = type(model).__name__
            print(f"{kind}'s attention is not one that packs can do: it is run readably, and slowly", file=sys.stderr)
    return TRIED[model]


@torch.inference_mode()
def _group(model: Any, R: int) -> int:
    """As `group`: more than 0 if logits come out the same on short texts, hidden states are all that the head reads,
    and layers do not differ in it.
    """
    size, rows, n = model.config.get_text_config().vocab_size, 2 * R, 9
    device = next(model.parameters()).device
    ids = torch.tensor([[(7 * i + 3 * r + 1) % size for i in range(n)] for r in range(rows)], device=device)
    place = torch.arange(n, device=device).expand(rows, -1)
    stock = model(input_ids=ids, use_cache=False).logits
    groups: set[int] = set()

    def causal(module: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        groups.add(query.shape[1] // key.shape[1])
        query, key, value = (cut(x, rows) for x in (query, key, value))
        return cut(sdpa(query, key, value, is_causal=True, scale=scale, enable_gqa=True), R)

    try:
        with attending(model, causal):
            found = model.base_model(input_ids=ids.view(R, -1), position_ids=place.reshape(R, -1), use_cache=False)
        logits = model.get_output_embeddings()(found.last_hidden_state).view(stock.shape)
    except torch.OutOfMemoryError:
        raise
    except (NotImplementedError, AttributeError, TypeError, RuntimeError):
        return 0  # it asks more of its attention, does not look it up, or has no plain head
    close = 1e-4 if stock.dtype == torch.float32 else 5e-2
    sound = stock.isfinite().all(-1).all(-1)  # a run that is no number says nothing about the model
    stock, logits = stock[sound].float(), logits[sound].float()
    same = len(stock) > 0 and torch.allclose(stock, logits, rtol=close, atol=close * float(stock.abs().max()))
    return min(groups) if same and len(groups) == 1 else 0
