"""What is a case of the GPU benchmark, and how is it timed? Medians, and an empty card before each."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

Row = dict[str, Any]
KERNELS = 60
"""Kernels of a profile."""


@dataclass(frozen=True)
class Case:
    """One measurement."""

    name: str
    about: float
    """Seconds that it may well take on a GPU the first time: it is not begun with less left."""
    measure: Callable[[], Row]


def on_card() -> bool:
    """Whether there is a GPU to be measured."""
    return torch.cuda.is_available() and os.environ.get("REWARDBENCH_DEVICE") != "cpu"


def wait() -> None:
    """Until the card has done all that it was given."""
    if on_card():
        torch.cuda.synchronize()


def clean() -> None:
    """Let go of what an earlier case left: its models, their graphs and what was compiled, the card's memory."""
    from rewardbench.engine import graph, passage, quick

    quick.SHELF.clear()
    passage.SHELF.clear()
    graph.KEPT.clear()
    graph.pool.cache_clear()  # memory of graphs that nobody replays
    torch.use_deterministic_algorithms(False)
    if on_card():
        torch._dynamo.reset()  # kernels stay in the cache on disk
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def timed(work: Callable[[], Any], repeats: int) -> float:
    """Median seconds of some calls; peak memory is counted from here on."""
    if on_card():
        torch.cuda.reset_peak_memory_stats()
    spent = []
    for _ in range(repeats):
        wait()
        begun = time.perf_counter()
        work()
        wait()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def first(work: Callable[[], Any]) -> float:
    """Seconds of the first call."""
    begun = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - begun


def held() -> Row:
    """Bytes of the card's memory that were in use, and reserved, at most since they were last counted."""
    if not on_card():
        return {}
    return {"peak": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}


def reason(error: BaseException) -> str:
    """What went wrong, in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


def usable() -> bool:
    """Whether the card still answers: after some errors no call of this process gets through."""
    try:
        wait()
    except RuntimeError:  # what torch makes of every error of a card
        return False
    return True


@contextmanager
def watched(into: Path | None) -> Iterator[None]:
    """What is done within it, kernel by kernel, those that take longest first, into a file, if one is named."""
    if into is None:
        yield
        return
    from torch.profiler import ProfilerActivity, profile

    # the host's calls, hundreds of thousands of them, would be put in order for longer than all else takes
    wait()
    with profile(activities=[ProfilerActivity.CUDA if on_card() else ProfilerActivity.CPU]) as found:
        yield
        wait()
    order = "self_cuda_time_total" if on_card() else "self_cpu_time_total"
    into.write_text(str(found.key_averages().table(sort_by=order, row_limit=KERNELS, max_name_column_width=100)) + "\n")
