"""What would reward B have paid the policy that was trained on reward A? A matrix over the designs made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import find, given, scoring
from rewardbench.boards.kept import Kept, kept
from rewardbench.calling import When
from rewardbench.types import Floats

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored


def matrix(task: str, scored: Sequence[Scored]) -> dict[str, Any] | None:
    """Rows: entries made by hand and arms; columns: the task's designs, and gold.

    A cell is the mean over the kept words of the last two evaluations of what the column pays, in standard deviations
    of what it pays the untrained policy; where that pays all alike there is none (null).
    """
    shown = [s for s in scored if s.entry.kind in ("control", "handmade")]
    base = next((s for s in shown if s.name == "untrained"), None)
    judges = [s for s in shown if s.entry.kind == "handmade"]
    if base is None or not judges:
        return None
    words = {s.name: kept(task, s) for s in shown}
    columns = {j.name: {n: _paid(task, j, said) for n, said in words.items()} for j in judges}
    columns["gold"] = {n: said.gold for n, said in words.items()}
    names = [s.name for s in shown]
    rows = [{"entry": n, "cells": {c: _standard(v[n], v[base.name]) for c, v in columns.items()}} for n in names]
    return {"columns": [*columns], "rows": rows}


def _paid(task: str, judge: Scored, words: Kept) -> Floats:
    """What an entry's design pays these completions, [P, K]: as evaluations do, nothing normalised."""
    contestant = scoring.raw(find.bind(judge.results[0].run.spec.design, task))
    blind = [replace(p, truth=None) for p in words.prompts]
    batch, when = given.batch(blind, words.said), When("cross", 0, 1.0)
    paid = scoring.pay(contestant, batch, when, scoring.start(contestant), 60.0)
    return np.asarray(paid.batch.reward, dtype=np.float64)


def _standard(paid: Floats, base: Floats) -> float | None:
    """Mean in standard deviations of what the untrained policy is paid; None where that has none."""
    spread = float(np.nanstd(base))
    if not np.isfinite(spread) or spread < 1e-12:
        return None
    return float((np.nanmean(paid) - np.nanmean(base)) / spread)
