"""Are two records of one design the same, bit for bit? Else the first place, in the order of training, that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rewardbench.boards import rows
from rewardbench.boards.rows import Columns


@dataclass(frozen=True)
class Difference:
    """The first place, in the order of training, at which two records of one design differ."""

    table: str
    seed: int
    step: int
    prompt: str | None
    k: int | None
    column: str
    old: Any
    new: Any

    def __str__(self) -> str:
        at = f", prompt {self.prompt!r}, completion {self.k}" if self.prompt is not None else ""
        where = f"seed {self.seed}, step {self.step}{at}: {self.column} of {self.table}"
        return f"{where} was {str(self.old)[:60]!r}, is {str(self.new)[:60]!r}"


def same_rows(old: Mapping[str, Columns], new: Mapping[str, Columns]) -> Difference | None:
    """The first difference between two records (table -> columns), seed by seed; None where all is equal, bit for bit.

    An evaluation comes before the training step of the same number; NaN equals NaN.

    >>> row = {"seed": np.array([7]), "step": np.array([0]), "loss": np.array([1.0])}
    >>> str(same_rows({"steps": row}, {"steps": {**row, "loss": np.array([2.0])}}))
    "seed 7, step 0: loss of steps was '1.0', is '2.0'"
    >>> same_rows({"steps": row}, {"steps": row}) is None
    True
    """
    seeds = list(dict.fromkeys(int(s) for t in rows.TABLES for s in old.get(t, {}).get("seed", ())))
    seeds += [s for t in rows.TABLES for s in map(int, new.get(t, {}).get("seed", ())) if s not in seeds]
    for seed in dict.fromkeys(seeds):
        found = [d for t in rows.TABLES if (d := _first(t, _of(old, t, seed), _of(new, t, seed), seed)) is not None]
        if found:
            return min(found, key=lambda d: d.step)  # tables stand in the order of what is made first
    return None


def _of(tables: Mapping[str, Columns], name: str, seed: int) -> Columns:
    """The rows of one seed; none where there is no such table."""
    table = tables.get(name, {})
    return rows.where(table, table["seed"] == seed) if table else {}


def _first(table: str, old: Columns, new: Columns, seed: int) -> Difference | None:
    """The first row of a table that differs, and its first column that does."""
    sizes = [len(c["step"]) if c else 0 for c in (old, new)]
    names = list(dict.fromkeys([*old, *new])) if min(sizes) else []
    wrong = {n: ~_equal(old.get(n), new.get(n), min(sizes)) for n in names}
    rows_ = np.flatnonzero(np.any(list(wrong.values()), axis=0)) if wrong else np.array([], dtype=int)
    if len(rows_):
        at = int(rows_[0])
        column = next(n for n in names if wrong[n][at])
        pair = [c[column][at] if column in c else "(no such column)" for c in (old, new)]
        return _difference(table, old, seed, at, column, pair)
    if sizes[0] == sizes[1]:
        return None
    longer = old if sizes[0] > sizes[1] else new
    pair = ["(a row)", "(no row)"] if longer is old else ["(no row)", "(a row)"]
    return _difference(table, longer, seed, min(sizes), "row", pair)


def _equal(a: Any, b: Any, size: int) -> Any:
    """Where two columns are equal in their first rows, [size]; nowhere if one of them is missing."""
    return np.zeros(size, dtype=bool) if a is None or b is None else rows.equal(a[:size], b[:size])


def _difference(table: str, at: Columns, seed: int, row: int, column: str, pair: Sequence[Any]) -> Difference:
    """A difference with the place of its row."""
    prompt = str(at["prompt"][row]) if "prompt" in at else None
    k = int(at["k"][row]) if "k" in at else None
    old, new = (v.item() if hasattr(v, "item") else v for v in pair)
    return Difference(table, seed, int(at["step"][row]), prompt, k, column, old, new)
