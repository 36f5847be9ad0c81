"""Sampled anew from the weights that the bundle brings, completions score as the rows say.

Why: it shows that a policy exists which behaves so, on fresh prompts too. Thin entries bring no weights: on the CPU
tier training anew costs seconds and says more, see V41.
Mend: nothing, unless the board asks for weights.
"""

from __future__ import annotations

import importlib
import importlib.util

from rewardbench.boards.checks._case import Case, NotChecked
from rewardbench.boards.finding import Finding

CODE = "V30"
LEVEL = "regenerated"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V20",)


def check(case: Case) -> list[Finding]:
    """What sampling anew found; one mark where there are no weights to sample from."""
    if importlib.util.find_spec("rewardbench.boards.regenerate") is None or not list(
        case.folder.rglob("*.safetensors")
    ):
        raise NotChecked("not checked: no weights in the bundle")
    found: list[Finding] = importlib.import_module("rewardbench.boards.regenerate").check(case)
    return found
