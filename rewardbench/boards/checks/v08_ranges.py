"""Every number is one that can be: gold in [0, 1], classes numbered in a row, tokens within the limit, none infinite.

Why: a gold of 1.2, or a class that nobody counted, makes a mean that no policy could reach. Classes are numbered
within a prompt as they first occur, so that a number that was skipped shows an edit.
Mend: pack the entry from its run folders; if a row comes from a run as it was, that is our bug: report it.
"""

from __future__ import annotations

import numpy as np

from rewardbench.boards.checks._case import Case, Piece, listed
from rewardbench.boards.finding import Finding

CODE = "V08"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V12",)

MOST_KL = 1000.0
"""Nats a token: a probability of e**-1000 is none that a 32-bit float holds."""


def check(case: Case) -> list[Finding]:
    """Rows with a number outside of its range."""
    return [f for piece in case.all for f in (*_scores(piece), *_classes(piece), *_steps(piece))]


def _scores(piece: Piece) -> list[Finding]:
    """Faults of single rows of `scores`."""
    s = piece.scores
    warm = s["temperature"] == 1.0
    floats = [n for n, v in s.items() if v.dtype.kind == "f" and n not in ("gold", "entropy", "temperature")]
    with np.errstate(invalid="ignore"):
        faults = {
            "gold is not in [0, 1]": ~((s["gold"] >= 0) & (s["gold"] <= 1)),
            "tokens are not within the limit": (s["tokens"] < 0) | (s["tokens"] > int(piece.raw["max_tokens"])),
            "the entropy is no number of 0 or above": ~((s["entropy"] >= 0) & np.isfinite(s["entropy"])),
            "what was charged is below 0": s["charged"] < 0,
            "KL is more than any words have": np.abs(s["kl"]) > MOST_KL * np.maximum(s["tokens"], 1),
            "KL is there exactly at temperature 1": np.isfinite(s["kl"]) != warm,
            "a number is infinite": np.any([np.isinf(s[n]) for n in floats], axis=0),
        }
    return [
        f for what, bad in faults.items() for f in listed(CODE, what, [piece.at(int(i)) for i in np.flatnonzero(bad)])
    ]


def _classes(piece: Piece) -> list[Finding]:
    """Rows whose class is neither one that their prompt had before nor the next number."""
    most: dict[tuple[int, str], int] = {}
    bad = []
    s = piece.scores
    for i, (seed, prompt, found) in enumerate(zip(*(s[n].tolist() for n in ("seed", "prompt", "class")), strict=True)):
        before = most.get((seed, prompt), -1)
        if not 0 <= found <= before + 1:
            bad.append(piece.at(i))
        most[seed, prompt] = max(before, found)
    return listed(CODE, "the class is not the next number of its prompt", bad)


def _steps(piece: Piece) -> list[Finding]:
    """Faults of single training steps."""
    s = piece.steps
    if not s:
        return []
    shares = [n for n in s if n in ("dead", "ended") or n.startswith("abstained/")]
    counts = [n for n in ("charged", "completions", "context", "taught_tokens", "length", "entropy") if n in s]
    faults = {
        "a share is not in [0, 1]": np.any([~((s[n] >= 0) & (s[n] <= 1)) for n in shares], axis=0),
        "a count, length or entropy is below 0": np.any([~(s[n] >= 0) for n in counts], axis=0),
        "a number is infinite": np.any([np.isinf(v) for v in s.values() if v.dtype.kind == "f"], axis=0),
    }
    return [
        f for what, bad in faults.items() for f in listed(CODE, what, [_at(piece, int(i)) for i in np.flatnonzero(bad)])
    ]


def _at(piece: Piece, i: int) -> str:
    return f"{piece.where}, seed {piece.steps['seed'][i]}, training step {piece.steps['step'][i]}"
