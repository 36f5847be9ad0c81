"""Before training an entry is the untrained policy: same prompts, samples and gold as the board's `untrained`, KL of 0.

Why: sampling noise is named by seed, prompt and sample, never by the design, so the first evaluation of every entry
is known beforehand: rows that somebody invented would have to be these. The first training step starts from the same
policy too, on the same prompts. Another machine may round otherwise and so sample another word now and then: up to 2
% of the completions are flagged, more are rejected.
Mend: run with the board's policy; where many differ, tell us machine and versions.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, Piece, listed, overrides, place
from rewardbench.boards.checks._same import FEW, same
from rewardbench.boards.finding import Finding

CODE = "V25"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08", "V11")


def check(case: Case) -> list[Finding]:
    """Seeds whose first evaluation, or first step, is another than the board's."""
    found, missing = [], []
    for piece in case.pieces:
        base = case.listed("untrained", piece.task)
        if base is None:
            base = next((c for c in case.controls if c.task == piece.task), None)
        found += [f for seed in piece.seeds for f in _zero(piece, seed)]
        if base is None:
            missing.append(piece.task)
        elif not overrides(piece.specs[0].algorithm, "pick"):
            found += [f for seed in piece.seeds for f in _evaluation(piece, base, seed)]
        taught = case.listed("constant", piece.task)
        if taught is not None and piece.steps:
            found += [f for seed in piece.seeds for f in _step(piece, taught, seed)]
    if missing and not found and len(missing) == len(case.pieces) and not case.own:
        raise case.lacking("untrained", missing)
    return found


def _zero(piece: Piece, seed: int) -> list[Finding]:
    s = piece.of("scores", seed)
    wrong = np.flatnonzero((s["step"] == 0) & (s["split"] == "dev") & (s["kl"] != 0))
    return listed(CODE, "KL before training is not 0", [place(piece.where, s, int(i)) for i in wrong])


def _evaluation(piece: Piece, base: Piece, seed: int) -> list[Finding]:
    mine, theirs = (
        {n: v[(t["split"] == "dev") & (t["step"] == 0)] for n, v in t.items()}
        for t in (piece.of("scores", seed), base.of("scores", seed))
    )
    if not len(mine["gold"]) or seed not in base.seeds:
        return []
    alike = same(mine, theirs)
    share = float((~alike).mean())
    drift = float(np.abs(mine["entropy"] - theirs["entropy"]).max())
    if share == 0 and drift <= 1e-4:
        return []
    at = place(piece.where, mine, int(np.argmin(alike)))
    line = f"{share:.1%} of the first evaluation is not the untrained policy's (entropy {drift:.2g} off): {at}"
    few = share <= FEW and drift <= 0.02
    return [Finding(CODE, line, {"seed": seed, "share": share, "entropy": drift}, "flag" if few else "")]


def _step(piece: Piece, taught: Piece, seed: int) -> list[Finding]:
    """The first step reads the same prompts, and samples from the same policy, as that of any other design."""
    mine, theirs = piece.of("steps", seed), taught.of("steps", seed)
    if overrides(piece.specs[0].algorithm, "ask") or not len(mine["step"]) or not len(theirs["step"]):
        return []
    at = f"{piece.where}, seed {seed}: the first training step"
    if mine["context"][0] != theirs["context"][0]:
        return [Finding(CODE, f"{at} reads other prompts ({mine['context'][0]} tokens, not {theirs['context'][0]})")]
    gap = abs(float(mine["length"][0]) / float(theirs["length"][0]) - 1)
    if gap == 0:
        return []
    line = f"{at} sampled completions of other lengths ({mine['charged'][0]} tokens, not {theirs['charged'][0]})"
    return [Finding(CODE, line, {"seed": seed}, "flag" if gap <= FEW else "")]
