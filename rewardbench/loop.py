"""What does the benchmark do? The whole of it on one screen: `run_pack`.

Everything that happens to a completion is one of the lines of `_step`: asked for, sampled, scored,
composed, compared with its siblings, learnt from. Gold is read in `readings` alone and goes nowhere else.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardbench import hooks, packs, record, seeds, trace
from rewardbench.engine import learn as engine
from rewardbench.engine.sample import sample
from rewardbench.packs import Pack, Run, Say, blind
from rewardbench.plan import RunSpec
from rewardbench.policies.settings import Folder
from rewardbench.readings import evaluate, grid, point
from rewardbench.types import Batch, Draw, Floats, Prompt, Want


def run_pack(
    specs: Sequence[RunSpec], folders: Sequence[Path], policy: Folder, say: Say, timeout: float, sources: Path
) -> None:
    """Train and evaluate R runs together, each into its own folder; goes on from their checkpoints. Runs that lack the
    step which most go on from are made once those are over.
    """
    while _run(packs.open_pack(specs, folders, policy, say, timeout, sources), say):
        pass


def _run(pack: Pack, say: Say) -> bool:
    """Take the runs of a pack that do not wait to their end; whether there are any that do."""
    spec = pack.spec
    for step in range(pack.step, spec.steps):
        pack.step = step
        if step in spec.points:
            evaluate(pack, point(pack, step))
        if any(run.trains for run in pack.runs):
            _step(pack)
            packs.save(pack, step + 1)
        packs.settle(pack)
    pack.step = spec.steps
    evaluate(pack, point(pack, spec.steps), *grid(pack))
    packs.settle(pack)
    done = [(r, run) for r, run in enumerate(pack.runs) if run.alive]
    told = {**packs.sizes(pack), "pack": packs.told(pack)}
    closing = ((run, packs.weights(pack, r) if run.contestant.design.trains else {}, told) for r, run in done)
    for run, digest in packs.side_by_side(_finish, closing, packs.THREADS if packs.large(pack) else 1):
        say({"event": "done", "run": run.spec.id, "content": digest})
    return any(run.waits for run in pack.runs)


def _finish(run: Run, weights: dict[str, Any], told: dict[str, Any]) -> tuple[Run, str]:
    """Close a run; its content hash."""
    return run, trace.finish(run.folder, weights, **told)


def _step(pack: Pack) -> None:
    """One optimiser step of every run that is alive."""
    clock, taught = packs.Clock(pack.later), sum(run.trains for run in pack.runs)
    asked, batches = _gather(pack, clock)  # ask, sample, score, compose
    gains = [_advantages(pack, run, batch) for run, batch in zip(pack.runs, batches, strict=True)]
    learnt = None
    if any(gain is not None for gain in gains):
        device = next(pack.stacked.model.parameters()).device
        rate = torch.full((len(pack.runs),), pack.policy.settings.learning_rate, device=device)
        states = [run.state for run in pack.runs]
        learnt = engine.learn(pack.policy, pack.stacked, pack.opt, pack.algorithm, batches, gains, states, rate)
        clock.mark("learn")
    packs.settle(pack)
    for r, (run, wanted, batch) in enumerate(zip(pack.runs, asked, batches, strict=True)):
        if wanted and run.alive:
            _end(pack, r, wanted, batch, learnt if batch is not None else None, clock.shared(taught))


def _advantages(pack: Pack, run: Run, batch: Batch | None) -> Floats | None:
    """How much better than expected each choice of a run turned out, [P, K, T]; None without a batch."""
    if batch is not None:
        with packs.failing(pack, run):
            return hooks.gains(pack.algorithm, pack.algorithm.advantages(batch, run.state), batch)
    return None


def _end(
    pack: Pack, r: int, wanted: list[Batch], batch: Batch | None, learnt: engine.Learnt | None, spent: dict[str, float]
) -> None:
    """The end of run r's step: its state goes on if it learnt something, the step is written down."""
    run = pack.runs[r]
    if batch is not None and learnt is not None:
        with packs.failing(pack, run):
            if (fault := learnt.faults[r]) is not None:
                raise fault
            run.state = hooks.state(pack.algorithm, "end", pack.algorithm.end(batch, run.state))
    if not run.alive:
        return
    done = pack.step / max(run.spec.steps, 1)
    design = run.contestant.design
    row = record.step_row(pack.step, wanted, batch, design, run.charged, pack.algorithm.passes, run.running, done)
    if learnt is not None:
        row |= {n: float(getattr(learnt, n)[r]) for n in ("loss", "norm", "drift")}
    trace.append(run.folder, "steps.jsonl", row)
    run.rows += 1
    trace.append(run.folder, "timing.jsonl", {"step": pack.step, **spent})
    unpaid = record.unpaid_share(wanted[-1] if batch is None else batch)
    pack.say({"event": "step", "run": run.spec.id, **row, "unpaid": unpaid, "compares": pack.algorithm.least_k > 1})
    if not np.isfinite([row.get("norm", 0.0), row.get("loss", 0.0)]).all():
        packs.fail(pack, run, f"the gradient is not finite at step {pack.step}", 0)


