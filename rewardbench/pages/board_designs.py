"""What does a design pay, in a few words, and how does that differ from the baseline's?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardbench.pages.numbers import raw
from rewardbench.pages.safe import label

Json = Mapping[str, Any]


def combined(spec: Json) -> str:
    """How a design's parts become one number.

    >>> combined({"trains": False}), combined({"combine": "sum", "normalise": "none", "parts": [1, 2]})
    ('is never taught', 'sum of 2 parts')
    """
    if not spec.get("trains", True):
        return "is never taught"
    parts = len(spec.get("parts") or ())
    told = "one part" if parts == 1 else f"{spec.get('combine', 'sum')} of {parts} parts"
    return told if spec.get("normalise", "none") == "none" else f"{told}, each normalised: {spec['normalise']}"


def part_line(part: Json) -> str:
    """A part in a line: what is used, its weight, and whatever is not its default.

    >>> part_line({"use": "answers.close", "weight": 0.2, "params": {"width": 10.0}, "scale": 1.0, "form": "text"})
    'answers.close × 0.2 (width = 10)'
    """
    usual = {"scale": 1.0, "form": "text", "source": "", "clip": None, "gate": None}
    skipped = ("name", "use", "weight", "params")
    more = {k: v for k, v in part.items() if k not in skipped and v != usual.get(k)}
    said = [f"{label(str(k))} = {_value(v)}" for k, v in {**(part.get("params") or {}), **more}.items()]
    return f"{label(str(part.get('use', '')))} × {raw(part.get('weight', 1.0))}" + (
        f" ({', '.join(said)})" if said else ""
    )


def _value(value: Any) -> str:
    """A parameter, short."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, (int, float)):
        return raw(float(value))
    shown = label(str(list(value) if isinstance(value, tuple) else value))
    return shown if len(shown) < 80 else shown[:79] + "…"


def notes(spec: Json, base: Json) -> list[str]:
    """Of each part, how it differs from the baseline's: `new`, or how that one pays it; empty where it does not.

    >>> one = {"use": "a", "weight": 1.0}
    >>> notes({"parts": [{**one, "weight": 2.0}, {"use": "c"}]}, {"parts": [one, {"use": "b"}]})
    ['baseline: × 1', 'new']
    """
    theirs = _by_use(base)
    found = []
    for part in spec.get("parts") or ():
        use, line = label(str(part.get("use", ""))), part_line(part)
        other = theirs.get(use)
        if other is None:
            found.append("new")
        else:
            found.append(
                "" if line in other else f"baseline: {' and '.join(o.removeprefix(use).strip() for o in other)}"
            )
    return found


def against(spec: Json, base: Json) -> tuple[str, ...]:
    """What the baseline has and a design has not: parts, and how they are put together.

    >>> against({"combine": "min", "parts": []}, {"combine": "sum", "parts": [{"use": "b", "weight": 0.5}]})
    ('b × 0.5', 'combine = sum, not min')
    """
    mine = _by_use(spec)
    found = [line for use, lines in _by_use(base).items() if use not in mine for line in lines]
    for key in ("combine", "normalise"):
        if spec.get(key) != base.get(key):
            found.append(f"{key} = {_value(base.get(key))}, not {_value(spec.get(key))}")
    return tuple(found)


def _by_use(spec: Json) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in spec.get("parts") or ():
        found.setdefault(label(str(part.get("use", ""))), []).append(part_line(part))
    return found
