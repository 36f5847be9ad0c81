"""Which if-then rules hold of a completion, and what do they pay? An expert system over any measured feature.

The rules stand in the design's TOML, as data. A feature is any shipped part by its name; a condition compares
features, and a rule pays `then` where its condition holds and `else` where not:

    [[part]]
    use = "rules.dialogue"
    [[part.params.rules]]
    name = "closed in few turns"
    if = "dialogue.closed == 1 and dialogue.turns <= 4"
    then = 0.5

`score` is for tasks of one turn; `dialogue` reads the messages of a dialogue, and gives features that read a text the
policy's turns joined by newlines. Conditions are read by Python's own grammar, and only arithmetic, comparisons,
`and`, `or` and `not` are let through: nothing in a design is executed.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rewardbench.measures.rule_language import Rule, nearest, pays, rule_from, told
from rewardbench.types import UserError

PACKAGE = Path(__file__).parents[1]
PLACES = ("rewards", "reward_models.parts")


@dataclass(frozen=True)
class Feature:
    """A shipped part as the rules call it."""

    call: Callable[..., Any]
    params: Mapping[str, Any]
    form: str


# --- parts ---------------------------------------------------------------------------------------------


def score(
    completions: Sequence[str],
    prompts: Sequence[str],
    rules: Sequence[Mapping[str, Any]] = (),
    features: Mapping[str, Any] | None = None,
    **columns: Any,
) -> dict[str, list[float | None]] | list[None]:
    """What each rule pays each completion: rule name -> scores; the part's score is their sum.

    A rule abstains where a feature that it reads abstains, or where it divides by 0. Without rules the part abstains.
    Range: what the rules' `then` and `else` say.
    Cost: each feature once a batch, and a few microseconds a rule and completion.
    Source: own; production rules as in classic expert systems.

    >>> rule = {"name": "short", "if": "few > 0.5 and not null.format < 1", "then": 2}
    >>> score(["One two.", "one two three"], ["p"] * 2, [rule], {"few": {"use": "length.words", "low": 1, "high": 9}})
    {'short': [2.0, 0.0]}
    """
    return _paid(rules, features, {"completions": completions, "prompts": prompts, **columns}, "text")


def dialogue(
    completions: Sequence[Sequence[Mapping[str, str]]],
    prompts: Sequence[Sequence[Mapping[str, str]]],
    rules: Sequence[Mapping[str, Any]] = (),
    features: Mapping[str, Any] | None = None,
    **columns: Any,
) -> dict[str, list[float | None]] | list[None]:
    """What each rule pays each dialogue: rule name -> scores; the part's score is their sum.

    As `score`, over messages; a feature that reads a text is given the policy's turns joined by newlines.
    Range: what the rules' `then` and `else` say.
    Cost: each feature once a batch, and a few microseconds a rule and completion.
    Source: own; production rules as in classic expert systems.

    >>> rule = {"name": "kind and brief", "if": "dialogue.turns <= 2 and politeness.courtesies > 0", "then": 0.5}
    >>> dialogue([[{"role": "assistant", "content": "Thank you."}]], [[{"role": "user", "content": "Hi"}]], [rule])
    {'kind and brief': [0.5]}
    """
    return _paid(rules, features, {"completions": completions, "prompts": prompts, **columns}, "messages")


dialogue.form = "messages"  # type: ignore[attr-defined]


def explain(
    completion: str | Sequence[Mapping[str, str]],
    prompt: str | Sequence[Mapping[str, str]],
    rules: Sequence[Mapping[str, Any]],
    features: Mapping[str, Any] | None = None,
    **columns: Any,
) -> list[str]:
    """A line a rule: whether it fired for this one completion, the measured values, and what it pays.

    A completion given as text is read as by `score`, one given as messages as by `dialogue`; a column is the
    prompt's own value.

    >>> explain("One. Two.", "p", [{"name": "long", "if": "length.sentences == 1", "then": 1, "else": -1}])
    ['long: does not hold (length.sentences = 0.5), pays -1']
    """
    form = "text" if isinstance(completion, str) else "messages"
    given = {"completions": [completion], "prompts": [prompt], **{name: [value] for name, value in columns.items()}}
    read, known = prepared(rules, features, form)
    measured = measure(read, known, given, form)
    return [told(rule, {name: measured[name][0] for name in rule.features}) for rule in read]


def check(form: str, params: Mapping[str, Any]) -> None:
    """Raise UserError where the params of a rules part cannot be read, before anything runs."""
    for key in params:
        if key not in ("rules", "features"):
            raise UserError(f"rules: unknown parameter {key!r}{nearest(key, ('rules', 'features'))}")
    if not params.get("rules"):
        raise UserError("rules: no rule is given; write [[part.params.rules]] with `name`, `if` and `then`")
    prepared(params["rules"], params.get("features"), form)


score.check = lambda **params: check("text", params)  # type: ignore[attr-defined]
dialogue.check = lambda **params: check("messages", params)  # type: ignore[attr-defined]


def _paid(
    rules: Sequence[Mapping[str, Any]], features: Mapping[str, Any] | None, given: dict[str, Any], form: str
) -> dict[str, list[float | None]] | list[None]:
    """Rule name -> what it pays each completion."""
    count = len(given["completions"])
    if not rules:
        return [None] * count
    read, known = prepared(rules, features, form)
    measured = measure(read, known, given, form)
    rows: list[dict[str, float | None]] = [{n: v[i] for n, v in measured.items()} for i in range(count)]
    return {rule.name: [pays(rule, row) for row in rows] for rule in read}


# --- reading -------------------------------------------------------------------------------------------


def prepared(
    rules: Sequence[Mapping[str, Any]], features: Mapping[str, Any] | None, form: str
) -> tuple[list[Rule], dict[str, Feature]]:
    """The rules read, and the features that they name; a mistake is a UserError that says where."""
    if not isinstance(rules, (list, tuple)) or not all(isinstance(rule, Mapping) for rule in rules):
        raise UserError("rules: `rules` is not a list of tables; write [[part.params.rules]]")
    named = _named_features(features)
    read = [rule_from(raw, number + 1) for number, raw in enumerate(rules)]
    names = [rule.name for rule in read]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"rules: two rules are called {name!r}")
    found: dict[str, Feature] = {}
    for rule in read:
        for name in rule.features:
            if name not in found:
                found[name] = _feature(name, named, form, f"rule {rule.name!r}")
    return read, found


def _named_features(features: Mapping[str, Any] | None) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Own name -> (part, params) of each entry of `features`."""
    if not isinstance(features or {}, Mapping):
        raise UserError("rules: `features` is not a table of names")
    named: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for name, raw in (features or {}).items():
        if not isinstance(raw, Mapping) or not isinstance(raw.get("use"), str):
            raise UserError(f"rules: feature {name!r} has no `use`, which names a part")
        if not name.isidentifier():
            raise UserError(f"rules: feature {name!r} is not one word of letters, digits and _")
        named[name] = (raw["use"], {key: value for key, value in raw.items() if key != "use"})
    return named


