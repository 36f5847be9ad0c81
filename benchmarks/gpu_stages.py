"""What does the GPU benchmark measure? A stage is a list of cases; a case gives one row.

`traffic` is what a step of decoding has to move through memory once: weights, the adapters in the form that is
multiplied, keys and values (a prompt's once for its completions), and logits written and read. What an implementation
moves beyond that makes its share smaller.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import gpu_policy
import numpy as np
import torch
from gpu_cases import Case, Row, clean, first, held, on_card, reason, timed
from gpu_policy import Bench, Pack
from gpu_whole import step, sweep, trl

# --- what the card can do ----------------------------------------------------------------------------


def floors(bench: Bench) -> list[Case]:
    """Bytes a second of a copy, and bf16 operations a second of a large product, of random numbers."""
    return [Case("floor copy", 10, partial(_copy, bench)), Case("floor matrix", 10, partial(_matrix, bench))]


def _copy(bench: Bench) -> Row:
    device, n, times = ("cuda", 1 << 28, 20) if on_card() else ("cpu", 1 << 18, 2)
    source = torch.randn(n, device=device).to(torch.bfloat16)
    target = torch.empty_like(source)

    def once() -> None:
        for _ in range(times):
            target.copy_(source)

    once()
    return {"unit": "bytes/s", "ours": 2 * 2 * n * times / timed(once, bench.size.repeats)}


def _matrix(bench: Bench) -> Row:
    device, m, times = ("cuda", 8192, 20) if on_card() else ("cpu", 128, 2)
    a, b = (torch.randn(m, m, device=device).to(torch.bfloat16) for _ in range(2))
    c = torch.empty_like(a)

    def once() -> None:
        for _ in range(times):
            torch.mm(a, b, out=c)

    once()
    return {"unit": "FLOP/s", "ours": 2 * m**3 * times / timed(once, bench.size.repeats)}


# --- sampling ----------------------------------------------------------------------------------------


def saying(one: Pack, T: int) -> Callable[[], Any]:
    """A call that samples for the whole pack, under fresh noise each time."""
    from rewardbench.engine.sample import sample

    calls = iter(range(10**6))

    def once() -> Any:
        n = next(calls)
        return sample(one.policy, one.stacked, one.task, one.wants, [f"bench/{n}/{r}" for r in range(one.R)], T)

    return once


def decode(bench: Bench) -> list[Case]:
    """Tokens a second of whole calls of `sample`, and milliseconds of the step alone."""
    return [Case(f"decode {R}", 90, partial(_decode, bench, R)) for R in bench.size.packs]


def _decode(bench: Bench, R: int) -> Row:
    size, one = bench.size, gpu_policy.pack(bench, R)
    once = saying(one, size.T)
    warm = first(once)
    seconds = timed(once, size.repeats)
    tokens = R * size.P * size.K * size.T
    micro = one.policy.settings.micro
    return {"unit": "tokens/s", "ours": tokens / seconds, "runs": R, "tokens": tokens, "seconds": seconds,
            "warm_up": warm, "steps": size.T, "traffic": traffic(one, size.T), "micro": micro,
            "prompt": gpu_policy.longest(bench), **held(), **replays(one, size)}  # fmt: skip


def replays(one: Pack, size: gpu_policy.Size) -> Row:
    """Milliseconds of a step of all rows, without what the host does; or why that is not known."""
    try:
        return {"replay_ms": 1000 * _replayed(one, one.R * size.P * size.K, size.T, size.repeats) / size.T}
    except Exception as error:  # the engine's inside may look otherwise: the call as a whole is measured
        return {"replay_failed": reason(error)}


@torch.inference_mode()
def _replayed(one: Pack, rows: int, T: int, repeats: int) -> float:
    from rewardbench.engine import quick, slots

    model = one.policy.model
    s = [s for s in quick.SHELF[model].values() if len(s.fed) == rows][-1]
    where = s.position.clone()

    def once() -> None:
        s.at.zero_()
        s.position.copy_(where)
        slots.go(model, s, rows, T)

    once()
    return timed(once, repeats)


def traffic(one: Pack, T: int) -> float:
    """Bytes that T steps move (see above)."""
    model, config, stacked = one.policy.model, one.policy.model.config.get_text_config(), one.stacked
    K = one.wants[0].k
    head = model.get_output_embeddings().weight
    embedding = model.get_input_embeddings().weight
    width = head.element_size()
    trained = {id(p) for p in stacked.params.values()}
    base = [p for p in model.parameters() if id(p) not in trained and (p is head or p is not embedding)]
    adapters = one.R * numbers(one) * (width if stacked.copy is not None else 4)
    asked = [len(one.policy.prompt_ids(p)) for want in one.wants for p in want.prompts]
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kept = 2 * size * config.num_key_value_heads * config.num_hidden_layers * width
    rows = len(asked) * K
    logits = rows * config.vocab_size * width * 2
    each = sum(p.numel() * p.element_size() for p in base) + adapters + logits
    return float(T * (each + kept * (sum(asked) + rows * T / 2)))


def numbers(one: Pack) -> int:
    """Trained parameters of one run."""
    return sum(p.numel() for p in one.stacked.params.values()) // one.R


def overhead(bench: Bench) -> list[Case]:
    """Seconds of sampling with the adapters, over those without."""
    R = max(bench.size.packs)
    return [Case(f"adapter overhead {R}", 120, partial(_overhead, bench, R))]


def _overhead(bench: Bench, R: int) -> Row:
    size, spent, alone = bench.size, {}, {}
    for how in ("with", "without"):
        one = gpu_policy.pack(bench, R)
        once = saying(one, size.T)

        def both(one: Pack = one, once: Callable[[], Any] = once) -> tuple[float, Row]:
            once()
            return timed(once, size.repeats), replays(one, size)

        if how == "with":
            spent[how], alone[how] = both()
        else:
            with one.stacked.start():
                spent[how], alone[how] = both()
        del one, once, both  # they hold the pack
        clean()
    steps = {f"replay_ms_{how}": row.get("replay_ms") for how, row in alone.items()}
    return {"unit": "ratio", "ours": spent["with"] / spent["without"], "runs": R, **steps}


def eager(bench: Bench) -> list[Case]:
    """Tokens a second of one run sampled by the readable path, and of a pack that learns with nothing compiled."""
    R = max(bench.size.packs)
    return [Case("decode eager", 40, partial(_eager, bench)), Case(f"learn plain {R}", 40, partial(_plain, bench, R))]


def _eager(bench: Bench) -> Row:
    size, one = bench.size, gpu_policy.pack(bench, 1)
    one.stacked.flat = None
    once = saying(one, size.T)
    once()
    seconds = timed(once, 1)
    return {"unit": "tokens/s", "ours": size.P * size.K * size.T / seconds, "seconds": seconds, **held()}


def _plain(bench: Bench, R: int) -> Row:
    from rewardbench.engine.fused import VARIABLE

    with patch.dict(os.environ, {VARIABLE: "0"}):
        return _learn(bench, R)


# --- learning ----------------------------------------------------------------------------------------


def learn(bench: Bench) -> list[Case]:
    """Tokens a second of the update of a pack, on completions that were made up."""
    return [Case(f"learn {R}", 40, partial(_learn, bench, R)) for R in bench.size.packs]


def lesson(one: Pack, T: int) -> tuple[list[Any], Callable[[], Any]]:
    """Batches that were made up, and a call that teaches them to the whole pack."""
    from rewardbench.algorithms.grpo import Grpo
    from rewardbench.engine.learn import learn as teach
    from rewardbench.types import State

    batches = [made_up(one, r, T) for r in range(one.R)]
    gains = [np.random.default_rng(r).normal(size=b.ids.shape).astype(np.float32) for r, b in enumerate(batches)]
    rate, states = torch.full((one.R,), 1e-5, device=one.policy.device), [State()] * one.R
    return batches, lambda: teach(one.policy, one.stacked, one.opt, Grpo(), batches, gains, states, rate)


def _learn(bench: Bench, R: int) -> Row:
    from rewardbench.engine import fused

    size, one = bench.size, gpu_policy.pack(bench, R)
    # in a sweep hardly two passes are of one length: what is compiled for the first alone is not what is timed
    warm = first(lesson(one, size.T // 2)[1])
    tried = held()  # the pass is made both ways there
    batches, once = lesson(one, size.T)
    warm += first(once)
    seconds = timed(once, size.repeats)
    told = once()
    if faults := [f for f in told.faults if f is not None]:
        raise RuntimeError(f"a run's loss raised: {reason(faults[0])}")
    tokens = sum(len(c) + size.K * size.T for b in batches for c in b.context)
    return {"unit": "tokens/s", "ours": tokens / seconds, "runs": R, "tokens": tokens, "seconds": seconds,
            "warm_up": warm, "micro": one.policy.settings.micro, "prompt": gpu_policy.longest(bench),
            "compiled": fused.TRIED.get(one.policy.model, False), "first_peak": tried.get("peak", 0),
            **operations(one, size.T), **held()}  # fmt: skip


def made_up(one: Pack, r: int, T: int) -> Any:
    """A batch of run r as sampling would give it, of random tokens that the policy said to the last."""
    from rewardbench.types import Batch

    want = one.wants[r]
    shape = (len(want.prompts), want.k, T)
    grid = tuple(tuple("" for _ in range(want.k)) for _ in want.prompts)
    nothing = tuple(tuple(() for _ in row) for row in grid)
    return Batch(
        prompts=tuple(want.prompts), context=tuple(one.policy.prompt_ids(p) for p in want.prompts),
        ids=np.random.default_rng(r).integers(0, one.policy.model.config.vocab_size, shape),
        logp=np.full(shape, -1.0, dtype=np.float32), mine=np.ones(shape, dtype=bool),
        turn=np.zeros(shape, dtype=np.int16), ended=np.zeros(shape[:2], dtype=bool), text=grid, messages=nothing,
        spans=nothing, limit=T, entropy=np.zeros(shape, dtype=np.float32),
    )  # fmt: skip


def operations(one: Pack, T: int) -> Row:
    """Operations of an update. A weight of the base that does not move costs 4 a token (forward, and back to its
    inputs), one of an adapter 6, one of the head 4 a token said. Attention apart, 12 a pair of positions and a channel:
    the pairs that may see each other, and all that are computed: of each completion with a copy of its prompt, as if
    all were as long as the longest.
    """
    from rewardbench.engine.siblings import rounded
    from rewardbench.engine.stack import StackedLinear

    config = one.policy.model.config.get_text_config()
    linear = sum(m.base.weight.numel() for m in one.policy.model.modules() if isinstance(m, StackedLinear))
    asked = np.array([len(one.policy.prompt_ids(p)) for want in one.wants for p in want.prompts], dtype=float)
    K, fed = one.wants[0].k, T - 1
    tokens = float((asked + K * fed).sum())
    head = one.policy.model.get_output_embeddings().weight.numel()
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    channels = 12 * config.num_attention_heads * size * config.num_hidden_layers
    W = rounded(int(asked.max() + fed))
    useful = (asked * (asked + 1) / 2 + K * (fed * asked + fed * (fed + 1) / 2)).sum()
    return {
        "flop": (4 * linear + 6 * numbers(one)) * tokens + 4 * head * len(asked) * K * T,
        "attention_useful": float(channels * useful),
        "attention_executed": float(channels * len(asked) * K * W * (W + 1) / 2),
    }


STAGES = {f.__name__: f for f in (floors, step, trl, decode, learn, sweep, overhead, eager)}
"""In the order of what matters most, for a call that is cut short."""
