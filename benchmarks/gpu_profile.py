"""Where do the milliseconds of a pack go on a GPU? Its kernels by the time they take, the host's functions, and what
compiling took.

    python benchmarks/gpu_profile.py [--out folder] [--runs 32] [--policy P] [--smoke] PART...

Parts: `launch` (what the host needs to ask for a kernel), `kernel` (attention of one token by our kernel and by the
stock one), both without a policy; `sampling` and `learning` (a pack of 64 completions of 128 tokens a run, and the same
of 40; the policy is one of random weights unless another is named). Times go to the screen as they are known, kernels
and what compiling was made of to files in the folder.
`--smoke` runs it in small on any machine: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gpu

BEGUN = time.perf_counter()
SHORT = 40
"""Tokens of the second length."""
REPEATS = 3
LISTED = 40
"""Functions of a profile."""


def say(what: str, **told: Any) -> None:
    """A line, with the seconds since the start."""
    print(f"[{time.perf_counter() - BEGUN:6.1f}] {what}", *(f"{k}={v}" for k, v in told.items()), flush=True)


def hosted(work: Callable[[], Any]) -> str:
    """The functions of Python that a call spends its time in, waiting for the card among them."""
    found, told = cProfile.Profile(), io.StringIO()
    found.runcall(work)
    for order in ("tottime", "cumtime"):
        pstats.Stats(found, stream=told).sort_stats(order).print_stats(LISTED)
    return told.getvalue()


def listed(into: Path, work: Callable[[], Any]) -> None:
    """What a call is made of: its kernels, and the host's functions."""
    import gpu_cases

    with gpu_cases.watched(into):
        work()
    with into.open("a") as file:
        file.write(hosted(work))


def kernel(told: argparse.Namespace) -> None:
    """Milliseconds of a step's attention in all layers of SmolLM2-135M, 2,048 rows behind prompts of 96 tokens."""
    import torch
    import triton.testing

    from rewardbench.engine import kernel as ours
    from rewardbench.engine.slots import empty

    device, rows, L, T, t, layers = torch.device("cuda"), 2048, 96, 128, 64, 30
    slots = empty([(3, 64)] * layers, 32, rows, L, T, torch.bfloat16, device)
    for table in (*slots.keys, *slots.values):
        table.normal_()
    slots.there[..., L + t :] = float("-inf")
    slots.at.fill_(t)
    slots.start.fill_(10)
    slots.leader.copy_(torch.arange(rows, device=device) // 8 * 8)
    query, key = (torch.randn(rows, heads, 1, 64, device=device, dtype=torch.bfloat16) for heads in (9, 3))

    def all_layers(ask: Callable[..., Any]) -> float:
        def once() -> None:
            for layer in range(layers):
                ask(layer, query, key, key, 0.125)

        return float(triton.testing.do_bench_cudagraph(once, rep=40, return_mode="median"))

    say("stock attention", ms=all_layers(slots.stock))
    for block in (32, 64):
        for warps in (1, 2, 4):
            ours.BLOCK, ours.WARPS = block, warps
            say("our kernel", block=block, warps=warps, ms=all_layers(partial(ours.attend, slots)))


def launch(told: argparse.Namespace) -> None:
    """Microseconds that the host takes to ask for a kernel: of a small sum, of a small product."""
    import torch
    from gpu_cases import on_card, timed

    device, calls = "cuda" if on_card() else "cpu", 500  # fewer than wait in line before the host has to
    a = torch.zeros(64, 64, device=device, dtype=torch.bfloat16)
    b = torch.empty_like(a)
    for name, ask in (("sum", torch.add), ("product", torch.mm)):
        spent: list[float] = []

        def once(ask: Callable[..., Any] = ask, spent: list[float] = spent) -> None:
            begun = time.perf_counter()
            for _ in range(calls):
                ask(a, a, out=b)
            spent.append(time.perf_counter() - begun)

        timed(once, REPEATS)
        say("launch", of=name, us=1e6 * min(spent) / calls)


def sampling(told: argparse.Namespace) -> None:
    """A pack's calls of `sample`."""
    import gpu_policy
    import gpu_stages
    from gpu_cases import first, held, timed

    from rewardbench.engine import fused

    one = gpu_policy.pack(told.bench, told.runs)
    size = told.bench.size
    once, short = (gpu_stages.saying(one, T) for T in (size.T, min(SHORT, size.T)))
    say("sampling, first call", s=first(once))
    say("sampling", s=timed(once, REPEATS), **gpu_stages.replays(one, size), **held(), plain=fused.PLAIN)
    say("sampling, short, first call", s=first(short))
    say("sampling, short", s=timed(short, REPEATS))
    listed(told.out / "sampling.txt", once)


def learning(told: argparse.Namespace) -> None:
    """A pack's calls of `learn`."""
    import gpu_policy
    import gpu_stages
    from gpu_cases import first, held, timed
    from torch._dynamo.utils import compile_times

    from rewardbench.engine import fused

    one, T = gpu_policy.pack(told.bench, told.runs), told.bench.size.T
    half, once, short = (gpu_stages.lesson(one, n)[1] for n in (T // 2, T, min(SHORT, T)))
    say("learning, first call", s=first(half), **held())
    say("learning, second length", s=first(once))
    say("learning", s=timed(once, REPEATS), **held(), micro=one.policy.settings.micro,
        compiled=fused.TRIED.get(one.policy.model), **gpu_stages.operations(one, T))  # fmt: skip
    say("learning, short, first call", s=first(short))
    say("learning, short", s=timed(short, REPEATS))
    listed(told.out / "learning.txt", once)
    (told.out / "compiling.txt").write_text(str(compile_times()))


PARTS = {f.__name__: f for f in (launch, kernel, sampling, learning)}


def main() -> None:
    """Measure the parts that are asked for; one that breaks leaves the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART")
    parser.add_argument("--out", type=Path, default=gpu.RESULTS, help="folder of the profiles")
    parser.add_argument("--runs", type=int, default=32)
    parser.add_argument("--policy")
    parser.add_argument("--smoke", action="store_true")
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    gpu.environment(told.out / "profile")
    import gpu_cases
    import gpu_policy

    with tempfile.TemporaryDirectory() as place:
        if {"sampling", "learning"} & set(told.parts):
            size = gpu_policy.SMOKE if told.smoke else gpu_policy.Size()
            told.bench = gpu_policy.prepared(told.policy or gpu_policy.RANDOM, Path(place), size, told.smoke)
        for name in told.parts:
            say(name)
            try:
                PARTS[name](told)
            except Exception:  # whatever it is, the next part may go well
                traceback.print_exc()
            gpu_cases.clean()


if __name__ == "__main__":
    main()
