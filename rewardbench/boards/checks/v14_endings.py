"""Every run says how it ended: a failed one why, a done one with its content hash and the policy's size.

Why: a crash counts 0 and is never dropped, so a run that is neither done nor failed has no place in an entry. How
many designs were tried is asked too (`disclosure.specs_tried`): whoever does not say is shown as not
saying.
Mend: `rbench resume` runs that are not finished; give `--specs-tried` to `rbench submit pack`.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding

CODE = "V14"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V15",)


def check(case: Case) -> list[Finding]:
    """Runs whose ending is not told; an entry that does not say how many designs were tried."""
    found = []
    for piece in case.all:
        for run in piece.told:
            needed = ("content", "parameters") if run["status"] == "done" else ("reason",)
            lacking = [n for n in needed if n not in run]
            if lacking:
                at = f"{piece.where}, seed {run['seed']}"
                found.append(Finding(CODE, f"{at}: the run is {run['status']} and does not tell its {lacking[0]}"))
        found += _whole(piece)
        every = [run for p in (piece, *_untrained(case, piece)) for run in p.told if "parameters" in run]
        sizes = {(run["parameters"], run.get("trained", run["parameters"])) for run in every}
        if len(sizes) > 1:
            line = f"{piece.where}: policies of {len(sizes)} sizes (parameters, trained): {sorted(sizes)}"
            found.append(Finding(CODE, line))
    if case.about["kind"] == "submitted" and case.about["disclosure"]["specs_tried"] is None:
        found.append(Finding(CODE, "how many designs were tried, this one included, is not stated", severity="mark"))
    return found


def _whole(piece: Piece) -> list[Finding]:
    """Runs that claim to have failed and have all that a finished one has: failing lifts a harmful design to 0."""
    found: list[Finding] = []
    if not piece.design.trains:
        return found
    for run, spec in zip(piece.told, piece.specs, strict=True):
        if run["status"] == "failed":
            mine = piece.of("scores", spec.seed)
            there = set(mine["step"][mine["split"] == "dev"].tolist())
            steps = len(piece.of("steps", spec.seed).get("step", ())) if piece.steps else 0
            if there >= set(spec.points) and steps >= spec.steps:
                line = f"{piece.where}, seed {spec.seed}: the run is failed, and every step and evaluation is there"
                found.append(Finding(CODE, line, severity="flag"))
    return found


def _untrained(case: Case, piece: Piece) -> list[Piece]:
    other = case.listed("untrained", piece.task)
    return [] if other is None else [other]
