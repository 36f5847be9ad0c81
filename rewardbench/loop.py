"""What does the benchmark do? The whole of it on one screen: `run_pack`.

Everything that happens to a completion is one of the lines of `_step`: asked for, sampled, scored,
composed, compared with its siblings, learnt from. Gold is read in `_evaluate` alone and goes nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardbench import packs, record, scoring, seeds, trace
from rewardbench.calling import When, in_call
from rewardbench.engine import learn as engine
from rewardbench.engine.forward import asked_logp
from rewardbench.engine.sample import sample
from rewardbench.packs import Pack, Run, Say, blind
from rewardbench.plan import RunSpec
from rewardbench.policies.settings import Folder
from rewardbench.types import Batch, Draw, Floats, GoldError, Prompt, RewardError, Want

GRID = "final"


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
            _evaluate(pack, _point(pack, step))
        if not any(run.trains for run in pack.runs):
            continue
        _step(pack)
        packs.save(pack, step + 1)
    pack.step = spec.steps
    heats, split = spec.temperatures, spec.grid_split or "dev"
    grid = [Reading(GRID, heats, spec.grid_samples, split)] if heats else []
    _evaluate(pack, _point(pack, spec.steps), *grid)
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
    clock, taught = record.Clock(), sum(run.trains for run in pack.runs)
    asked, batches = _gather(pack, clock)  # ask, sample, score, compose
    gains = [_advantages(pack, run, batch) for run, batch in zip(pack.runs, batches, strict=True)]
    learnt = None
    if any(gain is not None for gain in gains):
        device = next(pack.stacked.model.parameters()).device
        rate = torch.full((len(pack.runs),), pack.policy.settings.learning_rate, device=device)
        states = [run.state for run in pack.runs]
        learnt = engine.learn(pack.policy, pack.stacked, pack.opt, pack.algorithm, batches, gains, states, rate)
        clock.mark("learn")
    for r, (run, wanted, batch) in enumerate(zip(pack.runs, asked, batches, strict=True)):
        if wanted and run.alive:
            _end(pack, r, wanted, batch, learnt if batch is not None else None, _share(clock, taught))


def _advantages(pack: Pack, run: Run, batch: Batch | None) -> Floats | None:
    """How much better than expected each choice of a run turned out, [P, K, T]; None without a batch."""
    if batch is not None:
        with packs.failing(pack, run):
            return pack.algorithm.advantages(batch, run.state)
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
            run.state = pack.algorithm.end(batch, run.state)
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


def _share(clock: record.Clock, runs: int) -> dict[str, float]:
    """What each of the runs that took part is booked: a share of the CPU seconds, all of the wall's."""
    return {name: spent if name.endswith("_wall") else spent / runs for name, spent in clock.spent.items()}


def _gather(pack: Pack, clock: record.Clock) -> tuple[list[list[Batch]], list[Batch | None]]:
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
        for r, (run, batch, asker) in enumerate(zip(pack.runs, batches, asking, strict=True)):
            if batch is None or asker is None:
                continue
            run.charged += int(batch.mine.sum())
            wants[r] = None
            scored = _pay(pack, run, batch, names[r], learning=True)
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


def _pay(pack: Pack, run: Run, batch: Batch, stream: str, *, learning: bool) -> Batch | None:
    """The batch with its reward, or None after the run has failed: a broken part is never a silent 0."""
    when = When(stream, pack.step, pack.step / max(run.spec.steps, 1))

    def tell(part: str) -> None:
        pack.say({"event": "part", "run": run.spec.id, "part": part, "call": in_call(batch)})

    contestant = run.contestant if learning else scoring.raw(run.contestant)
    try:
        scored = scoring.pay(contestant, batch, when, run.running, pack.timeout, tell)
    except (RewardError, GoldError) as error:
        packs.fail(pack, run, str(error), 6)
        return None
    if learning:
        run.running = scored.running
    return scored.batch


@dataclass(frozen=True)
class Reading:
    """One evaluation file: its name, temperatures, completions of each prompt, and whose prompts."""

    name: str
    heats: tuple[float, ...]
    samples: int
    split: str = "dev"


def _point(pack: Pack, step: int) -> Reading:
    """The evaluation after `step` optimiser steps."""
    return Reading(f"{step:06d}", (1.0,), pack.spec.eval_samples)


