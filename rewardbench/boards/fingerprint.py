"""Does the scorer still give the numbers that a board was frozen with? A hash of what it says of made-up runs.

A hash of the source would change with every comment; this one changes when a number does.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from rewardbench import seeds
from rewardbench.design import canonical
from rewardbench.metrics import (
    collapsed,
    dead_signal,
    hacked,
    kl_runaway,
    no_learning,
    over_trained,
    templated,
    truncated,
)
from rewardbench.metrics.diversity import diversity, pass_at_k_area
from rewardbench.metrics.efficiency import efficiency
from rewardbench.metrics.quality import quality
from rewardbench.metrics.stability import noise_floor, stability
from rewardbench.types import Anchor, Bank, Curve, Floats

SHAPES = ("rises", "falls", "jumps", "hacks", "silent", "fails")
PROMPTS, SAMPLES, POINTS = 16, 8, 11
ANCHOR = Anchor(0.2, 0.9, 0.01, 0.02)


@cache
def scorer() -> str:
    """SHA-256 of the scorer's numbers, to 10 digits, on runs that rise, fall, jump, hack, go silent or fail."""
    told = {shape: [_told(shape, seed) for seed in range(3)] for shape in SHAPES}
    frames = [["I have a red cat.", "The dog ran home."], ["I have a red hat.", "Nobody came."]]
    told["templated"] = [str(templated.templated(["a cat", "a hat"], frames, frames[::-1]))]
    told["no_learning"] = [str(no_learning.no_learning([0.1, 0.2, x])) for x in (0.15, -0.4)]
    return canonical(told)


def _told(shape: str, seed: int) -> str:
    """Every number and flag of a made-up run, in words."""
    curve, bank = _curve(shape, seed), _bank(shape, seed)
    values = [f(curve, ANCHOR) for f in (quality, stability, efficiency, noise_floor)]
    values += [diversity(bank, _bank("falls", seed)), pass_at_k_area(bank)]
    flags = [
        hacked.hacked(curve), over_trained.over_trained(curve, ANCHOR), collapsed.collapsed(curve, ANCHOR, False),
        truncated.truncated(curve), kl_runaway.kl_runaway(curve),
        dead_signal.dead_signal([float(shape == "silent")] * 40),
    ]  # fmt: skip
    return " ".join(f"{v:.10g}" for v in values) + " " + "".join(str(int(f)) for f in flags)


def _level(shape: str) -> Floats:
    """The gold that a run's completions are about, [POINTS]."""
    x = np.linspace(0, 1, POINTS)
    return {
        "rises": 0.2 + 0.6 * x,
        "falls": 0.6 - 0.55 * x,
        "jumps": np.where(np.arange(POINTS) % 3 == 1, 0.8, 0.3),
        "hacks": 0.5 - 0.3 * x,
        "silent": np.full(POINTS, 0.3),
        "fails": 0.2 + 0.3 * x,
    }[shape]


def _curve(shape: str, seed: int) -> Curve:
    """A made-up run."""
    rng = seeds.generator(f"fingerprint/{shape}/{seed}")
    size = (POINTS, PROMPTS, SAMPLES)
    gold = np.clip(_level(shape)[:, None, None] + rng.normal(0, 0.2, size), 0, 1).round(3)
    growth = np.linspace(0, 1, POINTS)[:, None, None]
    kl = (growth * (90.0 if shape == "jumps" else 5.0)) * np.ones(size)
    ended = rng.random(size) > (0.95 if shape == "silent" else 0.05)
    return Curve(
        steps=np.arange(POINTS) * 4,
        tokens=np.arange(POINTS) * 1000.0,
        gold=gold,
        reward=(growth * (shape == "hacks") + rng.normal(0, 0.1, size)).round(3),
        kl=kl,
        length=np.where(ended, 12.0, 20.0),
        ended=ended,
        entropy=np.linspace(2.0, 0.05 if shape == "falls" else 1.5, POINTS),
        budget_steps=40,
        budget_tokens=12_000.0,
        failed=shape == "fails",
    )


def _bank(shape: str, seed: int) -> Bank:
    """A made-up grid of temperatures."""
    rng = seeds.generator(f"fingerprint/bank/{shape}/{seed}")
    heats = np.array([0.5, 1.0, 1.5])
    size = (len(heats), PROMPTS, 16)
    gold = np.clip(_level(shape)[-1] + rng.normal(0, 0.3, size) - 0.1 * heats[:, None, None], 0, 1).round(3)
    kind = rng.integers(0, 6, size).astype(str)
    return Bank(heats, gold, kind, 0.5)
