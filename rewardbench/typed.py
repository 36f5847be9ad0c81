"""Are the values of a TOML table what the fields of a dataclass want? The fields' own annotations say so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from rewardbench.design import check_keys, nearest
from rewardbench.types import Limit, UserError

PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", NoneType: "nothing"}

LARGEST = 2**53
"""Whole numbers from here on have no exact place in canonical JSON, which ids are made of."""


def values(kind: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The table's values as the fields of dataclass `kind` want them; raises UserError for the first that is not.

    Lists become tuples and whole numbers floats where a field says so; a table becomes a dataclass or stays one.

    >>> from dataclasses import dataclass
    >>> Pair = dataclass(type("Pair", (), {"__annotations__": {"low": float, "names": tuple[str, ...]}}))
    >>> values(Pair, {"low": 1, "names": ["a"]}, "x")
    {'low': 1.0, 'names': ('a',)}
    """
    check_keys(table, [f.name for f in fields(kind) if f.init], where)
    hints = _hints(kind)
    return {key: value(hints.get(key, Any), given, f"{where}: {key}") for key, given in table.items()}


def _complete(kind: type, found: Mapping[str, Any], name: str) -> None:
    """Raise UserError for the first field of a dataclass that has no default and was not given."""
    needed = [f.name for f in fields(kind) if f.init and f.default is MISSING and f.default_factory is MISSING]
    for key in needed:
        if key not in found:
            raise UserError(f"{name}: {key!r} is missing (needed: {', '.join(needed)})")


def _hints(kind: type) -> dict[str, Any]:
    """Field -> its annotation; of a user's own dataclass whose names only a type checker knows, none."""
    try:
        return get_type_hints(kind, include_extras=True)
    except NameError:
        return {}


def value(hint: Any, given: Any, name: str) -> Any:
    """The value as an annotation wants it; what is not known here (`Any`, a class of the user's) passes unchecked.

    >>> value(tuple[float, float], [0, 1], "x: betas"), value(int | None, 3, "x: n")
    ((0.0, 1.0), 3)
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _limited(value(inner[0], given, name), inner[1:], name)
    if origin is Literal:
        return _one_of(inner, given, name)
    if origin in (Union, UnionType):
        return _any_of(inner, given, name)
    if origin is tuple:
        return _listed(inner, given, name)
    if isinstance(hint, type) and is_dataclass(hint):
        found = values(hint, _table(given, name), name)
        _complete(hint, found, name)
        return hint(**found)
    if origin in (dict, Mapping):
        return {key: value(inner[1], one, f"{name}.{key}") for key, one in _table(given, name).items()}
    return _plain(hint, given, name) if hint in PLAIN else given


def _plain(hint: type, given: Any, name: str) -> Any:
    """A value of a plain type; True is no number, and a whole number is one with a fraction of nothing."""
    if hint is float and isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given):
        return float(given)
    if hint is float or not isinstance(given, hint) or (isinstance(given, bool) and hint is not bool):
        raise wrong(name, given, PLAIN[hint])
    if isinstance(given, int) and abs(given) >= LARGEST:
        raise wrong(name, given, "a number that can be hashed (below 2^53)")
    return given


def _limited(found: Any, limits: Sequence[Any], name: str) -> Any:
    """A value within its field's limits."""
    for limit in limits:
        if isinstance(limit, Limit) and not limit.holds(found):
            raise wrong(name, found, limit.words)
    return found


def _one_of(known: Sequence[Any], given: Any, name: str) -> Any:
    """One of some names."""
    if given not in known:
        there = ", ".join(map(str, known))
        raise UserError(f"{name} = {given!r:.60}{nearest(str(given), map(str, known))} (known: {there})")
    return given


def _any_of(hints: Sequence[Any], given: Any, name: str) -> Any:
    """A value of the first type that takes it; what the last one says if none does."""
    kinds = [h for h in hints if h is not NoneType] if given is not None else hints
    for hint in kinds[:-1]:
        try:
            return value(hint, given, name)
        except UserError:
            continue
    return value(kinds[-1], given, name)


def _listed(hints: Sequence[Any], given: Any, name: str) -> tuple[Any, ...]:
    """A list as a tuple: of any length for `tuple[T, ...]`, else of one value for each type."""
    many = len(hints) == 2 and hints[1] is Ellipsis
    if not isinstance(given, (list, tuple)) or not (many or len(given) == len(hints)):
        raise wrong(name, given, "a list" if many else f"a list of {len(hints)}")
    wanted = [hints[0]] * len(given) if many else hints
    return tuple(value(hint, one, f"{name}[{n}]") for n, (hint, one) in enumerate(zip(wanted, given, strict=True)))


def _table(given: Any, name: str) -> Mapping[str, Any]:
    """A table."""
    if not isinstance(given, Mapping):
        raise wrong(name, given, "a table")
    return given


def wrong(name: str, given: Any, words: str) -> UserError:
    """The one shape of a wrong value: where it stands, what was given, what is wanted.

    >>> str(wrong("mine.toml: rank", 0, "at least 1"))
    'mine.toml: rank = 0 is not at least 1'
    """
    return UserError(f"{name} = {given!r:.60} is not {words}")