def _evaluate(pack: Pack, *readings: Reading) -> None:
    """Sample dev (at the end of a board's run also test) prompts, score gold, record; nothing of it is taught.

    Readings made together share completions: noise is named by sample, so the first 8 of 16 are the 8.
    """
    missing = {x.name: _missing(pack, x) for x in readings}
    if not any(missing.values()):
        return
    clock, read = record.Clock(), sum(any(run in m for m in missing.values()) for run in pack.runs)
    tables: dict[tuple[str, str], list[dict[str, Any]]] = {}
    known: record.Judged = {}
    for split, heat in sorted({(x.split, h) for x in readings if missing[x.name] for h in x.heats}):
        hot = [x for x in readings if x.split == split and heat in x.heats and missing[x.name]]
        most = max(x.samples for x in hot)
        asked = [run.alive and any(run in missing[x.name] for x in hot) for run in pack.runs]
        if not any(asked):
            continue
        reads = zip(pack.runs, asked, strict=True)
        wants = [Want(run.shown[split], most, heat) if wanted else None for run, wanted in reads]
        names = [f"{split}/{run.spec.seed}/{heat:g}" for run in pack.runs]
        batches = sample(pack.policy, pack.stacked, pack.task, wants, names, pack.spec.max_tokens)
        starts = _start_logp(pack, batches) if heat == 1.0 else None  # a card computes them while gold is asked
        for reading in hot:  # one written, then the next: a part may break in that
            judged = []
            for r, (run, name, batch) in enumerate(zip(pack.runs, names, batches, strict=True)):
                if batch is None or not run.alive or run not in missing[reading.name]:
                    continue
                with packs.failing(pack, run):
                    some = batch.cut(samples=slice(reading.samples))
                    judged.append((r, some, _judge(pack, run, some, f"{name}/{pack.step}", known)))
            before = starts() if starts is not None else [None] * len(pack.runs)
            for r, some, table in judged:
                run, told = pack.runs[r], tables.setdefault((reading.name, pack.runs[r].spec.id), [])
                if run.alive:
                    told.append(table | {"kl": record.apart(some, before[r])})
                    if heat == max(reading.heats):
                        _write(pack, run, reading, told)
    clock.mark("evaluate")
    for run in pack.runs:
        if run.alive and any(run in missing[x.name] for x in readings):
            spent = _share(clock, read)
            trace.append(run.folder, "timing.jsonl", {"step": min(pack.step, run.spec.steps - 1), **spent})


def _missing(pack: Pack, reading: Reading) -> list[Run]:
    """The runs to read: all that go on if one of them lacks it, so that a kill in between changes no shape; or none.

    A run that is never taught is read at the start, and over the grid.
    """
    first = reading.name in (GRID, f"{0:06d}")
    asked = [run for run in pack.runs if run.alive and (first or run.contestant.design.trains)]
    written = [(run.folder / "evals" / f"{reading.name}.parquet").is_file() for run in asked]
    return [] if all(written) else asked


def _judge(pack: Pack, run: Run, batch: Batch, stream: str, known: record.Judged) -> dict[str, list[Any]]:
    """The rows of one batch of an evaluation: what it is paid, and what gold says; {} if a part or gold broke."""
    paid = _pay(pack, run, batch, stream, learning=False)
    if paid is None:
        return {}
    picked = pack.algorithm.pick(blind(paid)) if run.contestant.design.trains else np.ones_like(paid.ended)
    design = run.contestant.design
    try:
        heat = batch.temperature
        table = record.evaluation(paid, pack.gold, pack.task, design, picked, heat, known)
    except GoldError as error:
        packs.fail(pack, run, str(error), 6)
        return {}
    size = paid.ended.size
    return table | {"step": [pack.step] * size, "charged": [run.charged] * size}


def _write(pack: Pack, run: Run, reading: Reading, tables: Sequence[dict[str, list[Any]]]) -> None:
    """One evaluation file, and a word about it."""
    whole = {k: [v for t in tables for v in t[k]] for k in tables[0]}
    trace.write_evaluation(run.folder, reading.name, whole)
    if reading.name != GRID:
        shown = record.shown(whole, len(run.shown["dev"]))
        told = {"step": pack.step, **shown, "compares": pack.algorithm.least_k > 1}
        pack.say({"event": "evaluation", "run": run.spec.id, **told})


def _start_logp(pack: Pack, batches: Sequence[Batch | None]) -> Callable[[], list[Floats | None]]:
    """A call that gives log-probabilities under the start policy: KL is read where the samples are the policy's own
    (T = 1).
    """
    own = [None if b is None else b.logp for b in batches]
    moved = [b if run.trains and pack.step > 0 else None for run, b in zip(pack.runs, batches, strict=True)]
    if all(b is None for b in moved):  # it is the start policy
        return lambda: own
    starts = asked_logp(pack.policy, pack.stacked, moved, pack.policy.settings.micro, start=True)
    return lambda: [mine if b is None else start for mine, b, start in zip(own, moved, starts(), strict=True)]
