"""The prompts are those that the board's seed draws, by id and by text.

Why: prompts depend on the seed and on nothing else, so that designs are compared on the same ones. Rows of another
seed under this seed's number have other prompts.
Mend: pack the entry from its run folders; do not rename seeds.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case, Piece, listed, place
from rewardbench.boards.finding import Finding

CODE = "V24"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V12", "V15")


def check(case: Case) -> list[Finding]:
    """Rows of prompts that the seed does not draw, and prompts with other words."""
    return [f for piece in case.all for f in (*_ids(piece), *_words(piece))]


def _drawn(piece: Piece) -> dict[tuple[int, str], dict[str, str]]:
    """(seed, split) -> id -> text of the prompts."""
    splits = {"dev": "dev", "test": piece.specs[0].grid_split or "dev"}
    return {(s, n): {p.id: p.plain() for p in piece.prompts(of, s)} for s in piece.seeds for n, of in splits.items()}


def _ids(piece: Piece) -> list[Finding]:
    drawn, s = _drawn(piece), piece.scores
    rows = zip(s["seed"].tolist(), s["split"].tolist(), s["prompt"].tolist(), strict=True)
    wrong = [i for i, (seed, split, prompt) in enumerate(rows) if prompt not in drawn.get((seed, split), {})]
    return listed(CODE, "the seed does not draw this prompt", [piece.at(i) for i in wrong])


def _words(piece: Piece) -> list[Finding]:
    drawn, t = _drawn(piece), piece.texts
    rows = zip(*(t[n].tolist() for n in ("seed", "split", "prompt", "prompt_text")), strict=True)
    wrong = [
        i for i, (seed, split, prompt, text) in enumerate(rows) if drawn.get((seed, split), {}).get(prompt) != text
    ]
    return listed(CODE, "the prompt has other words", [place(piece.where, t, i) for i in wrong])
