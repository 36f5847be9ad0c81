"""What came out, in words? Sentences made from verdicts and flags, in the order that a reader needs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rewardbench import comparing, find
from rewardbench.pages.numbers import bracket, fixed, listed, raw, signed
from rewardbench.pages.safe import cut, label
from rewardbench.results import Result, by_design
from rewardbench.tables import as_row


@dataclass(frozen=True)
class Finding:
    """One sentence; names in it stand between backticks, and nothing in it is escaped for HTML."""

    kind: str
    """`better`, `worse`, `equivalent`, `unresolved`, `hacked`, `failed`, `not done` or `one seed`."""
    words: str


def findings(task: str, results: Sequence[Result], compared: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What to know of one task."""
    groups = {d: g for (t, d), g in by_design(results).items() if t == task}
    gold = [c for c in compared if c["task"] == task and c["metric"] == "gold"]
    base = comparing.baseline(list(groups))
    against = [c for c in gold if c["b"] == base]
    found = [] if base is None else _learnt(base, groups[base], gold)
    found += _hacked(groups, gold) + _broken(groups)
    found += _gained([c for c in gold if c["b"] == "untrained" != base and c["a"] != base])
    for verdict in ("better", "worse", "equivalent", "unresolved"):
        found += _verdict(verdict, against, len(comparing.once(gold)))
    return found + _seeds(groups, base, gold)


def name(text: str) -> str:
    """A name between backticks."""
    return "`" + cut(label(text)).replace("`", "ˋ") + "`"


