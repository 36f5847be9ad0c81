"""How long does the host need for the sweep that `gpu.py` times, if the card needed no time? On any machine.

    python benchmarks/gpu_host.py [--steps 6] [--ends] [--card] [--functions]

A pack of 24 runs (8 designs of qa/lookup, 3 seeds), 64 completions of 40 tokens a run and step, evaluations as `rbench
run` makes them. What a card does is left out: words are drawn at random, and log-probabilities are 0. `--ends`: they
end after 8 to 25 tokens and come back often, as those of a policy that has learnt; else none ends, and none is said
twice.
`--functions` lists the functions that take longest, which costs a third more.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gpu

FEW = 300
"""Different completions of a policy that has learnt."""
LISTED = 40
SAYING = 6.42e-3 / 2048
"""Seconds that a made-up card needs for a token of one row: a replayed graph of 2,048 rows on an H100 (docs/gpu.md)."""
LEARNING = 1.42 / (32 * 8 * (61 + 8 * 128))
"""Seconds for a token that is learnt from, of a prompt or a completion: a captured step of 32 runs on an H200."""
WORDS = 5722
"""Different tokens among the 205,734 that SmolLM2 said for `leaderboards/smollm2-quick`; how one is
spelled is looked up once.
"""
ROOM = 79 << 30
"""Bytes of a made-up card."""
PARTS = ("sample", "reward", "learn", "evaluate")
"""What a run books its share of; of the wall's seconds it books all, and others may be at work here."""


class Event:
    """Happens at a time."""

    def __init__(self, at: float) -> None:
        self.at = at

    def query(self) -> bool:
        """Whether it has happened."""
        return time.perf_counter() >= self.at

    def synchronize(self) -> None:
        """Wait for it."""
        time.sleep(max(0.0, self.at - time.perf_counter()))


class Card:
    """Stands for what a card does: says any words, and thinks nothing."""

    def __init__(self, ends: bool, eos: int, words: int, T: int) -> None:
        import numpy as np

        self.until = self.busy = 0.0
        self.draw, self.ends = np.random.default_rng(0), ends
        often = 1 / np.arange(1, min(WORDS, words - 20) + 1)  # Zipf's law
        self.until_word = np.cumsum(often / often.sum())
        self.pool = self.said(FEW, T)
        self.pool[np.arange(T) >= self.draw.integers(8, 26, (FEW, 1))] = eos

    def said(self, *shape: int) -> Any:
        """Words, as often as words are in a text."""
        return 20 + self.until_word.searchsorted(self.draw.random(shape))

    def asked(self, seconds: float) -> None:
        """It has more to do, after what it was asked before."""
        self.until = max(self.until, time.perf_counter()) + seconds
        self.busy += seconds

    def made(self, device: Any) -> Event:
        """What tells when all that was asked is done."""
        return Event(self.until)

    def fill(self, model: Any, slots: Any, *asked: Any) -> None:
        """In place of reading prompts: all is said already."""
        import torch

        rows, T = slots.said.shape
        drawn = self.pool[self.draw.integers(0, FEW, rows), :T] if self.ends else self.said(rows, T)
        slots.said.copy_(torch.from_numpy(drawn))
        slots.at.zero_()

    def go(self, model: Any, slots: Any, rows: int, count: int) -> None:
        """In place of steps."""
        slots.at.add_(count)
        self.asked(count * rows * SAYING)

    def forward(self, policy: Any, stacked: Any, batches: Sequence[Any], needs: frozenset[str] = frozenset()) -> Any:
        """In place of a pass: rows are laid out for it, and log-probabilities are 0."""
        import torch

        from rewardbench.engine import groups, siblings
        from rewardbench.engine.forward import Seen

        room = groups.room(batches, policy.settings)
        rows = groups.laid_out(batches, policy.pad, room)
        siblings.siblings(rows.position, rows.part, room.K, groups._most(rows, room), torch.device("cpu"))
        read = sum(b.ids.shape[0] * (max(map(len, b.context)) + b.ids[0].size) for b in batches if b is not None)
        self.asked(read * LEARNING / (1 if torch.is_grad_enabled() else 3))
        nothing = 0 * sum(p.sum() for p in list(stacked.params.values())[:1])
        return Seen(torch.zeros(len(batches), room.P * room.K, room.T) + nothing, None, None)


