"""What stands in a board's tables? Its columns and cells, each with what it sorts by and, where unknown, the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardbench.pages.board_marks import EVIDENCE, MARKS
from rewardbench.pages.meanings import meaning
from rewardbench.pages.numbers import bracket, count, fixed, signed
from rewardbench.results import AXES

RANKED = (*AXES, "overall")
LETTERS = {"quality": "Q", "stability": "S", "efficiency": "E", "diversity": "D", "overall": "overall"}
GATED = ("stability", "efficiency", "diversity", "overall")
"""Axes on which a design that did not learn has no rank: standing still is stable."""
UNSTATED = next(iter(EVIDENCE))
"""The evidence word of a row that nobody checked."""
KINDS = {"control": "arm", "generated": "drawn", "handmade": "hand-made"}
"""What a kind is called on the page, where it is called anything else."""
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a board's table."""

    key: str
    head: str
    small: str
    means: str
    number: bool
    axis: str = ""
    """One of RANKED, if ranks on it are shown once the table is sorted by it."""


@dataclass(frozen=True)
class Cell:
    """A cell: the words, what it sorts by (None: not known), and why it is not known or has no rank."""

    shown: str
    value: float | str | None
    between: str = ""
    reason: str = ""
    ranked: bool = True


@dataclass(frozen=True)
class Row:
    """An entry on a task, or over all of them."""

    name: str
    kind: str
    division: str
    evidence: str
    summary: str
    what: str
    """Its kind as the page calls it, and whether it is the baseline."""
    ranks: Mapping[str, tuple[int, int]]
    units: str
    """A task's axes as `overall` counts them, `-` where one is not asked; empty over all tasks."""
    cells: tuple[Cell, ...]
    flags: tuple[tuple[str, int, int], ...]
    """(flag, seeds that raised it, seeds)."""
    marks: tuple[str, ...]
    facets: tuple[str, ...]
    """Flags and marks that it can be filtered by."""


ORDER = {"better": 3.0, "equivalent": 2.0, "unresolved": 1.0, "worse": 0.0}


def columns(one_answer: bool, whole: bool) -> list[Column]:
    """The columns of a task's table, or (`whole`) of the one over all tasks.

    >>> [c.head for c in columns(False, True)][:3]
    ['Q', 'seeds’ Q', 'overall']
    """
    axes = [Column(a, LETTERS[a], a, meaning(a).short, True, a) for a in AXES]
    mix = Column(
        "overall", "overall", "weighted", "The weighted mean of the axes, 0 to 1, by the board's weights.", True
    )
    last = axes[3]
    if one_answer:
        last = Column("pass_at_k", "pass@k", "area", meaning("diversity", "pass_at_k_area").says, True)
    verdict = Column("verdict", "verdict", "on Q", "Against the baseline, paired by seed, adjusted over all.", True)
    reach = "Q of its worst and of its best seed" + (", means over tasks." if whole else ".")
    seeds = Column("seeds", "seeds’ Q", "worst, best", reach + " Far apart: some seeds learnt, some did not.", True)
    tokens = Column("tokens", "tokens", "a run", "Completion tokens charged, mean over seeds.", True)
    return [
        axes[0], seeds, *([] if whole else [verdict]),
        Column(mix.key, mix.head, mix.small, mix.means, True, "overall"), axes[1], axes[2], last,
        *([] if whole else [tokens]),
    ]  # fmt: skip


# --- one task ------------------------------------------------------------------------------------


def of_task(told: Json, task: Json) -> list[Row]:
    """A task's rows in the order of `board.json`: contestants by mean Q, then arms."""
    about = {e["entry"]: e for e in told["entries"]}
    wanted = columns(task["one_answer"], False)
    found = []
    for row in task["rows"]:
        marks = marks_of(row, dependent(told, task["task"]))
        flags = tuple((f, n, row["seeds"]) for f, n in sorted(row["flags"].items()))
        cells = tuple(_cell(c.key, row, told["board"]) for c in wanted)
        found.append(
            Row(
                **_who(told, about.get(row["entry"], {}), row),
                ranks=ranks_of(row),
                units=unit_text(units(row)),
                cells=cells,
                flags=flags,
                marks=marks,
                facets=(*(f for f, _, _ in flags), *marks),
            )
        )
    return found


