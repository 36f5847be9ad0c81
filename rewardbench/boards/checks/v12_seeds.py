"""The seeds are the board's own, in its order: none dropped, doubled, added or renamed.

Why: the best five of twenty seeds lie 1.2 standard deviations above the truth. A board's seeds are hashed from its
name, version and index, so nobody picks any; every run of them counts, failures too.
Mend: run all seeds of the board: `rbench run --board BOARD --design D`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rewardbench.boards import packing
from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding

CODE = "V12"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V17",)


def check(case: Case) -> list[Finding]:
    """Lists of seeds that are not the board's; rows of seeds that no run has."""
    found = []
    for piece in case.all:
        ours = piece in case.pieces and case.about["kind"] != "submitted"
        name = str(piece.raw["design"]["name"])
        count = packing.seeds_of(case.board, name) if ours else case.board.seeds
        found += _list(piece, case.board.seed_list(count))
        for table in ("scores", "texts", "steps"):
            rows = getattr(piece, table)
            stray = sorted(set(rows["seed"].tolist()) - set(piece.seeds)) if rows else []
            if stray:
                found.append(
                    Finding(CODE, f"{piece.where}/{table}.parquet has rows of seed {stray[0]}, which no run has")
                )
    return found


def _list(piece: Piece, wanted: Sequence[int]) -> list[Finding]:
    """What is wrong with the seeds of one task."""
    there = piece.seeds
    if there == list(wanted):
        return []
    twice = sorted({s for s in there if there.count(s) > 1})
    lacking, foreign = [s for s in wanted if s not in there], [s for s in there if s not in wanted]
    told = [f"{len(lacking)} of {len(wanted)} seeds are missing (first {lacking[0]})"] if lacking else []
    told += [f"seed {twice[0]} stands twice"] if twice else []
    told += [f"seed {foreign[0]} is none of the board's"] if foreign else []
    line = f"{piece.where}: {'; '.join(told) or 'the seeds are not in the order of the board'}"
    return [Finding(CODE, line, {"missing": lacking, "twice": twice, "foreign": foreign})]
