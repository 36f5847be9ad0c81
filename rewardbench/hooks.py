"""Did an algorithm's hook give what it may? One line says which hook of which class did not, and what is wanted."""

from __future__ import annotations

import inspect
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench.types import Algorithm, AlgorithmError, Batch, Floats, Now, State

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = frozenset(f.name for f in fields(Now) if f.default is None)
"""What a loss may ask for beyond log-probabilities."""


def name(made: Algorithm) -> str:
    """`mine.py:Mine`: where an algorithm is defined."""
    kind = type(made)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or f"{kind.__module__}.py"
    return f"{Path(file).name}:{kind.__name__}"


def _wrong(made: Algorithm, hook: str, what: str) -> AlgorithmError:
    """The one shape of a hook that is not as it has to be."""
    return AlgorithmError(f"algorithm {name(made)}: `{hook}` {what}")


def _named(value: Any) -> str:
    """What a value is, with its shape where it has one.

    >>> _named(None), _named(2.0), _named(np.zeros((2, 3)))
    ('None', 'a float', 'a ndarray of shape [2, 3]')
    """
    if value is None:
        return "None"
    shape = getattr(value, "shape", None)
    return f"a {type(value).__name__}" + (f" of shape {list(shape)}" if shape is not None else "")


def ready(made: Algorithm) -> frozenset[str]:
    """What it needs. Raises AlgorithmError where a hook is missing, or cannot be called as the loop calls it."""
    hooks = {hook: own for hook, own in vars(Algorithm).items() if inspect.isfunction(own) and hook[0] != "_"}
    for hook, own in hooks.items():
        wanted = list(inspect.signature(own).parameters)[1:]
        try:
            inspect.signature(getattr(made, hook)).bind(*wanted)
        except (TypeError, ValueError) as error:
            raise _wrong(made, hook, f"cannot be called with ({', '.join(wanted)}): {error}") from error
    for hook in ("advantages", "loss"):
        if getattr(type(made), hook) is hooks[hook]:
            raise _wrong(made, hook, "is missing: an algorithm has one of its own")
    return _needs(made)


def _needs(made: Algorithm) -> frozenset[str]:
    """What it needs beyond log-probabilities."""
    found: Any = made.needs
    there = f"a set of some of {', '.join(sorted(NEEDS))}"
    if callable(found):
        raise _wrong(made, "needs", f"is a method, not {there}: write @property above it")
    if not isinstance(found, (set, frozenset, tuple, list)):
        raise _wrong(made, "needs", f"is {_named(found)}, not {there}")
    if other := {str(n) for n in found} - NEEDS:
        raise _wrong(made, "needs", f"names {', '.join(sorted(other))}; wanted is {there}")
    return frozenset(found)


def state(made: Algorithm, hook: str, gave: Any) -> State:
    """What `start` or `end` gave: a State whose kept values can be saved as float64 arrays."""
    if not isinstance(gave, State):
        raise _wrong(made, hook, f"gave {_named(gave)}, not a State")
    for key, value in gave.kept.items():
        try:
            np.asarray(value, dtype=np.float64)
        except Exception as error:  # whatever a value's own conversion raises
            raise _wrong(made, hook, f"kept {_named(value)} as {key!r}, not a float64 array") from error
    for key, weight in gave.learned.items():
        if not hasattr(weight, "requires_grad"):
            raise _wrong(made, hook, f"gave {_named(weight)} to be learned as {key!r}, not a tensor")
    return gave


def gains(made: Algorithm, gave: Any, batch: Batch) -> Floats:
    """What `advantages` gave, [P, K, T]; where it is the same at all positions its last length may be 1."""
    shape = np.shape(batch.mine)
    try:
        found = np.asarray(gave, dtype=np.float64)
        if found.ndim == len(shape):
            return np.broadcast_to(found, shape)
    except (TypeError, ValueError, RuntimeError):  # no numbers, not of one length, or of another shape
        pass
    raise _wrong(made, "advantages", f"gave {_named(gave)}, not an array [P, K, T] = {list(shape)}")


def scalar(made: Algorithm, gave: Any) -> Tensor:
    """What `loss` gave: one number that a gradient can be taken of."""
    if not hasattr(gave, "requires_grad") or gave.numel() != 1:
        raise _wrong(made, "loss", f"gave {_named(gave)}, not a tensor of one number")
    found: Tensor = gave
    return found
