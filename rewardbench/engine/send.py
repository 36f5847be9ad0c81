"""How do numbers get to where a model is computed, and back, without waiting for what it still has to do?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rewardbench.policies.load import Meanwhile, nothing


def sent(values: np.ndarray, device: torch.device) -> Tensor:
    """The array on the device. A GPU fetches it by itself, in its turn: plain memory it would ask the host for, and the
    host would stand still until all before is done.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def sent_together(arrays: Sequence[np.ndarray], device: torch.device) -> list[Tensor]:
    """Many arrays on the device. To a GPU they go as one of each type: hundreds of small ones would keep the host busy
    for longer than the card.
    """
    if device.type != "cuda":
        return [sent(array, device) for array in arrays]
    found: dict[int, Tensor] = {}
    for dtype in {array.dtype for array in arrays}:
        own = [n for n, array in enumerate(arrays) if array.dtype == dtype]
        whole = sent(np.concatenate([arrays[n].ravel() for n in own]), device)
        parts = torch.split(whole, [arrays[n].size for n in own])
        found |= {n: part.view(arrays[n].shape) for n, part in zip(own, parts, strict=True)}
    return [found[n] for n in range(len(arrays))]


class Fetched:
    """Copies of tensors on their way to the host. A card makes them in its turn: what they are of may be written anew
    once it has been told so.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.copies = [one.to("cpu", non_blocking=True, copy=True) for one in tensors]
        self.there = made(tensors[0].device)

    def arrays(self, meanwhile: Meanwhile = nothing) -> list[np.ndarray]:
        """They as arrays, once they are there; the host does other things until then, as long as there are any."""
        if self.there is not None:
            while not self.there.query() and meanwhile():
                pass
            self.there.synchronize()
        return [(one.float() if one.dtype == torch.bfloat16 else one).numpy() for one in self.copies]  # NumPy lacks it


def made(device: torch.device) -> Any:
    """What tells whether a card has done all that it was told up to now; None where nothing is done later."""
    if device.type != "cuda":
        return None
    cuda: Any = torch.cuda  # its functions have no types
    event = cuda.Event()
    event.record()
    return event
