"""Which words did an entry keep? Its sampled completions with their prompts and gold, ready to be scored again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import find
from rewardbench.boards.rows import read
from rewardbench.types import Floats, Prompt

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
    """The kept words of an entry's first seeds; prompts are drawn again from the task, by seed."""
    folder = scored.results[0].run.folder
    words, scores = read(folder / "texts.parquet"), read(folder / "scores.parquet")
    known = _golds(scores)
    prompts: list[Prompt] = []
    said: list[list[Any]] = []
    gold: list[list[float]] = []
    for run in scored.results[:SEEDS]:
        spec = run.run.spec
        rows = _by_prompt(words, spec.seed)
        for prompt in islice(find.task(task).prompts("dev", spec.seed), spec.eval_prompts):
            if mine := rows.get(prompt.id, []):
                prompts.append(prompt)
                said.append([_said(words, i) for i in mine])
                keys = [(spec.seed, int(words["step"][i]), prompt.id, int(words["k"][i])) for i in mine]
                gold.append([known[key] for key in keys])
    least = min(map(len, said))  # a run that broke off early kept fewer
    return Kept(prompts, [row[:least] for row in said], np.array([row[:least] for row in gold]))


def _golds(scores: dict[str, Any]) -> dict[tuple[int, int, str, int], float]:
    """(seed, step, prompt, k) -> gold, on dev prompts."""
    dev = scores["split"] == "dev"
    keys = zip(*(scores[n][dev].tolist() for n in ("seed", "step", "prompt", "k")), strict=True)
    return dict(zip(keys, scores["gold"][dev].tolist(), strict=True))


def _by_prompt(words: dict[str, Any], seed: int) -> dict[str, list[int]]:
    """Prompt -> its rows in the table of words, of one seed and on dev."""
    found: dict[str, list[int]] = {}
    for i in np.flatnonzero((words["seed"] == seed) & (words["split"] == "dev")):
        found.setdefault(str(words["prompt"][i]), []).append(int(i))
    return found


def _said(words: dict[str, Any], i: int) -> Any:
    """A completion: its text, or the messages of a dialogue."""
    return json.loads(words["messages"][i]) if "messages" in words else words["text"][i]
