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
import difflib
import importlib
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rewardbench.types import UserError

PACKAGE = Path(__file__).parents[1]
PLACES = ("rewards", "reward_models.parts")
KEYS = ("name", "if", "then", "else")
ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
Values = Mapping[str, float | None]
"""Feature -> what was measured of one completion; None where it abstained."""


@dataclass(frozen=True)
class Rule:
    """One rule, read: its condition and what it pays are syntax trees that were checked."""

    name: str
    words: str
    """The condition as it was written."""
    condition: ast.expr
    then: ast.expr
    otherwise: ast.expr
    features: tuple[str, ...]
    """What it reads, in order of first mention."""


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
    return [_told(rule, {name: measured[name][0] for name in rule.features}) for rule in read]


def check(form: str, params: Mapping[str, Any]) -> None:
    """Raise UserError where the params of a rules part cannot be read, before anything runs."""
    for key in params:
        if key not in ("rules", "features"):
            raise UserError(f"rules: unknown parameter {key!r}{_nearest(key, ('rules', 'features'))}")
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
    read = [_rule(raw, number + 1) for number, raw in enumerate(rules)]
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


def _rule(raw: Mapping[str, Any], number: int) -> Rule:
    """One table as a Rule."""
    name = raw.get("name", f"rule {number}")
    if not isinstance(name, str) or not name:
        raise UserError(f"rules: the name of rule {number} is not a text")
    where = f"rule {name!r}"
    for key in raw:
        if key not in KEYS:
            raise UserError(f"{where}: unknown key {key!r}{_nearest(key, KEYS)} (known: {', '.join(KEYS)})")
    for key in ("if", "then"):
        if key not in raw:
            raise UserError(f"{where}: `{key}` is missing")
    if not isinstance(raw["if"], str):
        raise UserError(f"{where}: `if` is not a text")
    trees = [parsed(raw["if"], where, "if", True)]
    trees += [parsed(raw.get(key, 0.0), where, key, False) for key in ("then", "else")]
    seen = dict.fromkeys(dotted(node) for tree in trees for node in _names(tree))
    return Rule(name, raw["if"], trees[0], trees[1], trees[2], tuple(seen))


def parsed(value: Any, where: str, key: str, condition: bool) -> ast.expr:
    """The syntax tree of a condition, or of an amount, with nothing in it but the safe subset.

    >>> ast.unparse(parsed("1 < length.words + 2 <= 3", "rule 'a'", "if", True))
    '1 < length.words + 2 <= 3'
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UserError(f"{where}: `{key}` = {value!r} is neither a number nor an expression")
    words = value if isinstance(value, str) else repr(float(value))
    try:
        # brackets let a condition go over several lines of TOML; ast counts columns in UTF-8 bytes
        tree = ast.parse(f"({words}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f", column {max(1, (error.offset or 2) - 1)}" if isinstance(error, SyntaxError) else ""
        raise UserError(f"{where}: `{key}` cannot be read{place}: {words!r}: {getattr(error, 'msg', error)}") from error
    _check(tree, condition, f"{where}: `{key}`", words)
    return tree


def _check(node: ast.expr, condition: bool, where: str, words: str) -> None:
    """Raise UserError for the first piece that a rule cannot hold, or a number where a comparison belongs."""
    inner: list[tuple[ast.expr, bool]] = []
    match node:
        case ast.BoolOp(values=values) if condition:
            inner = [(value, True) for value in values]
        case ast.UnaryOp(op=ast.Not(), operand=operand) if condition:
            inner = [(operand, True)]
        case ast.Compare(ops=ops) if condition and all(type(op) in COMPARISONS for op in ops):
            inner = [(side, False) for side in [node.left, *node.comparators]]
        case ast.BinOp(op=op) if not condition and type(op) in ARITHMETIC:
            inner = [(node.left, False), (node.right, False)]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand) if not condition:
            inner = [(operand, False)]
        case ast.Constant() if not condition and _finite(node.value):
            return
        case ast.Name() | ast.Attribute() if not condition and dotted(node):
            return
        case _:
            text = ast.unparse(node)
            amount = condition and isinstance(node, (ast.Name, ast.Attribute, ast.Constant, ast.BinOp))
            allowed = "comparisons, and, or, not" if condition else "numbers, + - * /, features"
            hint = f"is a number, not a condition; compare it, as in '{text} > 0'"
            fault = hint if amount else f"is none of: {allowed}"
            raise UserError(f"{where}, {_place(node, words)}: {text!r} {fault}")
    for child, boolean in inner:
        _check(child, boolean, where, words)


def _finite(value: object) -> bool:
    """Whether a constant is a number that leaves room to calculate with; True and texts are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _place(node: ast.expr, words: str) -> str:
    """Where in the text that was written a piece begins: `column 5`, with the line where there are several."""
    line = words.split("\n")[node.lineno - 1]
    before = node.col_offset - (1 if node.lineno == 1 else 0)  # the bracket that `parsed` put before it
    column = len(line.encode()[:before].decode(errors="replace")) + 1
    return f"line {node.lineno}, column {column}" if "\n" in words.strip() else f"column {column}"


