"""Does an algorithm keep its promises? Each hook is called once, on made-up rewards and the smallest shipped policy."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any

import numpy as np

from rewardbench import find, given, hooks
from rewardbench.advantage import centred
from rewardbench.check.promise import Promise, trying
from rewardbench.fence import first_line, users_line
from rewardbench.types import Algorithm, AlgorithmError, Batch, Prompt, State, UserError

REWARDS = ((0.0, 1.0, 2.0, 3.0), (1.0, 1.0, 0.0, 0.0))
"""Of 2 prompts x 4 completions."""


def check(name: str) -> dict[str, Any]:
    """The report of an algorithm as plain values."""
    made = find.algorithm(name)
    set_ = trying("frozen-dataclass", partial(_fields, made), _Wrong)
    called = trying("hooks", partial(_hooks, made), _Wrong)
    promises = [set_, called, *(_step(made) if called.kept else ())]
    told = [asdict(p) for p in promises]
    return {"kind": "algorithm", "thing": type(made).__name__, "promises": told, "failure": None}


class _Wrong(UserError):
    """What an algorithm gave that it may not."""


def _called(hook: str, function: Callable[..., Any], *args: Any) -> Any:
    """What a call gave; raises _Wrong where it raises, with the line of the user's that did."""
    try:
        return function(*args)
    except _Wrong:
        raise
    except Exception as error:  # anything may come out of a user's function; it is told, not swallowed
        raise _told(hook, error) from error


def _told(hook: str, error: Exception) -> _Wrong:
    """What to say of what a hook raised, or of what it gave."""
    if isinstance(error, AlgorithmError):
        return _Wrong(str(error))
    return _Wrong(f"{hook} raised {type(error).__name__}: {first_line(error)}{users_line(error)}")


def _fields(made: Algorithm) -> str:
    """That every annotation of its classes is a hyperparameter or a ClassVar."""
    for kind in type(made).__mro__:
        if not issubclass(kind, Algorithm) or "__dataclass_fields__" in vars(kind):
            continue
        lost = [n for n, hint in inspect.get_annotations(kind).items() if "ClassVar" not in str(hint)]
        if lost:
            told = f"{', '.join(lost)} cannot be set: write @dataclass(frozen=True) above class {kind.__name__}"
            raise _Wrong(f"algorithm {hooks.name(made)}: {told}")
    return f"hyperparameters: {', '.join(f.name for f in fields(made))}"


def _hooks(made: Algorithm) -> str:
    """That its hooks can be called, and that it needs only what there is."""
    found: frozenset[str] = _called("needs", hooks.ready, made)
    return f"its loss needs {', '.join(sorted(found)) or 'log-probabilities alone'}"


def _step(made: Algorithm) -> list[Promise]:
    """The promises of what a run calls, each from a state of its own: a hook may write into what is kept. Without a
    state there is nothing to go on from.
    """
    from rewardbench.engine import once  # torch is needed here, and only here

    policy = once.policy()

    def begun() -> State:
        return hooks.state(made, "start", _called("start", made.start, policy))

    def start() -> str:
        state: State = _called("start", begun)
        return ", ".join([*state.kept, *state.learned]) or "it remembers nothing"

    first = trying("start", start, _Wrong)
    return [first] if not first.kept else [
        first,
        trying("advantages", lambda: _advantages(made, begun()), _Wrong),
        trying("silence-teaches-nothing", lambda: _silence(made, begun()), _Wrong),
        trying("loss", lambda: _loss(made, policy, begun()), _Wrong),
        trying("end", lambda: _end(made, begun()), _Wrong),
    ]


def _batch(reward: Any) -> Batch:
    """A batch of 2 prompts x 4 completions with these rewards."""
    said = [[f"word number {k} of {p}" for k in range(4)] for p in range(2)]
    made = given.batch([Prompt(f"p{p}", text="Hi") for p in range(2)], said)
    return replace(made, reward=np.asarray(reward, dtype=np.float64), parts=np.asarray(reward)[..., None])


def _gains(made: Algorithm, reward: Any, state: State) -> Any:
    """Its advantages [P, K, T], checked; raises _Wrong."""
    batch = _batch(reward)
    gave = _called("advantages", made.advantages, batch, state)
    found = _called("advantages", hooks.gains, made, gave, batch)
    if not np.isfinite(found).all():
        raise _Wrong("advantages are not finite")
    return found


def _advantages(made: Algorithm, state: State) -> str:
    """That more reward is never worth less within a group."""
    found = _gains(made, REWARDS, state)[..., 0]
    if (np.diff(found[0]) < -1e-9).any():
        raise _Wrong(f"more reward is worth less: rewards 0, 1, 2, 3 have advantages {np.round(found[0], 3).tolist()}")
    return f"rewards 0, 1, 2, 3 have advantages {np.round(found[0], 3).tolist()}"


def _silence(made: Algorithm, state: State) -> str:
    """That a completion on which every part abstained (NaN) has advantage 0."""
    found = _gains(made, [[0.0, 1.0, np.nan, 3.0], [np.nan] * 4], state)
    if (found[0, 2] != 0).any() or (found[1] != 0).any():
        raise _Wrong("a completion that was not paid has an advantage; NaN rewards must be left out")
    return "what was not paid has advantage 0"


def _loss(made: Algorithm, policy: Any, state: State) -> str:
    """That its loss is a number with a gradient; of advantages that are not its own, which are tried by themselves."""
    from rewardbench.engine import once

    batch = _batch(REWARDS)
    learnt = _called("loss", once.taught, policy, made, batch, centred(batch), state)
    if learnt.faults[0] is not None:
        raise _told("loss", learnt.faults[0])
    if not np.isfinite([learnt.loss, learnt.norm]).all():
        raise _Wrong(f"loss {learnt.loss[0]}, gradient norm {learnt.norm[0]}: not finite")
    return f"{learnt.loss[0]:.3g} on made-up advantages, gradient norm {learnt.norm[0]:.3g}"


def _end(made: Algorithm, state: State) -> str:
    """That the state after a step is one."""
    after = _called("end", hooks.state, made, "end", _called("end", made.end, _batch(REWARDS), state))
    return ", ".join([*after.kept, *after.learned]) or "it remembers nothing"
