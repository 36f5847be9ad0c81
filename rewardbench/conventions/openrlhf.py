"""How does OpenRLHF call a reward? `reward_func(queries, prompts, labels)`, by position, a dict out.

A query is the prompt and the completion as one text; labels are the column that holds the answer. Of the dict
`rewards` is paid; `scores` and the numbers of `extra_logs` are written down. OpenRLHF calls with one sample at a
time, so functions rely on it, and so does this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rewardbench.calling import Paid, answers, finished
from rewardbench.conventions.signature import Signature, reads
from rewardbench.conventions.verl import number
from rewardbench.types import RewardError

COMPLETIONS = ("queries",)


def fits(signature: Signature) -> str:
    """Why a function is called as OpenRLHF calls it, or ""."""
    return "it takes 'queries'" if "queries" in signature.names else ""


def columns(function: Callable[..., Any], taken: Signature) -> tuple[str, ...]:
    """The columns that a function cannot do without: the answer, its third argument, if it looks at it."""
    return ("labels",) if any(reads(function, name) for name in taken.required[2:3]) else ()


def adapt(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    """The function once a completion, with lists of one."""

    def paid(prompts: list[str], completions: list[str], **columns: Any) -> Paid:
        asked = zip(prompts, completions, answers(columns, len(completions)), strict=True)
        each = finished([function([prompt + said], [prompt], [label]) for prompt, said, label in asked])
        scores: list[Any] = []
        noted: dict[str, list[float | None]] = {}
        for i, found in enumerate(each):
            if isinstance(found, Mapping) and "rewards" not in found:
                raise RewardError(f"returned a dict without 'rewards' (it has: {', '.join(map(str, found))})")
            told = found if isinstance(found, Mapping) else {"rewards": found}
            scores.append(first(told["rewards"]))
            for name, value in {"scores": told.get("scores"), **(told.get("extra_logs") or {})}.items():
                if (told_number := number(first(value))) is not None:
                    noted.setdefault(str(name), [None] * len(completions))[i] = told_number
        return Paid(scores, noted)

    return paid


def first(value: Any) -> Any:
    """The one entry of a list or tensor of one, as a plain number; anything else as it is.

    >>> first([0.5]), first(1.0)
    (0.5, 1.0)
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
