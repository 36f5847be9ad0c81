"""Which design is it? A hash of what it pays, from its values as canonical JSON."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from typing import Any

import rfc8785

from rewardbench.types import Design


def canonical(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (RFC 8785), hexadecimal.

    >>> canonical({"b": 1, "a": 2}) == canonical({"a": 2.0, "b": 1})
    True
    """
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def design_hash(design: Design) -> str:
    """SHA-256 of what the design pays, 64 hexadecimal digits; its own name is no part of that."""
    raw = values(design)
    raw.pop("name")
    return canonical(raw)


def values(thing: Any) -> Any:
    """A design or a part as plain values; fields that came later are there only where they are set.

    >>> from rewardbench.types import Part
    >>> "convention" in values(Part("a", "b.c")), values(Part("a", "b.c", convention="verl"))["convention"]
    (False, 'verl')
    """
    if isinstance(thing, (list, tuple)):
        return [values(one) for one in thing]
    if not is_dataclass(thing) or isinstance(thing, type):
        return thing
    told = {f.name: getattr(thing, f.name) for f in fields(thing)}
    return {
        f.name: values(told[f.name]) for f in fields(thing) if told[f.name] is not None or not f.metadata.get("later")
    }