def _gather(pack: Pack, clock: packs.Clock) -> tuple[list[list[Batch]], list[Batch | None]]:
    """Each run's scored batches, and what it learns from: its algorithm's wants answered, all runs in one padded
    call a round.
    """
    asking = [_ask(pack, run) if run.trains else None for run in pack.runs]
    wants: list[Want | None] = [next(g, None) if g is not None else None for g in asking]
    asked: list[list[Batch]] = [[] for _ in pack.runs]
    results: list[Batch | None] = [None] * len(pack.runs)
    while any(w is not None for w in wants):
        names = [f"train/{run.spec.seed}/{pack.step}/{len(told)}" for run, told in zip(pack.runs, asked, strict=True)]
        known = [None if w is None else run.whole(w) for run, w in zip(pack.runs, wants, strict=True)]
        batches = sample(pack.policy, pack.stacked, pack.task, known, names, pack.spec.max_tokens)
        clock.mark("sample")
        pack.later.settle(paying=True)
        for r, (run, batch, asker) in enumerate(zip(pack.runs, batches, asking, strict=True)):
            wants[r] = None
            if batch is None or asker is None or not run.alive:
                continue
            run.charged += int(batch.mine.sum())
            scored = packs.pay(pack, run, batch, names[r], learning=True)
            if scored is None:
                continue
            asked[r].append(scored)
            try:
                wants[r] = asker.send(blind(scored))
            except StopIteration as stop:
                results[r] = stop.value if stop.value is not None and stop.value.prompts else None
        clock.mark("reward")
    return asked, results


def _ask(pack: Pack, run: Run) -> Generator[Want, Batch, Batch | None]:
    """The wants of one run at this step; one that cannot be answered fails the run, and its algorithm is named."""
    rng = seeds.generator(f"ask/{run.spec.seed}/{pack.step}")
    words = pack.policy.model.config.get_text_config().vocab_size
    with packs.failing(pack, run):
        asking: Any = pack.algorithm.ask(run.state, Draw(run.take, run.spec.P, run.spec.K, pack.step, rng))
        fault = "" if isinstance(asking, Generator) else "`ask` yields nothing: it is no generator of wants"
        scored: Batch | None = None
        while not fault:
            try:
                want = asking.send(scored)
            except StopIteration as stop:
                found: Batch | None = stop.value
                if found is None or (isinstance(found, Batch) and found.reward is not None):
                    return found
                fault = "`ask` returns what is neither a scored batch nor None"
            else:
                fault = _unanswerable(want, words)
                if not fault:
                    scored = yield want
        packs.fail(pack, run, f"algorithm {run.spec.algorithm!r} at step {pack.step}: {fault}", 6)
    return None


def _unanswerable(want: Any, words: int) -> str:
    """Why there is no batch that a policy of so many words could answer a want with; nothing where there is one."""
    if not isinstance(want, Want):
        return f"`ask` yields {type(want).__name__}, not a Want; to learn nothing, return None"
    if not len(want.prompts) or not all(isinstance(p, Prompt) for p in want.prompts):
        return f"a Want of {len(want.prompts)} prompts asks for nothing that can be sampled"
    if not isinstance(want.k, (int, np.integer)) or want.k < 1:
        return f"a Want with k = {want.k!r} asks for no completion"
    if not 0 < want.temperature < np.inf:
        return f"a Want's temperature is {want.temperature!r}, not a number above 0"
    mask = want.mask
    if mask is not None and (np.shape(mask) != (words,) or np.asarray(mask).dtype != bool or not np.any(mask)):
        told = f"its shape is {np.shape(mask)}, its type {np.asarray(mask).dtype}"
        return f"a Want's mask is no array of {words} booleans, one of them true ({told})"
    return ""
