"""Which completions are shown? Of each run the telling ones of its first and last evaluation, each text once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from rewardbench import trace
from rewardbench.pages.safe import cut, label, visible
from rewardbench.results import Result
from rewardbench.types import Floats

BYTES_A_RUN = 7_000
"""What the samples of a run may take on average; rounds of picks go on until all runs' together are spent."""
MOST = 16
"""Samples of one evaluation at most."""
LONGEST = 4_000
"""Characters of a text that are kept; how many more there were is said."""

Said = str | tuple[tuple[str, str], ...]
"""A text, or the turns of a dialogue as (role, words)."""


@dataclass(frozen=True)
class Sample:
    """One completion with everything that was measured of it; its texts are safe to show."""

    prompt: str
    said: Said
    gold: float | None
    reward: float | None
    gap: float | None
    """Reward, rescaled to 0-1 over the run's first and last evaluation, less gold: how much it was paid for nothing."""
    kind: str
    parts: tuple[float | None, ...]


@dataclass(frozen=True)
class Look:
    """One evaluation of one run."""

    step: int
    total: int
    """Completions that were evaluated."""
    samples: tuple[Sample, ...]
    """The telling ones, most telling first."""


def looks(result: Result) -> list[Look]:
    """The first and the last evaluation of a run; one if it has but one, none if it has none."""
    paths = [p for p in trace.evaluations(result.run.folder) if p.stem != "final"]
    return looks_at(result, [_counted(trace.read_evaluation(p)) for p in dict.fromkeys([*paths[:1], *paths[-1:]])])


def looks_at(result: Result, tables: Sequence[Mapping[str, Any]]) -> list[Look]:
    """The same of tables (name -> column, a row a completion that counts), an evaluation each."""
    rewards = [np.asarray(t["reward"], dtype=float) for t in tables]
    gaps = [g - np.asarray(t["gold"], dtype=float) for g, t in zip(rescaled(rewards), tables, strict=True)]
    return [_look(result, t, g) for t, g in zip(tables, gaps, strict=True)]


def rescaled(rewards: Sequence[Floats]) -> list[Floats]:
    """Rewards as 0-1 between the least and the most of all of them; NaN where they are all alike.

    >>> [r.tolist() for r in rescaled([np.array([2.0, 4.0]), np.array([3.0])])]
    [[0.0, 1.0], [0.5]]
    """
    known = [r[np.isfinite(r)] for r in rewards]
    every = np.concatenate(known) if known else np.array([])
    low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 0.0)
    return [(r - low) / (high - low) if high > low else np.full_like(r, np.nan) for r in rewards]


