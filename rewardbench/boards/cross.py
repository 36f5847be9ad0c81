"""What would reward B have paid the policy that was trained on reward A? A matrix over the designs made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import find, given, scoring
from rewardbench.boards.definition import Board
from rewardbench.boards.rows import read
from rewardbench.calling import When
from rewardbench.types import Floats, Prompt

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

SEEDS = 5
"""Seeds of each entry that are read."""


def matrix(board: Board, task: str, scored: Sequence[Scored]) -> dict[str, Any] | None:
    """Rows: entries made by hand and arms; columns: the task's designs, and gold.

    A cell is the mean over the kept words of the last two evaluations of what the column pays, in standard deviations
    of what it pays the untrained policy; where that pays all alike there is none (null).
    """
    shown = [s for s in scored if s.entry.kind in ("control", "handmade")]
    base = next((s for s in shown if s.name == "untrained"), None)
    judges = [s for s in shown if s.entry.kind == "handmade"]
    if base is None or not judges:
        return None
    texts = {s.name: _texts(board, task, s) for s in shown}
    columns = {j.name: {n: _paid(task, j, prompts, said) for n, (prompts, said, _) in texts.items()} for j in judges}
    columns["gold"] = {n: gold for n, (_, _, gold) in texts.items()}
    names = [s.name for s in shown]
    rows = [{"entry": n, "cells": {c: _standard(v[n], v[base.name]) for c, v in columns.items()}} for n in names]
    return {"columns": [*columns], "rows": rows}


Said = list[list[Any]]


def _texts(board: Board, task: str, scored: Scored) -> tuple[list[Prompt], Said, Floats]:
    """(prompts, completions [P][K], gold [P, K]) of an entry's kept words, the last two evaluations side by side."""
    folder = scored.results[0].run.folder
    words, scores = read(folder / "texts.parquet"), read(folder / "scores.parquet")
    dev = scores["split"] == "dev"
    keys = zip(*(scores[n][dev].tolist() for n in ("seed", "step", "prompt", "k")), strict=True)
    known = dict(zip(keys, scores["gold"][dev].tolist(), strict=True))
    prompts: list[Prompt] = []
    said: Said = []
    gold: list[list[float]] = []
    for run in scored.results[:SEEDS]:
        spec = run.run.spec
        here = (words["seed"] == spec.seed) & (words["split"] == "dev")
        rows: dict[str, list[int]] = {}
        for i in np.flatnonzero(here):
            rows.setdefault(str(words["prompt"][i]), []).append(int(i))
        for prompt in islice(find.task(task).prompts("dev", spec.seed), spec.eval_prompts):
            mine = rows.get(prompt.id, [])
            if not mine:
                continue
            prompts.append(prompt)
            said.append([_said(words, i) for i in mine])
            gold.append([known[spec.seed, int(words["step"][i]), prompt.id, int(words["k"][i])] for i in mine])
    least = min(map(len, said))
    return prompts, [s[:least] for s in said], np.array([g[:least] for g in gold])


def _said(words: dict[str, Any], i: int) -> Any:
    """A completion: its text, or the messages of a dialogue."""
    if "messages" in words:
        return json.loads(words["messages"][i])
    return words["text"][i]


def _paid(task: str, judge: Scored, prompts: list[Prompt], said: Said) -> Floats:
    """What an entry's design pays these completions, [P, K]: as evaluations do, nothing normalised."""
    contestant = scoring.raw(find.bind(judge.results[0].run.spec.design, task))
    blind = [replace(p, truth=None) for p in prompts]
    paid = scoring.pay(contestant, given.batch(blind, said), When("cross", 0, 1.0), scoring.start(contestant), 60.0)
    return np.asarray(paid.batch.reward, dtype=np.float64)


def _standard(paid: Floats, base: Floats) -> float | None:
    """Mean in standard deviations of what the untrained policy is paid; None where that has none."""
    spread = float(np.nanstd(base))
    if not np.isfinite(spread) or spread < 1e-12:
        return None
    return float((np.nanmean(paid) - np.nanmean(base)) / spread)
