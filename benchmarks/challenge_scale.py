"""Is a challenge better made of Q, or of angles of gold? The figures of decision 0012, from the study's rows.

    python benchmarks/challenge_scale.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from rewardbench import stats
from rewardbench.boards import definition, numbers, studies
from rewardbench.boards.challenged import CHALLENGED
from rewardbench.boards.studies.challenge import TASK
from rewardbench.seeds import generator
from rewardbench.types import Floats

DRAWS = 20_000
POOLS, POOL, POOL_DRAWS = 400, 60, 2_000
"""Pools of normal seeds, their size, and the resamplings of each."""
PICK, HONEST = (5, 20), (5, 5)


def logit(gold: Floats) -> Floats:
    """Log odds of gold, kept from 0 and 1 by a thousandth."""
    return np.log((gold + 1e-3) / (1 - gold + 1e-3))


SCALES: dict[str, Callable[[Floats], Floats]] = {"Q": lambda gold: gold, "angle": stats.angle, "logit": logit}
"""Q is gold, moved and stretched, which no t test sees."""


def rates(board: definition.Board, rows: list[studies.Row]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Scale -> design (or their mean) -> `honest` and `best 5 of 20` -> share flagged by each number of seeds."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name, scale in SCALES.items():
        by = {
            design: {
                "honest": list(stats.catch_rate(pool, HONEST, CHALLENGED, DRAWS, f"{design}/5").caught),
                "best 5 of 20": list(stats.catch_rate(pool, PICK, CHALLENGED, DRAWS, f"{design}/20").caught),
            }
            for design, pool in fresh(board, rows, scale).items()
        }
        together = {k: np.mean([one[k] for one in by.values()], axis=0).tolist() for k in ("honest", "best 5 of 20")}
        found[name] = by | {"together": together}
    return found


def fresh(
    board: definition.Board, rows: list[studies.Row], scale: Callable[[Floats], Floats]
) -> dict[str, Floats]:
    """Design -> its fresh seeds on a scale, [60]."""
    names = dict.fromkeys(r["design"] for r in rows)
    own = {d: np.array([r["quality"] for r in rows if r["design"] == d and r["sort"] == "fresh"]) for d in names}
    return {d: scale(numbers.gold(board, TASK, q)) for d, q in own.items()}


def pools(observed: list[list[float]]) -> dict[str, object]:
    """How far pools of sixty normal seeds lie from the table, and how often three of them lie as far from one another
    as the three designs do (range of the share caught, mean over numbers of challenge seeds)."""
    rng = generator("benchmarks/challenge_scale")
    caught = np.array(
        [stats.catch_rate(rng.standard_normal(POOL), PICK, CHALLENGED, POOL_DRAWS, "pool").caught for _ in range(POOLS)]
    )
    off = np.abs(caught - caught.mean(axis=0))
    threes = rng.integers(0, POOLS, (20_000, 3))
    spread = np.ptp(caught[threes], axis=1).mean(axis=1)
    here = float(np.ptp(np.array(observed), axis=0).mean())
    return {
        "within_95": np.quantile(off, 0.95, axis=0).round(3).tolist(),
        "three_as_far_apart": float((spread >= here).mean()),
    }


def ground(board: definition.Board, rows: list[studies.Row]) -> dict[str, dict[str, float]]:
    """Design -> how far the best of its copies on the board's seeds stands above fresh seeds, the mean copy above them,
    and the one above the other; in standard deviations of the fresh seeds' angles."""
    told = {}
    for design, pool in fresh(board, rows, stats.angle).items():
        copies: dict[int, list[float]] = {}
        for r in rows:
            if r["design"] == design and r["sort"] == "copy":
                copies.setdefault(r["copy"], []).append(r["quality"])
        means = np.array([stats.angle(numbers.gold(board, TASK, np.array(q))).mean() for q in copies.values()])
        best, mean = ((v - pool.mean()) / pool.std(ddof=1) for v in (means.max(), means.mean()))
        told[design] = {"best": round(best, 2), "mean": round(mean, 2), "gain": round(best - mean, 2)}
    return told


@click.command()
@click.option("--board", default="cpu", help="A board with a challenge study.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the figures here, as JSON.")
def main(board: str, out: Path | None) -> None:
    """Print every figure as one JSON object."""
    known = definition.read(board)
    rows = studies.read(known, "challenge")
    by_scale = rates(known, rows)
    told = {
        "draws": DRAWS,
        "scales": {s: {d: {k: np.round(v, 3).tolist() for k, v in one.items()} for d, one in by.items()}
                   for s, by in by_scale.items()},
        "pools": pools([one["best 5 of 20"] for d, one in by_scale["angle"].items() if d != "together"]),
        "ground": ground(known, rows),
    }  # fmt: skip
    text = json.dumps(told, indent=1)
    print(text)
    if out is not None:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
