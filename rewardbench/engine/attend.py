"""How does a query find its keys where many rows are computed at once? By one function, told from outside what to do.

Stock models look their attention up by name. Within `attending` they find ours, which hands query, keys and values to
whatever the engine needs then: keep the keys of prompts, add one token to what was said, stay within one's own
completion. So the models keep no cache and build no mask, and any architecture that looks its attention up can be run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa
from transformers import AttentionInterface

from rewardbench.engine import opaque
from rewardbench.engine.stack import Stack

NAME = "rewardbench"
NUMBER = "rewardbench_layer"
"""Attribute of an attention layer: its number, as a tensor."""
UNKNOWN = ("sliding_window", "softcap", "s_aux")
"""What a layer may ask of its attention that `How` cannot do."""
TRIED: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()
"""Whether each model that was asked about is `able`."""
_numbered: WeakSet[torch.nn.Module] = WeakSet()


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **asked: Any
) -> tuple[Tensor, None]:
    """What stock layers call; [R, N, heads, d]."""
    if lacking := [name for name in UNKNOWN if asked.get(name) is not None]:
        raise NotImplementedError(f"attention with {lacking[0]}")
    if torch.compiler.is_compiling():
        return opaque.whole(getattr(module, NUMBER), query, key, value, scaling), None
    return opaque.plain(module.layer_idx, query, key, value, scaling), None


AttentionInterface.register(NAME, _attention)


def cut(x: Tensor, rows: int) -> Tensor:
    """The words of some rows as those of other, shorter or longer ones: [R, heads, N, d] as [rows, heads, n, d].

    >>> cut(torch.arange(12).view(2, 2, 3, 1), 6)[1].tolist()
    [[[1]], [[4]]]
    """
    return x.transpose(1, 2).reshape(rows, -1, x.shape[1], x.shape[3]).transpose(1, 2)


@contextmanager
def attending(model: Any, how: opaque.How) -> Iterator[None]:
    """Within it the model's layers attend as `how` says."""
    _number(model)
    own = model.config._attn_implementation
    model.config._attn_implementation = NAME
    opaque.enter(how)
    try:
        yield
    finally:
        opaque.leave()
        model.config._attn_implementation = own


def _number(model: Any) -> None:
    """Give every layer its number as a tensor."""
    if model not in _numbered:
        _numbered.add(model)
        with torch.inference_mode(False):  # they are kept for a way back
            for module in (m for m in model.modules() if hasattr(m, "layer_idx")):
                setattr(module, NUMBER, torch.tensor(module.layer_idx))


def able(model: Any, R: int = 1) -> bool:
    """Whether a model (with R runs on it) computes with our attention what it computes with its own; asked once, on a
    few tokens.
    """
    if model not in TRIED:
        TRIED[model] = _able(model, R)
        if not TRIED[model] and next(model.parameters()).device.type == "cuda":
            kind = type(model).__name__
            print(f"{kind}'s attention is not one that packs can do: it is run readably, and slowly", file=sys.stderr)
    return TRIED[model]


@torch.inference_mode()
def _able(model: Any, R: int) -> bool:
    """As above: logits come out the same on short texts, hidden states are all that the head reads, layers do not
    differ in how many query heads share their keys, and each attends once, in the order of their numbers: slots have
    one place a layer.
    """
    size, rows, n = model.config.get_text_config().vocab_size, 2 * R, 9
    device = next(model.parameters()).device
    ids = torch.tensor([[(7 * i + 3 * r + 1) % size for i in range(n)] for r in range(rows)], device=device)
    place = torch.arange(n, device=device).expand(rows, -1)
    stock = model(input_ids=ids, use_cache=False).logits
    groups: set[int] = set()
    layers: list[int] = []

    def causal(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        layers.append(layer)
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
        return False  # it asks more of its attention, does not look it up, or has no plain head
    close = 1e-4 if stock.dtype == torch.float32 else 5e-2
    sound = stock.isfinite().all(-1).all(-1)  # a run that is no number says nothing about the model
    stock, logits = stock[sound].float(), logits[sound].float()
    same = len(stock) > 0 and torch.allclose(stock, logits, rtol=close, atol=close * float(stock.abs().max()))
    return same and len(groups) == 1 and layers == list(range(len(layers)))


def suits(stacked: Stack, masked: bool) -> bool:
    """Whether the quick ways serve: adapters laid out as on a GPU, a model that our attention repeats, all words
    allowed.
    """
    return stacked.flat is not None and not masked and able(stacked.model, stacked.R)
