"""How is a prompt read once for all its completions? Its keys and values are computed once and shared by siblings.

The same reading serves sampling (no gradient, room for what is to come) and learning (the gradient flows
through it): siblings differ only after the prompt, and the prompt is often the longer half.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad as widen
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

Ids = tuple[int, ...]


@dataclass
class Prefix:
    """Prompts as the model has read them, and what has followed since; a row a prompt or a completion."""

    cache: DynamicCache
    seen: Tensor | None
    """What to attend to, [rows, >= L]; None if no prompt is padded."""
    position: Tensor
    """Of the first token after the prompt, [rows, 1]."""
    length: int
    """L: positions of the longest prompt."""

    def take(self, index: Tensor) -> Prefix:
        """These rows, in this order and as often as asked for; the prefix itself stays as it is."""
        cache = copy(self.cache)
        cache.layers = [copy(layer) for layer in self.cache.layers]
        cache.batch_select_indices(index)
        return Prefix(cache, None if self.seen is None else self.seen[index], self.position[index], self.length)

    def mask(self, more: int) -> Tensor | None:
        """What to attend to once `more` positions have followed, [rows, L + more]."""
        if self.seen is None:
            return None
        lacking = self.length + more - self.seen.shape[1]
        if lacking > 0:
            self.seen = torch.cat([self.seen, self.seen.new_ones(len(self.seen), lacking)], dim=1)
        return self.seen[:, : self.length + more]

    def make_room(self) -> None:
        """Lay out space for positions to come, to be given one by one (without a gradient)."""
        self.cache.layers = [Roomy(x) if type(x) is DynamicLayer else x for x in self.cache.layers]


ROOM = 16
"""Positions of space laid out at once: more would be attended to in vain, fewer copied more often."""


class Roomy(DynamicLayer):  # type: ignore[misc]
    """A full-attention layer's keys and values with room for what is to come, so that most steps copy nothing.

    `spaces` hold both as [rows, heads, positions, d], contiguous, 0 where nothing is yet: batched products
    over all of a space were four times as fast on a CPU as attention over a view of its filled part.
    """

    def __init__(self, layer: DynamicLayer) -> None:
        """The layer's content, and space."""
        super().__init__()
        self.dtype, self.device, self.is_initialized = layer.keys.dtype, layer.keys.device, True
        self._settle(layer.keys, layer.values)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the one new position into the room; all positions up to now, as views."""
        start = self.keys.shape[2]
        if start == self.spaces[0].shape[2]:
            self._settle(self.keys, self.values)
        for space, new in zip(self.spaces, (key_states, value_states), strict=True):
            space[:, :, start] = new.squeeze(2)
        self._look(start + 1)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep only these rows."""
        self._settle(self.keys[indices], self.values[indices])

    def _settle(self, keys: Tensor, values: Tensor) -> None:
        """Take these as the content, with space after it."""
        self.spaces = (widen(keys, (0, 0, 0, ROOM)), widen(values, (0, 0, 0, ROOM)))
        self._look(keys.shape[2])

    def _look(self, length: int) -> None:
        """See the first `length` positions."""
        self.keys, self.values = (space[:, :, :length] for space in self.spaces)


def padded(contexts: Sequence[Ids], pad: int) -> tuple[Tensor, Tensor | None]:
    """Left-padded ids [rows, L] and what to attend to [rows, L] (None if nothing is padded)."""
    length = max(len(c) for c in contexts)
    ids = torch.tensor([[pad] * (length - len(c)) + list(c) for c in contexts])
    seen = torch.tensor([[False] * (length - len(c)) + [True] * len(c) for c in contexts])
    return ids, None if bool(seen.all()) else seen


@dataclass(frozen=True)
class Read:
    """What `read` gives: a row a prompt, run-major [R * P]."""

    prefix: Prefix
    logits: Tensor
    """Of the first position after the prompt, [R * P, V]."""
    hidden: Tensor | None
    """Last hidden state at the prompt's end, [R * P, d]; if asked for."""
    P: int
    """Rows of each run; a run with fewer prompts has idle ones."""


def read(model: Any, contexts: Sequence[Sequence[Ids]], pad: int, eos: int, *, hidden: bool = False) -> Read:
    """Each run's prompts read once. contexts [R][<=P]: token ids of every prompt of a run."""
    device = next(model.parameters()).device
    P = max(1, max(len(run) for run in contexts))
    every = [c for run in contexts for c in [*run, *[(eos,)] * (P - len(run))]]
    ids, seen = padded(every, pad)
    cache = DynamicCache(config=model.config)
    extra: dict[str, Any] = {"output_hidden_states": True} if hidden else {}
    position = torch.arange(ids.shape[1], device=device).expand(len(every), -1)
    if seen is not None:
        seen = seen.to(device)
        position = (seen.cumsum(1) - 1).clamp(min=0)
        extra |= {"attention_mask": seen}
    extra |= {"past_key_values": cache, "use_cache": True, "logits_to_keep": 1}
    out = model(input_ids=ids.to(device), position_ids=position, **extra)
    prefix = Prefix(cache, seen, position[:, -1:] + 1, ids.shape[1])
    return Read(prefix, out.logits[:, -1], out.hidden_states[-1][:, -1] if hidden else None, P)
