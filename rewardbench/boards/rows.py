"""What is kept of a run on a board? Every score of every completion, the words of a seeded few; no weights, no clocks.

Three parquet tables an entry and task, a row a completion (`scores`, `texts`) or a step (`steps`), all seeds together.
The published numbers are computed from these, never from the run folders: so anybody can compute them again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from rewardbench import disk, seeds, trace
from rewardbench.plan import RunSpec, run_spec
from rewardbench.results import Loaded, bank_of, curve_of, grid
from rewardbench.types import UserError

TABLES = ("scores", "texts", "steps")
KEY = ("seed", "split", "step", "temperature", "prompt", "k")
"""What names a completion, but for a prompt that was drawn twice: see `keys`."""
SAMPLED = 2
"""Completions of each prompt whose words are kept, at the last two evaluations and all over the grid."""
EXACT = ("dead",)
"""Columns of steps that a flag compares with a limit: kept as they are. The others are rounded to 32 bits."""
COUNTS = ("charged", "completions", "context", "taught_tokens")
NESTED = ("parts", "shares", "abstained", "noted")


# --- writing -------------------------------------------------------------------------------------


def pack(runs: Sequence[Path], out: Path, thin: bool) -> None:
    """Write the run folders of one design on one task, seeds in order, into `out`.

    `thin` keeps the words of the seeded few; otherwise all of them are kept.
    """
    specs = [run_spec(trace.spec(folder)) for folder in runs]
    shared = specs[0].as_dict()
    shared.pop("seed")
    disk.write_whole(out / "spec.toml", tomli_w.dumps(shared).encode())
    disk.write_whole(out / "runs.json", (json.dumps(endings(runs), indent=1, sort_keys=True) + "\n").encode())
    scores = [_scores(spec, folder) for spec, folder in zip(specs, runs, strict=True)]
    _write(out / "scores.parquet", _joined([s for s, _ in scores]), loose=("kl",))
    texts = [sampled(spec, t) if thin else t for spec, (_, t) in zip(specs, scores, strict=True)]
    _write(out / "texts.parquet", _joined(texts))
    steps = [_steps(spec, folder) for spec, folder in zip(specs, runs, strict=True)]
    _write(out / "steps.parquet", _joined([s for s in steps if s]))


def endings(runs: Sequence[Path]) -> list[dict[str, Any]]:
    """`runs.json`: how each run ended, by seed, id and hash of its content; what of `status.json` is no clock and no
    path."""
    kept = ("status", "code", "reason", "step", "parameters", "trained", "content")
    told = [(run_spec(trace.spec(folder)), trace.status(folder)) for folder in runs]
    return [{"seed": s.seed, "run": s.id, **{k: status[k] for k in kept if k in status}} for s, status in told]


Columns = dict[str, Any]


def _scores(spec: RunSpec, folder: Path) -> tuple[Columns, Columns]:
    """A run's `scores` and `texts`: its evaluations on dev prompts in order, then the grid."""
    found, words = [], []
    classes: dict[str, dict[str, int]] = {}
    for path in trace.evaluations(folder):
        table = trace.read_evaluation(path)
        split = "test" if path.stem == "final" else "dev"
        table = {n: v[np.asarray(table["picked"], dtype=bool)] for n, v in table.items()}
        size = len(table["gold"])
        key = {
            "seed": np.full(size, spec.seed, dtype=np.int64),
            "split": np.full(size, split, dtype=object),
            "step": table["step"].astype(np.int32),
            "prompt": table["prompt"],
            "k": table["k"].astype(np.int16),
            "temperature": table["temperature"].astype(np.float64),
        }
        found.append(key | _numbers(table, classes))
        words.append(key | {n: table[n] for n in ("prompt_text", "text", "messages") if n in table})
    return _joined(found), _joined(words)


