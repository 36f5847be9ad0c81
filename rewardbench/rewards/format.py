"""Has the completion the form that was asked for: a pattern, JSON, reasoning before the answer, named tags?"""

from __future__ import annotations

import json as json_
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from rewardbench.types import RewardError, UserError

PATIENCE = 5.0
"""Seconds that a pattern may take for one completion, before it is given up as one that never ends."""


@lru_cache(maxsize=64)
def _pattern(pattern: str) -> Any:
    """The compiled pattern, or a UserError that says what is wrong with it."""
    import regex

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError) as error:
        raise UserError(f"format.matches: pattern {pattern!r} is no regular expression: {error}") from error


def matches(completions: Sequence[str], pattern: str = r"\S", whole: bool = False) -> list[float]:
    """1 where the pattern is found in the completion (with `whole`: where it is all of it), else 0.

    A pattern that backtracks without end is no hang and no score that hangs on the clock: after five seconds with one
    completion the part fails and says so.

    Range: [0, 1].
    Cost: the `regex` library, whose patterns are those of `re` and more.
    Source: own; format rewards of this kind in DeepSeek-R1 (arXiv 2501.12948).

    >>> matches(["<b>7</b>", "so <b>7</b>", "7"], r"<b>\\d+</b>", whole=True)
    [1.0, 0.0, 0.0]
    """
    if not isinstance(pattern, str):
        raise UserError(f"format.matches: pattern = {pattern!r} is no text")
    compiled = _pattern(pattern)
    find = compiled.fullmatch if whole else compiled.search
    paid = []
    for text in completions:
        try:
            paid.append(float(find(text, timeout=PATIENCE) is not None))
        except TimeoutError as error:
            raise RewardError(
                f"format.matches: pattern {pattern!r} was still at it after {PATIENCE:g} s with {text[:60]!r}; "
                "it backtracks: leave out repeats inside of repeats"
            ) from error
    return paid


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    """The validator of a JSON Schema (given as JSON), which fetches nothing; or a UserError."""
    from jsonschema import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    value = json_.loads(schema)
    kind = validator_for(value, default=Draft202012Validator)
    try:
        kind.check_schema(value)
    except SchemaError as error:
        raise UserError(f"format.json: the schema is no JSON Schema: {error.message}") from error
    return kind(value, registry=Registry())


def _no_constant(name: str) -> Any:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> float:
    """An integer; one of thousands of digits, which Python will not read, as a number without end."""
    return int(digits) if len(digits) < 4000 else float(digits)


def json(completions: Sequence[str], schema: Mapping[str, Any] | None = None, broken: float = 0.0) -> list[float]:
    """1 where the whole completion is JSON and fulfils the schema, `broken` where it is JSON that does not, else 0.

    No text around it, no code fence, no NaN. The schema is a JSON Schema (a table in TOML); references to other
    documents are not fetched.

    Range: [0, 1]; 0, `broken` or 1.
    Cost: the standard library's parser; jsonschema where a schema is given.
    Source: RFC 8259; JSON Schema, draft 2020-12 unless `$schema` names another.

    >>> json(['{"a": 1}', '{"a": "x"}', '{a: 1}'], {"properties": {"a": {"type": "integer"}}}, broken=0.2)
    [1.0, 0.2, 0.0]
    """
    validator = None if schema is None else _validator(json_.dumps(schema, sort_keys=True))
    return [_json(text, validator, broken) for text in completions]


def _json(text: str, validator: Any, broken: float) -> float:
    """What one text is paid; one nested deeper than Python reads counts as no JSON."""
    from referencing.exceptions import Unresolvable

    try:
        value = json_.loads(text, parse_constant=_no_constant, parse_int=_integer)
        return 1.0 if validator is None or validator.is_valid(value) else float(broken)
    except (ValueError, RecursionError):
        return 0.0
    except Unresolvable as error:
        raise UserError(f"format.json: the schema refers to {error.ref!r}, which is not in it") from error


def think_tags(completions: Sequence[str]) -> list[float]:
    """1 where the completion begins with its only `<think>` and a `</think>` follows, else 0.

    Range: [0, 1].
    Cost: pure Python.
    Source: equal to TRL's think_format_reward; DeepSeek-R1 (arXiv 2501.12948).

    >>> think_tags(["<think>\\n2 + 2\\n</think>\\n4", "<think>2 + 2 = 4", "So <think>4</think>"])
    [1.0, 0.0, 0.0]
    """
    opened, closed = "<think>", "</think>"
    return [
        float(text.startswith(opened) and text.rfind(opened) == 0 and text.rfind(closed) > 0) for text in completions
    ]


def tags(completions: Sequence[str], order: Sequence[str] = ("think", "answer")) -> list[float]:
    """1 where each tag named in `order` is opened once and closed once, one after another, else 0.

    What stands between or around them is free.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the tags of DeepSeek-R1's template (arXiv 2501.12948).

    >>> tags(["<think>2 + 2</think> <answer>4</answer>", "<answer>4</answer><think></think>", "<think><answer>"])
    [1.0, 0.0, 0.0]
    """
    if not order or not isinstance(order, (list, tuple)) or not all(isinstance(name, str) for name in order):
        raise UserError(f"format.tags: order = {order!r} is no list of names")
    marks = [mark for name in order for mark in (f"<{name}>", f"</{name}>")]
    return [float(_in_order(text, marks)) for text in completions]


def _in_order(text: str, marks: Sequence[str]) -> bool:
    """Whether each mark occurs once, each after the one before.

    >>> _in_order("ab", ["a", "b"]), _in_order("ba", ["a", "b"]), _in_order("aab", ["a", "b"])
    (True, False, False)
    """
    places = [text.find(mark) for mark in marks]
    return places[0] > -1 and places == sorted(places) and all(text.count(mark) == 1 for mark in marks)


_parts: tuple[Any, ...] = (matches, json, think_tags, tags)
for _part in _parts:
    _part.pure = True
    _part.check = partial(_part, [])  # a wrong parameter is heard without any completion
