"""How do layers that read the same numbers become one product? Where blocks are compiled, side by side in one matrix.

Queries, keys and values of a block read the same hidden states, and so do the two halves of an MLP. Products of many
thin adapters with few rows each do not fill a GPU: one three times as wide takes as long. So the layers' weights lie
below one another, and so do the first halves of their adapters; the second halves lie on a diagonal, with 0 beside it.
Which layers these are is seen when the model runs, not told by their names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

if TYPE_CHECKING:
    from rewardbench.engine.stack import StackedLinear


class Joint:
    """Stacked layers that read the same numbers, in the order in which a block asks for them."""

    def __init__(self, members: Sequence[StackedLinear]) -> None:
        """Their own weights become parts of one matrix, where each goes on reading its own."""
        self.members = tuple(members)
        bases = [m.base for m in members]
        self.weight = torch.cat([b.weight.data for b in bases])
        self.bias = None if bases[0].bias is None else torch.cat([b.bias.data for b in bases])
        self.near: tuple[Tensor, Tensor] | None = None
        """Both halves of the adapters in the base's type, while they do not move (`Stack.still`)."""
        self.told: Tensor | None = None
        """What all layers say, until the last one has been asked."""
        start = 0
        for m in members:
            m.base.weight.data = self.weight[start : start + m.base.out_features]
            m.joint, m.start = self, start
            start += m.base.out_features
        with torch.no_grad():
            self._room = self._halves(self.weight.dtype)

    def part(self, layer: StackedLinear, x: Tensor) -> Tensor:
        """What one of the layers says; that of all is computed when the first is asked. For what is compiled: of that,
        nothing is left behind.
        """
        if layer.start == 0:
            self.told = self._all(x)
        assert self.told is not None
        end = layer.start + layer.base.out_features
        found = self.told[..., layer.start : end]
        if end == self.weight.shape[0]:
            self.told = None
        return found

    def _all(self, x: Tensor) -> Tensor:
        """[R * b, ..., in] -> [R * b, ..., outputs of all]."""
        y = linear(x, self.weight, self.bias)
        down, up = self.near or self._halves(x.dtype)
        low = torch.bmm(x.reshape(down.shape[0], -1, x.shape[-1]), down.mT)
        # added by what reads it next; a product that adds would copy y before
        return y + (torch.bmm(low, up.mT) * self.members[0].scale).reshape(y.shape)

    def _halves(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The adapters of all, [R, ranks of all, in] and [R, outputs of all, ranks of all]."""
        down = torch.cat([m.A.to(dtype) for m in self.members], dim=1)
        rank, after = self.members[0].B.shape[2], len(self.members) - 1
        up = torch.cat([pad(m.B.to(dtype), (n * rank, (after - n) * rank)) for n, m in enumerate(self.members)], dim=1)
        return down, up

    def hold(self, on: bool) -> None:
        """Multiply from a copy (of what `copies` tells), or from the adapters as they are."""
        self.near = self._room if on else None

    def copies(self) -> list[tuple[Tensor, Tensor]]:
        """(where it is held, what is held) of each half of each adapter."""
        down, up = self._room
        rank = self.members[0].B.shape[2]
        return [
            pair
            for n, m in enumerate(self.members)
            for pair in (
                (down[:, n * rank : (n + 1) * rank], m.A.data),
                (up[:, m.start : m.start + m.base.out_features, n * rank : (n + 1) * rank], m.B.data),
            )
        ]


def joints(model: Any, layers: Sequence[StackedLinear], R: int) -> list[Joint]:
    """Join those of the layers that read the same numbers one after the other, each once, when R texts are read."""
    met: list[tuple[Tensor, list[StackedLinear]]] = []

    def see(layer: Any, given: tuple[Tensor, ...]) -> None:
        if not met or met[-1][0] is not given[0]:
            met.append((given[0], []))
        met[-1][1].append(layer)

    hooks = [layer.register_forward_pre_hook(see) for layer in layers]
    try:
        with torch.inference_mode():
            ids = torch.zeros(R, 1, dtype=torch.long, device=next(model.parameters()).device)
            model(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    often = Counter(layer for _, group in met for layer in group)
    return [Joint(group) for _, group in met if len(group) > 1 and all(often[x] == 1 for x in group) and _alike(group)]


def _alike(group: Sequence[StackedLinear]) -> bool:
    """Whether layers are plain ones, all with a bias or all without."""
    return all(type(x.base) is nn.Linear for x in group) and len({x.base.bias is None for x in group}) == 1
