"""What has to be run for a board's own entries? Whole entries in shards, each a sweep that can be resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardbench import find, sweep
from rewardbench.boards.definition import Board, spec
from rewardbench.plan import Spec

CHUNK = 10
"""Generated designs a shard: what a laptop runs in less than an hour."""


@dataclass(frozen=True)
class Shard:
    """Some entries on one task."""

    name: str
    task: str
    designs: tuple[str, ...]
    seeds: int

    def spec(self, board: Board) -> Spec:
        """What is run for it."""
        return spec(board, (self.task,), self.designs, self.seeds, alone=True)


def shards(board: Board) -> list[Shard]:
    """All shards of a board's own entries: controls first, then what was made by hand, then what was drawn."""
    return [*_controls(board), *_handmade(board), *_generated(board)]


def _controls(board: Board) -> Iterator[Shard]:
    """The arms and the baseline, with more seeds."""
    for task in board.tasks:
        yield Shard(f"{_slug(task)}-controls", task, (*find.arms(), board.baseline), board.control_seeds)


def _handmade(board: Board) -> Iterator[Shard]:
    """The task's other designs."""
    for task in board.tasks:
        rest = tuple(d for d in find.task_designs(task) if d != board.baseline)
        if rest:
            yield Shard(f"{_slug(task)}-handmade", task, rest, board.seeds)


def _generated(board: Board) -> Iterator[Shard]:
    """The drawn designs, a chunk of each task in turn, so that a partial board knows something of every task."""
    for start in range(0, board.generated, CHUNK):
        for task in board.tasks:
            paths = sorted((board.folder / "designs" / task).glob("g*.toml"))[start : start + CHUNK]
            if paths:
                yield Shard(f"{_slug(task)}-{paths[0].stem}", task, tuple(map(str, paths)), board.seeds)


def _slug(task: str) -> str:
    """A task's name as a folder's."""
    return task.replace("/", "-")


def prepared(board: Board, out: Path, only: Sequence[str] = ()) -> Iterator[tuple[Shard, sweep.Sweep]]:
    """Every shard (or those named) with its sweep's folder, opened as its turn comes."""
    for shard in shards(board):
        if not only or shard.name in only:
            yield shard, sweep.prepare(shard.spec(board), out / shard.name)
