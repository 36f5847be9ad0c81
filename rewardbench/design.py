"""What does a design pay? Pure: text -> Design, scores of parts -> reward, Design -> hash."""

from __future__ import annotations

import difflib
import hashlib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import rfc8785

from rewardbench.types import Design, Floats, Part, RewardError, UserError

COMBINE = ("sum", "product", "min", "gate", "lexicographic", "ensemble")
NORMALISE = ("none", "group", "running")
FORMS = ("text", "messages")
LEVELS = ("turn", "sentence", "word")
CREDIT = ("end",)
CONVENTIONS = ("openrlhf", "verl", "verifiers", "trl", "plain")
"""How a part's function may be called, from the most telling signature to the least: see `conventions/`."""


def canonical(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (RFC 8785), hexadecimal.

    >>> canonical({"b": 1, "a": 2}) == canonical({"a": 2.0, "b": 1})
    True
    """
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def nearest(asked: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` if a known name is close, else nothing.

    >>> nearest("wieght", ["weight", "use"])
    ", did you mean 'weight'?"
    """
    close = difflib.get_close_matches(asked, list(known), 1)
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


def design_hash(design: Design) -> str:
    """SHA-256 of what the design pays, 64 hexadecimal digits; its own name is no part of that."""
    raw = values(design)
    raw.pop("name")
    return canonical(raw)


def values(thing: Any) -> Any:
    """A design or a part as plain values; fields that came later are there only where they are set.

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


@dataclass(frozen=True)
class Running:
    """Mean and variance of each part so far (Welford), for `normalise = running`; [M] each."""

    count: Floats
    mean: Floats
    square: Floats


def no_history(design: Design) -> Running:
    """The running statistics before the first score."""
    return Running(*(np.zeros(len(design.parts)) for _ in range(3)))


def observe(running: Running, scores: Floats) -> Running:
    """The statistics after scores [P, K, M] (NaN: abstained) have been seen (Chan et al. 1979)."""
    flat = scores.reshape(-1, scores.shape[-1])
    seen = np.isfinite(flat)
    n = seen.sum(0)
    mean = np.where(n > 0, np.nansum(flat, axis=0) / np.maximum(n, 1), 0.0)
    square = np.nansum((flat - mean) ** 2, axis=0)
    count = running.count + n
    gap = mean - running.mean
    share = n / np.maximum(count, 1)
    return Running(count, running.mean + gap * share, running.square + square + gap**2 * running.count * share)


def prepared(design: Design, scores: Floats, running: Running | None = None) -> Floats:
    """Scores [P, K, M] scaled, clipped and normalised as the design says."""
    values: Floats = scores.astype(np.float64)
    for m, part in enumerate(design.parts):
        values[..., m] *= part.scale
        if part.clip is not None:
            values[..., m] = np.clip(values[..., m], *part.clip)
    if design.normalise == "group":
        values = _group(values)
    if design.normalise == "running" and running is not None:
        spread = np.sqrt(running.square / np.maximum(running.count - 1, 1))
        values = (values - running.mean) / np.where(spread > 0, spread, 1.0)
    return values


def _group(values: Floats) -> Floats:
    """Each part standardised among siblings (axis 1): GDPO, Liu et al. 2026 (arXiv 2601.05242)."""
    count = np.isfinite(values).sum(1, keepdims=True)
    gap = values - np.nansum(values, axis=1, keepdims=True) / np.maximum(count, 1)
    spread = np.sqrt(np.nansum(gap**2, axis=1, keepdims=True) / np.maximum(count - 1, 1))
    return np.asarray(gap / (spread + 1e-4))


def weights(design: Design, fraction: float = 1.0) -> Floats:
    """The weight of each part [M] after a fraction of the run: its own, times what its schedule says.

    >>> faded = Design("d", (Part("a", "x.a", 2.0, schedule=((0.0, 1.0), (0.5, 0.0))), Part("b", "x.b")))
    >>> weights(faded, 0.25), weights(faded)
    (array([1., 1.]), array([0., 1.]))
    """
    found = [p.weight for p in design.parts]
    for m, part in enumerate(design.parts):
        if part.schedule is not None:
            at, factors = np.array(part.schedule, dtype=np.float64).T
            found[m] *= float(np.interp(fraction, at, factors))
    return np.array(found, dtype=np.float64)


def compose(design: Design, scores: Floats, running: Running | None = None, fraction: float = 1.0) -> Floats:
    """Reward [P, K] from raw scores [P, K, M]; NaN scores abstain, a row of nothing else is NaN.

    `fraction` of the run is over, for schedules. A part that abstains is left out and the weights of those present
    are scaled up to the same total, so that a row is not paid less only because less was said of it.

    >>> two = Design("d", (Part("a", "x.a", 1.0), Part("b", "x.b", 3.0)))
    >>> compose(two, np.array([[[1.0, 0.0], [1.0, np.nan]]]))
    array([[1., 4.]])
    """
    values, now = prepared(design, scores, running), weights(design, fraction)
    present = np.isfinite(values)
    paying = np.array([p.gate is None for p in design.parts]) & (now != 0)
    if paying.any():  # a part that a schedule has faded out is left out, as if the design had none
        present &= paying | np.array([p.gate is not None for p in design.parts])
    reward: Floats = _COMBINED[design.combine](design, values, now, present)
    return reward


def shares(design: Design, scores: Floats, running: Running | None = None, fraction: float = 1.0) -> Floats:
    """How much of the rewards' variance among siblings each part explains, [M]; NaN where all are paid alike.

    The covariance of the reward with what a part adds to it, over the reward's variance, both among siblings; what it
    adds is the reward less the reward had it said the same (its mean) of all siblings. Of a weighted sum whose
    parts never abstain the shares sum to 1; one below 0 pulls against the rest.

    >>> two = Design("d", (Part("a", "x.a", 3.0), Part("b", "x.b", 1.0)))
    >>> shares(two, np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]]))
    array([0.9, 0.1])
    """
    reward = compose(design, scores, running, fraction)
    deviation = _centred(reward)
    variance = np.nansum(deviation**2)
    found = np.full(len(design.parts), np.nan)
    for m in range(len(design.parts) if variance > 0 else 0):
        told = np.isfinite(scores[..., m])
        count = np.maximum(told.sum(1, keepdims=True), 1)
        alike = scores.copy()
        mean = np.nansum(scores[..., m], axis=1, keepdims=True) / count
        alike[..., m] = np.where(told, mean, np.nan)
        found[m] = np.nansum(_centred(reward - compose(design, alike, running, fraction)) * deviation) / variance
    return found


def _centred(values: Floats) -> Floats:
    """Values [P, K] less the mean of their siblings that have one."""
    count = np.maximum(np.isfinite(values).sum(1, keepdims=True), 1)
    return np.asarray(values - np.nansum(values, axis=1, keepdims=True) / count)


def _sum(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The weighted sum."""
    return np.where(present.any(-1), _weighted(values, weights, present), np.nan)