def _numbers(table: Mapping[str, Any], classes: dict[str, dict[str, int]]) -> Columns:
    """What was measured of each completion of one evaluation; kinds become numbers within their prompt."""
    kinds = [classes.setdefault(p, {}) for p in table["prompt"]]
    numbered = [known.setdefault(kind, len(known)) for known, kind in zip(kinds, table["kind"], strict=True)]
    entropy = float(np.mean(table["entropy"]))
    return {
        "gold": table["gold"].astype(np.float64),
        "class": np.array(numbered, dtype=np.int32),
        "reward": table["reward"].astype(np.float32),
        **{n: v.astype(np.float32) for n, v in table.items() if n.startswith("part/")},
        "kl": np.round(table["kl"].astype(np.float32), 3),
        "tokens": table["length"].astype(np.int32),
        "ended": table["ended"].astype(bool),
        "entropy": np.full(len(numbered), entropy),
        "charged": table["charged"].astype(np.int64),
    }


def picks(spec: RunSpec) -> tuple[frozenset[int], frozenset[int]]:
    """(steps, k): the evaluations and the completions of each prompt whose words are kept.

    Named by task and seed, so that every entry keeps the same ones and `untrained` can be compared with them.
    """
    steps = spec.points[-2:] if spec.design.trains else spec.points[:1]
    rng = seeds.stream(f"texts/{spec.task}/{spec.seed}")
    return frozenset(steps), frozenset(rng.sample(range(spec.eval_samples), min(SAMPLED, spec.eval_samples)))


def sampled(spec: RunSpec, words: Columns) -> Columns:
    """The rows of `texts` that a thin entry keeps; of a run that broke off earlier, its last evaluations.

    The grid's, so that what diversity is computed from can be scored again too.
    """
    if not words:
        return {}
    steps, ks = picks(spec)
    dev = words["split"] == "dev"
    there = sorted(set(words["step"][dev].tolist()))[-len(steps) :]
    kept = (~dev | np.isin(words["step"], there)) & _chosen(words, ks)
    return {n: v[kept] for n, v in words.items()}


def _chosen(words: Columns, ks: frozenset[int]) -> Any:
    """Which rows [rows] are one of the ks among their prompt's counted completions at one evaluation.

    An algorithm may count few of them (best-of-n): then the first are. A prompt may be drawn twice: its completions
    follow each other, and k begins anew.
    """
    size = len(words["k"])
    begins = np.ones(size, dtype=bool)
    same = [words[n][1:] == words[n][:-1] for n in ("seed", "split", "step", "prompt", "temperature")]
    begins[1:] = ~np.logical_and.reduce(same) | (words["k"][1:] <= words["k"][:-1])
    block = np.cumsum(begins) - 1
    place = np.arange(size) - np.flatnonzero(begins)[block]
    enough = np.bincount(block)[block] > max(ks) if size else np.zeros(0, dtype=bool)
    return np.where(enough, np.isin(place, sorted(ks)), place < SAMPLED)


def _steps(spec: RunSpec, folder: Path) -> Columns:
    """A run's training steps: name (`parts/coverage` for what is nested) -> column."""
    rows = [_flat(row) for row in trace.rows(folder)]
    if not rows:
        return {}
    names = list(dict.fromkeys(n for row in rows for n in row))
    found: Columns = {"seed": np.full(len(rows), spec.seed, dtype=np.int64)}
    for name in names:
        values = np.array([np.nan if (v := row.get(name)) is None else v for row in rows], dtype=np.float64)
        whole = name == "step" or name in COUNTS
        found[name] = values.astype(np.int64) if whole else values if name in EXACT else values.astype(np.float32)
    return found


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `steps.jsonl` with its nested tables spread out."""
    plain = {n: v for n, v in row.items() if n not in NESTED}
    return plain | {f"{outer}/{n}": v for outer in NESTED for n, v in (row.get(outer) or {}).items()}


def _joined(tables: Sequence[Columns]) -> Columns:
    """Tables one after another; a column that one of them lacks is filled with NaN there, and one without any is none
    (of a run that failed before it was evaluated)."""
    tables = [t for t in tables if t]
    names = list(dict.fromkeys(n for t in tables for n in t))
    lacking = [np.full(len(next(iter(t.values()))), np.nan, dtype=np.float32) for t in tables]
    return {n: np.concatenate([t.get(n, no) for t, no in zip(tables, lacking, strict=True)]) for n in names}


def _write(path: Path, columns: Columns, loose: Sequence[str] = ()) -> None:
    """A table as parquet; `loose` columns hold noise that no dictionary makes smaller."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    table = pa.table({n: pa.array(v) for n, v in columns.items()})
    packed = [n for n in columns if n not in loose]
    spread = {n: "BYTE_STREAM_SPLIT" for n in loose if n in columns}
    pq.write_table(
        table, sink, compression="zstd", compression_level=19, write_statistics=False, use_dictionary=packed,
        column_encoding=spread or None, store_schema=False,
    )  # fmt: skip
    disk.write_whole(path, sink.getvalue().to_pybytes())


