"""Each part's score of every kept completion is what the registered part pays its words.

Why: the composed reward, the flag `hacked` and the signature of a design are made of the parts' scores. They are kept
as 32-bit floats, so equal means within 1e-6 of the value (or of 1). Only registered parts that declare that they read
prompt and completion alone are called, also beside parts of the entry's own; those that need token ids, chance,
siblings, pieces of a completion or a model are named as not checked, and a part of the entry's own is never called.
Mend: pack the entry from its run folders; where a part wraps a library, use the versions of requirements.lock.
"""

from __future__ import annotations

import inspect
import time
from dataclasses import replace

import numpy as np

from rewardbench import find, given
from rewardbench.boards.checks._case import Case, NotChecked, Piece, listed
from rewardbench.boards.finding import Finding, shown
from rewardbench.calling import Bound, When, score, time_limit
from rewardbench.types import Batch, Design, Prompt, RewardError, Said

CODE = "V22"
LEVEL = "rescored"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08", "V16", "V24", "V27")


SAME = 1e-6
CHUNK = 512
LONGEST = 120.0
"""Seconds that one part may take for a chunk: a pattern in its parameters may be made to take for ever."""
WHOLE = 900.0
"""Seconds that all parts may take for everything."""


def check(case: Case) -> list[Finding]:
    """Kept completions that a part pays otherwise."""
    found, left = [], []
    called, end = 0, time.monotonic() + WHOLE
    for piece in case.pieces:
        bounds = find.bind(_callable(piece.design), piece.task).bounds
        left += [f"{piece.where}: {p.name}" for p in piece.design.parts if p.name not in {b.name for b in bounds}]
        called += len(bounds)
        rows, batches = _batches(piece) if bounds else ([], [])
        for bound in bounds:
            found += _of(piece, bound, rows, batches, end)
    if not called:
        raise NotChecked(f"no part reads words alone ({', '.join(left) or 'the design pays nothing'})")
    if left:
        found.append(Finding(CODE, f"not called: {', '.join(left)}", {"parts": left}, "mark"))
    return found


def _callable(design: Design) -> Design:
    """The design with those of its parts alone that read nothing but a prompt and its completion."""
    kept = []
    for part in design.parts:
        if ":" in part.use or part.use == "oracle":
            continue
        if find.functions.part_files()[part.use.partition(".")[0]].parent.name != "rewards" or part.level is not None:
            continue
        function = find.callable_of(part)
        asked = inspect.signature(function).parameters
        if getattr(function, "pure", False) and not {"completion_ids", "prompt_ids", "rng"} & set(asked):
            kept.append(part)
    return replace(design, parts=tuple(kept))


def _batches(piece: Piece) -> tuple[list[list[list[int]]], list[Batch]]:
    """(rows of `scores` of each completion, batch) of each chunk of kept completions, every one a prompt of its own;
    equal words for one prompt are one completion."""
    rows: dict[tuple[str, str], list[int]] = {}
    words: dict[tuple[str, str], tuple[Prompt, Said]] = {}
    for i, prompt, said in piece.words():
        key = (prompt.id, repr(said))
        rows.setdefault(key, []).append(i)
        words[key] = (replace(prompt, truth=None), said)
    keys = [list(rows)[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
    made = [given.batch([words[k][0] for k in some], [[words[k][1]] for k in some]) for some in keys]
    return [[rows[k] for k in some] for some in keys], made


def _of(
    piece: Piece, bound: Bound, rows: list[list[list[int]]], batches: list[Batch], end: float
) -> list[Finding]:
    """What one part says otherwise; it has to be done by `end` (monotonic seconds)."""
    wrong = []
    claimed = piece.scores[f"part/{bound.name}"]
    for each, batch in zip(rows, batches, strict=True):
        limit = max(min(LONGEST, end - time.monotonic()), 1e-3)
        try:
            with time_limit(limit, bound.name):
                paid = score(bound, batch, When("verify", 0, 1.0), limit).scores[:, 0].astype(np.float32)
        except RewardError as error:
            return [Finding(CODE, f"{piece.where}: {shown(str(error), 200)}")]
        some = [i for alike in each for i in alike]
        paid = np.repeat(paid, [len(alike) for alike in each])
        theirs = claimed[some]
        with np.errstate(invalid="ignore"):
            near = np.abs(paid - theirs) <= SAME * np.maximum(1.0, np.abs(paid))
        same = near | (np.isnan(paid) & np.isnan(theirs))
        wrong += [
            f"{piece.at(some[i])}: {shown(bound.name)} is {theirs[i]:.6g}, its words get {paid[i]:.6g}"
            for i in np.flatnonzero(~same)
        ]
    return listed(CODE, "a part's score is not that of the words", wrong, task=piece.task, part=bound.name)
