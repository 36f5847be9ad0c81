"""Does an algorithm keep its promises? Its advantages on made-up rewards; its loss is tried by a run."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from rewardbench import find, given
from rewardbench.check.promise import Promise, trying
from rewardbench.types import Algorithm, Prompt, State, UserError

NEEDS = {"entropy", "hidden", "ref_logp"}


def check(name: str) -> dict[str, Any]:
    """The report of an algorithm as plain values."""
    made = find.algorithm(name)
    promises = [
        Promise("frozen-dataclass", True, f"hyperparameters: {', '.join(f.name for f in fields(made))}"),
        _needs(made),
        trying("advantages", lambda: _advantages(made), _Wrong),
        trying("silence-teaches-nothing", lambda: _silence(made), _Wrong),
    ]
    told = [asdict(p) for p in promises]
    return {"kind": "algorithm", "thing": type(made).__name__, "promises": told, "failure": None}


class _Wrong(UserError):
    """What an algorithm gave that it may not."""


def _needs(made: Algorithm) -> Promise:
    """It needs only what there is."""
    other = set(made.needs) - NEEDS
    if other:
        return Promise("needs", False, f"it needs {', '.join(sorted(other))}; there is {', '.join(sorted(NEEDS))}")
    return Promise("needs", True, ", ".join(sorted(made.needs)) or "log-probabilities alone")


def _batch(reward: Any) -> Any:
    """A batch of 2 prompts x 4 completions with these rewards."""
    said = [[f"word number {k} of {p}" for k in range(4)] for p in range(2)]
    made = given.batch([Prompt(f"p{p}", text="Hi") for p in range(2)], said)
    return replace(made, reward=np.asarray(reward, dtype=np.float64), parts=np.asarray(reward)[..., None])


def _given(made: Algorithm, reward: Any) -> Any:
    """Its advantages [P, K, T], checked; raises _Wrong."""
    batch = _batch(reward)
    try:
        found = np.asarray(made.advantages(batch, State()), dtype=np.float64)
    except Exception as error:  # anything may come out of a user's function; it is told, not swallowed
        raise _Wrong(f"advantages raised {type(error).__name__}: {error}") from error
    shape = np.broadcast_shapes(found.shape, batch.mine.shape) if found.ndim == 3 else found.shape
    if shape != batch.mine.shape:
        raise _Wrong(f"advantages have the shape {found.shape}, not [P, K, T] = {batch.mine.shape}")
    if not np.isfinite(found).all():
        raise _Wrong("advantages are not finite")
    return np.broadcast_to(found, batch.mine.shape)


def _advantages(made: Algorithm) -> str:
    """That more reward is never worth less within a group."""
    found = _given(made, [[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 0.0, 0.0]])[..., 0]
    if (np.diff(found[0]) < -1e-9).any():
        raise _Wrong(f"more reward is worth less: rewards 0, 1, 2, 3 have advantages {np.round(found[0], 3).tolist()}")
    return f"rewards 0, 1, 2, 3 have advantages {np.round(found[0], 3).tolist()}"


def _silence(made: Algorithm) -> str:
    """That a completion on which every part abstained (NaN) has advantage 0."""
    found = _given(made, [[0.0, 1.0, np.nan, 3.0], [np.nan] * 4])
    if (found[0, 2] != 0).any() or (found[1] != 0).any():
        raise _Wrong("a completion that was not paid has an advantage; NaN rewards must be left out")
    return "what was not paid has advantage 0"