# --- reading -------------------------------------------------------------------------------------


NEEDED = {
    "scores": ("seed", "split", "step", "temperature", "gold", "class", "reward", "kl", "tokens", "ended", "entropy",
               "charged"),
    "texts": ("seed", "split", "step", "prompt", "k", "temperature", "prompt_text", "text"),
    "steps": ("seed", "step", "dead", "length", "context", "completions", "taught_tokens"),
}  # fmt: skip
"""Columns that numbers are computed from; the others are for people, and for whoever checks."""


def read(path: Path, columns: Sequence[str] | None = None) -> Columns:
    """A table of an entry, or some of its columns: name -> NumPy array; texts as objects."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = file.read(list(columns) if columns else None, use_threads=False)
    except Exception as error:  # a damaged file may raise anything
        raise UserError(f"{path.parent.name}/{path.name} is damaged: {error}", 5) from error
    return {name: _array(table[name]) for name in table.column_names}


def _array(column: Any) -> Any:
    """A column as a NumPy array; each different text is made once, since most of them repeat."""
    import pyarrow as pa

    if not pa.types.is_string(column.type) or column.null_count or not len(column):
        return column.to_numpy(zero_copy_only=False)
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_numpy(zero_copy_only=False)[coded.indices.to_numpy()]


def equal(a: Any, b: Any) -> Any:
    """Where two columns of one length are equal, NaN to NaN, [rows].

    >>> equal(np.array([1.0, np.nan]), np.array([1.0, np.nan])).tolist()
    [True, True]
    """
    same = np.asarray(a == b, dtype=bool)
    floats = a.dtype.kind == b.dtype.kind == "f"
    return same | (np.isnan(a) & np.isnan(b)) if floats else same


def keys(columns: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What names each row of `scores` or `texts`: KEY, and which time it stands there.

    A task may draw one prompt twice, and so a key may stand twice.
    """
    return numbered(zip(*(columns[n].tolist() for n in KEY), strict=True))