@dataclass
class Spent:
    """What a pack took."""

    rows: list[dict[str, Any]]
    """CPU seconds, by step: what its first run booked, times the runs."""
    wall: float
    """Seconds from its first prompt to its last file."""
    busy: float
    """Seconds that a made-up card computed."""


def spent(told: argparse.Namespace, place: Path, *, card: bool = False, turns: bool = False) -> Spent:
    """What the pack takes, beside a made-up `card` or one that needs no time; `turns`: one waits for the other."""
    import gpu_policy
    import gpu_whole
    import torch

    from rewardbench import loop, plan, sweep, trace
    from rewardbench.engine import forward, learn, quick, send
    from rewardbench.engine.stack import stack
    from rewardbench.packs import Later, opening
    from rewardbench.policies.load import Policy, load
    from rewardbench.spec import Spec

    size = gpu_policy.Size()
    shape = {**gpu_policy.SMALL, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
             "num_attention_heads": 1, "num_key_value_heads": 1,
             "vocab_size": gpu_policy.WHOLE["vocab_size"]}  # fmt: skip
    with patch.object(gpu_policy, "SMALL", shape):
        folder = gpu_policy.opened(gpu_policy.prepared(gpu_policy.RANDOM, place, size, True), 1)
    folder = replace(folder, settings=replace(folder.settings, rank=2, dtype="float32"))
    seeds = tuple(range(1, size.seeds + 1))
    spec = Spec(tasks=(gpu_policy.TASK,), designs=gpu_whole.DESIGNS, seeds=seeds, budget=str(told.steps), alone=True)
    runs = plan.plan(spec, folder)[0]
    if not card:
        runs = [replace(run, points=(0, told.steps // 2, told.steps)) for run in runs]
    out = place / "runs"
    for run in runs:
        trace.create(out / run.id, run.as_dict())
    sweep.check_columns(runs)

    def flat(*asked: Any) -> Any:
        made = stack(*asked)
        made.flatten()
        return made

    made_up = Card(told.ends, load(folder).eos, shape["vocab_size"] - 2, size.T_sweep)
    with ExitStack() as instead:

        def put(where: Any, name: str, value: Any) -> None:
            instead.enter_context(patch.object(where, name, value))

        for module, name in ((quick, "fill"), (quick, "go"), (learn, "forward"), (forward, "forward")):
            put(module, name, getattr(made_up, name))
        put(opening, "stack", flat)
        if card:
            put(Policy, "device", property(lambda self: torch.device("cuda")))
            put(torch.cuda, "mem_get_info", lambda: (ROOM, ROOM))
            put(send, "made", made_up.made)
        if turns:
            put(Later, "put", lambda later, job, pays=False: job())
        begun = time.perf_counter()
        loop.run_pack(runs, [out / r.id for r in runs], folder, lambda _: None, 600.0, out)
        wall = time.perf_counter() - begun
    rows = trace.rows(out / runs[0].id, "timing.jsonl")
    each = [{name: value * len(runs) for name, value in row.items() if name in PARTS} for row in rows]
    return Spent(each, wall, made_up.busy)


def main() -> None:
    """Print what a step and the evaluations take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--ends", action="store_true")
    parser.add_argument("--card", action="store_true")
    parser.add_argument("--functions", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        gpu.environment(Path(name) / "host")
        os.environ["REWARDBENCH_DEVICE"] = "cpu"  # also where there is a card: it is the host that is timed
        import gc

        import torch

        from rewardbench.worker import SELDOM

        torch.set_num_threads(1)
        gc.freeze()
        gc.set_threshold(*SELDOM)
        if told.card:
            for words, turns in (("in turn", True), ("beside", False)):
                took = spent(told, Path(name) / words, card=True, turns=turns)
                print(f"{words}: {took.wall:.1f} s, of which the card computes {took.busy:.1f}")
            return
        found, begun = cProfile.Profile(), time.process_time()
        rows = (found.runcall(spent, told, Path(name)) if told.functions else spent(told, Path(name))).rows
        print(f"all of it: {time.process_time() - begun:.1f} CPU s")
        for part in PARTS[:3]:
            print(f"{part}: {statistics.median(r[part] for r in rows if part in r):.3f} CPU s a step")
        evaluated = [r["evaluate"] for r in rows if "evaluate" in r]
        print("evaluations: first {:.2f} CPU s, then {:.2f}, the last with its grid {:.2f}".format(*evaluated))
        if told.functions:
            pstats.Stats(found).sort_stats("tottime").print_stats(LISTED)


if __name__ == "__main__":
    main()