def _counted(table: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of an evaluation that count."""
    picked = np.asarray(table["picked"], dtype=bool)
    return {name: np.asarray(values)[picked] for name, values in table.items()}


def _look(result: Result, table: Mapping[str, Any], gap: Floats) -> Look:
    rows = telling(table, gap, result.run.spec.id)
    return Look(int(table["step"][0]), len(gap), tuple(_sample(result, table, gap, row) for row in rows))


def telling(table: Mapping[str, Any], gap: Floats, run: str) -> list[int]:
    """Rows by turns: most paid for least, best, worst and best paid by the design, one by lot; no completion twice."""
    gold, reward = (np.asarray(table[n], dtype=float) for n in ("gold", "reward"))
    lot = _lot(table, run)
    orders = [*(_order(key, lot) for key in (-gap, -gold, gold, -reward)), lot]
    seen: dict[tuple[str, str], int] = {}
    for row in (r for turn in zip_longest(*orders) for r in turn if r is not None):
        seen.setdefault((str(table["prompt"][row]), str(table["text"][row])), row)
        if len(seen) == MOST:
            break
    return list(seen.values())


def _order(key: Floats, lot: Sequence[int]) -> list[int]:
    """Rows from the least key, equals by lot, unknown ones left out."""
    return sorted((i for i in lot if np.isfinite(key[i])), key=lambda i: float(key[i]))


def _lot(table: Mapping[str, Any], run: str) -> list[int]:
    """Rows in an order that nobody chose and everybody gets."""
    step = int(table["step"][0])
    names = [f"{run}/{step}/{p}/{k}" for p, k in zip(table["prompt"], table["k"], strict=True)]
    return sorted(range(len(names)), key=lambda i: hashlib.sha256(names[i].encode()).digest())


def _sample(result: Result, table: Mapping[str, Any], gap: Floats, row: int) -> Sample:
    parts = [table[f"part/{p.name}"][row] for p in result.run.spec.design.parts if f"part/{p.name}" in table]
    return Sample(
        prompt=_short(str(table["prompt_text"][row])),
        said=_said(table, row),
        gold=_number(table["gold"][row]),
        reward=_number(table["reward"][row]),
        gap=_number(gap[row]),
        kind=cut(label(str(table["kind"][row])), 200),
        parts=tuple(_number(p) for p in parts),
    )


def _said(table: Mapping[str, Any], row: int) -> Said:
    if "messages" not in table:
        return _short(str(table["text"][row]))
    turns = json.loads(str(table["messages"][row]))
    return tuple((label(str(m.get("role", ""))), _short(str(m.get("content", "")))) for m in turns)


def _short(text: str) -> str:
    """A text as it is shown.

    >>> _short("a" * 4005)[-23:]
    'a … (5 characters more)'
    """
    more = len(text) - LONGEST
    return visible(text[:LONGEST]) + (f" … ({more} characters more)" if more > 0 else "")


def _number(value: Any) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


# --- packing -------------------------------------------------------------------------------------


def packed(tasks: Mapping[str, Mapping[str, Sequence[tuple[Result, list[Look]]]]]) -> dict[str, Any]:
    """What the page's script reads; every run's evaluations are cut at the same depth, so that all fit."""
    texts: dict[Said, int] = {}
    every = [look for designs in tasks.values() for runs in designs.values() for _, own in runs for look in own]
    runs_there = sum(len(runs) for designs in tasks.values() for runs in designs.values())
    depth = _depth(every, BYTES_A_RUN * runs_there)
    found = [
        {
            "name": label(task),
            "designs": [
                {"name": label(design), "runs": [_packed_run(r, own, depth, texts) for r, own in runs]}
                for design, runs in designs.items()
            ],
        }
        for task, designs in tasks.items()
    ]
    return {"tasks": found, "texts": list(texts)}


def _depth(every: Sequence[Look], budget: int) -> int:
    """How many samples of each evaluation fit, at least one."""
    seen: set[Said] = set()
    spent = 0
    for depth in range(MOST):
        for look in every:
            for sample in look.samples[depth : depth + 1]:
                new = {sample.prompt, sample.said} - seen
                seen |= new
                spent += 60 + sum(len(str(text).encode()) for text in new)
        if spent > budget:
            return max(1, depth)
    return MOST


def _packed_run(result: Result, own: Sequence[Look], depth: int, texts: dict[Said, int]) -> dict[str, Any]:
    spec = result.run.spec
    return {
        "seed": spec.seed,
        "parts": [label(p.name) for p in spec.design.parts],
        "looks": [
            {"step": k.step, "total": k.total, "rows": [_packed(s, texts) for s in k.samples[:depth]]} for k in own
        ],
    }


def _packed(s: Sample, texts: dict[Said, int]) -> list[Any]:
    prompt, said = (texts.setdefault(text, len(texts)) for text in (s.prompt, s.said))
    return [prompt, said, s.gold, s.reward, s.gap, s.kind, list(s.parts)]


def few(runs: Sequence[tuple[Result, list[Look]]]) -> tuple[Result, Look, list[tuple[str, Sample]]] | None:
    """For a page without a script: of a hacked run, or else the first, its last evaluation's extremes."""
    shown = sorted((run for run in runs if run[1]), key=lambda run: "hacked" not in run[0].flags)
    if not shown:
        return None
    result, own = shown[0]
    samples = own[-1].samples
    known = [s for s in samples if s.gap is not None]
    wanted = [("highest gold", max(samples, key=lambda s: _least(s.gold)))]
    wanted += [("lowest gold", min(samples, key=lambda s: _least(s.gold)))]
    if known:
        wanted.insert(0, ("paid most for least", max(known, key=lambda s: _least(s.gap))))
    once: dict[Sample, str] = {}
    for why, sample in wanted:
        once[sample] = f"{once[sample]}, {why}" if sample in once else why
    return result, own[-1], [(why, sample) for sample, why in once.items()]


def _least(value: float | None) -> float:
    return float("-inf") if value is None else value
