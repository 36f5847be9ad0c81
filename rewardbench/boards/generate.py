"""Which designs would somebody draw blindly? A seeded generator over the registered parts: nobody's hand in it.

A board needs designs that were not made to prove a point. Each is a random subset of the parts that a task can use,
with log-uniform weights, caps and an operator. The draw knows neither the audit nor any outcome.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from rewardbench import find, given, seeds
from rewardbench.calling import Bound, When, needed, score
from rewardbench.design import design_hash, parse
from rewardbench.types import Batch, Part, Prompt, RewardError, UserError

BAD = ("dialogue.invented", "dialogue.repeats", "dialogue.turns")
"""Parts that count what is bad, besides all of `safety`: their weight is below 0."""
LEFT_OUT = ("null", "rules", "judge", "embeddings", "likelihood")
"""Topics that are no measure of a text by themselves (arms, rule languages), or call a model for each completion."""
SLOW = ("overlap.ter", "grammar.errors")
"""Parts under 1,000 completions a CPU second."""
EXTRAS = ("safety.toxicity", "style.metre", "style.rhyme")
"""Parts of an optional extra: everybody can run a board with what the package itself installs."""
LATER = ("matching.contains", "style.couplet")
"""Parts that came after the first draws, which would be others with them."""
OPERATORS = {"sum": 0.6, "product": 0.1, "min": 0.1, "gate": 0.1, "lexicographic": 0.05, "ensemble": 0.05}
NORMALISE = {"none": 0.7, "group": 0.15, "running": 0.15}
COUNTS = {1: 0.15, 2: 0.25, 3: 0.3, 4: 0.2, 5: 0.1}
INFORMED = 0.75
"""Share of designs with at least one part that reads a column of the task: what a person would begin with."""
CAPPED = 0.3
WEIGHT = (0.1, 10.0)


@dataclass(frozen=True)
class Choice:
    """A part that a task can use."""

    use: str
    informed: bool
    """It reads a column of the task's prompts."""
    bad: bool

    @property
    def topic(self) -> str:
        """The file that it is from."""
        return self.use.partition(".")[0]


def choices(task: str) -> list[Choice]:
    """The registered parts that a task can use with their default parameters, and that tell its examples apart."""
    lines = (find.task_folder(task) / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    asked = [r["prompt"] for r in rows]
    prompts = [Prompt(p["id"], text=p.get("text", ""), columns=p["columns"]) for p in asked]
    batch = given.batch(prompts, [[r["completion"]] for r in rows])
    found = []
    for use in sorted(find.parts()):
        topic = use.partition(".")[0]
        if topic in LEFT_OUT or use in (*SLOW, *EXTRAS, *LATER):
            continue
        function = find.callable_of(Part(use, use))
        columns = needed(function) - set(prompts[0].columns)
        if not columns and _varies(use, function, batch):
            informed = bool(needed(function))
            found.append(Choice(use, informed, use in BAD or topic == "safety"))
    return found


def _varies(use: str, function: Callable[..., Any], batch: Batch) -> bool:
    """Whether a part pays a task's examples differently: one that does not cannot teach."""
    bound = Bound(use, function, str(getattr(function, "form", "text")), trusted=True)
    try:
        scores = score(bound, batch, When("generate", 0, 0.0), 60.0).scores
    except RewardError:  # it cannot be called with its defaults
        return False
    finite = scores[np.isfinite(scores)]
    return len(np.unique(np.round(finite, 9))) > 1


def designs(task: str, stream: str, count: int) -> dict[str, str]:
    """Name -> TOML of `count` different designs: `g01`, `g02`, …, each from a stream of its own.

    A draw that is no valid design, a product of what may be negative, or what an earlier one pays, is drawn again.
    """
    there = choices(task)
    found: dict[str, str] = {}
    seen: set[str] = set()
    for index in range(1, count + 1):
        for attempt in range(1000):
            text = _toml(_draw(there, seeds.stream(f"designs/{stream}/{task}/{index}/{attempt}")))
            try:
                design = parse(text, "g")
            except UserError:
                continue
            if design.combine == "product" and not all(map(_positive, design.parts)):
                continue
            identity = design_hash(design)
            if identity not in seen:
                break
        seen.add(identity)
        found[f"g{index:02d}"] = text
    return found


def _positive(part: Part) -> bool:
    """Whether a part's docstring says that it pays nothing below 0, or the design clips it there."""
    told = (find.callable_of(part).__doc__ or "").partition("Range: ")[2]
    return told.startswith("[0") or told.startswith("0 or 1") or (part.clip is not None and part.clip[0] >= 0)


def _draw(there: list[Choice], rng: Random) -> dict[str, Any]:
    """One design as TOML has it."""
    count = _pick(COUNTS, rng)
    combine = _pick(OPERATORS, rng) if count > 1 else "sum"
    positive = combine in ("product", "lexicographic", "ensemble", "gate", "min")
    pool = [c for c in there if not (positive and c.bad)]
    chosen: list[Choice] = []
    if rng.random() < INFORMED:
        chosen.append(_part([c for c in pool if c.informed and not c.bad] or pool, rng))
    while len(chosen) < count:
        chosen.append(_part([c for c in pool if c not in chosen], rng))
    rng.shuffle(chosen)
    parts = [_table(c, rng) for c in chosen]
    if combine == "gate":
        parts[0]["gate"] = round(rng.uniform(0.2, 0.8), 2)
    if combine == "lexicographic":
        for part in parts[:-1]:
            part["gate"] = round(rng.uniform(0.2, 0.8), 2)
    design: dict[str, Any] = {"combine": combine}
    normalise = _pick(NORMALISE, rng)
    if combine in ("sum", "min", "ensemble"):
        design["normalise"] = normalise
    if combine == "ensemble":
        design["penalty"] = round(rng.uniform(0.2, 1.5), 2)
    return {**design, "part": parts}


def _toml(design: dict[str, Any]) -> str:
    """A design as a person would write it."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in design.items() if key != "part"]
    for part in design["part"]:
        lines += ["", "[[part]]", *(f"{key} = {json.dumps(value)}" for key, value in part.items())]
    return "\n".join(lines) + "\n"


def _part(pool: list[Choice], rng: Random) -> Choice:
    """A part of a topic: topics are drawn first, so that those with many parts do not fill every design."""
    topic = rng.choice(sorted({c.topic for c in pool}))
    return rng.choice([c for c in pool if c.topic == topic])


def _table(choice: Choice, rng: Random) -> dict[str, Any]:
    """A part with a log-uniform weight, and a cap on some."""
    low, high = (math.log(w) for w in WEIGHT)
    weight = round(math.exp(rng.uniform(low, high)), 3)
    part: dict[str, Any] = {"name": choice.use, "use": choice.use, "weight": -weight if choice.bad else weight}
    if rng.random() < CAPPED:
        part["clip"] = [0.0, round(rng.uniform(0.3, 0.9), 2)]
    return part


def _pick(shares: dict[Any, float], rng: Random) -> Any:
    """A key, by its share."""
    return rng.choices(list(shares), weights=list(shares.values()))[0]
