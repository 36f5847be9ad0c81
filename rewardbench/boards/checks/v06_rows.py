"""The rows are complete and in order: every evaluation, prompt and completion, every step, the words of the seeded few.

Why: a mean over rows that somebody chose is not the board's. A run that is done has each prompt of each evaluation
point, the whole grid of temperatures and every step; one that failed has them up to where it broke. A bundle that is
handed in has all words; a board keeps those of the completions that a seeded draw names.
Mend: pack the entry from its run folders; where a run is not done, `rbench resume` first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewardbench.boards import rows
from rewardbench.boards.checks._case import Case, Piece, expected_keys, overrides
from rewardbench.boards.finding import Finding, shown
from rewardbench.boards.rows import keys
from rewardbench.plan import RunSpec

CODE = "V06"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V07", "V10", "V12", "V15", "V24")


def check(case: Case) -> list[Finding]:
    """Tables of a run that lack rows, have more, or have them in another order."""
    whole = bool(case.controls)  # only a bundle brings `untrained` along
    return [
        f
        for piece in case.all
        for spec, run in zip(piece.specs, piece.told, strict=True)
        for f in _run(piece, spec, run, whole)
    ]


def _run(piece: Piece, spec: RunSpec, run: Mapping[str, Any], whole: bool) -> list[Finding]:
    at = f"{piece.where}, seed {spec.seed}"
    scores, texts, steps = (piece.of(t, spec.seed) for t in ("scores", "texts", "steps"))
    there = keys(scores)
    done, trains = run["status"] == "done", spec.design.trains
    points = list(spec.points if trains else spec.points[:1])
    seen = [p for p in points if p in set(scores["step"][scores["split"] == "dev"].tolist())]
    wanted = points if done else points[: len(seen)]
    grid = done or bool((scores["split"] == "test").any())
    expected = expected_keys(spec, piece, wanted, grid)
    few = trains and overrides(spec.algorithm, "pick")
    if not (_picked(there, expected, spec) if few else there == expected):
        return [Finding(CODE, f"{at}: {_how(there, expected)}", {"seed": spec.seed, "rows": len(there)})]
    found = []
    kept = keys(texts)
    if kept != there and (whole or kept != keys(rows.sampled(spec, scores))):
        what = "not all" if whole else "neither all nor those that the board's draw names"
        found.append(Finding(CODE, f"{at}: the words kept are {what}"))
    counted = steps.get("step", np.zeros(0)).tolist()
    taught = trains and not (few and overrides(spec.algorithm, "ask"))  # best-of-n asks for nothing, and learns nothing
    most = spec.steps if taught else 0
    if counted != list(range(most if done else min(len(counted), most))):
        found.append(Finding(CODE, f"{at}: {len(counted)} training steps of {most}, or not in order"))
    return found


def _how(there: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> str:
    """What is wrong with the rows, in words."""
    missing, more = set(expected) - set(there), set(there) - set(expected)
    if missing:
        return f"{len(missing)} completions are missing, the first {_words(min(missing))}"
    return f"{len(more)} completions too many, the first {_words(min(more))}" if more else "its rows are not in order"


def _words(key: tuple[Any, ...]) -> str:
    _, split, step, heat, prompt, k, _ = key
    return f"{shown(split)} step {step}, temperature {heat:g}, prompt {shown(prompt)}, k {k}"


def _picked(there: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]], spec: RunSpec) -> bool:
    """Whether rows are those of an algorithm that counts some completions of each prompt (best-of-n): equally many of
    every prompt of a split, in order, each once."""
    for split, size in (("dev", spec.eval_samples), ("test", spec.grid_samples)):
        own, prompts = [[k for k in keys if k[1] == split] for keys in (there, expected)]
        drawn = [key[:5] for key in prompts[::size]]
        each = len(own) // len(drawn) if drawn else 0
        if [key[:5] for key in own] != [d for d in drawn for _ in range(each)] or (drawn and not each):
            return False
        ks = np.array([key[5] for key in own]).reshape(len(drawn), each)
        if ((ks < 0) | (ks >= size)).any() or (np.diff(ks, axis=1) <= 0).any():
            return False
    return [key[1] for key in there] == sorted(key[1] for key in there)
