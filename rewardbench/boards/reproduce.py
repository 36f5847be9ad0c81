"""Does an entry's recipe give its results again? Trained anew, on the board's seeds or on some that nobody knew.

On the same seeds and the same kind of processor every row is the same, bit for bit; another kind rounds otherwise, and
then, as on fresh seeds, quality must not fall below what the entry's own spread over seeds can explain.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import design as designs_
from rewardbench import find, stats, sweep, trace, watch
from rewardbench.boards import definition, entries, numbers, packing, rows
from rewardbench.boards.definition import Board
from rewardbench.boards.difference import Difference, same_rows
from rewardbench.boards.entries import Entry
from rewardbench.find.functions import part_files
from rewardbench.metrics.normalised import rescaled
from rewardbench.plan import RunSpec
from rewardbench.results import AXES, Loaded
from rewardbench.types import Design, Floats, UserError
from rewardbench.watch.words import safe

if TYPE_CHECKING:
    from rewardbench.boards.checks._case import Case
    from rewardbench.boards.finding import Finding

OUTSIDE = "reward_models"
"""Parts of this folder load a model, or ask a judge, that the entry's own parameters name."""


# --- the challenge -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """Whether fresh seeds come out as the entry's own seeds let expect, and from what numbers that follows; all in Q.

    The test itself is of gold's angles (`stats.angle`): near the floor and the ceiling Q is far from normal.
    """

    holds: bool
    mean: float
    sd: float
    n: int
    fresh_mean: float
    fresh_n: int
    limit: float
    """What Q of the fresh seeds must not be below: the one-sided 95% prediction limit."""


def challenge(board: Board, task: str, own: Floats, fresh: Floats) -> Verdict:
    """The verdict on Q of c fresh seeds [c] against Q of the k submitted ones [k] of one task.

    A flag asks for more seeds; it accuses nobody.
    """
    submitted, drawn = (stats.angle(numbers.gold(board, task, q)) for q in (own, fresh))
    found = stats.challenge(submitted, drawn)
    anchor = board.anchor(task)
    limit = float(rescaled(np.array(stats.share(found.threshold)), anchor))
    means = float(own.mean()), float(own.std(ddof=1)), len(own), float(fresh.mean()), len(fresh)
    return Verdict(not found.flag, *means, limit)


def together(board: Board, done: Sequence[Reproduced]) -> stats.Challenge:
    """One test of all tasks of an entry, on their mean angle.

    A test a task would flag an honest entry of three tasks one time in seven. Against three at a third of the level, a
    lie on one task is found a little less often, and one on all of them far more (tests/test_challenges.py).
    """
    own = [stats.angle(numbers.gold(board, one.task, one.own)) for one in done]
    again = [stats.angle(numbers.gold(board, one.task, one.again)) for one in done]
    return stats.challenge(np.array(own), np.array(again))


def holds(board: Board, done: Sequence[Reproduced]) -> bool:
    """Whether an entry counts as reproduced: every row the same, or no worse than its seeds explain."""
    return all(one.same for one in done) or not together(board, done).flag


# --- training anew -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reproduced:
    """What training one task of an entry anew gave."""

    task: str
    seeds: tuple[int, ...]
    fresh: bool
    """Whether these are challenge seeds."""
    difference: Difference | None
    own: Floats
    """Q of the entry's seeds, [k]."""
    again: Floats
    """Q of what was trained anew, [c]."""
    verdict: Verdict
    axes: Mapping[str, tuple[float | None, float | None]]
    """Axis -> (mean of the entry on these seeds, or on all of its own beside challenge seeds; of what was trained)."""
    reasons: Mapping[str, str]
    """Axis -> why one of its means is not known."""
    trained: int
    """Runs that were trained now; the others lay there from an earlier call."""

    @property
    def same(self) -> bool:
        """Whether every row is the same."""
        return not self.fresh and self.difference is None

    @property
    def ok(self) -> bool:
        """Whether the task alone would count as reproduced; what counts is `holds`, of all tasks."""
        return self.same or self.verdict.holds


def reaches_out(design: Design) -> str:
    """Why training a design runs or asks something that the entry brings or names; "" where all of it ships.

    >>> from rewardbench.types import Part
    >>> reaches_out(Design("d", (Part("a", "mine.py:a"),))), reaches_out(Design("d", (Part("a", "answers.alone"),)))
    ("part 'a' is code of its own", '')
    """
    for part in design.parts:
        if ":" in part.use:
            return f"part {part.name!r} is code of its own"
        file = part_files().get(part.use.rpartition(".")[0])
        if file is not None and OUTSIDE in file.parts:
            return f"part {part.name!r} loads a model, or asks a judge, that the entry names"
    return ""


