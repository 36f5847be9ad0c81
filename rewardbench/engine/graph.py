"""How does a GPU do a hundred small things at one word? It is told them once, and then repeats them.

A small model's kernels take microseconds each, and the host needs longer to ask for one. What is always done in one
shape, in the same memory, is captured as a CUDA graph: one call for all of it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch

from rewardbench.engine.fused import refused

Work = Callable[[], None]
MODE = "thread_local"
"""A way back is asked for by a thread of autograd's own, which may make itself ready while it is captured."""
KEPT: list[Any] = []
"""Every graph that was made: with one, torch from 2.12 on lets go of what products on its stream work in, which others
need. It holds no numbers.
"""
Made = TypeVar("Made")
_broken: WeakKeyDictionary[torch.nn.Module, set[str]] = WeakKeyDictionary()
"""What could not be captured of a model."""


def maybe_captured(model: torch.nn.Module, what: str, make: Callable[[], Made]) -> Made | None:
    """What `make` captures of a model; None where that fails, which is said once, and not tried again.

    Short of memory too: a graph keeps for good what its work needs in between, and the same work as it stands may still
    find room for it, or will say itself that it does not.
    """
    broken = _broken.setdefault(model, set())
    if what in broken:
        return None
    try:
        return make()
    except Exception as error:  # whatever a driver may raise
        broken.add(what)
        refused(what, error, "captured")
    return None  # the error is gone, and with its frames whatever was half captured


def captured(work: Work, warm: Work | None = None) -> Work:
    """What `work` does with a GPU, as one call that does it again; it is not done now. Before, `warm` is done on the
    same stream: libraries make themselves ready at their first call, which may not be captured.
    """
    keeper, side = pool()
    before = torch.cuda.current_stream()
    if warm is not None:
        side.wait_stream(before)
        with torch.cuda.stream(side):
            warm()
        before.wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    KEPT.append(graph)
    collects = gc.isenabled()
    gc.disable()  # what is let go of may be a kernel: unloading one is nothing that can be captured
    try:
        with torch.cuda.graph(graph, pool=keeper.pool(), stream=side, capture_error_mode=MODE):
            work()
    except Exception:
        # what broke off while it was recorded may leave all of it: the stream, memory that is asked for in its name,
        # and a pool that can record no more
        torch.cuda.set_stream(before)
        with suppress(RuntimeError, AttributeError):  # newer releases have ended it, or call it otherwise
            torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), keeper.pool())
        pool.cache_clear()
        raise
    finally:
        if collects:
            gc.enable()
    return graph.replay


@cache
def pool() -> tuple[Any, Any]:
    """A graph whose memory all others share for what they need in between (no two run at once), and the stream that
    they are captured on. The graph is never let go: memory whose graphs are all gone cannot be asked for again.
    """
    keeper, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    KEPT.append(keeper)
    with torch.cuda.graph(keeper, stream=side, capture_error_mode=MODE):
        torch.zeros(1, device="cuda")
    return keeper, side
