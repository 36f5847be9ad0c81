"""The design, or its completions, are not those of another entry.

Why: a copy under a new name would take a rank from nobody's work. Equal hashes are the same design; equal words on
the same prompts and noise, with the same KL to three digits, are the same runs. Designs that teach the same often say
the same words, but not with the same probabilities, so both must agree.
Mend: nothing if it is meant: say in the summary what it repeats and why. A person looks at it.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding
from rewardbench.boards.rows import Columns

CODE = "V33"
LEVEL = "consistent"
SEVERITY = "flag"
AFTER: tuple[str, ...] = ("V06", "V08")


ALIKE = 0.9
"""Share of the last evaluation's completions that agree in tokens, gold, class and KL."""


def check(case: Case) -> list[Finding]:
    """Entries with the same design, or the same completions."""
    found = []
    for piece in case.pieces:
        for other in case.others(piece.task):
            if other.specs[0].design_hash == piece.specs[0].design_hash and other.design.parts:
                found.append(Finding(CODE, f"{piece.where}: {other.where} has the same design", {"entry": other.where}))
                continue
            share = agreement(piece, other)
            if share > ALIKE:
                line = f"{piece.where}: {share:.0%} of the last evaluation is that of {other.where}"
                found.append(Finding(CODE, line, {"entry": other.where, "share": share}))
    return found


def agreement(one: Piece, other: Piece) -> float:
    """The largest share, over pairs of seeds, of completions at the last evaluation that agree in all but the words;
    0 where there is none to compare."""
    if not (one.design.trains and other.design.trains):
        return 0.0
    shares = [_share(_last(one, a), _last(other, a)) for a in one.seeds if a in other.seeds]
    return max(shares, default=0.0)


def _last(piece: Piece, seed: int) -> Columns:
    s = piece.of("scores", seed)
    dev = s["split"] == "dev"
    last = dev & (s["step"] == (s["step"][dev].max() if dev.any() else -1)) & (s["step"] > 0)
    return {n: v[last] for n, v in s.items()}


def _share(a: Columns, b: Columns) -> float:
    if not len(a["gold"]) or len(a["gold"]) != len(b["gold"]):
        return 0.0
    same = np.all([a[n] == b[n] for n in ("prompt", "k", "tokens", "gold")], axis=0)
    return float((same & (np.abs(a["kl"] - b["kl"]) < 2e-3)).mean())
