"""Which words did an entry keep? Its sampled completions with their prompts and gold, ready to be scored again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import find
from rewardbench.boards.rows import keys, read, where
from rewardbench.types import Floats, Prompt, UserError

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

SEEDS = 5
"""Seeds of each entry that are read."""


@dataclass(frozen=True)
class Kept:
    """P prompts, K completions of each: those kept of the last two evaluations, side by side."""

    prompts: list[Prompt]
    """With their truth: for golds alone."""
    said: list[list[Any]]
    """Texts, or the messages of dialogues, [P][K]."""
    gold: Floats
    """[P, K]."""


def kept(task: str, scored: Scored) -> Kept:
    """The kept words of an entry's first seeds; prompts are drawn again from the task, by seed.

    Raises UserError (code 5) where none are kept, or they are of prompts or rows that are not there.
    """
    folder = scored.results[0].run.folder
    words, scores = read(folder / "texts.parquet"), read(folder / "scores.parquet")
    words = where(words, words["split"] == "dev")
    near = (scores["split"] == "dev") & np.isin(scores["step"], np.unique(words["step"]))
    scores = where(scores, near)  # rows of equal keys stay together, in their order
    golds = dict(zip(keys(scores), scores["gold"].tolist(), strict=True))
    own = keys(words)
    prompts: list[Prompt] = []
    said: list[list[Any]] = []
    gold: list[list[float]] = []
    for run in scored.results[:SEEDS]:
        spec = run.run.spec
        rows = _by_prompt(words, spec.seed)
        known = {p.id: p for p in drawn(task, "dev", spec.seed, spec.eval_prompts)}
        for name, mine in rows.items():
            if name not in known or any(own[i] not in golds for i in mine):
                raise UserError(f"{scored.name}, {task}: words of prompt {name!r}, which its seed or its rows lack", 5)
            prompts.append(known[name])
            said.append([_said(words, i) for i in mine])
            gold.append([golds[own[i]] for i in mine])
    if not said:
        raise UserError(f"{scored.name}, {task}: it keeps no words, so no other gold can score it", 5)
    least = min(map(len, said))  # a run that broke off early kept fewer
    return Kept(prompts, [row[:least] for row in said], np.array([row[:least] for row in gold]))


@lru_cache(maxsize=256)
def drawn(task: str, split: str, seed: int, count: int) -> tuple[Prompt, ...]:
    """The first prompts of a split that a task draws by a seed, in order: the same for every entry."""
    return tuple(islice(find.task(task).prompts(split, seed), count))


def _by_prompt(words: dict[str, Any], seed: int) -> dict[str, list[int]]:
    """Prompt -> its rows in the table of words, of one seed; one that was drawn twice has twice as many."""
    found: dict[str, list[int]] = {}
    for i in np.flatnonzero(words["seed"] == seed):
        found.setdefault(str(words["prompt"][i]), []).append(int(i))
    return found


def _said(words: dict[str, Any], i: int) -> Any:
    """A completion: its text, or the messages of a dialogue."""
    return json.loads(words["messages"][i]) if "messages" in words else words["text"][i]
