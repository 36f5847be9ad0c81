"""May a policy be trained on these tasks at all? It is loaded, read with and sampled a little first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from pathlib import Path

import torch

from rewardbench import fence, find
from rewardbench.engine.stack import adapted
from rewardbench.engine.tryout import try_out
from rewardbench.plan import RunSpec
from rewardbench.policies.load import Policy, load, unknown_share
from rewardbench.policies.settings import Folder
from rewardbench.policies.words import check_known
from rewardbench.types import Prompt, Task, UserError

MANY, LONGEST = 512, 8
"""Training prompts that are looked at before anything runs, and how many of them, those with most letters, are read."""
FETCH = "its tokenizer is another model's or not whole, fetch it again"
_ready: list[tuple[Folder, Policy]] = []
"""A policy that was admitted, and that no pack has taken yet."""


def admit(folder: Folder, firsts: Sequence[RunSpec], sources: Path) -> None:
    """Raise the UserError that every run would end in: a policy that cannot be trained, or lacks a task's words, or
    room for its texts. What was loaded for that is the first pack's.
    """
    policy, named = load(folder), f"policy {folder.name!r}"
    for spec in firsts:
        find.algorithm(spec.algorithm, spec.options, spec.algorithm_source or "", sources)
        task = find.task(spec.task)
        shown = evaluated(task, spec, "dev")
        more = find.some(task, "train", spec.seed, min(spec.P * spec.steps, MANY))
        more += evaluated(task, spec, spec.grid_split) if spec.grid_split else []
        cure = "mend or remove its chat template; without one prompts are plain text" if policy.templated else FETCH
        with _refusing(f"{named} cannot read the prompts of {spec.task}", cure):
            missing = unknown_share(policy, shown)
            longest = nlargest(LONGEST, more, key=lambda p: len(p.plain()))
            texts = [policy.prompt_ids(p) for p in [*shown, *longest]]
            texts += [policy.between("yes")] if task.turns > 1 else []
        check_known(folder.name, spec.task, missing)
        _fitting(policy, named, spec, texts)
    if folder.settings.kind == "lora":
        adapted(policy.model, folder.settings.targets)
    told = f"{named} is a {type(policy.model).__name__}, which cannot be run here"
    with _refusing(told, "take a decoder with attention alone (docs/gpu.md)"):
        try_out(policy, task, shown[:2])
    _ready[:] = [(folder, policy)]


@contextmanager
def _refusing(what: str, cure: str) -> Iterator[None]:
    """Within it what breaks is the policy's: a UserError (code 5) of one line. What a limit of this machine explains
    goes through.
    """
    try:
        yield
    except (UserError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if fence.cause(error)[0]:
            raise
        first = (str(error).strip().splitlines() or [""])[0]
        raise UserError(f"{what} ({type(error).__name__}: {first}); {cure}", 5) from error


def _fitting(policy: Policy, named: str, spec: RunSpec, texts: Sequence[Sequence[int]]) -> None:
    """Raise UserError (code 5) where prompts hold a token that the model does not know, or leave too little room."""
    last, longest = (max(map(size, texts), default=0) for size in (lambda ids: max(ids, default=0), len))
    if last >= policy.words:
        told = f"{spec.task}'s prompts hold token {last}, and its model knows {policy.words}, from 0 on"
        raise UserError(f"{named}: {told}: {FETCH}", 5)
    room = policy.positions
    if room is not None and longest + spec.max_tokens > room:
        told = f"{spec.task} asks for {longest} of a prompt and {spec.max_tokens} of a completion"
        cure = f"set a smaller max_tokens under [tasks.\"{spec.task}\"] in its .toml, or take another"
        raise UserError(f"{named} reads {room} tokens at once, and {told}; {cure}", 5)


def loaded(folder: Folder) -> Policy:
    """The policy in a folder: as it was admitted, once; else loaded anew, since a pack puts its runs on it."""
    known = [policy for other, policy in _ready if other == folder]
    _ready.clear()
    return known[0] if known else load(folder)


def evaluated(task: Task, spec: RunSpec, split: str) -> list[Prompt]:
    """The prompts of a split that a run is evaluated on."""
    return find.some(task, split, spec.seed, spec.eval_prompts)
