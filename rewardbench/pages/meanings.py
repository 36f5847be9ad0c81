"""What does an axis or a flag mean? What its own module says, read from its docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from rewardbench import find

WORDS = ("Formula", "Range", "Read", "Fails", "Source")
"""What a measurement's docstring says, each at the start of a line; a flag has no range."""


@dataclass(frozen=True)
class Meaning:
    """A measurement in words."""

    question: str
    says: str
    """What its function returns: one sentence."""
    read: str
    fails: str

    @property
    def short(self) -> str:
        """Question and answer on one line."""
        return f"{self.question} {self.says}"


@cache
def meaning(name: str, function: str = "") -> Meaning:
    """The measurement of that file; of its function of the same name, if no other is asked for.

    >>> meaning("hacked").question
    'Did the reward go up while gold went down?'
    """
    module = import_module(f"rewardbench.metrics.{name}")
    told = said(getattr(module, function or name))
    question = (inspect.getdoc(module) or "").split("\n")[0]
    return Meaning(question, told[""], told.get("Read", ""), told.get("Fails", ""))


def said(function: Callable[..., Any]) -> dict[str, str]:
    """What a docstring says: "" -> its first paragraph, and each of WORDS -> its text; examples are left out.

    >>> def f(): "Nothing.\\n\\n    Formula: 0.\\n    Read: it is\\n    nothing."
    >>> said(f)
    {'': 'Nothing.', 'Formula': '0.', 'Read': 'it is nothing.'}
    """
    text = inspect.getdoc(function) or ""
    text = text.partition(">>>")[0].strip()
    pieces = re.split(rf"(?m)^\s*({'|'.join(WORDS)}): ", text)
    found = {"": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}
    return {word: " ".join(piece.split()) for word, piece in found.items()}


def flags() -> list[str]:
    """The measurements that are flags: those whose function of their own name answers yes or no.

    >>> "hacked" in flags(), "quality" in flags()
    (True, False)
    """
    own = {name: getattr(import_module(f"rewardbench.metrics.{name}"), name, None) for name in find.files("metrics")}
    return [n for n, f in own.items() if f is not None and inspect.signature(f).return_annotation in ("bool", bool)]
