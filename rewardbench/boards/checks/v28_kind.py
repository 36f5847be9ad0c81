"""The entry is of the kind that it says, under a name that is its own.

Why: arms are shown and never ranked; the task's own and the drawn designs stand for what nobody chose. A submission
that called itself one of them would be read as such; one that takes a listed name would replace it.
Mend: `kind = submitted`, and a name that the board does not list.
"""

from __future__ import annotations

from rewardbench.boards import entries, packing
from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding, shown

CODE = "V28"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V15", "V16", "V27")


def check(case: Case) -> list[Finding]:
    """Tasks whose design is none of the board's own; a name that is taken."""
    found = []
    kind = str(case.about["kind"])
    for piece in case.pieces:
        spec = piece.specs[0]
        taught = spec.algorithm if spec.design.trains else ""
        one = packing.Found(piece.task, piece.design.name, spec.design_hash, taught, (), case.folder)
        plain = entries.NAME.fullmatch(one.design)  # the name of a file that is looked for
        if kind != "submitted" and (not plain or packing.kind_of(case.board, one) != (kind, case.name)):
            found.append(
                Finding(CODE, f"{piece.where}: the board has no {kind} design {shown(case.name)} like this one")
            )
        listed = case.listed(case.name, piece.task)
        if listed is not None and [s.id for s in listed.specs] != [s.id for s in piece.specs]:
            found.append(Finding(CODE, f"{piece.where}: the board lists another entry as {shown(case.name)}"))
    return found