def dotted(node: ast.expr) -> str:
    """The name that a tree writes, `a` or `a.b`, or `` if it is none.

    >>> dotted(ast.parse("length.words", mode="eval").body), dotted(ast.parse("f(1).x", mode="eval").body)
    ('length.words', '')
    """
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and inner else ""


def _names(node: ast.expr) -> list[ast.expr]:
    """The feature names in a checked tree, outermost dots first, left to right."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        return [node]
    return [name for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr) for name in _names(child)]


# --- features ------------------------------------------------------------------------------------------


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
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    takes = {f.name: {a.arg for a in [*f.args.args, *f.args.kwonlyargs]} for f in functions}
    return [name for name, arguments in takes.items() if "completions" in arguments and not name.startswith("_")]


def _nearest(asked: str, names: Sequence[str] | Mapping[str, Any]) -> str:
    """`, did you mean 'x'?` if a name is close, else nothing."""
    close = difflib.get_close_matches(asked, list(names), 1)
    return f", did you mean {close[0]!r}?" if close else ""


def _feature(name: str, named: Mapping[str, tuple[str, Mapping[str, Any]]], form: str, where: str) -> Feature:
    """What a name in a condition stands for: an entry of `features`, or a shipped part with its defaults."""
    use, params = named.get(name, (name, {}))
    if use not in known():
        asked = f"feature {name!r}" if use == name else f"feature {name!r} uses {use!r}:"
        hint = _nearest(use, [*named, *known()])
        raise UserError(f"{where}: {asked} is no shipped part{hint or '; `rbench list parts` has all'}")
    topic, _, function = use.rpartition(".")
    call = getattr(importlib.import_module(known()[f"{topic}.{function}"]), function)
    its_form = str(getattr(call, "form", "text"))
    if its_form == "messages" and form == "text":
        raise UserError(f"{where}: feature {name!r} reads the messages of a dialogue: use `rules.dialogue`")
    parameters = inspect.signature(call).parameters
    for key in params:
        if key not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            raise UserError(f"{where}: feature {name!r} ({use}) has no parameter {key!r}{_nearest(key, parameters)}")
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


# --- deciding ------------------------------------------------------------------------------------------


def pays(rule: Rule, values: Values) -> float | None:
    """What a rule pays a completion with these measured values; None where it abstains.

    >>> rule = _rule({"name": "a", "if": "length.words > 2", "then": "length.words / 2"}, 1)
    >>> pays(rule, {"length.words": 3.0}), pays(rule, {"length.words": 1.0}), pays(rule, {"length.words": None})
    (1.5, 0.0, None)
    """
    if any(values[name] is None for name in rule.features):
        return None
    try:
        return float(_value(rule.then if _value(rule.condition, values) else rule.otherwise, values))
    except ZeroDivisionError:  # the ratio is not defined for this completion: the case does not apply
        return None


def _value(node: ast.expr, values: Values) -> Any:
    """A checked tree's value: a truth or a number."""
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_value(value, values) for value in node.values)
        case ast.BoolOp():
            return any(_value(value, values) for value in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, values)
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, values)
        case ast.UnaryOp():
            return _value(node.operand, values)
        case ast.Compare():
            sides = [_value(side, values) for side in [node.left, *node.comparators]]
            pairs = zip(node.ops, sides, sides[1:], strict=False)
            return all(COMPARISONS[type(op)](a, b) for op, a, b in pairs)
        case ast.BinOp():
            return ARITHMETIC[type(node.op)](_value(node.left, values), _value(node.right, values))
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case _:
            return values[dotted(node)]


def _told(rule: Rule, values: Values) -> str:
    """What a rule did with these values, in words."""
    read = ", ".join(f"{name} = {'nothing' if v is None else f'{v:g}'}" for name, v in values.items())
    measured = f" ({read})" if read else ""
    paid = pays(rule, values)
    if paid is None:
        silent = [name for name, value in values.items() if value is None]
        why = f"{', '.join(silent)} abstains" if silent else "a division by 0"
        return f"{rule.name}: abstains{measured}: {why}"
    holds = "holds" if _value(rule.condition, values) else "does not hold"
    return f"{rule.name}: {holds}{measured}, pays {paid:g}"
