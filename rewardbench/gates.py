"""Is a change worse than may be? A rule on a metric, held against the comparisons with the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench import find
from rewardbench.comparing import baseline
from rewardbench.design import nearest
from rewardbench.results import AXES, Result
from rewardbench.types import UserError

METRICS = ("gold", *AXES)


@dataclass(frozen=True)
class Rule:
    """No design's difference from the baseline on a metric may lie below the limit."""

    metric: str
    limit: float

    @property
    def text(self) -> str:
        """As it was asked."""
        return f"{self.metric}:{self.limit:g}"


@dataclass(frozen=True)
class Gate:
    """What a rule says of a sweep: the reasons why it says no, or none."""

    rule: Rule
    pairs: int
    """Comparisons that it was held against."""
    reasons: tuple[str, ...]
    unsure: int = 0
    """Of those that pass, how many have an interval that reaches below the limit: few seeds pass nearly anything."""

    @property
    def ok(self) -> bool:
        """Whether it lets pass."""
        return not self.reasons


def parse(text: str) -> Rule:
    """The rule that `metric:limit` means.

    >>> parse("gold:-0.02")
    Rule(metric='gold', limit=-0.02)
    """
    metric, colon, limit = text.partition(":")
    if metric not in METRICS:
        known = ", ".join(METRICS)
        raise UserError(f"--fail-if {text!r}: unknown metric {metric!r}{nearest(metric, METRICS)} (there is: {known})")
    try:
        number = float(limit) if colon else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"--fail-if {text!r}: write metric:limit with a number, such as 'gold:-0.02'")
    return Rule(metric, number)


def hold(
    rule: Rule, comparisons: Sequence[Mapping[str, Any]], results: Sequence[Result], against: str | None = None
) -> Gate:
    """The rule held against each design's comparison with its task's baseline; arms are no contestants.

    A design that could not be compared is a no: what was not measured did not pass.
    """
    known = {(c["task"], c["a"], c["b"]): c for c in comparisons if c["metric"] == rule.metric}
    asked = _contestants(results, against)
    reasons = [_reason(rule, known.get(pair), *pair) for pair in asked] or ["no design was run but arms and baseline"]
    passed = [c for pair in asked if (c := known.get(pair)) is not None and c["difference"] >= rule.limit]
    unsure = sum(c["low"] < rule.limit for c in passed)
    return Gate(rule, len(asked), tuple(reason for reason in reasons if reason), unsure)


def _contestants(results: Sequence[Result], against: str | None) -> list[tuple[str, str, str]]:
    """(task, design, the task's baseline) of every design that is neither an arm nor the baseline."""
    found = []
    for task in dict.fromkeys(r.task for r in results):
        designs = list(dict.fromkeys(r.design for r in results if r.task == task))
        pinned = baseline(designs, against) or "the baseline"
        found += [(task, d, pinned) for d in designs if d != pinned and d not in find.arms()]
    return found


def _reason(rule: Rule, c: Mapping[str, Any] | None, task: str, a: str, b: str) -> str:
    """Why the rule says no to a design, and how sure that is; nothing where it does not."""
    if c is None:
        return f"{task}: {a} could not be compared with {b} on {rule.metric}"
    if c["difference"] >= rule.limit:
        return ""
    sure = "as is its whole 95% interval" if c["high"] < rule.limit else "though its 95% interval reaches above it"
    interval = f"{c['difference']:+.3f} [{c['low']:+.3f}, {c['high']:+.3f}]"
    return f"{task}: {a} − {b} = {interval} is below {rule.limit:g}, {sure}"