def check_trust(entry: Entry, trust: bool) -> str:
    """A warning where an entry runs or asks something of its own, and `trust` allows it; "" where nothing does.

    Raises UserError where `trust` does not.
    """
    reasons = [r for task in entry.tasks if (r := reaches_out(entry.runs(task)[0].spec.design))]
    if not reasons:
        return ""
    told = f"entry {entry.name}: {reasons[0]}"
    advice = "limits here are against accidents, not against malice: use a container without network or secrets"
    if not trust:
        raise UserError(f"{told}, and would run as you; read it first, then say --trust ({advice})")
    return f"{told}; {advice}"


def anew(board: Board, spec: RunSpec, seeds: Sequence[int]) -> list[RunSpec]:
    """The runs of an entry's own design, and of `untrained`, on some seeds. Raises UserError (code 5) where the entry's
    runs are not as this version runs the board."""
    wanted = definition.fixed(board, spec.task, spec.algorithm)
    if (fault := definition.unlike(spec, wanted)) is not None:
        raise UserError(f"{spec.task} cannot be trained anew by this version: {fault}", 5)
    if any(p.use == "oracle" for p in spec.design.parts) and spec.design != find.design("oracle", spec.task):
        raise UserError(f"{spec.task}: a design that is paid in gold is none", 5)
    if spec.design.trains:
        designs_.validate(spec.design)
    spec = replace(spec, design_hash=designs_.design_hash(spec.design))
    both = [spec, wanted] if spec.design.trains else [wanted]
    return [replace(one, seed=seed) for one in both for seed in seeds]


def train(
    board: Board, entry: Entry, task: str, seeds: Sequence[int], out: Path, workers: int, display: str
) -> tuple[Path, int]:
    """The folder of the sweep that trained a task of an entry anew, and how many runs were trained now: what is
    finished there is not run again.
    """
    runs = anew(board, entry.runs(task)[0].spec, seeds)
    sources = {
        p.relative_to(entry.folder / "sources").as_posix(): p for p in sorted(entry.folder.glob("sources/*/*.py"))
    }
    policy = find.policy(board.policy)
    made = sweep.begin(runs, sources, policy, board.policy, out / entries.slug(task), 60.0)
    left = sweep.unfinished(made)
    with watch.showing(display, made.id, left, before=len(made.runs) - len(left)) as tell:
        sweep.execute(made, workers or sweep.cores(), tell)
    return made.folder, len(left)


def reproduce(
    board: Board, entry: Entry, task: str, seeds: Sequence[int], fresh: bool, out: Path, workers: int, display: str
) -> Reproduced:
    """Train a task of an entry anew, and hold it against the entry: rows on its own seeds, quality in any case.

    Raises UserError (code 6) where no run came as far as an evaluation.
    """
    folder, trained = train(board, entry, task, seeds, out, workers, display)
    old = entry.runs(task)
    runs = anew(board, old[0].spec, seeds)
    mine, base = ([folder / "runs" / r.id for r in runs[i : i + len(seeds)]] for i in (0, len(runs) - len(seeds)))
    if not any(trace.evaluations(run) for run in mine):
        reason = trace.status(mine[0]).get("reason", "")
        raise UserError(f"{task}: no run of {entry.name} came as far as an evaluation: {safe(str(reason))}", 6)
    packed = {name: out / "rows" / name / entries.slug(task) for name in ("design", "untrained")}
    rows.pack(mine, packed["design"], thin=False)
    rows.pack(base, packed["untrained"], thin=False)
    difference = None if fresh else _compared(entry.folder / entries.slug(task), packed["design"], seeds, out)
    now, unknown = _means(board, rows.load(packed["design"]), rows.load(packed["untrained"]))
    known = (old, _base(board, entry, task, old))
    then, missing = _means(board, *(runs if fresh else _on(runs, seeds) for runs in known))
    scores, again = _quality(board, task, old), _quality(board, task, rows.load(packed["design"]))
    axes = {axis: (then[axis], now[axis]) for axis in AXES}
    verdict = challenge(board, task, scores, again)
    return Reproduced(task, tuple(seeds), fresh, difference, scores, again, verdict, axes, unknown | missing, trained)


def _compared(old: Path, new: Path, seeds: Sequence[int], out: Path) -> Difference | None:
    """The first difference of the rows on these seeds; of words, what the entry kept."""
    before, after = ({t: rows.read(folder / f"{t}.parquet") for t in rows.TABLES} for folder in (old, new))
    before = {t: {n: v[np.isin(c["seed"], list(seeds))] for n, v in c.items()} for t, c in before.items()}
    if len(before["texts"].get("step", ())) != len(after["texts"].get("step", ())):
        thin = out / "rows" / "thin" / new.name
        rows.thin(new, thin)
        after["texts"] = rows.read(thin / "texts.parquet")
    return same_rows(before, after)


