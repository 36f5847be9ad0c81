"""The design's hash is that of its parts, weights and rules, and its registered parts exist with such parameters.

Why: the hash is the contestant's identity. A design that was changed after the runs would be credited with another's
runs.
Mend: change the .toml, run it again, pack it again.
"""

from __future__ import annotations

from dataclasses import replace

from rewardbench import find
from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding, shown
from rewardbench.design import design_hash
from rewardbench.types import UserError

CODE = "V16"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V17",)


def check(case: Case) -> list[Finding]:
    """Tasks whose design is not what it is hashed as, or could not be."""
    found = []
    for piece in case.all:
        made = piece.design
        if design_hash(made) != piece.specs[0].design_hash:
            found.append(Finding(CODE, f"{piece.where}: design {shown(made.name)} hashes to {design_hash(made)[:16]}"))
        shipped = replace(made, parts=tuple(p for p in made.parts if ":" not in p.use and p.use != "oracle"))
        try:
            find.check_params(shipped)
        except UserError as error:
            found.append(Finding(CODE, f"{piece.where}: {shown(str(error), 200)}"))
    return found
