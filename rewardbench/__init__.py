"""Whose reward design trains the best policy? A benchmark whose contestants are reward designs.

The nouns and the verbs are here; they are looked up when first used, and none of them loads torch
before something is sampled.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
_PLACES = {
    "types": (
        *("Algorithm", "Batch", "Design", "Draw", "Gold", "Now"),
        *("Part", "Prompt", "State", "Task", "UserError", "Want"),
    ),
    "spec": ("Spec",),
    "verbs": ("run", "resume", "compare", "frames"),
}
_WHERE = {name: module for module, names in _PLACES.items() for name in names}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'rewardbench' has no attribute {name!r}")
    return getattr(import_module(f"rewardbench.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
