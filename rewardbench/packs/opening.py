"""How does a pack begin? The policy is loaded, R runs are put on it, and each goes on from where it was."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardbench import admission, find, hooks, scoring
from rewardbench.admission import evaluated
from rewardbench.engine.optimise import adam
from rewardbench.engine.stack import Stack, stack
from rewardbench.packs.checkpoints import restore
from rewardbench.packs.pack import Pack, Run, Say, alone, failing
from rewardbench.plan import RunSpec, call_of
from rewardbench.policies import card
from rewardbench.policies.load import Policy
from rewardbench.policies.settings import Folder
from rewardbench.types import Algorithm, State


def open_pack(
    specs: Sequence[RunSpec], folders: Sequence[Path], folder: Folder, say: Say, timeout: float, sources: Path
) -> Pack:
    """Load the policy, put R runs on it, and go back to their checkpoints. Places of a tile that no run takes are
    runs that are over.
    """
    first = specs[0]
    cuda: Any = torch.cuda  # its functions have no types
    if cuda.is_initialized():  # errors of runs may hold an earlier pack, in cycles that are seldom looked for
        gc.collect()
        torch.cuda.empty_cache()
    for seeded in (random.seed, np.random.seed, torch.manual_seed):
        seeded(0)  # nothing here draws from these; a user's part that does at least repeats itself
    find.check_digest(first.task, first.task_digest)
    task = find.task(first.task)
    algorithm = find.algorithm(first.algorithm, first.options, first.algorithm_source or "", sources)
    policy = admission.loaded(folder)
    torch.use_deterministic_algorithms(policy.device.type == "cpu")  # kernels that a GPU lacks would be refused
    tile = folder.settings.tile
    empty = tile.runs - len(specs) if tile and policy.device.type == "cuda" else 0
    places = [*zip(specs, folders, strict=True), *[(first, folders[0])] * empty]
    runs = [
        Run(
            s, f, c := scoring.Contestant(s.design), State(), scoring.start(c), {}, task.prompts("train", s.seed),
            ended=n >= len(specs),
        )
        for n, (s, f) in enumerate(places)
    ]
    stacked = _stacked(policy, [s for s, _ in places])
    fault = _begin(algorithm, policy, runs)
    stacked.adopt([run.state for run in runs])
    params = {n: p for n, (p, _) in stacked.moved().items()}
    opt = adam(params, len(runs), policy.settings.betas, policy.settings.clip)
    pack = Pack(task, find.gold(first.task), policy, stacked, algorithm, opt, runs, first, say, timeout)
    pack.later.beside, policy.meanwhile = policy.device.type == "cuda", pack.later.some
    for run in runs:
        with alone(pack, run):
            run.contestant = find.bind(run.spec.design, run.spec.task, sources)
            run.shown = {split: evaluated(task, run.spec, split) for split in {"dev", run.spec.grid_split or "dev"}}
    if policy.device.type == "cuda":
        policy.longest = _longest(pack)
        call = call_of(specs, folder.settings)
        shape, free = card.shape_of(card.files(folder), folder.settings), torch.cuda.mem_get_info()[0]
        policy.wide = card.wide(shape, folder.settings, replace(call, prompt=policy.longest), len(runs), free)
        policy.settings = replace(policy.settings, micro=card.micro(folder.settings, call, len(runs)))
    restore(pack)
    if fault is not None:
        for run in [run for run in pack.runs if run.trains]:  # what is never taught needs no state
            with failing(pack, run):
                raise fault
    return pack


def _begin(algorithm: Algorithm, policy: Policy, runs: Sequence[Run]) -> Exception | None:
    """What the algorithm raised as it began, if it did: then the runs keep an empty state. Else each has its own."""
    try:
        hooks.ready(algorithm)
        states = [hooks.state(algorithm, "start", algorithm.start(policy)) for _ in runs]
    except Exception as error:  # told of each run that is taught, when those can be told of
        return error
    for run, state in zip(runs, states, strict=True):
        run.state = state
    return None


def _longest(pack: Pack) -> int:
    """Tokens of the longest prompt that the runs will see: with room for it no shape depends on what was seen first."""
    alive = {run.spec.seed: run for run in pack.runs if run.alive}.values()
    train = ((pack.task.prompts("train", r.spec.seed), r.spec.P * r.spec.steps) for r in alive)
    trained = (p for prompts, count in train for p in islice(prompts, count))
    shown = (p for r in alive for prompts in r.shown.values() for p in prompts)
    return max((len(pack.policy.prompt_ids(p)) for p in chain(trained, shown)), default=0)


def _stacked(policy: Policy, specs: Sequence[RunSpec]) -> Stack:
    """The policy's model with the weights of R runs on it."""
    s = policy.settings
    stacked = stack(policy.model, [spec.seed for spec in specs], s.kind, s.rank, s.alpha, s.targets)
    if s.kind == "lora" and policy.device.type == "cuda":
        stacked.flatten()
    return stacked
