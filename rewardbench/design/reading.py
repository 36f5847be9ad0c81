"""What does a user's design say? TOML, or the same in Python -> Design; what contradicts itself is an error."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import rfc8785

from rewardbench.design.hashing import design_hash, values
from rewardbench.types import Design, Part, UserError

COMBINE = ("sum", "product", "min", "gate", "lexicographic", "ensemble")
NORMALISE = ("none", "group", "running")
FORMS = ("text", "messages")
LEVELS = ("turn", "sentence", "word")
CREDIT = ("end",)
CONVENTIONS = ("openrlhf", "verl", "verifiers", "trl", "plain")
"""How a part's function may be called, from the most telling signature to the least: see `conventions/`."""


def nearest(asked: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` if a known name is close, else nothing; without its topic a part is the one that ends so.

    >>> nearest("wieght", ["weight", "use"]), nearest("coverage", ["overlap.rouge", "keywords.coverage"])
    (", did you mean 'weight'?", ", did you mean 'keywords.coverage'?")
    """
    names = list(known)
    whole = [name for name in names if name.endswith(f".{asked}")]
    close = whole or difflib.get_close_matches(asked, names, 1)
    return f", did you mean {close[0]!r}?" if close else ""


def check_keys(found: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Raise UserError for the first key that is not known, with the nearest one."""
    known = list(known)
    for key in found:
        if key not in known:
            raise UserError(f"{where}: unknown key {key!r}{nearest(key, known)} (known: {', '.join(known)})")


def parse(text: str, name: str) -> Design:
    """The design that a TOML text describes; unknown keys and values are errors.

    >>> parse('[[part]]\\nuse = "answers.exact"', "mine").parts[0].name
    'exact'
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"design {name!r} is not valid TOML: {error}") from error
    return read(raw, name)


def written(given: Design) -> Design:
    """A design that somebody wrote in Python, read as the TOML that says the same: one reading, one hash.

    >>> written(Design("mine", (Part("a", "x.a", 2),))) == parse('[[part]]\\nuse = "x.a"\\nweight = 2', "mine")
    True
    """
    if not isinstance(given.name, str) or not given.name.strip() or not given.name.isprintable() or "/" in given.name:
        raise UserError(f"design {given.name!r:.60}: its name is no word that could be a file's")
    where = f"design {given.name!r}"
    if not given.trains:
        raise UserError(f"{where}: trains = False is the arm 'untrained' alone")
    if not isinstance(given.parts, (list, tuple)) or not all(isinstance(p, Part) for p in given.parts):
        raise UserError(f"{where}: parts = {given.parts!r:.60} is not a tuple of rewardbench.Part")
    raw = values(given)
    parts = [{key: v for key, v in part.items() if v is not None and key != "source"} for part in raw.pop("parts")]
    return read({key: v for key, v in raw.items() if key not in ("name", "trains")} | {"part": parts}, given.name)


def read(raw: Mapping[str, Any], name: str) -> Design:
    """The design that a table describes; unknown keys and values are errors."""
    check_keys(raw, ("summary", "combine", "normalise", "penalty", "credit", "part"), f"design {name!r}")
    parts = raw.get("part", [])
    if not isinstance(parts, list) or not parts or not all(isinstance(p, dict) for p in parts):
        raise UserError(f"design {name!r} has no [[part]]")
    for key, kind in (("combine", "a name"), ("normalise", "a name"), ("summary", "a text")):
        if not isinstance(raw.get(key, ""), str):
            raise UserError(f"design {name!r}: {key} = {raw[key]!r} is not {kind}")
    design = Design(
        name,
        tuple(_part(p, f"design {name!r}, part {n + 1}") for n, p in enumerate(parts)),
        raw.get("combine", "sum"),
        raw.get("normalise", "none"),
        penalty=_penalty(raw, name),
        credit=raw.get("credit"),
    )
    validate(design)
    return design


def _penalty(raw: Mapping[str, Any], name: str) -> float | None:
    """The `penalty` of a design's table."""
    if "penalty" not in raw:
        return None
    if not _is_number(raw["penalty"]) or raw["penalty"] < 0:
        raise UserError(f"design {name!r}: penalty = {raw['penalty']!r} is not a number of 0 or above")
    return float(raw["penalty"])


def _part(raw: Mapping[str, Any], where: str) -> Part:
    """One `[[part]]` table as a Part."""
    known = [f.name for f in fields(Part) if f.name != "source"]
    check_keys(raw, known, where)
    use = raw.get("use")
    if not isinstance(use, str) or not use:
        raise UserError(f"{where}: `use` must name a part, such as 'answers.plain' or 'file.py:name'")
    for key in ("weight", "scale", "gate"):
        if key in raw and not _is_number(raw[key]):
            raise UserError(f"{where}: {key} = {raw[key]!r} is not a number")
    clip = raw.get("clip")
    if clip is not None:
        pair = isinstance(clip, list) and len(clip) == 2 and all(_is_number(c) for c in clip)
        if not pair or clip[0] > clip[1]:
            raise UserError(f"{where}: clip = {clip!r} is not [low, high]")
    for key, names in (("form", FORMS), ("convention", CONVENTIONS), ("level", LEVELS)):
        if key in raw and raw[key] not in names:
            raise UserError(f"{where}: {key} = {raw[key]!r}{nearest(str(raw[key]), names)} (known: {', '.join(names)})")
    name = raw.get("name", use)
    if not isinstance(name, str) or not name or not isinstance(raw.get("params", {}), dict):
        raise UserError(f"{where}: `name` must be a text and `params` a table")
    values = {**raw, "clip": tuple(float(c) for c in clip)} if clip is not None else dict(raw)
    values.setdefault("name", use.rpartition(":")[2].rpartition(".")[2])
    for key in ("weight", "scale", "gate"):
        if key in values:
            values[key] = float(values[key])
    if "schedule" in raw:
        values["schedule"] = _schedule(raw["schedule"], where)
    return Part(**values)


def _schedule(raw: Any, where: str) -> tuple[tuple[float, float], ...]:
    """The (fraction, factor) pairs of a schedule, fractions rising within [0, 1]."""
    rows = raw if isinstance(raw, list) else []
    pairs = bool(rows) and all(isinstance(p, list) and len(p) == 2 and all(map(_is_number, p)) for p in rows)
    fractions = [p[0] for p in rows] if pairs else []
    if not pairs or fractions != sorted(set(fractions)) or not 0 <= fractions[0] <= fractions[-1] <= 1:
        words = "[[fraction, factor], …] with rising fractions in [0, 1]"
        raise UserError(f"{where}: schedule = {raw!r:.60} is not {words}")
    return tuple((float(a), float(b)) for a, b in raw)


def _is_number(value: Any) -> bool:
    """Whether it is a finite number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def validate(design: Design) -> None:
    """Raise UserError where a design contradicts itself."""
    where = f"design {design.name!r}"
    if design.combine not in COMBINE:
        hint = f"{nearest(design.combine, COMBINE)} (known: {', '.join(COMBINE)})"
        raise UserError(f"{where}: combine = {design.combine!r}{hint}")
    if design.normalise not in NORMALISE:
        hint = f"{nearest(design.normalise, NORMALISE)} (known: {', '.join(NORMALISE)})"
        raise UserError(f"{where}: normalise = {design.normalise!r}{hint}")
    names = [p.name for p in design.parts]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{where}: two parts are called {name!r}; give one of them a `name`")
    gates = [p.name for p in design.parts if p.gate is not None]
    if design.combine == "gate" and not 0 < len(gates) < len(names):
        raise UserError(f"{where}: combine = 'gate' needs a part with `gate = <threshold>` and a part without one")
    if design.combine == "lexicographic" and (not gates or gates != names[:-1]):
        raise UserError(f"{where}: combine = 'lexicographic' needs `gate = <score>` for every part but the last")
    if design.combine not in ("gate", "lexicographic") and gates:
        raise UserError(f"{where}: part {gates[0]!r} has a `gate`, but combine is {design.combine!r}")
    below = [p.name for p in design.parts if any(p.weight * f < 0 for _, f in p.schedule or ((0.0, 1.0),))]
    if design.combine in ("product", "lexicographic", "ensemble") and below:
        raise UserError(f"{where}: part {below[0]!r} has a weight below 0, which {design.combine!r} cannot have")
    if design.combine != "ensemble" and design.penalty is not None:
        raise UserError(f"{where}: it has a `penalty`, but combine is {design.combine!r}, not 'ensemble'")
    if design.combine == "lexicographic" and design.normalise != "none":
        raise UserError(f"{where}: gates are scores; normalise = {design.normalise!r} would move them")
    if design.credit not in (None, *CREDIT):
        raise UserError(f"{where}: credit = {design.credit!r} (known: 'end'; without it, where the segments stand)")
    _validate_levels(design, where)
    if design.combine == "product" and design.normalise != "none":
        raise UserError(f"{where}: a product needs scores of 0 and above; normalise = {design.normalise!r} has others")
    try:
        design_hash(design)
    except (TypeError, ValueError, rfc8785.CanonicalizationError) as error:
        raise UserError(f"{where}: its params cannot be hashed: {error}") from error


def _validate_levels(design: Design, where: str) -> None:
    """Raise UserError where a piecewise part could not be paid where its pieces stand."""
    pieces = [p for p in design.parts if p.level is not None]
    if pieces and design.credit is None and (design.combine != "sum" or design.normalise != "none"):
        how = f"combine = {design.combine!r}" if design.combine != "sum" else f"normalise = {design.normalise!r}"
        raise UserError(f"{where}: part {pieces[0].name!r} has a level, which {how} cannot pay; set credit = 'end'")
    clipped = [p.name for p in pieces if p.clip is not None]
    if clipped:
        raise UserError(f"{where}: part {clipped[0]!r} has a level and a clip; clip the pieces inside its function")


def variables(design: Design) -> frozenset[str]:
    """The environment variables that a design names, as a judge's `key_env` does: secrets that it is given.

    >>> sorted(variables(Design("d", (Part("a", "judge.score", params={"key_env": "OPENAI_API_KEY"}),))))
    ['OPENAI_API_KEY']
    """
    params = [item for part in design.parts for item in part.params.items()]
    return frozenset(value for key, value in params if key.endswith("_env") and isinstance(value, str))
