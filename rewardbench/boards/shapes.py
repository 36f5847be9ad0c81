"""Has a file of an entry the published shape? The JSON Schemas under `rewardbench/schemas`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from rewardbench.boards.finding import shown


@cache
def _validator(name: str) -> Any:
    """The validator of a published schema."""
    import jsonschema

    path = Path(__file__).parents[1] / "schemas" / f"{name}.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def fault(found: Any, schema: str) -> str:
    """The first place of plain values that is not as a published schema says, and why; "" if there is none.

    >>> fault({}, "manifest").startswith("'it': '")
    True
    """
    first = next(iter(_validator(schema).iter_errors(found)), None)
    if first is None:
        return ""
    place = "/".join(map(str, first.absolute_path)) or "it"
    return f"{shown(place)}: {shown(first.message, 160)}"