def _on(runs: Sequence[Loaded], seeds: Sequence[int]) -> list[Loaded]:
    """The runs on these seeds: a mean of others would differ though every row is the same."""
    return [run for run in runs if run.spec.seed in seeds]


def _base(board: Board, entry: Entry, task: str, runs: Sequence[Loaded]) -> list[Loaded]:
    """The `untrained` runs that an entry's own numbers are relative to; none where neither it nor its board has any."""
    try:
        return packing.base_of(board, entry.folder, task, runs)
    except UserError:
        return []


def _means(
    board: Board, runs: Sequence[Loaded], base: Sequence[Loaded]
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Axis -> mean over seeds, None where a run lacks it; and axis -> why."""
    scored = numbers.score(board, runs, base)
    values = {axis: [r.counted(axis) for r in scored] for axis in AXES}
    means = {a: float(np.mean([x or 0.0 for x in v])) if None not in v else None for a, v in values.items()}
    unknown = [a for a in AXES if means[a] is None]
    return means, {a: next((r.reasons[a] for r in scored if a in r.reasons), "a run lacks it") for a in unknown}


def _quality(board: Board, task: str, runs: Sequence[Loaded]) -> Floats:
    """Q of each run, [seeds]. Raises UserError (code 5) where the board has no scale for the task."""
    values = [r.counted("quality") for r in numbers.score(board, runs, ())]
    if None in values:
        raise UserError(f"board {board.name} has no scale for {task}: there is no quality to compare", 5)
    return np.array(values, dtype=np.float64)


def check(case: Case, seeds: int) -> list[Finding]:
    """What training an entry anew finds, for `verify --level reproduced`: on so many challenge seeds (0: its own).

    The seeds are drawn here and now, so that nobody knew them; a finding names them.

    Raises NotChecked where the entry would run something of its own.
    """
    from rewardbench.boards.checks._case import NotChecked
    from rewardbench.boards.finding import Finding

    entry, board = Entry(case.folder, case.about), case.board
    if any(reaches_out(entry.runs(task)[0].spec.design) for task in entry.tasks):
        raise NotChecked("it runs code of its own, or asks a model: `rbench reproduce --trust` does, in a container")
    definition.check_scale(board, entry.tasks)
    commit = secrets.token_hex(20)
    done = []
    with tempfile.TemporaryDirectory(prefix="rbench-") as place:
        for task in entry.tasks:
            own = [r.spec.seed for r in entry.runs(task)]
            chosen = definition.challenge_seeds(board, entry.name, commit, seeds) if seeds else own
            done.append(reproduce(board, entry, task, chosen, bool(seeds), Path(place), 0, "none"))
    if holds(board, done):
        return []
    told = {"p": together(board, done).p, "tasks": [as_json(one) for one in done]}
    return [Finding("V41", "; ".join(sentence(one) for one in done), told)]


# --- telling -------------------------------------------------------------------------------------


def sentence(done: Reproduced) -> str:
    """What came out of one task, in a line."""
    v = done.verdict
    old = "" if done.trained else " (nothing was trained now: its runs lay there from an earlier call)"
    if done.same:
        return f"{done.task}: every row of {_count(len(done.seeds))} is the same, bit for bit{old}"
    verdict = "not below" if v.holds else "below"
    kind = "" if done.fresh else f"rows differ, first at {done.difference}; "
    seeds = _count(v.fresh_n, "challenge seed" if done.fresh else "seed")
    numbers_ = f"Q {v.fresh_mean:.3f} on {seeds} is {verdict} the limit {v.limit:.3f}"
    return f"{done.task}: {kind}{numbers_} (the entry: {v.mean:.3f} on {v.n}, sd {v.sd:.3f}){old}"


def _count(n: int, what: str = "seed") -> str:
    """How many there are, in words.

    >>> _count(1), _count(2, "challenge seed")
    ('1 seed', '2 challenge seeds')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def as_json(done: Reproduced) -> dict[str, Any]:
    """One task as `rbench reproduce --json` has it."""
    return {
        "task": done.task,
        "ok": done.ok,
        "same": done.same if not done.fresh else None,
        "seeds": list(done.seeds),
        "trained": done.trained,
        "difference": None if done.difference is None else asdict(done.difference),
        "quality": asdict(done.verdict),
        "axes": {a: {"entry": old, "again": new} for a, (old, new) in done.axes.items()},
        "reasons": dict(done.reasons),
    }
