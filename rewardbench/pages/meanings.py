"""What does an axis or a flag mean? What its own module says, read from its docstrings."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from rewardbench import find

SECTION = re.compile(r"^(Formula|Read|Fails): (.*?)(?=^(?:Formula|Read|Fails): |^>>>|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Meaning:
    """A measurement in words."""

    name: str
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
    text = inspect.getdoc(getattr(module, function or name)) or ""
    sections = {key: _line(value) for key, value in SECTION.findall(text)}
    question = (inspect.getdoc(module) or "").split("\n")[0]
    says = _line(text.split("\n\n")[0])
    return Meaning(name, question, says, sections.get("Read", ""), sections.get("Fails", ""))


def flags() -> list[str]:
    """The measurements that are flags: those whose function of their own name answers yes or no.

    >>> "hacked" in flags(), "quality" in flags()
    (True, False)
    """
    own = {name: getattr(import_module(f"rewardbench.metrics.{name}"), name, None) for name in find.files("metrics")}
    return [n for n, f in own.items() if f is not None and inspect.signature(f).return_annotation in ("bool", bool)]


def _line(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())
