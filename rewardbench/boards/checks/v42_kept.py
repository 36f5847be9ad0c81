"""The completions whose words are kept are like those whose words are not: in gold, reward, length and variety.

Why: a board keeps the words of two completions a prompt, at the last two evaluations and over the grid, and only these
can be scored again. Somebody who raised gold on the others alone, or gave each of them a class of its own, would pass
every other check. Kept and other completions of one prompt and evaluation are drawn alike: which of them are kept was
named beforehand. So the difference of their means has mean 0 and the variance of a draw without replacement; two kept
completions share a class as often as any two do. Dev and grid are asked apart, or what was added to the one could be
taken from the other. Sums over prompts and seeds are nearly normal; flagged below p = 1e-3 and rejected below 1e-6,
four numbers on two splits tested together. Where all but a few completions are the same, sums lean, and an honest entry
is flagged a little more often; hardly ever rejected.
Mend: pack the entry from its run folders. Of a whole bundle every completion is scored again, and this is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding
from rewardbench.types import Floats

CODE = "V42"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08")

FLAGGED = 1e-3
REJECTED = 1e-6
NUMBERS = ("gold", "reward", "tokens")
SPLITS = ("dev", "test")


def check(case: Case) -> list[Finding]:
    """Tasks on which kept completions differ from the others."""
    found = []
    for piece in case.pieces:
        told = _told(piece)
        worst = min(told, key=lambda n: told[n])
        p = told[worst] * len(told)
        if p < FLAGGED:
            line = f"{piece.where}: {worst} of the completions whose words are kept is not that of the others"
            found.append(Finding(CODE, f"{line} (p = {p:.2g})", {"p": p}, "reject" if p < REJECTED else "flag"))
    return found


def _told(piece: Piece) -> dict[str, float]:
    """p of each number on each split."""
    cells = list(drawn(piece))
    told: dict[str, float] = {}
    for split in SPLITS:
        own = [c for c in cells if c.split == split]
        told |= {f"{split} {n}": p_of(gaps(piece.scores[n], own)) for n in NUMBERS}
        told[f"{split} class"] = p_of(alike(piece, own))
    return told


@dataclass(frozen=True)
class Cell:
    """The completions of one prompt, over the evaluations (or temperatures) of which words are kept: these share their
    noise, so that all that one completion's number got is one draw."""

    split: str
    kept: Mapping[int, list[int]]
    """k -> its rows of `scores`."""
    others: Mapping[int, list[int]]


def drawn(piece: Piece) -> Iterator[Cell]:
    """Every prompt of every seed, on dev and on the grid, that has both."""
    scores = piece.scores
    kept = np.zeros(len(scores["k"]), dtype=bool)
    kept[[i for i, _, _ in piece.words()]] = True
    of_split = {s: scores["split"] == s for s in SPLITS}
    at = {s: np.unique(scores["step"][kept & m]) for s, m in of_split.items()}
    near = np.flatnonzero(np.logical_or.reduce([m & np.isin(scores["step"], at[s]) for s, m in of_split.items()]))
    cells: dict[tuple[Any, ...], tuple[dict[int, list[int]], dict[int, list[int]]]] = {}
    columns = (scores[n][near].tolist() for n in ("seed", "split", "prompt", "k"))
    for i, own, seed, split, prompt, k in zip(near.tolist(), kept[near].tolist(), *columns, strict=True):
        cells.setdefault((seed, split, prompt), ({}, {}))[0 if own else 1].setdefault(k, []).append(i)
    return (Cell(key[1], inside, outside) for key, (inside, outside) in cells.items() if inside and outside)


def gaps(values: Floats, cells: Sequence[Cell]) -> Floats:
    """[n, 2]: kept mean less the others' mean, and its variance if any of them might have been kept, of each cell."""
    both = []
    for cell in cells:
        inside, outside = ([float(np.mean(values[r])) for r in side.values()] for side in (cell.kept, cell.others))
        if np.isfinite(inside + outside).all():
            spread = np.var(inside + outside, ddof=1) * (1 / len(inside) + 1 / len(outside))
            both.append((np.mean(inside) - np.mean(outside), spread))
    return np.array(both, dtype=np.float64).reshape(-1, 2)


def alike(piece: Piece, cells: Sequence[Cell]) -> Floats:
    """[n, 2]: whether the two kept completions share a class, less the share of all pairs that do, and a bound of its
    variance, of each cell; means over its evaluations, which may be one draw or many."""
    scores, both = piece.scores, []
    for cell in cells:
        own = {r for kept in cell.kept.values() for r in kept}
        rows = np.array(sorted(own.union(*cell.others.values())))
        evaluations = np.unique([scores["step"][rows], scores["temperature"][rows]], axis=1, return_inverse=True)[1]
        pairs = [_pair(scores["class"], rows[evaluations == e], own) for e in range(evaluations.max() + 1)]
        known = np.array([p for p in pairs if p is not None])
        if len(known):
            both.append((known[:, 0].mean(), known[:, 1].mean() ** 2))
    return np.array(both, dtype=np.float64).reshape(-1, 2)


def _pair(classes: Any, rows: Any, own: set[int]) -> tuple[float, float] | None:
    """(whether two kept completions of one evaluation share a class less the share of pairs that do, its standard
    deviation); None where another number than two is kept."""
    kept = [r for r in rows.tolist() if r in own]
    if len(kept) != 2:
        return None
    n = np.unique(classes[rows], return_counts=True)[1]
    share = float((n * (n - 1)).sum() / (len(rows) * (len(rows) - 1)))
    return float(classes[kept[0]] == classes[kept[1]]) - share, float(np.sqrt(share * (1 - share)))


def p_of(gap: Floats) -> float:
    """Two-sided p of gaps and variances [n, 2] under a draw without replacement; 1 where there is nothing to tell.

    >>> p_of(np.array([[0.0, 0.0]])), round(p_of(np.array([[1.0, 1.0], [1.0, 1.0]])), 3)
    (1.0, 0.157)
    """
    total, variance = gap.sum(axis=0)
    return 1.0 if variance <= 0 else 2 * float(stats.norm.sf(abs(total) / np.sqrt(variance)))
