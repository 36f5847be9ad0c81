"""What does gold say of a completion? A score in [0, 1] and a kind, checked: a task may be anybody's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from rewardbench import fence
from rewardbench.types import Batch, Gold, GoldError, Task


def judge(gold: Gold, task: Task, batch: Batch, p: int, k: int) -> tuple[float, str]:
    """(score in [0, 1], kind) of completion (p, k); raises GoldError that names task, prompt and completion."""
    kind = _call(gold.kind, "kind", task, batch, p, k)
    if not isinstance(kind, str):
        raise GoldError(f"kind of {_where(task, batch, p, k)} is {kind!r:.60}, not a text")
    return score(gold, task, batch, p, k), str(kind)


def score(gold: Gold, task: Task, batch: Batch, p: int, k: int) -> float:
    """Gold of completion (p, k), in [0, 1]; raises GoldError that names task, prompt and completion."""
    value = _call(gold.score, "gold", task, batch, p, k)
    number = _number(value)
    if not 0 <= number <= 1:  # not a number fails here too
        raise GoldError(f"gold of {_where(task, batch, p, k)} is {value!r:.60}, not a number in [0, 1]")
    return number


def _number(value: Any) -> float:
    """The value as a float; NaN for what is no number (text that spells one included)."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _call(function: Callable[..., Any], name: str, task: Task, batch: Batch, p: int, k: int) -> Any:
    """What a task's function returns for completion (p, k)."""
    try:
        return function(batch.prompts[p], batch.said(p, k, task.turns))
    except fence.raised() as error:  # anything may come out of a user's function; it is named, not swallowed
        place, (_, why) = fence.users_line(error), fence.cause(error)
        why = why or f"raised {type(error).__name__}: {fence.first_line(error)}"
        raise GoldError(f"{name} of {_where(task, batch, p, k)} {why}{place}") from error


def _where(task: Task, batch: Batch, p: int, k: int) -> str:
    """Task, prompt and completion in words."""
    return f"task {task.name!r} for prompt {batch.prompts[p].id}, completion {k} ({batch.text[p][k][:60]!r})"