def _learnt(base: str, group: Sequence[Result], gold: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Whether the baseline itself did better than no training."""
    rows = [as_row(r)["gold"] for r in group]
    start, end = _mean([r["start"] for r in rows]), _mean([r.counted("gold") for r in group])
    change = next((c for c in gold if c["a"] == base and c["b"] == "untrained"), None)
    if change is None or start is None or end is None:
        return []
    how = {
        "better": "better than `untrained`",
        "worse": "worse than `untrained`",
        "equivalent": f"equivalent to `untrained`, within {fixed(change['margin'], 3)}",
        "unresolved": f"with {_count(change['n'], 'seed')} it cannot be told apart from `untrained`",
    }[change["verdict"]]
    moved = f"Training on {name(base)}, the baseline, took gold from {fixed(start)} to {fixed(end)}"
    return [Finding(change["verdict"], f"{moved}: {how} ({_difference(change)}).")]


def _hacked(groups: Mapping[str, Sequence[Result]], gold: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Which designs were hacked: a sentence each; the arms together."""
    hit = {d: [r for r in g if "hacked" in r.flags] for d, g in groups.items()}
    judged = {c["a"]: str(c["verdict"]) for c in gold if c["b"] == "untrained"}
    own = [
        Finding("hacked", f"{name(d)}: {_moved(runs)} on {_seeds_hit(runs, groups[d], judged.get(d, ''))}.")
        for d, runs in hit.items()
        if runs and d not in find.arms()
    ]
    arms = [f"{name(d)} ({len(g)} of {len(groups[d])})" for d, g in hit.items() if g and d in find.arms()]
    lead = "The same happened to" if own else "Reward rose while gold fell for"
    return own + ([Finding("hacked", f"{lead} {_arms(arms)}.")] if arms else [])


def _gained(against: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Which designs other than the baseline taught something that gold can see."""
    own = [c for c in against if c["verdict"] == "better" and c["a"] not in find.arms()]
    listed = ", ".join(f"{name(c['a'])} {_difference(c)}" for c in own)
    return [Finding("better", f"Better than `untrained` on gold: {listed}.")] if own else []


def _moved(runs: Sequence[Result]) -> str:
    """Where reward and gold went, means of some runs."""
    rows = [as_row(r) for r in runs]
    reward = [_mean([r["reward"][k] for r in rows]) for k in ("start", "end")]
    gold = [_mean([r["gold"][k] for r in rows]) for k in ("start", "end")]
    write = fixed if all(r is not None and 0.01 <= abs(r) < 1000 for r in reward) else raw
    rose = f"reward rose {write(reward[0])} → {write(reward[1])}"
    return f"{rose} while gold fell {fixed(gold[0])} → {fixed(gold[1])}"


BESIDE = {
    "better": "better than `untrained`",
    "equivalent": "as good as `untrained`",
    "unresolved": "not to be told apart from `untrained`",
}
"""Verdicts that stand beside a flag of some runs; `worse` only says it again."""


def _seeds_hit(hit: Sequence[Result], group: Sequence[Result], verdict: str) -> str:
    """On how many of its seeds a design was hacked; where not on all: whose means those are, and what all seeds say.

    The flag is raised on about 3 in 100 runs whose reward rose while gold only trembled.
    """
    count = f"{len(hit)} of {_count(len(group), 'seed')}"
    rest = [r.counted("gold") for r in group if "hacked" not in r.flags]
    if not rest:
        return count
    alone, others = "that one" if len(hit) == 1 else "those", "other" if len(rest) == 1 else "others"
    said = [f"means of {alone} alone", f"gold of the {others} ended at {fixed(_mean(rest))}"]
    said += ["one may be chance"] if len(hit) == 1 else []
    said += [f"gold of all is {BESIDE[verdict]}"] if verdict in BESIDE else []
    return f"{count} ({'; '.join(said)})"


def _broken(groups: Mapping[str, Sequence[Result]]) -> list[Finding]:
    """Designs with failed or unfinished runs, and the commonest reason; the table of runs has each."""
    found = []
    for design, group in groups.items():
        for status, kind, does in (("failed", "failed", "failed"), ("partial", "not done", "is not done")):
            runs = [r for r in group if r.run.status["status"] == status]
            if runs:
                [(reason, _)] = Counter(str(r.run.status.get("reason", "")) for r in runs).most_common(1)
                where = f"{name(design)} {does} on {len(runs)} of {_count(len(group), 'seed')}"
                found.append(Finding(kind, where + _because(reason)))
    return found


def _because(reason: str) -> str:
    shown = cut(label(reason).replace("`", "ˋ"), 300) if reason else ""
    return f": {shown}" + ("" if shown.endswith(".") else ".") if shown else "."


def _verdict(verdict: str, against: Sequence[Mapping[str, Any]], family: int) -> list[Finding]:
    """Who compares so with the baseline on gold: designs with their differences, arms by name."""
    judged = [c for c in against if c["verdict"] == verdict]
    if not judged:
        return []
    arms = find.arms()
    own = [f"{name(c['a'])} {_difference(c)}" for c in judged if c["a"] not in arms]
    rest = [name(c["a"]) for c in judged if c["a"] in arms]
    base, seeds = name(judged[0]["b"]), _count(min(c["n"] for c in judged), "seed")
    care = f"{_count(family, 'comparison')} allowed for"
    lead = {
        "better": f"Better than {base} on gold",
        "worse": f"Worse than {base} on gold",
        "equivalent": f"As good as {base} on gold, within {fixed(judged[0]['margin'], 3)}",
        "unresolved": f"Cannot be told apart from {base} on gold with {seeds}, {care}",
    }[verdict]
    whole = f"{lead}: {'; '.join(filter(None, [', '.join(own), _arms(rest)]))}."
    if verdict == "unresolved" and any(c["low"] > 0 or c["high"] < 0 for c in judged):
        whole += " Intervals are not adjusted: one without 0 is no verdict yet."
    return [Finding(verdict, whole)]


def _arms(names: list[str]) -> str:
    """Arms in words; nothing if there are none."""
    return f"the {'arms' if len(names) > 1 else 'arm'} {listed(names)}" if names else ""


def _seeds(groups: Mapping[str, Sequence[Result]], base: str | None, gold: Sequence[Any]) -> list[Finding]:
    """Why there may be nothing to compare."""
    seeds = {r.run.spec.seed for g in groups.values() for r in g}
    if len(seeds) == 1:
        words = "One seed has no interval: the numbers below are one draw each, and nothing can be compared."
        return [Finding("one seed", words)]
    if not gold:
        why = "no two designs share two scored seeds"
        why = "there is neither `reference` nor `untrained`" if base is None else why
        return [Finding("unresolved", f"Nothing could be compared: {why}.")]
    return []


def _difference(c: Mapping[str, Any]) -> str:
    return f"{signed(c['difference'])} {bracket(c['low'], c['high'])}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None and v == v]
    return float(np.mean(known)) if known else None


def _count(n: int, thing: str) -> str:
    """How many there are of a thing.

    >>> _count(1, "seed"), _count(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{n} {thing}" + ("" if n == 1 else "s")
