"""How is a work written as BibTeX? Its key, its fields, and what TeX would not print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""Characters that TeX would not print, and what prints them."""


def key(*words: str) -> str:
    """A BibTeX key of the suite.

    >>> key("qa/lookup")
    'rewardbench_suite_qa_lookup'
    """
    return re.sub(r"[^a-z0-9.-]+", "_", "_".join(("rewardbench_suite", *words)).lower())


def tex(text: str) -> str:
    """The text as TeX prints it.

    >>> tex("50% of a_b & {c}")
    '50\\\\% of a\\\\_b \\\\& \\\\{c\\\\}'
    """
    return "".join(SPECIAL.get(c, c) for c in " ".join(text.split()))


def group(author: str) -> bool:
    """Whether a name is one of a group, or a pen name, which no form takes apart; others are first and last name.

    >>> [group(a) for a in ("The rewardbench-suite authors", "OpenAI", "Smith and Sons", "Ann Example", "Example, Ann")]
    [True, True, True, False, False]
    """
    odd = author.startswith("The ") or any(c in author for c in "&/{}()@") or author.count(",") > 1
    return odd or len(author.split()) == 1 or "and" in author.lower().split()


def names(authors: Iterable[str]) -> str:
    """Authors as BibTeX takes them: a group's name is kept together.

    >>> names(["The authors", "Ann Example"])
    '{The authors} and Ann Example'
    """
    return " and ".join("{" + tex(a) + "}" if group(a) else tex(a) for a in authors)


def entry(key: str, fields: Mapping[str, str]) -> str:
    """An entry of fields that are TeX already; empty ones are left out.

    >>> print(entry("a", {"title": "T", "url": ""}))
    @misc{a,
      title = {T},
    }
    """
    return "\n".join([f"@misc{{{key},", *(f"  {name} = {{{value}}}," for name, value in fields.items() if value), "}"])
