"""Do challenge seeds catch a submitter who picked seeds, or ground a design on the board's? Asked of real runs.

Sixty fresh seeds of each of three designs on one task; and twenty copies of each design whose weights differ by less
than one in a thousand, on the board's own seeds: the same reward, and another training. Somebody who grinds picks the
luckiest of those.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from rewardbench import find
from rewardbench.boards.definition import Board, challenge_seeds, spec
from rewardbench.boards.entries import slug
from rewardbench.boards.studies import Row, Tell, write_so_far
from rewardbench.boards.studies._runs import run, scored
from rewardbench.results import Result
from rewardbench.spec import Spec

NEEDED = ("design", "sort", "copy", "seed", "quality")
TASK = "qa/lookup"
DESIGNS = ("reference", "brevity", "g04")
"""A task's reference, one that is hacked slowly, and a drawn one: chosen before any of their seeds was looked at."""
FRESH = 60
COPIES = 20


def collect(board: Board, out: Path, tell: Tell) -> list[Row]:
    """A row a run: `fresh` on challenge seeds, `copy` on the board's."""
    rows: list[Row] = []
    for name in DESIGNS:
        drawn = board.folder / "designs" / TASK / f"{name}.toml"
        asked = str(drawn) if drawn.is_file() else name
        fresh = Spec(**{**_fields(board, (asked,)), "seeds": challenge_seeds(board, name, "study", FRESH)})
        folder = run(fresh, out / f"challenge-{name}-fresh", tell)
        rows += [_row(r, name, "fresh", 0) for r in scored(board, [folder])]
        copies = [str(_copy(asked, name, i, out)) for i in range(COPIES)]
        folder = run(Spec(**_fields(board, tuple(copies))), out / f"challenge-{name}-copies", tell)
        rows += [_row(r, name, "copy", int(r.design.rpartition("-")[2])) for r in scored(board, [folder])]
        write_so_far(board, "challenge", rows, "design")
    return rows


def _fields(board: Board, designs: tuple[str, ...]) -> dict[str, Any]:
    """The fields of the spec that the board gives designs."""
    return dict(vars(spec(board, (TASK,), designs, alone=True)))


def _copy(asked: str, name: str, index: int, out: Path) -> Path:
    """A design file that differs from the design by a thousandth of a weight at most."""
    design = find.design(asked, TASK)
    folder = out / "copies" / slug(TASK)
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for place, part in enumerate(design.parts):
        nudged = part.weight * (1 + (index / COPIES) * 1e-3 * (-1) ** place)
        told = {"name": part.name, "use": part.use, "weight": nudged, "scale": part.scale, "params": dict(part.params)}
        parts.append(told | ({"clip": list(part.clip)} if part.clip else {}))
    path = folder / f"{name}-{index}.toml"
    text = tomli_w.dumps({"combine": design.combine, "normalise": design.normalise, "part": parts})
    path.write_text(text, encoding="utf-8")
    return path


def _row(result: Result, name: str, sort: str, copy: int) -> Row:
    """One run."""
    return {
        "design": name,
        "sort": sort,
        "copy": copy,
        "seed": result.run.spec.seed,
        "status": result.run.status["status"],
        "quality": result.values["quality"],
    }
