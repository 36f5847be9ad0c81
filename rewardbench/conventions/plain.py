"""How is a plain function called? With one completion, and it returns one number (or None, or True and False)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rewardbench.calling import finished
from rewardbench.conventions.signature import Signature

COMPLETIONS = ("completion", "text", "response", "output")


def fits(signature: Signature) -> str:
    """Why a function takes one completion and nothing else, or ""."""
    return f"it needs one thing alone, {signature.required[0]!r}" if len(signature.required) == 1 else ""


def adapt(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    """The function once a completion."""

    def paid(completions: list[Any]) -> list[Any]:
        return finished([function(completion) for completion in completions])

    return paid
