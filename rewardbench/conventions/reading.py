"""By which convention, and in which form, is a function called, and why? Read off its signature alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from rewardbench.conventions.signature import Signature, form, signature
from rewardbench.design import CONVENTIONS, FORMS, nearest
from rewardbench.types import UserError

ORDER = CONVENTIONS


@dataclass(frozen=True)
class Reading:
    """A function as it was understood."""

    convention: str
    form: str
    """`text` or `messages`: what it is given for a completion."""
    why: str
    call: Callable[..., Any]
    """What the scorer calls."""
    made: bool = False
    """It was made by a factory or a class from the design's params."""
    columns: tuple[str, ...] = ()
    """Those without which it cannot be called."""


def read(
    given: Callable[..., Any],
    params: Mapping[str, Any] | None = None,
    convention: str | None = None,
    wanted: str | None = None,
    task: str = "",
) -> Reading:
    """The reading of a function with a design's params; `convention` and `wanted` (its form) override what it says.

    Raises UserError where no convention fits, or one that was named is not known.

    >>> def paid(solution_str, ground_truth): return 1.0
    >>> read(paid).convention, read(paid).form, read(paid).why
    ('verl', 'text', "it takes 'solution_str'; text, since nothing in it asks for messages")
    """
    params = dict(params or {})
    function, made = _made(given, params)
    call = partial(function, **params) if params and not made else function
    taken = signature(function, () if made else tuple(params))
    named = convention or getattr(function, "convention", None)
    if named is not None and named not in ORDER:
        raise UserError(f"convention {named!r}{nearest(str(named), ORDER)} (known: {', '.join(ORDER)})")
    name, why = (str(named), "it is named") if named else _fitting(taken, _name(given))
    module = import_module(f"rewardbench.conventions.{name}")
    names = (*module.COMPLETIONS, *(taken.required[:1] if name == "plain" else ()))
    found, because = (wanted, "it is named") if wanted is not None else form(function, names)
    if found not in FORMS:
        raise UserError(f"form = {found!r:.60}{nearest(str(found), FORMS)} (known: {', '.join(FORMS)}; {because})")
    told, lacks = f"{why}; {found}, since {because}", module.columns(function, taken)
    return Reading(name, found, told, module.adapt(call, task), made, lacks)


def _fitting(taken: Signature, name: str) -> tuple[str, str]:
    """(the first convention that fits, why)."""
    for convention in ORDER:
        if why := import_module(f"rewardbench.conventions.{convention}").fits(taken):
            return convention, str(why)
    words = ", ".join(taken.names) or "none"
    raise UserError(
        f"{name} follows no convention that is known ({', '.join(ORDER)}): its parameters are {words}; "
        "take `completions` (a list) and columns of the prompt, or set what is not a column in the design's params"
    )


def _made(given: Callable[..., Any], params: Mapping[str, Any]) -> tuple[Callable[..., Any], bool]:
    """(the function, whether it was made just now): a class or a factory is called with the params first."""
    if inspect.isclass(given):
        return _call(given, params), True
    try:
        found = inspect.signature(given)
    except (TypeError, ValueError):
        return given, False
    says = "Callable" in str(found.return_annotation)
    free = [p for p in found.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    left = [p.name for p in free if p.default is p.empty and p.name not in params]
    nothing = not left and not any(p.kind is p.VAR_KEYWORD for p in found.parameters.values())
    if says or (nothing and not _takes_completions({p.name for p in free} - set(params))):
        return _call(given, params), True
    return given, False


def _takes_completions(names: set[str]) -> bool:
    """Whether one of the names is what some convention calls completions."""
    known = {n for c in ORDER for n in import_module(f"rewardbench.conventions.{c}").COMPLETIONS}
    return bool(names & (known | {"prompts", "completion_ids", "prompt_ids", "state", "trace"}))


def _call(given: Callable[..., Any], params: Mapping[str, Any]) -> Callable[..., Any]:
    """What a class or a factory makes; UserError where the params do not fit, it raises (6), or that is no function."""
    name = _name(given)
    try:
        inspect.signature(given).bind(**params)
    except TypeError as error:
        raise UserError(f"{name} makes a reward from params, and these do not fit: {error}") from error
    except ValueError:
        pass
    try:
        made = given(**params)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a user's constructor may do anything; it is named, not swallowed
        line = (str(error).strip().splitlines() or ["(no message)"])[0]
        raise UserError(f"{name}({', '.join(params)}) raised {type(error).__name__}: {line}", 6) from error
    if not callable(made):
        raise UserError(f"{name}({', '.join(params)}) gave {type(made).__name__}, not a function that scores")
    found: Callable[..., Any] = made
    return found


def _name(given: Any) -> str:
    """What a function is called."""
    return str(getattr(given, "__name__", type(given).__name__))
