"""How long does the host need for the sweep that `gpu.py` times, if the card needed no time? On any machine.

    python benchmarks/gpu_host.py [--steps 6] [--ends] [--functions]

A pack of 24 runs (8 designs of qa/lookup, 3 seeds), 64 completions of 40 tokens a run and step, evaluations as `rbench
run` makes them. What a card does is left out: words are drawn at random, and log-probabilities are 0. `--ends`: they
end after 8 to 25 tokens and come back often, as those of a policy that has learnt; else none ends, and none is said
twice.
`--functions` lists the functions that take longest, which costs a third more.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gpu

FEW = 300
"""Different completions of a policy that has learnt."""
LISTED = 40
PARTS = ("sample", "reward", "learn", "evaluate")
"""What a run books its share of; of the wall's seconds it books all, and others may be at work here."""


class Card:
    """Stands for what a card does: says any words, and thinks nothing."""

    def __init__(self, ends: bool, eos: int, words: int, T: int) -> None:
        import numpy as np

        self.draw, self.ends, self.words = np.random.default_rng(0), ends, words
        self.pool = self.draw.integers(20, words, (FEW, T))
        self.pool[np.arange(T) >= self.draw.integers(8, 26, (FEW, 1))] = eos

    def fill(self, model: Any, slots: Any, *asked: Any) -> None:
        """In place of reading prompts: all is said already."""
        import torch

        rows, T = slots.said.shape
        if self.ends:
            drawn = self.pool[self.draw.integers(0, FEW, rows), :T]
        else:
            drawn = self.draw.integers(20, self.words, (rows, T))
        slots.said.copy_(torch.from_numpy(drawn))
        slots.at.zero_()

    def go(self, model: Any, slots: Any, rows: int, count: int) -> None:
        """In place of steps."""
        slots.at.add_(count)

    def forward(self, policy: Any, stacked: Any, batches: Sequence[Any], needs: frozenset[str] = frozenset()) -> Any:
        """In place of a pass: rows are laid out for it, and log-probabilities are 0."""
        import torch

        from rewardbench.engine import groups, siblings
        from rewardbench.engine.forward import Seen

        room = groups.room(batches, policy.settings)
        rows = groups.laid_out(batches, policy.pad, room)
        siblings.siblings(rows.position, rows.part, room.K, groups._most(rows, room), torch.device("cpu"))
        nothing = 0 * sum(p.sum() for p in list(stacked.params.values())[:1])
        return Seen(torch.zeros(len(batches), room.P * room.K, room.T) + nothing, None, None)


def spent(told: argparse.Namespace, place: Path) -> list[dict[str, Any]]:
    """CPU seconds of the pack, by step: what its first run booked, times the runs."""
    import gpu_policy
    import gpu_whole

    from rewardbench import loop, plan, sweep, trace
    from rewardbench.engine import forward, learn, quick
    from rewardbench.engine.stack import stack
    from rewardbench.packs import opening
    from rewardbench.policies.load import load
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
    runs = [replace(run, points=(0, told.steps // 2, told.steps)) for run in plan.plan(spec, folder)[0]]
    out = place / "runs"
    for run in runs:
        trace.create(out / run.id, run.as_dict())
    sweep.check_columns(runs)

    def flat(*asked: Any) -> Any:
        made = stack(*asked)
        made.flatten()
        return made

    card = Card(told.ends, load(folder).eos, shape["vocab_size"] - 2, size.T_sweep)
    with ExitStack() as instead:
        for module, name in ((quick, "fill"), (quick, "go"), (learn, "forward"), (forward, "forward")):
            instead.enter_context(patch.object(module, name, getattr(card, name)))
        instead.enter_context(patch.object(opening, "stack", flat))
        loop.run_pack(runs, [out / r.id for r in runs], folder, lambda _: None, 600.0, out)
    rows = trace.rows(out / runs[0].id, "timing.jsonl")
    return [{name: value * len(runs) for name, value in row.items() if name in PARTS} for row in rows]


def main() -> None:
    """Print what a step and the evaluations take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--ends", action="store_true")
    parser.add_argument("--functions", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        gpu.environment(Path(name) / "host")
        import gc

        import torch

        from rewardbench.worker import SELDOM

        torch.set_num_threads(1)
        gc.freeze()
        gc.set_threshold(*SELDOM)
        found, begun = cProfile.Profile(), time.process_time()
        rows = found.runcall(spent, told, Path(name)) if told.functions else spent(told, Path(name))
        print(f"all of it: {time.process_time() - begun:.1f} CPU s")
        for part in PARTS[:3]:
            print(f"{part}: {statistics.median(r[part] for r in rows if part in r):.3f} CPU s a step")
        evaluated = [r["evaluate"] for r in rows if "evaluate" in r]
        print("evaluations: first {:.2f} CPU s, then {:.2f}, the last with its grid {:.2f}".format(*evaluated))
        if told.functions:
            pstats.Stats(found).sort_stats("tottime").print_stats(LISTED)


if __name__ == "__main__":
    main()