def _who(told: Json, about: Json, row: Json) -> dict[str, str]:
    """What an entry is, for a row."""
    kind = str(row["kind"])
    return {
        "name": str(row["entry"]),
        "kind": kind,
        "what": KINDS.get(kind, kind) + (", baseline" if row["entry"] == told["board"]["baseline"] else ""),
        "division": str(about.get("division", "closed")),
        "evidence": str(row.get("evidence") or about.get("evidence") or UNSTATED),
        "summary": str(about.get("summary") or ""),
    }


def ranks_of(row: Json) -> dict[str, tuple[int, int]]:
    """Axis -> (best, worst) rank that the entry may hold."""
    return {a: (r[0], r[1]) for a in RANKED if (r := (row["ranks"] or {}).get(a))}


def dependent(told: Json, task: str) -> frozenset[str]:
    """Designs that one trainer finds better than the baseline and another worse."""
    known = ((told.get("truth") or {}).get("sensitivity") or {}).get(task) or {}
    return frozenset(known.get("dependent", ()))


def marks_of(row: Json, dependent: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The marks of a row, in the order of MARKS; `dependent` are designs whose verdict hangs on the trainer."""
    arm = row["kind"] == "control"
    there = {
        "front": row.get("front"),
        "harmful": row.get("harmful"),
        "broken": row.get("broken"),
        "challenged": row.get("challenged"),
        "trainer-dependent": row["design"] in dependent and not arm,
        "did not learn": not row.get("learns") and not arm,
    }
    return tuple(name for name in MARKS if there[name])


def _cell(key: str, row: Json, board: Json) -> Cell:
    """One cell of a task's row."""
    if key == "verdict":
        return verdict(row, "quality", board["baseline"])
    if key == "seeds":
        return reached([r["quality"] for r in row["runs"]], len(board["seeds"]))
    if key == "tokens":
        spent = [r["tokens"] for r in row["runs"]]
        return Cell(count(sum(spent) / len(spent)), sum(spent) / len(spent)) if spent else Cell("–", None)
    return mean(key, row["means"].get(key), row.get("reasons", {}).get(key, ""), _ranked(key, row))


def _ranked(key: str, row: Json) -> bool:
    return key not in GATED or bool(row.get("learns"))


def mean(key: str, span: Json | None, reason: str, ranked: bool = True) -> Cell:
    """A mean with its interval, or why there is none."""
    if span is None:
        return Cell("–", None, "", reason or "not known of every seed")
    return Cell(fixed(span["mean"]), span["mean"], bracket(span["low"], span["high"]), "", ranked)


def reached(values: Sequence[float | None], usual: int) -> Cell:
    """The worst and the best seed, and how many there are unless they are as many as `usual`.

    A 95% interval of five seeds that fall into two kinds says too little; these two say that they do.

    >>> reached([0.9, -0.2, 0.4], 3).shown, reached([0.5], 3).between, reached([0.5, None], 2).shown
    ('−0.20 to 0.90', '1 seed', '–')
    """
    count = "" if len(values) == usual else f"{len(values)} {'seed' if len(values) == 1 else 'seeds'}"
    if (span := extremes(values)) is None:
        return Cell("–", None, count, "not known of every seed")
    return Cell(f"{fixed(span[0])} to {fixed(span[1])}", span[0], count)


def extremes(values: Sequence[float | None]) -> tuple[float, float] | None:
    """(lowest, highest); None where one is not known, or there is none.

    >>> extremes([0.5, 0.1]), extremes([0.5, None])
    ((0.1, 0.5), None)
    """
    known = [v for v in values if v is not None]
    return (min(known), max(known)) if known and len(known) == len(values) else None


def verdict(row: Json, axis: str, baseline: str) -> Cell:
    """How an entry compares with the baseline on an axis, in a word."""
    told = (row["verdicts"] or {}).get(axis)
    if told is None:
        return Cell("–", None, "", _no_verdict(row, axis, baseline))
    gap = f"{signed(told['difference'])} {bracket(told['low'], told['high'])}"
    return Cell(told["verdict"], ORDER[told["verdict"]] + 0.49 * max(-1.0, min(1.0, told["difference"])), gap)


def _no_verdict(row: Json, axis: str, baseline: str) -> str:
    if row["entry"] == baseline:
        return "it is the baseline"
    if row["kind"] == "control":
        return "arms are shown and never ranked"
    if axis in GATED and not row.get("learns"):
        return "it did not learn, so it has no rank here"
    return f"it, or the baseline {baseline}, lacks a seed's number"


# --- the mix -------------------------------------------------------------------------------------


def units(row: Json) -> list[float | None]:
    """Q, S, E, D as `overall` counts them, means over seeds: its weighted mean is `overall`, whatever the weights.

    None where the task does not ask for an axis, all None where one that it asks for is not known.
    """
    told = row["counted"] or {}
    return [told.get(axis) for axis in AXES]


def unit_text(values: Sequence[float | None]) -> str:
    """As the page's script reads them; empty where none is known.

    >>> unit_text([0.5, 1.0, 0.25, None]), unit_text([None, None, None, None])
    ('0.5 1 0.25 -', '')
    """
    if all(v is None for v in values):
        return ""
    return " ".join("-" if v is None else f"{v:.6g}" for v in values)


# --- all tasks -----------------------------------------------------------------------------------


def of_all(told: Json) -> list[Row]:
    """The rows over all tasks: entries that have every one of them."""
    about = {e["entry"]: e for e in told["entries"]}
    tasks = {row["entry"]: [] for row in told["overall"]["rows"]}  # type: dict[str, list[tuple[Json, Json]]]
    for task in told["tasks"]:
        for row in task["rows"]:
            if row["entry"] in tasks:
                tasks[row["entry"]].append((task, row))
    return [_over(told, row, tasks[row["entry"]], about.get(row["entry"], {})) for row in told["overall"]["rows"]]


def _over(told: Json, row: Json, there: Sequence[tuple[Json, Json]], about: Json) -> Row:
    """One entry over all tasks: its flags are added up, its marks are those of any task."""
    flags: dict[str, int] = {}
    for _, mine in there:
        for flag, hits in mine["flags"].items():
            flags[flag] = flags.get(flag, 0) + hits
    seeds = sum(mine["seeds"] for _, mine in there)
    marks = tuple(m for m in MARKS if any(m in marks_of(mine, dependent(told, t["task"])) for t, mine in there))
    why = {k: v for _, mine in reversed(there) for k, v in mine.get("reasons", {}).items()}
    cells = []
    for c in columns(False, True):
        if c.key == "seeds":
            cells.append(reached(_by_seed(told, there), len(told["board"]["seeds"])))
        else:
            cells.append(mean(c.key, row["means"].get(c.key), why.get(c.key, "")))
    return Row(
        **_who(told, about, row),
        ranks=ranks_of(row),
        units="",
        cells=tuple(cells),
        flags=tuple((f, n, seeds) for f, n in sorted(flags.items())),
        marks=marks,
        facets=(*sorted(flags), *marks),
    )


def _by_seed(told: Json, there: Sequence[tuple[Json, Json]]) -> list[float | None]:
    """Q of each of the board's seeds, mean over tasks; None where a task lacks it."""
    found = [{run["seed"]: run["quality"] for run in mine["runs"]} for _, mine in there]
    each = [[runs.get(seed) for runs in found] for seed in told["board"]["seeds"]]
    return [None if None in q else sum(v for v in q if v is not None) / len(q) for q in each]


def badge(ranks: tuple[int, int] | None) -> tuple[str, str]:
    """(badge, interval) of a rank: entries whose intervals start at the same rank share the badge.

    >>> badge((1, 3)), badge((2, 2)), badge(None)
    (('1', '1–3'), ('2', ''), ('', ''))
    """
    if ranks is None:
        return "", ""
    low, high = ranks
    return str(low), f"{low}–{high}" if high > low else ""


def rank_text(ranks: Mapping[str, tuple[int, int]]) -> str:
    """Ranks by axis as the page's script reads them.

    >>> rank_text({"quality": (1, 3), "overall": (2, 2)})
    '1-3,,,,2-2'
    """
    return ",".join(f"{ranks[a][0]}-{ranks[a][1]}" if a in ranks else "" for a in RANKED)


def choices(rows: Iterable[Row]) -> dict[str, list[str]]:
    """What the facets of a page offer: those that occur."""
    every = list(rows)
    contest = [r for r in every if r.kind != "control"]
    return {
        "kind": sorted({KINDS.get(r.kind, r.kind) for r in contest}),
        "division": sorted({r.division for r in contest}),
        "evidence": sorted({r.evidence for r in contest}),
        "flag": sorted({f for r in contest for f in r.facets}),
    }
