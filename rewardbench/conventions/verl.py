"""How does verl call a reward? One sample (`solution_str`) or a batch (`solution_strs`), a float or a dict out.

Keywords: `data_source` (the task's name), `solution_str`, `ground_truth` (the column that holds the answer) and
`extra_info` (every column). Of a dict `score` is the reward; its other numbers are written down and not paid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rewardbench.calling import Paid, answers, finished, rows
from rewardbench.conventions.signature import Signature, reads, signature
from rewardbench.types import RewardError

COMPLETIONS = ("solution_str", "solution_strs")
ONE = ("data_source", "solution_str", "ground_truth", "extra_info")
MANY = ("data_sources", "solution_strs", "ground_truths", "extra_infos")


def fits(signature: Signature) -> str:
    """Why a function is called as verl calls it, or ""."""
    found = [name for name in COMPLETIONS if name in signature.names]
    return f"it takes {found[0]!r}" if found else ""


def columns(function: Callable[..., Any], taken: Signature) -> tuple[str, ...]:
    """The columns that a function cannot do without: the answer, if it looks at it."""
    asked = [name for name in taken.required if name in ("ground_truth", "ground_truths")]
    return ("ground_truth",) if any(reads(function, name) for name in asked) else ()


def adapt(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    """The function with verl's arguments made from columns."""
    taken = signature(function)

    def arguments(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
        return taken.wanted(dict(zip(names, values, strict=True)))

    def paid(completions: list[Any], **columns: Any) -> Paid:
        truths, extras = answers(columns, len(completions)), rows(columns, len(completions))
        if "solution_strs" in taken.names:
            found = function(**arguments(MANY, ([task] * len(completions), list(completions), truths, extras)))
            return split(finished([found])[0])
        each = zip([task] * len(completions), completions, truths, extras, strict=True)
        return split(finished([function(**arguments(ONE, one)) for one in each]))

    return paid


def split(found: Any) -> Paid:
    """Scores, and the other numbers of dicts.

    >>> split([{"score": 1.0, "acc": True, "pred": "7"}, 0.5])
    Paid(scores=[1.0, 0.5], noted={'acc': [1.0, None]})
    """
    if not isinstance(found, (list, tuple)):
        return Paid(found)
    dicts = [value if isinstance(value, Mapping) else {"score": value} for value in found]
    for value in dicts:
        if "score" not in value:
            raise RewardError(f"returned a dict without 'score' (it has: {', '.join(map(str, value))})")
    names = dict.fromkeys(name for value in dicts for name in value if name != "score")
    noted = {name: [number(value.get(name)) for value in dicts] for name in names}
    return Paid([v["score"] for v in dicts], {n: vs for n, vs in noted.items() if any(v is not None for v in vs)})


def number(value: Any) -> float | None:
    """The value as a float if it is a number, NumPy's and a tensor's among them, else None.

    >>> number(True), number("7"), number([1.0, 2.0])
    (1.0, None, None)
    """
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # an array or a tensor of many, or too large
        return None
    return found if math.isfinite(found) else None