@cache
def known() -> dict[str, str]:
    """Name (`topic.part`) -> module of each shipped part that can be a feature; read without importing any."""
    found: dict[str, str] = {}
    for place in PLACES:
        for path in sorted((PACKAGE / place.replace(".", "/")).glob("[!_]*.py")):
            if path != Path(__file__):
                found |= {f"{path.stem}.{name}": f"rewardbench.{place}.{path.stem}" for name in _parts_of(path)}
    return found


def _parts_of(path: Path) -> list[str]:
    """The public functions of completions that a file defines."""
    functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    takes = {f.name: {a.arg for a in [*f.args.args, *f.args.kwonlyargs]} for f in functions}
    return [name for name, arguments in takes.items() if "completions" in arguments and not name.startswith("_")]


def _feature(name: str, named: Mapping[str, tuple[str, Mapping[str, Any]]], form: str, where: str) -> Feature:
    """What a name in a condition stands for: an entry of `features`, or a shipped part with its defaults."""
    use, params = named.get(name, (name, {}))
    if use not in known():
        asked = f"feature {name!r}" if use == name else f"feature {name!r} uses {use!r}:"
        hint = nearest(use, [*named, *known()])
        raise UserError(f"{where}: {asked} is no shipped part{hint or '; `rbench list parts` has all'}")
    topic, _, function = use.rpartition(".")
    call = getattr(importlib.import_module(known()[f"{topic}.{function}"]), function)
    its_form = str(getattr(call, "form", "text"))
    if its_form == "messages" and form == "text":
        raise UserError(f"{where}: feature {name!r} reads the messages of a dialogue: use `rules.dialogue`")
    parameters = inspect.signature(call).parameters
    for key in params:
        if key not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            raise UserError(f"{where}: feature {name!r} ({use}) has no parameter {key!r}{nearest(key, parameters)}")
    return Feature(call, params, its_form)


def measure(
    rules: Sequence[Rule], features: Mapping[str, Feature], given: Mapping[str, Any], form: str
) -> dict[str, list[float | None]]:
    """Feature -> what it measures of each completion; each is called once."""
    texts = _as_text(given) if form == "messages" else given
    wanted = dict.fromkeys(name for rule in rules for name in rule.features)
    return {name: _measured(name, features[name], texts, given) for name in wanted}


def _as_text(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with prompts and completions as texts: of a dialogue, the policy's turns joined by newlines."""
    own = [[m["content"] for m in chat if m["role"] == "assistant"] for chat in given["completions"]]
    asked = [[m["content"] for m in chat] for chat in given["prompts"]]
    return {**given, "completions": ["\n".join(turns) for turns in own], "prompts": ["\n".join(a) for a in asked]}


def _measured(name: str, feature: Feature, texts: Mapping[str, Any], chats: Mapping[str, Any]) -> list[float | None]:
    """One feature's value of each completion; names of what it returns, and segments, are summed."""
    given = {**(chats if feature.form == "messages" else texts), **feature.params}
    parameters = inspect.signature(feature.call).parameters.values()
    takes = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    missing = [p.name for p in parameters if p.name in takes and p.default is p.empty and p.name not in given]
    if missing:
        raise UserError(f"feature {name!r} needs the column {missing[0]!r}, which these prompts do not have")
    everything = any(p.kind is p.VAR_KEYWORD for p in parameters)
    result = feature.call(**(given if everything else {key: given[key] for key in takes if key in given}))
    lists = list(result.values()) if isinstance(result, Mapping) else [result]
    return [_sum([_number(value) for value in values]) for values in zip(*lists, strict=True)]


def _number(value: Any) -> float | None:
    """A part's value of one completion as a number: segments are summed, None stays."""
    if isinstance(value, (list, tuple)):
        return float(sum(segment[2] for segment in value))
    return None if value is None else float(value)


def _sum(values: Sequence[float | None]) -> float | None:
    """The sum of what is not None; None where all are."""
    heard = [value for value in values if value is not None]
    return sum(heard) if heard else None
