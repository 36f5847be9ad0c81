"""Which designs follow from one? With a part left out, or with a number of it set to other values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from rewardbench.design import nearest, validate
from rewardbench.types import Design, Part, UserError

OF_PART = ("weight", "scale", "gate", "params")
OF_DESIGN = ("combine", "normalise", "penalty", "credit")
Values = tuple[Any, ...]


def ablations(design: Design) -> list[Design]:
    """The design without each of its parts in turn, called `<name>-without-<part>`; none for one part alone.

    A gate whose last gate is left out is a weighted sum; what would be left without a part that pays is not made.

    >>> [d.name for d in ablations(Design("d", (Part("a", "x.a"), Part("b", "x.b"))))]
    ['d-without-a', 'd-without-b']
    """
    if len(design.parts) < 2:
        return []
    left = [_without(design, m) for m in range(len(design.parts))]
    return [one for one in left if one is not None]


def _without(design: Design, m: int) -> Design | None:
    """The design without part m, or None where nothing is left that pays."""
    parts = (*design.parts[:m], *design.parts[m + 1 :])
    made = replace(design, name=f"{design.name}-without-{design.parts[m].name}", parts=parts)
    if design.combine == "lexicographic":  # the last part has no gate, whichever is the last
        made = replace(made, parts=(*parts[:-1], replace(parts[-1], gate=None)))
        return replace(made, combine="sum") if len(parts) == 1 else made
    gates = [p for p in parts if p.gate is not None]
    if design.combine == "gate" and not gates:
        return replace(made, combine="sum")
    if design.combine == "gate" and len(gates) == len(parts):
        return None
    return made


def sweeps(design: Design, table: Mapping[str, Sequence[Any]]) -> list[Design]:
    """The design with every combination of the values, called `<name>@x.weight=0.1`; its own settings are left out.

    Keys are `part.<name>.weight`, `.scale`, `.gate`, `.params.<key>`, or `combine`, `normalise`, `penalty`, `credit`.
    Empty where the design has none of the parts that the keys name. Raises UserError for a key that says nothing.

    >>> one = Design("d", (Part("a", "x.a"), Part("b", "x.b")))
    >>> [d.name for d in sweeps(one, {"part.a.weight": (0.5, 1.0)})]
    ['d@a.weight=0.5']
    """
    keys = [_parsed(key) for key in table]
    if not has_all(design, table):
        return []
    found: list[Design] = []
    for values in product(*table.values()):
        made = design
        for key, value in zip(keys, values, strict=True):
            made = _set(made, key, value)
        if made != design:
            tail = ",".join(f"{_short(key)}={value}" for key, value in zip(keys, values, strict=True))
            validate(made)
            found.append(replace(made, name=f"{design.name}@{tail}"))
    return found


def has_all(design: Design, table: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a design has every part that the keys of a sweep name.

    >>> has_all(Design("d", (Part("a", "x.a"),)), {"part.a.weight": (1,), "combine": ("sum",)})
    True
    """
    keys = [_parsed(key) for key in table]
    return all(key[0] != "part" or key[1] in {p.name for p in design.parts} for key in keys)


Key = tuple[str, ...]


def _parsed(key: str) -> Key:
    """A key's words, checked.

    >>> _parsed("part.alone.params.power")
    ('part', 'alone', 'params', 'power')
    """
    words = tuple(key.split("."))
    if words[0] != "part":
        if len(words) == 1 and words[0] in OF_DESIGN:
            return words
        known = ", ".join(("part.<name>.weight", *OF_DESIGN))
        raise UserError(f"sweep: {key!r} is nothing that can be varied{nearest(key, OF_DESIGN)} (known: {known})")
    if len(words) == 3 and words[2] in OF_PART[:-1]:
        return words
    if len(words) == 4 and words[2] == "params":
        return words
    known = ", ".join((*OF_PART[:-1], "params.<key>"))
    hint = nearest(words[2], OF_PART) if len(words) > 2 else ""
    raise UserError(f"sweep: {key!r} is nothing that can be varied{hint} (part.<name>. and one of {known})")


def _set(design: Design, key: Key, value: Any) -> Design:
    """The design with one of its settings set."""
    if key[0] != "part":
        setting: dict[str, Any] = {key[0]: _number(key, value) if key[0] == "penalty" else str(value)}
        return replace(design, **setting)
    return replace(design, parts=tuple(_of_part(p, key, value) if p.name == key[1] else p for p in design.parts))


def _of_part(part: Part, key: Key, value: Any) -> Part:
    """The part with one of its settings set."""
    if key[2] == "params":
        return replace(part, params={**part.params, key[3]: value})
    changes: dict[str, Any] = {key[2]: _number(key, value)}
    return replace(part, **changes)


def _number(key: Key, value: Any) -> float:
    """The value as a number; UserError where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UserError(f"sweep: {'.'.join(key)} = {value!r} is not a number")
    return float(value)


def _short(key: Key) -> str:
    """What a key is called in a design's name: without `part` and `params`.

    >>> _short(("part", "alone", "params", "power")), _short(("combine",))
    ('alone.power', 'combine')
    """
    return ".".join(word for n, word in enumerate(key) if not (n == 0 and word == "part") and word != "params")


def parse_sweep(texts: Sequence[str]) -> dict[str, Values]:
    """`part.x.weight=0,0.1,0.3` as a table of values: numbers where they are numbers.

    >>> parse_sweep(["part.x.weight=0,0.1", "combine=sum,min"])
    {'part.x.weight': (0, 0.1), 'combine': ('sum', 'min')}
    """
    found: dict[str, Values] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not values.strip():
            raise UserError(f"sweep {text!r} is not of the form part.x.weight=0,0.1,0.3")
        if key.strip() in found:
            raise UserError(f"sweep: {key.strip()!r} is given twice")
        _parsed(key.strip())
        found[key.strip()] = tuple(_value(v.strip()) for v in values.split(","))
    return found


def _value(text: str) -> Any:
    """A number where the text is one, true and false, else the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
