"""How does TRL call a reward? Keywords only, every column a list, a score a completion out; `None` abstains.

It is the scorer's own call, so a function goes through as it is. What TRL's trainer adds (`trainer_state`,
`log_extra`, `log_metric`) is given to those that cannot do without it: nothing is logged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rewardbench.calling import LISTS as GIVEN
from rewardbench.calling import SINGLE
from rewardbench.conventions.signature import Signature

COMPLETIONS = ("completions",)
LISTS = ("completions", "completion_ids", "prompts", "prompt_ids")


def fits(signature: Signature) -> str:
    """Why a function is called as TRL calls it, or ""."""
    found = [name for name in LISTS if name in signature.names]
    if found:
        return f"it takes {found[0]!r}, a list"
    return "it takes any keyword" if signature.keywords and not signature.required else ""


def columns(function: Callable[..., Any], taken: Signature) -> tuple[str, ...]:
    """The columns that a function cannot do without."""
    return tuple(name for name in taken.required if name not in (*GIVEN, *SINGLE))


def adapt(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    """The function itself."""
    return function
