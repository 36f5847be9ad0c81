"""How does a study run its sweeps? Each in a folder of its own, gone on with after a kill, read back as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rewardbench import results, sweep
from rewardbench.boards import numbers
from rewardbench.boards.definition import Board
from rewardbench.boards.studies import Tell
from rewardbench.results import Result
from rewardbench.spec import Spec


def run(spec: Spec, out: Path, tell: Tell) -> Path:
    """The folder of a sweep whose runs are all over."""
    prepared = sweep.prepare(spec, out)
    left = sweep.unfinished(prepared)
    tell(f"{out.name}: {len(left)} of {len(prepared.runs)} runs to do")
    if left:
        sweep.execute(prepared, sweep.cores(), lambda event: None)
    return prepared.folder


def scored(board: Board, folders: Sequence[Path]) -> list[Result]:
    """The results of the finished runs of some sweeps, on the board's scale."""
    runs = [r for folder in folders for r in results.load_sweep(folder) if r.status["status"] in ("done", "failed")]
    return results.score(runs, lambda spec: numbers.scale(board, spec))
