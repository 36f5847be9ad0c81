"""How is a plain function called? With one completion, and it returns one number (or None, or True and False)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rewardbench.calling import finished
from rewardbench.conventions.signature import Signature

COMPLETIONS = ("completion", "text", "response", "output")


def fits(signature: Signature) -> str:
    """Why a function takes one completion and nothing else, or ""."""
    return f"it needs one thing alone, {signature.required[0]!r}" if len(signature.required) == 1 else ""


def columns(function: Callable[..., Any], taken: Signature) -> tuple[str, ...]:
    """The columns that a function cannot do without: it is given none."""
    return ()


def adapt(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    """The function once a completion."""
    name = _by_name(function)

    def paid(completions: list[Any]) -> list[Any]:
        return finished([function(**{name: one}) if name else function(one) for one in completions])

    return paid


def _by_name(function: Callable[..., Any]) -> str:
    """The parameter that a completion is, where it cannot go by position: behind a `*`, or behind what params set.

    >>> _by_name(lambda *, text: 0), _by_name(lambda text, width=1: 0)
    ('text', '')
    """
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin that tells nothing
        return ""
    needed = [p for p in found if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return needed[0].name if len(needed) == 1 and needed[0].kind is needed[0].KEYWORD_ONLY else ""
