"""The `untrained` runs that a bundle brings along are the board's own.

Why: gains are measured from them. They are the same for everybody: same policy, prompts and noise. Up to 2 % of the
completions may differ by how another machine rounds, and are flagged.
Mend: do not edit `control/`; run `untrained` with the board's seeds.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, Piece, place
from rewardbench.boards.checks._same import FEW, same
from rewardbench.boards.finding import Finding, shown

CODE = "V26"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06",)


def check(case: Case) -> list[Finding]:
    """Tasks whose control rows are others than the board's."""
    found, missing = [], []
    for piece in case.controls:
        if piece.design.trains or piece.design.parts:
            found.append(Finding(CODE, f"{piece.where} holds design {shown(piece.design.name)}, not `untrained`"))
            continue
        base = case.listed("untrained", piece.task)
        if base is None:
            missing.append(piece.task)
            continue
        found += [f for seed in piece.seeds for f in _seed(piece, base, seed)]
    if missing:
        raise case.lacking("untrained", missing)
    return found


def _seed(piece: Piece, base: Piece, seed: int) -> list[Finding]:
    mine, theirs = piece.of("scores", seed), base.of("scores", seed)
    if len(mine["gold"]) != len(theirs["gold"]):
        return [Finding(CODE, f"{piece.where}, seed {seed}: {len(mine['gold'])} rows, not {len(theirs['gold'])}")]
    alike = same(mine, theirs)
    share = float((~alike).mean())
    if share == 0:
        return []
    line = f"{share:.1%} of the control is not the board's: {place(piece.where, mine, int(np.argmin(alike)))}"
    return [Finding(CODE, line, {"seed": seed, "share": share}, "flag" if share <= FEW else "")]
