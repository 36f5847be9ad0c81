"""What has to be run for a board's own entries? Whole entries in shards, each a sweep that can be resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardbench import find, sweep
from rewardbench.boards.definition import Board, spec
from rewardbench.boards.entries import slug
from rewardbench.spec import Spec

CHUNK = 10
"""Generated designs a shard: what a laptop runs in less than an hour."""


@dataclass(frozen=True)
class Shard:
    """Some entries on one task."""

    name: str
    task: str
    designs: tuple[str, ...]
    seeds: int
    algorithm: str = ""
    """The board's own, unless it ranks algorithms."""

    def spec(self, board: Board) -> Spec:
        """What is run for it."""
        return spec(board, (self.task,), self.designs, self.seeds, alone=True, algorithm=self.algorithm)


def shards(board: Board) -> list[Shard]:
    """All shards of a board's own entries: controls first, then what was made by hand, then what was drawn."""
    if board.algorithms:
        return [*_controls(board), *_algorithms(board)]
    return [*_controls(board), *_handmade(board), *_generated(board)]


def _controls(board: Board) -> Iterator[Shard]:
    """The arms and the baseline, with more seeds."""
    for task in board.tasks:
        baseline = () if board.algorithms else (board.baseline,)
        yield Shard(f"{slug(task)}-controls", task, (*board.controls, *baseline), board.control_seeds)


def _algorithms(board: Board) -> Iterator[Shard]:
    """Each algorithm, taught by the baseline design."""
    for task in board.tasks:
        for name in board.algorithms:
            yield Shard(f"{slug(task)}-{name}", task, (board.baseline,), board.seeds, name)


def _handmade(board: Board) -> Iterator[Shard]:
    """The task's other designs."""
    for task in board.tasks:
        rest = tuple(d for d in find.task_designs(task) if d != board.baseline)
        if rest:
            yield Shard(f"{slug(task)}-handmade", task, rest, board.seeds)


def _generated(board: Board) -> Iterator[Shard]:
    """The drawn designs, a chunk of each task in turn, so that a partial board knows something of every task."""
    for start in range(0, board.generated, CHUNK):
        for task in board.tasks:
            paths = sorted((board.folder / "designs" / task).glob("g*.toml"))[start : start + CHUNK]
            if paths:
                yield Shard(f"{slug(task)}-{paths[0].stem}", task, tuple(map(str, paths)), board.seeds)


def prepared(board: Board, out: Path, only: Sequence[str] = ()) -> Iterator[tuple[Shard, sweep.Sweep]]:
    """Every shard (or those named) with its sweep's folder, opened as its turn comes."""
    for shard in shards(board):
        if not only or shard.name in only:
            yield shard, sweep.prepare(shard.spec(board), out / shard.name)
