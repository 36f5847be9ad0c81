"""What is a promise? A name, whether it was kept, and a sentence that says what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rewardbench.types import UserError


@dataclass(frozen=True)
class Promise:
    """One thing that a reward, a design, a task or an algorithm is relied on for."""

    name: str
    """A stable code, such as `deterministic`."""
    kept: bool | None
    """None: it could not be told here."""
    detail: str


def trying(name: str, function: Callable[[], str], raised: type[Exception] = UserError) -> Promise:
    """The promise that a function runs: kept with what it says, broken with what it raises.

    >>> trying("prompts", lambda: "32 different ones")
    Promise(name='prompts', kept=True, detail='32 different ones')
    """
    try:
        return Promise(name, True, function())
    except raised as error:
        return Promise(name, False, str(error))
