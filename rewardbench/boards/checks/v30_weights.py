"""Sampled anew from the weights that the bundle brings, completions score as the rows say.

Why: it shows that a policy exists which behaves so, on fresh prompts too. No board of this version asks for weights:
on the CPU tier training anew costs seconds and says more, see V41, and so this check is never made.
Mend: nothing; ask for `--level reproduced`.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case, NotChecked
from rewardbench.boards.finding import Finding

CODE = "V30"
LEVEL = "regenerated"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V20",)


def check(case: Case) -> list[Finding]:
    """Raises NotChecked: there are no weights to sample from."""
    raise NotChecked("not checked: no board of this version asks for weights; `--level reproduced` trains anew")
