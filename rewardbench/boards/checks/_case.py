"""What does a check read? The opened folder, the board, and the tables of each task, read once and lazily."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from rewardbench import design as designs_
from rewardbench import disk, find
from rewardbench.boards import entries, packing, rows
from rewardbench.boards.definition import Board
from rewardbench.boards.finding import Finding, Refused, shown
from rewardbench.boards.kept import drawn
from rewardbench.plan import RunSpec, run_spec
from rewardbench.results import Loaded, Result
from rewardbench.types import Design, Prompt, Said, UserError

SHOWN = 3
"""Places that one finding names; the rest are counted."""


class NotChecked(Exception):
    """A check that cannot be made here; why is told beside the findings, so that silence is never a pass."""


@dataclass(frozen=True)
class Piece:
    """The runs of one design on one task: of the entry, of its `control/`, or of another entry of the board."""

    folder: Path
    where: str
    """As a finding names it."""

    @cached_property
    def raw(self) -> dict[str, Any]:
        """`spec.toml`: all but the seeds."""
        return disk.read_toml(self.folder / "spec.toml", f"{self.where} has no spec.toml")

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self.raw["task"])

    @cached_property
    def told(self) -> list[dict[str, Any]]:
        """`runs.json`: how each run ended."""
        return rows.endings_of(self.folder)

    @property
    def seeds(self) -> list[int]:
        """The seeds, as they stand there."""
        return [int(run["seed"]) for run in self.told]

    @cached_property
    def specs(self) -> list[RunSpec]:
        """The resolved spec of each run. Raises Refused where it is none."""
        try:
            found = [run_spec({**self.raw, "seed": seed}) for seed in self.seeds]
            if found[0].design.trains:
                designs_.validate(found[0].design)
        except (UserError, TypeError, ValueError) as error:
            raise Refused("V01", f"{self.where}/spec.toml is none: {shown(str(error), 200)}") from error
        return found

    @property
    def design(self) -> Design:
        """The contestant."""
        return self.specs[0].design

    @cached_property
    def scores(self) -> rows.Columns:
        """A row a completion."""
        return rows.read(self.folder / "scores.parquet")

    @cached_property
    def texts(self) -> rows.Columns:
        """A row a completion whose words are kept."""
        return rows.read(self.folder / "texts.parquet")

    @cached_property
    def steps(self) -> rows.Columns:
        """A row a training step; nothing where nothing was trained."""
        found = rows.read(self.folder / "steps.parquet")
        return found if "seed" in found else {}

    @cached_property
    def runs(self) -> list[Loaded]:
        """As results are computed from them."""
        return rows.load(self.folder)

    def of(self, table: str, seed: int) -> rows.Columns:
        """The rows of one seed of `scores`, `texts` or `steps`."""
        found: rows.Columns = getattr(self, table)
        return rows.where(found, found["seed"] == seed) if found else {}

    def prompts(self, split: str, seed: int) -> tuple[Prompt, ...]:
        """The board's own prompts of a seed, in order."""
        return drawn(self.task, split, seed, int(self.raw["eval_prompts"]))

    @cached_property
    def known(self) -> dict[tuple[Any, ...], int]:
        """Key of a completion -> its row in `scores`."""
        return {key: i for i, key in enumerate(rows.keys(self.scores))}

    def words(self) -> Iterator[tuple[int, Prompt, Said]]:
        """(row of `scores`, prompt, what was said) of every completion whose words are kept."""
        asked: dict[tuple[int, str], dict[str, Prompt]] = {}
        for i, key in enumerate(rows.keys(self.texts)):
            seed, split, prompt = key[0], key[1], key[4]
            if (seed, split) not in asked:
                asked[seed, split] = {p.id: p for p in self.prompts(split, seed)}
            yield self.known[key], asked[seed, split][prompt], self.said(i)

    def said(self, i: int) -> Said:
        """What gold reads of a row of `texts`."""
        if find.task(self.task).turns == 1:
            return str(self.texts["text"][i])
        return messages(self.texts, i, self.where)

    def at(self, i: int) -> str:
        """A row of `scores` in words."""
        return place(self.where, self.scores, i)


