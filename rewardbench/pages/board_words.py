"""What has to be known before a board's numbers are read? Where it is broken, what it cannot see, what moves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rewardbench.pages.board_rows import LETTERS
from rewardbench.pages.numbers import bracket, chance, fixed, signed
from rewardbench.results import AXES

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """Something that must hold where a task tells good from bad."""

    task: str
    axis: str
    words: str
    numbers: str
    holds: bool


def conditions(task: Json) -> list[Condition]:
    """All conditions of a task, axis by axis."""
    return [
        Condition(task["task"], axis, f"{c['a']} must {c['must']} {c['b']}", _numbers(c), bool(c["holds"]))
        for axis in AXES
        for c in (task["broken"].get(axis) or {}).get("conditions", ())
    ]


def _numbers(c: Json) -> str:
    """A condition's difference, its interval, seeds and adjusted p."""
    gap = f"difference {signed(c['difference'], 3)} {bracket(c['low'], c['high'], 3)}"
    return f"{gap}, {c['n']} seeds, p {chance(c['p_adjusted'])}"


def broken(told: Json) -> list[Condition]:
    """The conditions that do not hold, on any task."""
    return [c for task in told["tasks"] for c in conditions(task) if not c.holds]


def empty(told: Json) -> str:
    """That a board has no row, and what would make some; nothing if it has one."""
    if told["entries"] or told["tombstones"]:
        return ""
    return f"nothing has been run for this board yet (rbench board run {told['board']['name']}), so it shows no number"


def changed(change: Json) -> str:
    """A change of an entry's state in words.

    >>> changed({"state": "corrected", "date": "2027-03-04", "reason": "a bug in a part", "by": "mine-2"})
    'corrected on 2027-03-04 by mine-2: a bug in a part'
    """
    by = f" by {change['by']}" if change.get("by") else ""
    return f"{change['state']} on {change['date']}{by}" + (f": {change['reason']}" if change["reason"] else "")


RESOLVES = "Two ranked entries are told apart 8 times in 10 where the truth differs, for the median pair of them, by"


def resolution(task: Json) -> list[str]:
    """Which difference the median pair of ranked entries needs to be told apart, a few words an axis."""
    found = []
    for axis in AXES:
        told = task["resolution"].get(axis)
        if told:
            worst = "" if told["pairs"] == 1 else f" (worst pair {fixed(told['worst'], 3)})"
            found.append(f"{fixed(told['median'], 3)} in {LETTERS[axis]}{worst}")
    return found


@dataclass(frozen=True)
class Share:
    """A source of variance."""

    name: str
    says: str
    share: float


def variance(task: Json) -> list[Share]:
    """Where the variance of a design's final gold comes from, shares of the whole; nothing where none was measured."""
    told = task["variance"]
    total = sum(told[k] for k in ("seed", "prompt", "sample")) if told else 0.0
    if not told or not total:
        return []
    says = {
        "seed": "which run it was: the same design, trained again, ends elsewhere",
        "prompt": "which prompts the seed drew to look at it",
        "sample": "which completions were sampled",
    }
    return [Share(k, says[k], told[k] / total) for k in says]


@dataclass(frozen=True)
class Heat:
    """A cell of the cross-reward matrix: words, a sign that needs no colour, a shade from -4 to 4."""

    shown: str
    sign: str
    shade: int


def heat(value: float | None) -> Heat:
    """A cell, in standard deviations of what the untrained policy is paid.

    >>> heat(1.2), heat(-2.5).sign, heat(None).shown
    (Heat(shown='+1.20', sign='▲', shade=2), '▼▼', '–')
    """
    if value is None:
        return Heat("–", "", 0)
    size = abs(value)
    steps = sum(size >= edge for edge in (0.5, 1.0, 2.0, 4.0))
    sign = ("▲" if value > 0 else "▼") * (1 + (size >= 2.0)) if size >= 0.5 else ""
    return Heat(signed(value), sign, steps if value > 0 else -steps)