def _product(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The product of powers; the powers of those present are scaled up to the sum of all."""
    if (values < 0).any():
        raise RewardError("combine = 'product' met a negative score; clip the part to [0, …]")
    share = np.where(present, weights, 0.0).sum(-1, keepdims=True)
    powers = weights * weights.sum() / np.where(share > 0, share, 1.0)
    reward = np.prod(np.where(present, np.abs(values), 1.0) ** powers, axis=-1)
    return np.where(present.any(-1), reward, np.nan)


def _least(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The least weighted score: the worst case of an ensemble (Coste et al. 2023, arXiv 2310.02743)."""
    reward = np.where(present, values * weights, np.inf).min(-1)
    return np.where(present.any(-1), reward, np.nan)


def _ensemble(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """Weighted mean less `penalty` weighted standard deviations over the parts present: agreement is paid.

    As the uncertainty-weighted objective of Coste et al. 2023 (arXiv 2310.02743), with the deviation in place of the
    variance, so that the penalty has the unit of the scores.
    """
    shares = np.where(present, weights, 0.0)
    total = shares.sum(-1, keepdims=True)
    shares = shares / np.where(total > 0, total, 1.0)
    known = np.where(present, values, 0.0)
    mean = (shares * known).sum(-1)
    spread = np.sqrt((shares * (known - mean[..., None]) ** 2).sum(-1))
    return np.where(total[..., 0] > 0, mean - (design.penalty or 0.0) * spread, np.nan)


def _ranked(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """Parts in their order, each up to its gate, and the next one only where it is reached (one that abstains is).

    Thresholded lexicographic ordering (Gábor et al. 1998): no amount of a later part, in [0, …), makes up for an
    earlier one that is missed, and an earlier one is worth nothing above its gate.
    """
    reward, heard = np.zeros(values.shape[:-1]), np.zeros(values.shape[:-1], dtype=bool)
    counts = np.ones(values.shape[:-1], dtype=bool)
    for m, part in enumerate(design.parts):
        score = values[..., m] if part.gate is None else np.minimum(values[..., m], part.gate)
        silent = 0.0 if part.gate is None else part.gate  # what abstains counts as reached
        reward += np.where(counts, weights[m] * np.where(present[..., m], np.nan_to_num(score), silent), 0.0)
        heard |= counts & present[..., m]
        if part.gate is not None:
            counts &= ~present[..., m] | (values[..., m] >= part.gate)
    return np.where(heard, reward, np.nan)


def _weighted(values: Floats, weights: Floats, present: Any) -> Floats:
    """Weighted sum over the parts present, scaled to the weights of all."""
    share = (np.abs(weights) * present).sum(-1)
    total = np.where(present, values * weights, 0.0).sum(-1)
    return np.asarray(total * np.abs(weights).sum() / np.where(share > 0, share, 1.0))


def _gated(design: Design, values: Floats, weights: Floats, present: Any) -> Floats:
    """The weighted sum of the other parts where every gate present is reached, else 0."""
    bars = np.array([np.nan if p.gate is None else p.gate for p in design.parts])
    gate = np.isfinite(bars)
    is_open = np.where(present & gate, values >= np.nan_to_num(bars), True).all(-1)
    paid = _weighted(values[..., ~gate], weights[~gate], present[..., ~gate])
    heard = present[..., ~gate].any(-1)
    return np.where(heard, np.where(is_open, paid, 0.0), np.nan)


_COMBINED = {
    "sum": _sum, "product": _product, "min": _least, "gate": _gated, "lexicographic": _ranked, "ensemble": _ensemble,
}  # fmt: skip