@dataclass(frozen=True)
class Case:
    """A bundle and what it is held against."""

    folder: Path
    board: Board
    about: Mapping[str, Any]
    challenge: int = 0
    """Seeds to train anew at the level *reproduced*."""
    memory: dict[str, Any] = field(default_factory=dict, compare=False)
    """What one check leaves for another."""

    @property
    def name(self) -> str:
        """The entry's name."""
        return str(self.about["entry"])

    @cached_property
    def pieces(self) -> list[Piece]:
        """The entry's tasks."""
        return [Piece(self.folder / entries.slug(t), entries.slug(t)) for t in self.about["tasks"]]

    @cached_property
    def controls(self) -> list[Piece]:
        """The `untrained` runs that a bundle brings along."""
        places = sorted((self.folder / entries.CONTROL).glob("*"))
        return [Piece(p, f"{entries.CONTROL}/{p.name}") for p in places]

    @property
    def all(self) -> list[Piece]:
        """Both."""
        return [*self.pieces, *self.controls]

    @cached_property
    def own(self) -> bool:
        """Whether the bundle is the board's own folder of that entry."""
        return self.folder.resolve() == (self.board.folder / "entries" / self.name).resolve()

    def listed(self, name: str, task: str) -> Piece | None:
        """The runs of an entry of the board on a task, if they are at hand and are not the bundle's own."""
        folder = self.board.folder / "entries" / name / entries.slug(task)
        same = folder.parent.resolve() == self.folder.resolve()
        return Piece(folder, name) if not same and (folder / "spec.toml").is_file() else None

    def others(self, task: str) -> list[Piece]:
        """The runs of the board's other entries on a task; raises NotChecked where they are not at hand."""
        try:
            names = entries.at_hand(self.board.folder)
        except UserError as error:
            raise NotChecked(str(error)) from error
        return [p for n in names if n != self.name and (p := self.listed(n, task)) is not None]

    def lacking(self, name: str, of: Sequence[str]) -> NotChecked:
        """Why an entry of the board is not there to compare with: a wheel carries none, or there are no such runs."""
        try:
            entries.at_hand(self.board.folder)
        except UserError as error:
            return NotChecked(str(error))
        return NotChecked(f"the board has no `{name}` runs of {', '.join(of)}")

    def base(self, piece: Piece) -> list[Loaded]:
        """The `untrained` runs that a task's numbers are relative to."""
        return packing.base_of(self.board, self.folder, piece.task, piece.runs)

    def results(self, piece: Piece) -> list[Result]:
        """The runs of one task, scored; Raises NotChecked where they could not be."""
        found = self.memory.get(piece.where)
        if found is None:
            raise NotChecked(f"the numbers of {piece.where} were not computed")
        return list(found)


def place(where: str, columns: Mapping[str, Any], i: int) -> str:
    """A row in words: task, seed, evaluation and completion."""
    heat = "" if columns["split"][i] == "dev" else f" at temperature {columns['temperature'][i]:g}"
    when = f"{shown(str(columns['split'][i]))} step {columns['step'][i]}{heat}"
    return f"{where}, seed {columns['seed'][i]}, {when}, prompt {shown(str(columns['prompt'][i]))}, k {columns['k'][i]}"


def listed(code: str, what: str, places: Sequence[str], **evidence: Any) -> list[Finding]:
    """One finding for all places with one fault; none where there is none."""
    if not places:
        return []
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    told = {"places": list(places[:20]), "count": len(places), **evidence}
    return [Finding(code, f"{what}: {'; '.join(places[:SHOWN])}{more}", told)]


def messages(texts: Mapping[str, Any], i: int, where: str) -> list[dict[str, str]]:
    """The dialogue of a row of `texts`. Raises Refused where it is none."""
    from rewardbench.boards import strict

    at = f"{place(where, texts, i)}: its messages"
    if "messages" not in texts:
        raise Refused("V19", f"{where}/texts.parquet has no column 'messages', and the task is a dialogue")
    found = strict.loads(str(texts["messages"][i]).encode("utf-8", "surrogatepass"), at)
    turns = isinstance(found, list) and all(
        isinstance(m, dict)
        and set(m) == {"role", "content"}
        and m["role"] in ("assistant", "user")
        and isinstance(m["content"], str)
        for m in found
    )
    if not turns:
        raise Refused("V18", f"{at} are no dialogue")
    return list(found)


@cache
def overrides(algorithm: str, method: str) -> bool:
    """Whether a shipped algorithm has its own `ask` or `pick`; read from its text, since importing it loads torch."""
    path = Path(find.names.PACKAGE) / "algorithms" / f"{algorithm}.py"
    if not path.is_file():
        return True
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(n, ast.FunctionDef) and n.name == method for n in nodes)


def expected_keys(spec: RunSpec, piece: Piece, steps: Sequence[int], grid: bool) -> list[tuple[Any, ...]]:
    """The key of every completion that a run has, in order: its evaluations at `steps`, then the grid if it has one."""
    split = spec.grid_split or "dev"
    dev = [p.id for p in piece.prompts("dev", spec.seed)]
    there: list[tuple[Any, ...]] = [
        (spec.seed, "dev", s, 1.0, p, k) for s in steps for p in dev for k in range(spec.eval_samples)
    ]
    if grid and spec.temperatures:
        test = [p.id for p in piece.prompts(split, spec.seed)]
        heats = sorted(spec.temperatures)
        last = [(spec.seed, "test", spec.steps, h, p, k) for h in heats for p in test for k in range(spec.grid_samples)]
        there += last
    return rows.numbered(there)
