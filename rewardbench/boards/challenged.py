"""How often do challenge seeds catch seeds that were picked, and designs that were ground? Resampled from real runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import sqrt
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from rewardbench import stats
from rewardbench.boards import numbers
from rewardbench.boards.definition import Board
from rewardbench.boards.studies.challenge import TASK
from rewardbench.types import Floats

PICKS = ((5, 5), (5, 10), (5, 20))
"""(k, n): the best k of n seeds are reported; k of k is honest."""
CHALLENGED = (1, 2, 3, 5)
"""Challenge seeds."""
RESAMPLES = 2000
JACKKNIFE = 12
"""Blocks of seeds, each left out once, by which the interval of a caught share is worked out."""
Caught = tuple[stats.Ground, Floats]


def challenge(board: Board, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """How often challenge seeds catch seeds that were picked and designs that were ground, resampled from real runs.

    Of the angles of gold, as `rbench reproduce` tests them. None where no design has enough fresh seeds, or the board
    has no scale.
    """
    if TASK not in board.scale:
        return None
    known = [r for r in rows if r["quality"] is not None]
    angles = stats.angle(numbers.gold(board, TASK, np.array([r["quality"] for r in known])))
    rows = [{**r, "angle": a} for r, a in zip(known, angles, strict=True)]
    told, rates = {}, []
    for design in dict.fromkeys(r["design"] for r in rows):
        mine = [r for r in rows if r["design"] == design]
        fresh = np.array([r["angle"] for r in mine if r["sort"] == "fresh"])
        if len(fresh) >= max(n for _, n in PICKS) + max(CHALLENGED) + JACKKNIFE:
            caught = {_pick(p): _caught(fresh, p, f"{design}/{p[1]}") for p in PICKS}
            rates.append(caught)
            told[design] = _challenged(fresh, _copies(mine), design, caught)
    if not told:
        return None
    theory = {_pick(p): asdict(stats.simulate(p, CHALLENGED, stream="truth")) for p in PICKS}
    together = {n: _bounded(*_mean([r[n] for r in rates])) for n in theory}
    return {"seeds": list(CHALLENGED), "theory": theory, "together": together, "designs": told}


def _pick(pick: tuple[int, int]) -> str:
    """A pick's name.

    >>> _pick((5, 10))
    'best 5 of 10'
    """
    return "best {} of {}".format(*pick)


def _copies(rows: Sequence[Mapping[str, Any]]) -> Floats:
    """Angles of a design's copies on the board's seeds, [copies, seeds]; copies that lack a seed are left out."""
    table: dict[int, dict[int, float]] = {}
    for r in rows:
        if r["sort"] == "copy":
            table.setdefault(r["copy"], {})[r["seed"]] = r["angle"]
    seeds = sorted({s for own in table.values() for s in own})
    return np.array([[own[s] for s in seeds] for _, own in sorted(table.items()) if len(own) == len(seeds)])


def _challenged(fresh: Floats, copies: Floats, design: str, caught: Mapping[str, Caught]) -> dict[str, Any]:
    """One design's shares caught."""
    return {
        "seeds": len(fresh),
        "sd": float(fresh.std(ddof=1)),
        "picks": {p: asdict(found) | _bounded(np.array(found.caught), half) for p, (found, half) in caught.items()},
        "copies": len(copies),
        "ground": _ground(copies, fresh, design) if len(copies) > 1 else {},
    }


def _caught(fresh: Floats, pick: tuple[int, int], stream: str) -> Caught:
    """What picking gains and how often it is caught, and half of the width of that share's interval [c].

    Sixty seeds are a sample too: blocks of them are left out in turn (the jackknife of Quenouille and Tukey).
    """
    found = stats.catch_rate(fresh, pick, CHALLENGED, RESAMPLES, stream)
    blocks = np.array_split(np.arange(len(fresh)), JACKKNIFE)
    left = [stats.catch_rate(np.delete(fresh, b), pick, CHALLENGED, RESAMPLES, stream).caught for b in blocks]
    error = sqrt(JACKKNIFE - 1) * np.array(left).std(axis=0)
    return found, float(scipy_stats.t.ppf(0.975, JACKKNIFE - 1)) * error


def _mean(caught: Sequence[Caught]) -> tuple[Floats, Floats]:
    """(mean share caught [c], half of its interval's width [c]) of designs, whose seeds are drawn apart."""
    rates = np.mean([found.caught for found, _ in caught], axis=0)
    return rates, np.sqrt(np.sum([half**2 for _, half in caught], axis=0)) / len(caught)


def _bounded(rates: Floats, half: Floats) -> dict[str, list[float]]:
    """Shares with intervals, [c] each."""
    low, high = np.clip(rates - half, 0, 1), np.clip(rates + half, 0, 1)
    return {"caught": rates.tolist(), "low": low.tolist(), "high": high.tolist()}


def _ground(copies: Floats, fresh: Floats, stream: str) -> dict[str, Any]:
    """A submitter who hands in the copy of a design that looked best on the board's seeds: of all copies, and of fewer.

    Copies are one design but for rounding, so that fresh seeds of the design are fresh seeds of each copy. The board's
    seeds are what they are: the best of 1 is an honest entry on these, and no average over other seeds.
    """
    table, k = np.hstack([copies, np.tile(fresh, (len(copies), 1))]), copies.shape[1]
    tried = sorted({1, min(5, len(copies)), len(copies)})
    told = {n: stats.grind_rate(table, k, n, CHALLENGED, RESAMPLES, f"{stream}/{n}") for n in tried}
    return {f"best of {n}": asdict(found) for n, found in told.items()}
