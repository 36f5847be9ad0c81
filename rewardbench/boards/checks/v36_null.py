"""The design is told from one that pays a constant: gold after training is not that of the arm `constant`.

Why: an entry that cannot be told from a null arm has a rank by chance. Paired by seed, two-sided t test at 0.05.
Mend: nothing has to be; the page says that the entry teaches nothing measurable.
"""

from __future__ import annotations

from rewardbench import stats
from rewardbench.boards.checks._case import Case
from rewardbench.boards.checks._gold import gold_at_end
from rewardbench.boards.finding import Finding

CODE = "V36"
LEVEL = "consistent"
SEVERITY = "mark"
AFTER: tuple[str, ...] = ("V06", "V08")


def check(case: Case) -> list[Finding]:
    """Tasks on which the entry cannot be told from the arm `constant`."""
    found, missing = [], []
    for piece in case.pieces:
        null = case.listed("constant", piece.task)
        if case.about["kind"] == "control":
            continue
        if null is None:
            missing.append(piece.task)
            continue
        mine, theirs = gold_at_end(piece), gold_at_end(null)
        shared = [s for s in mine if s in theirs]
        if len(shared) < 2:
            continue
        gap = stats.paired_difference([mine[s] for s in shared], [theirs[s] for s in shared])
        if gap.p >= 0.05:
            line = f"{piece.where}: gold is {gap.difference:+.3f} from that of `constant` (p = {gap.p:.2g})"
            found.append(Finding(CODE, line, {"difference": gap.difference, "p": gap.p, "n": gap.n}))
    if missing and not found:
        raise case.lacking("constant", missing)
    return found
