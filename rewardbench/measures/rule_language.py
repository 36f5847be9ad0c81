"""What does an if-then rule say, and what does it pay? Expressions read by Python's own grammar, checked, evaluated.

Only arithmetic, comparisons, `and`, `or` and `not` are let through: nothing in a rule is executed. What a name in a
rule stands for is not known here: a rule is given values.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench.types import UserError

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


def rule_from(raw: Mapping[str, Any], number: int) -> Rule:
    """One table as a Rule."""
    name = raw.get("name", f"rule {number}")
    if not isinstance(name, str) or not name:
        raise UserError(f"rules: the name of rule {number} is not a text")
    where = f"rule {name!r}"
    for key in raw:
        if key not in KEYS:
            raise UserError(f"{where}: unknown key {key!r}{nearest(key, KEYS)} (known: {', '.join(KEYS)})")
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


def nearest(asked: str, names: Sequence[str] | Mapping[str, Any]) -> str:
    """`, did you mean 'x'?` if a name is close, else nothing."""
    close = difflib.get_close_matches(asked, list(names), 1)
    return f", did you mean {close[0]!r}?" if close else ""


def pays(rule: Rule, values: Values) -> float | None:
    """What a rule pays a completion with these measured values; None where it abstains.

    >>> rule = rule_from({"name": "a", "if": "length.words > 2", "then": "length.words / 2"}, 1)
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


def told(rule: Rule, values: Values) -> str:
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
