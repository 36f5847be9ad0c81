"""What does a reward function's signature say, and does it want texts or messages?"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Signature:
    """The names that a function can be called with."""

    names: tuple[str, ...]
    """Every named parameter."""
    required: tuple[str, ...]
    """Those without a default."""
    keywords: bool
    """Whether it takes any other keyword as well (`**kwargs`)."""
    fixed: tuple[str, ...] = ()
    """Those that a design's params have set already: nothing else is given for them."""

    def wanted(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Of what is given, what the signature asks for.

        >>> Signature(("a",), ("a",), False).wanted({"a": 1, "b": 2})
        {'a': 1}
        """
        return {n: v for n, v in given.items() if (n in self.names or self.keywords) and n not in self.fixed}


def signature(function: Callable[..., Any], params: tuple[str, ...] = ()) -> Signature:
    """The signature of a function, without the parameters that its design sets.

    >>> signature(lambda completions, width, *, answer=None, **rest: 0, ("width",))
    Signature(names=('completions', 'answer'), required=('completions',), keywords=True, fixed=())
    """
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin that tells nothing: one text in, one number out
        return Signature(("text",), ("text",), False)
    fixed = tuple(function.keywords) if isinstance(function, partial) else ()
    taken = (*params, *fixed)
    named = [p for p in found if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in taken]
    required = tuple(p.name for p in named if p.default is p.empty)
    return Signature(tuple(p.name for p in named), required, any(p.kind is p.VAR_KEYWORD for p in found), fixed)


def form(function: Callable[..., Any], names: tuple[str, ...]) -> tuple[str, str]:
    """(`text` or `messages`, why): what a function wants for its completions, which it calls one of `names`.

    Its attribute `form` decides, then an annotation, then whether its code looks up a message's `content` or `role`.

    >>> def paid(completions: list[str]): return [0.0 for _ in completions]
    >>> form(paid, ("completions",))
    ('text', "completions is annotated 'list[str]'")
    """
    own = getattr(function, "form", None)
    if isinstance(own, str):  # a wrong name is refused by `read`; what is no text is a class's own business
        return own, "its attribute `form` says so"
    parameters = _parameters(function)
    for name in (n for n in names if n in parameters):
        note = parameters[name].annotation
        if note is not inspect.Parameter.empty:
            words = note if isinstance(note, str) else inspect.formatannotation(note)
            if "dict" in words.lower() or "message" in words.lower():
                return "messages", f"{name} is annotated {words!r}"
            if "str" in words:
                return "text", f"{name} is annotated {words!r}"
    if _reads_messages(function):
        return "messages", "its code looks up a message's 'content' or 'role'"
    return "text", "nothing in it asks for messages"


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name; none where it has no signature to read."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def reads(function: Callable[..., Any], name: str) -> bool:
    """Whether the code of a function (or of its class's call) looks at this argument; yes where there is no source.

    A convention may force a name on a function that has no use for it.
    """
    tree = _tree(function)
    return tree is None or any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _tree(function: Callable[..., Any]) -> ast.Module | None:
    """The source of a function, or of its class's call, read; None where there is none."""
    while isinstance(function, partial):
        function = function.func
    try:
        code = function if inspect.isroutine(function) else type(function).__call__
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(code))))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None


def _reads_messages(function: Callable[..., Any]) -> bool:
    """Whether the source of a function (or of its class's call) indexes something by `content` or `role`."""
    tree = _tree(function)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Subscript) and _is_key(node.slice):
            return True
        match node:
            case ast.Call(func=ast.Attribute(attr="get"), args=[key, *_]) if _is_key(key):
                return True
    return False


def _is_key(node: ast.expr) -> bool:
    """Whether an expression is the name of one of a message's two fields."""
    return isinstance(node, ast.Constant) and node.value in ("content", "role")
