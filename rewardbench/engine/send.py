"""How do numbers get to where a model is computed, without waiting for what it still has to do?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def sent(values: np.ndarray, device: torch.device) -> Tensor:
    """The array on the device. A GPU fetches it by itself, in its turn: plain memory it would ask the host for, and the
    host would stand still until all before is done.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
