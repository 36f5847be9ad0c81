"""What is read of policies while they learn? Prompts that teach nothing are answered; what is said is paid, judged and
written down.

Gold is asked here alone, and goes into files. A card is told to sample; all else is left for `pack.later`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from rewardbench import packs, record, trace
from rewardbench.engine.forward import asked_logp
from rewardbench.engine.sample import sample
from rewardbench.packs import Pack, Run, blind
from rewardbench.types import Batch, Bools, Floats, GoldError, Want

GRID = "final"
Table = dict[str, list[Any]]
"""Columns of an evaluation, a row a completion."""


@dataclass(frozen=True)
class Reading:
    """One evaluation file: its name, temperatures, completions of each prompt, and whose prompts."""

    name: str
    heats: tuple[float, ...]
    samples: int
    split: str = "dev"


@dataclass
class _Said:
    """What one run says at one temperature of a reading."""

    run: Run
    batch: Batch
    stream: str
    start: Callable[[], Floats | None]
    """Its log-probabilities under the start policy, [N, n, T]; None where KL is not read."""
    picked: Bools | None = None
    """Which completions count, [N, n]; None until they are paid."""
    charged: int = 0
    """Tokens that the run was charged for until then."""


def point(pack: Pack, step: int) -> Reading:
    """The evaluation after `step` optimiser steps."""
    return Reading(f"{step:06d}", (1.0,), pack.spec.eval_samples)


def grid(pack: Pack) -> list[Reading]:
    """The reading over temperatures that a run ends with, if it has one."""
    spec = pack.spec
    return [Reading(GRID, spec.temperatures, spec.grid_samples, spec.grid_split or "dev")] if spec.temperatures else []


def evaluate(pack: Pack, *readings: Reading) -> None:
    """Sample dev (at the end of a board's run also test) prompts, score gold, record; nothing of it is taught.

    Readings made together share completions: noise is named by sample, so the first 8 of 16 are the 8.
    """
    missing = {x.name: _missing(pack, x) for x in readings}
    if not any(missing.values()):
        return
    clock, known, tables = packs.Clock(pack.later), record.Judged(), dict[tuple[str, str], list[Table]]()
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
        starts = _start_logp(pack, batches) if heat == 1.0 else [_unasked] * len(batches)
        packs.settle(pack)  # so that no more is kept than is said at one temperature
        for reading in hot:  # one written, then the next: a part may break in that
            said = [
                _Said(run, batch.cut(samples=slice(reading.samples)), f"{name}/{pack.step}", start)
                for run, batch, name, start in zip(pack.runs, batches, names, starts, strict=True)
                if batch is not None and run in missing[reading.name]
            ]
            for one in said:
                pack.later.put(partial(_pay, pack, one), pays=True)
            for one in said:
                told = tables.setdefault((reading.name, one.run.spec.id), [])
                pack.later.put(partial(_judge, pack, reading, one, told, known))
    clock.mark("evaluate")
    read = [run for run in pack.runs if any(run in some for some in missing.values())]
    pack.later.put(partial(_book, pack, read, clock))
    if not pack.later.beside:
        packs.settle(pack)


def _missing(pack: Pack, reading: Reading) -> list[Run]:
    """The runs to read: all that go on if one of them lacks it, so that a kill in between changes no shape; or none.

    A run that is never taught is read at the start, and over the grid.
    """
    first = reading.name in (GRID, f"{0:06d}")
    asked = [run for run in pack.runs if run.alive and (first or run.contestant.design.trains)]
    written = [(run.folder / "evals" / f"{reading.name}.parquet").is_file() for run in asked]
    return [] if all(written) else asked


def _pay(pack: Pack, said: _Said) -> None:
    """What the design pays for what is said, and which of it counts."""
    run = said.run
    if not run.alive:
        return
    with packs.failing(pack, run):
        batch = packs.pay(pack, run, said.batch, said.stream, learning=False)
        if batch is not None:
            trains = run.contestant.design.trains
            said.picked = pack.algorithm.pick(blind(batch)) if trains else np.ones_like(batch.ended)
            said.batch, said.charged = batch, run.charged


def _judge(pack: Pack, reading: Reading, said: _Said, told: list[Table], known: record.Judged) -> None:
    """Ask gold, and add to the tables `told` of the run; after the last temperature they are written."""
    run, batch = said.run, said.batch
    if not run.alive or run.fault or said.picked is None:
        return
    heat, design = batch.temperature, run.contestant.design
    with packs.failing(pack, run):
        try:
            table = record.evaluation(batch, pack.gold, pack.task, design, said.picked, heat, known)
        except GoldError as error:  # it ends when the step is over: what is learnt together follows from who is there
            run.fault = str(error)
    if not run.alive or run.fault:
        return
    size, kl = batch.ended.size, record.apart(batch, said.start())
    told.append(table | {"step": [pack.step] * size, "charged": [said.charged] * size, "kl": kl})
    if batch.temperature == max(reading.heats):
        _write(pack, run, reading, told)


def _write(pack: Pack, run: Run, reading: Reading, tables: Sequence[Table]) -> None:
    """One evaluation file, and a word about it."""
    whole = {k: [v for t in tables for v in t[k]] for k in tables[0]}
    trace.write_evaluation(run.folder, reading.name, whole)
    if reading.name != GRID:
        shown = record.shown(whole, len(run.shown["dev"]))
        told = {"step": pack.step, **shown, "compares": pack.algorithm.least_k > 1}
        pack.say({"event": "evaluation", "run": run.spec.id, **told})


def _book(pack: Pack, read: Sequence[Run], clock: packs.Clock) -> None:
    """What an evaluation took, in its own process and of what was left for later."""
    clock.left("evaluate")
    for run in read:
        if run.alive:
            spent = clock.shared(len(read))
            trace.append(run.folder, "timing.jsonl", {"step": min(pack.step, run.spec.steps - 1), **spent})


def _unasked() -> None:
    """The log-probabilities that nobody needs."""


def _start_logp(pack: Pack, batches: Sequence[Batch | None]) -> list[Callable[[], Floats | None]]:
    """For each run a call that gives log-probabilities under the start policy, once a card has computed them: KL is
    read where the samples are the policy's own (T = 1).
    """
    moved = [b if run.trains and pack.step > 0 else None for run, b in zip(pack.runs, batches, strict=True)]
    own: list[Callable[[], Floats | None]] = [partial(_own, batch) for batch in batches]
    if all(batch is None for batch in moved):  # it is the start policy
        return own
    asked = cache(asked_logp(pack.policy, pack.stacked, moved, pack.policy.settings.micro, start=True))

    def told(r: int) -> Floats:
        return asked()[r]

    return [own[r] if batch is None else partial(told, r) for r, batch in enumerate(moved)]


def _own(batch: Batch | None) -> Floats | None:
    """The log-probabilities that completions were sampled with."""
    return None if batch is None else batch.logp
