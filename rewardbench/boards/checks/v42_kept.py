"""The completions whose words are kept are like those whose words are not: in gold, reward and length.

Why: a board keeps the words of two completions a prompt at the last two evaluations, and only these can be scored
again. Somebody who raised gold on the others alone would pass every other check. Kept and other completions of one
prompt and evaluation are drawn alike: which of them are kept was named beforehand. So the difference of their means
has mean 0 and the variance of a draw without replacement, and its sum over prompts and seeds is nearly normal; flagged
below p = 1e-3 and rejected below 1e-6, three numbers tested together.
Mend: pack the entry from its run folders. Of a whole bundle every completion is scored again, and this is not asked.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding
from rewardbench.types import Floats

CODE = "V42"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V08")

FLAGGED = 1e-3
REJECTED = 1e-6
NUMBERS = ("gold", "reward", "tokens")


def check(case: Case) -> list[Finding]:
    """Tasks on which kept completions differ from the others."""
    found = []
    for piece in case.pieces:
        told = {n: p_of(gaps(piece, n)) * len(NUMBERS) for n in NUMBERS}
        worst = min(told, key=lambda n: told[n])
        if told[worst] < FLAGGED:
            line = f"{piece.where}: {worst} of the completions whose words are kept is not that of the others"
            severity = "reject" if told[worst] < REJECTED else "flag"
            found.append(Finding(CODE, f"{line} (p = {told[worst]:.2g})", {"p": told[worst]}, severity))
    return found


def gaps(piece: Piece, name: str) -> Floats:
    """[n, 2]: kept mean less the others' mean, and its variance if any of them might have been kept, of each prompt
    that has both, over the evaluations of which words are kept."""
    scores = piece.scores
    dev = np.flatnonzero(scores["split"] == "dev")
    kept = np.zeros(len(scores["k"]), dtype=bool)
    kept[[i for i, _, _ in piece.words()]] = True
    at = set(scores["step"][kept].tolist())
    cells: dict[tuple[int, str], dict[int, list[float]]] = {}
    own: dict[tuple[int, str], set[int]] = {}
    keys = zip(dev.tolist(), *(scores[n][dev].tolist() for n in ("seed", "step", "prompt", "k")), strict=True)
    for i, seed, step, prompt, k in keys:
        if step in at:  # evaluations share their noise, so that one completion's are one draw
            cells.setdefault((seed, prompt), {}).setdefault(k, []).append(float(scores[name][i]))
            if kept[i]:
                own.setdefault((seed, prompt), set()).add(k)
    both = []
    for key, values in cells.items():
        inside = [float(np.mean(v)) for k, v in values.items() if k in own.get(key, ())]
        outside = [float(np.mean(v)) for k, v in values.items() if k not in own.get(key, ())]
        if inside and outside and np.isfinite(inside + outside).all():
            spread = np.var(inside + outside, ddof=1) * (1 / len(inside) + 1 / len(outside))
            both.append((np.mean(inside) - np.mean(outside), spread))
    return np.array(both, dtype=np.float64).reshape(-1, 2)


def p_of(gap: Floats) -> float:
    """Two-sided p of gaps and variances [n, 2] under a draw without replacement; 1 where there is nothing to tell.

    >>> p_of(np.array([[0.0, 0.0]])), round(p_of(np.array([[1.0, 1.0], [1.0, 1.0]])), 3)
    (1.0, 0.157)
    """
    total, variance = gap.sum(axis=0)
    return 1.0 if variance <= 0 else 2 * float(stats.norm.sf(abs(total) / np.sqrt(variance)))
