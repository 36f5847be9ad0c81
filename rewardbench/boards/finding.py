"""What did a check find? A stable code, a line that names file, task, seed and sample, and what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rewardbench.pages.safe import cut, label
from rewardbench.types import UserError

SEVERITIES = ("reject", "flag", "mark")
"""It cannot stand on a board · a person looks at it · it is told beside the entry, no more."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check found."""

    code: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    severity: str = ""
    """One of SEVERITIES; empty: that of the check."""


class Refused(UserError):
    """A bundle that is not read any further, with the check's code: a finding, so exit code 3."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}", 3)
        self.finding = Finding(code, message, severity="reject")


def shown(value: object, longest: int = 60) -> str:
    """Anything of a bundle's as one short line in which nothing hides.

    >>> shown("a\\x1b[31m"), shown(3)
    ("'a⟨U+001B⟩[31m'", '3')
    """
    if isinstance(value, str):
        return f"'{cut(label(value), longest)}'" if value else "''"
    return cut(label(repr(value)), longest)