def numbered(plain: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each key with the number of times that it stood there before.

    >>> numbered([("a",), ("b",), ("a",)])
    [('a', 0), ('b', 0), ('a', 1)]
    """
    seen: Counter[tuple[Any, ...]] = Counter()
    found = []
    for key in plain:
        found.append((*key, seen[key]))
        seen[key] += 1
    return found


def endings_of(folder: Path) -> list[dict[str, Any]]:
    """`runs.json` of an entry's task: how each run ended. Raises UserError (code 5) where it is damaged."""
    try:
        found: list[dict[str, Any]] = json.loads((folder / "runs.json").read_text(encoding="utf-8"))
        if not found or any(not {"seed", "run", "status"} <= set(run) for run in found):
            raise ValueError("runs.json lacks a run's seed, id or status")
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{folder.name} is damaged ({type(error).__name__}: {error})", 5) from error
    return found


def load(folder: Path) -> list[Loaded]:
    """The runs of one design on one task, as results are computed from them."""
    raw = disk.read_toml(folder / "spec.toml", f"{folder.name} has no spec.toml")
    told = endings_of(folder)
    try:
        first = run_spec({**raw, "seed": told[0]["seed"]})
        specs = [first.on(run["seed"]) for run in told]
        scores, texts, steps = (read(folder / f"{name}.parquet", NEEDED[name]) for name in TABLES)
        return [_loaded(folder, spec, run, scores, texts, steps) for spec, run in zip(specs, told, strict=True)]
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise UserError(f"{folder.name} is damaged ({type(error).__name__}: {error})", 5) from error


def _loaded(
    folder: Path, spec: RunSpec, status: dict[str, Any], scores: Columns, texts: Columns, steps: Columns
) -> Loaded:
    """One run out of the tables of its design."""
    mine = where(scores, scores["seed"] == spec.seed)
    dev = mine["split"] == "dev"
    curve = where(mine, dev)
    at = [curve["step"] == step for step in sorted(set(curve["step"].tolist()))]
    tables = [_evaluation(where(curve, rows)) for rows in at]
    test = _evaluation(where(mine, ~dev))
    words, prompts = _words(spec, texts)
    return Loaded(
        spec=spec,
        folder=folder,
        status=status,
        rows=_rows(spec, steps),
        timing=[],
        curve=curve_of(spec, tables, status["status"] == "failed") if tables else None,
        bank=bank_of(spec, test) if len(test["gold"]) else None,
        texts=words,
        prompts=prompts,
    )


def where(table: Columns, mask: Any) -> Columns:
    """The rows of a table that a mask names; where they stand together, as they mostly do, nothing is copied."""
    rows: Any = np.flatnonzero(mask)
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        rows = slice(rows[0], rows[-1] + 1)
    return {n: v[rows] for n, v in table.items()}


def _evaluation(table: Columns) -> Columns:
    """Rows of one evaluation under the names that a run folder has them by."""
    return {
        **table,
        "length": table["tokens"],
        "kind": table["class"],
        "picked": np.ones(len(table["gold"]), dtype=bool),
    }


def _words(spec: RunSpec, texts: Columns) -> tuple[list[list[str]], list[str]]:
    """The sampled words of the last evaluation, [N][n], and the prompts, [N]."""
    mine = np.flatnonzero((texts["seed"] == spec.seed) & (texts["split"] == "dev"))
    if not len(mine):
        return [], []
    steps = texts["step"][mine]
    last = {n: v[mine[steps == steps.max()]] for n, v in texts.items()}
    if len(last["text"]) > SAMPLED * spec.eval_prompts:  # a whole bundle: read what a board would keep
        chosen = _chosen(last, picks(spec)[1])
        last = {n: v[chosen] for n, v in last.items()}
    last |= {"picked": np.ones(len(last["text"]), dtype=bool)}
    words = grid(last, "text", spec.eval_prompts)
    return words.tolist(), grid(last, "prompt_text", spec.eval_prompts)[:, 0].tolist()


def _rows(spec: RunSpec, steps: Columns) -> list[dict[str, Any]]:
    """The training steps in order, what numbers need of each line of `steps.jsonl`."""
    if "seed" not in steps:
        return []
    mine = {n: v.tolist() for n, v in where(steps, steps["seed"] == spec.seed).items() if n != "seed"}
    return [dict(zip(mine, values, strict=True)) for values in zip(*mine.values(), strict=True)]


def thin(folder: Path, out: Path) -> None:
    """The same entry with the words of the seeded few alone: what a board keeps of a whole bundle."""
    raw = disk.read_toml(folder / "spec.toml", f"{folder.name} has no spec.toml")
    texts = read(folder / "texts.parquet")
    kept = []
    for run in endings_of(folder):
        spec = run_spec({**raw, "seed": run["seed"]})
        mine = texts["seed"] == spec.seed
        kept.append(sampled(spec, {n: v[mine] for n, v in texts.items()}))
    for name in ("spec.toml", "runs.json", "scores.parquet", "steps.parquet"):
        disk.write_whole(out / name, (folder / name).read_bytes())
    _write(out / "texts.parquet", _joined(kept))
