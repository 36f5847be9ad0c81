"""What happened in a run? Its folder: append-only rows, evaluations, a checkpoint; a kill loses nothing.

`steps.jsonl` and `evals/` are the truth; `timing.jsonl` is the only place with clock readings. No pickle,
no host names, no absolute paths (but in `local.toml`, which no hash covers).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w

from rewardbench import __version__, disk
from rewardbench.policies.settings import file_digest, release
from rewardbench.types import Damaged, UserError

SCHEMA = 1
STATES = ("done", "failed", "partial")
COVERED = ("spec.toml", "steps.jsonl", "weights.safetensors")
"""Files under the content hash, with every evaluation."""
LAST = 10**9
"""Steps done when the evaluation `final` is made: it comes after every other."""


def create(folder: Path, spec: Mapping[str, Any]) -> None:
    """Open a run's folder, before any model loads; the same spec may be there already, another may not."""
    path = folder / "spec.toml"
    text = tomli_w.dumps(disk.plain(spec)).encode()
    if path.is_file() and path.read_bytes() != text:
        raise UserError(f"{folder.name} holds another spec; choose another --out")
    if not path.is_file():
        disk.write_whole(path, text)
    if not (folder / "status.json").is_file():
        set_status(folder, "partial")


def set_status(folder: Path, status: str, **more: Any) -> None:
    """Say how the run stands: `done`, `failed` or `partial`, with a reason; and by which versions it came there."""
    told = {"schema_version": SCHEMA, "status": status, "versions": _by(folder / "status.json"), **more}
    disk.write_whole(folder / "status.json", (disk.dumps(told) + "\n").encode())


def _by(path: Path) -> list[dict[str, str]]:
    """The versions that a run was begun and gone on with, the present one among them."""
    try:
        before = json.loads(path.read_bytes())["versions"]
    except (OSError, ValueError, KeyError, TypeError):  # none yet, of an earlier version, or damaged: said by `status`
        before = []
    return before if versions() in before else [*before, versions()]


def status(folder: Path) -> dict[str, Any]:
    """How the run stands; `partial` if nothing was said yet."""
    path = folder / "status.json"
    if not path.is_file():
        return {"status": "partial"}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Damaged(f"{folder.name}/status.json is damaged: {error}") from error
    readable(found, f"{folder.name}/status.json")
    if not isinstance(found, dict) or found.get("status") not in STATES:
        raise Damaged(f"{folder.name}/status.json is damaged: it says neither {', '.join(STATES)}")
    return found


def readable(found: Any, name: str) -> None:
    """Raise UserError (code 5) where a later version wrote a file in a way that this one cannot know."""
    schema = found.get("schema_version", SCHEMA) if isinstance(found, dict) else SCHEMA
    if isinstance(schema, int) and schema > SCHEMA:
        this = f"rewardbench-suite {__version__} reads up to {SCHEMA}"
        raise UserError(f"{name} has schema version {schema}, and {this}: a later version can read it", 5)


def spec(folder: Path) -> dict[str, Any]:
    """The run's resolved spec."""
    return disk.read_toml(folder / "spec.toml", f"{folder.name} is no run folder: it has no spec.toml")


def head(folder: Path) -> dict[str, Any]:
    """What a sweep's `sweep.toml` says; raises UserError (code 5) if it is missing or damaged."""
    found = disk.read_toml(folder / "sweep.toml", f"{folder} is no sweep folder: it has no sweep.toml")
    readable(found, f"{folder.name}/sweep.toml")
    kinds: dict[str, Any] = {
        "sweep": str, "reward_timeout": (int, float), "planned": int, "runs": list, "places": list
    }
    for key, kind in kinds.items():
        if not isinstance(found.get(key), kind):
            raise UserError(f"{folder}/sweep.toml is damaged: it has no {key!r}", 5)
    if len(found["runs"]) != len(found["places"]):
        raise UserError(f"{folder}/sweep.toml is damaged: it has another number of places than of runs", 5)
    return found


def append(folder: Path, name: str, row: Mapping[str, Any]) -> None:
    """One more line of `steps.jsonl` or `timing.jsonl`."""
    path = folder / name
    with disk.writing(path), path.open("ab") as file:
        file.write((disk.dumps(row) + "\n").encode())


def rows(folder: Path, name: str = "steps.jsonl") -> list[dict[str, Any]]:
    """The rows so far; a line torn by a kill is no row."""
    whole, _ = _whole_and_torn(folder / name)
    found = []
    for number, line in enumerate(whole.split(b"\n"), 1):
        try:
            row = json.loads(line) if line else None
        except ValueError as error:
            raise Damaged(f"{folder.name}/{name} is damaged at line {number}: {error}") from error
        if row is not None:
            found.append(row)
    return found


def check_rows(folder: Path, steps: int, count: int | None) -> int:
    """How many rows there are of the first `steps` steps. Raises UserError (code 5) unless they are the `count` that
    were there when the checkpoint was written; None: it does not say.
    """
    found = [row["step"] for row in rows(folder) if row["step"] < steps]
    if count not in (None, len(found)) or found != sorted(set(found)):
        lost = f"{folder.name}/steps.jsonl has lost rows: it holds {len(found)} of the {count} before its checkpoint"
        raise UserError(f"{lost}; delete {folder.name}/checkpoint and `rbench resume` makes the run anew", 5)
    return len(found)


def _whole_and_torn(path: Path) -> tuple[bytes, bytes]:
    """The whole lines of a file, and what a kill left of one more."""
    whole, _, torn = path.read_bytes().rpartition(b"\n") if path.is_file() else (b"", b"", b"")
    return whole, torn


def cut(folder: Path, steps: int) -> None:
    """Forget what was recorded after `steps` optimiser steps: it will be made again, identically."""
    for name in ("steps.jsonl", "timing.jsonl"):
        if (folder / name).is_file():
            if _whole_and_torn(folder / name)[1]:
                print(f"{folder.name}/{name}: its last line was torn by a kill and is made again", file=sys.stderr)
            kept = [row for row in rows(folder, name) if row["step"] < steps]
            disk.write_whole(folder / name, "".join(disk.dumps(r) + "\n" for r in kept).encode())
    for path in evaluations(folder):
        if _step_of(path) > steps:
            path.unlink()
    for path in folder.rglob("*.tmp"):
        path.unlink()


def _step_of(path: Path) -> int:
    """The optimiser steps done when an evaluation was made; its file is named by them (`final` is last)."""
    return LAST if path.stem == "final" else int(path.stem)


def evaluations(folder: Path) -> list[Path]:
    """The evaluations so far, in order; `final` (the grid of temperatures) last."""
    return sorted((folder / "evals").glob("*.parquet"), key=_step_of)


def write_evaluation(folder: Path, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """One evaluation as a parquet table, a row a completion."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink, compression="zstd", write_statistics=False)
    disk.write_whole(folder / "evals" / f"{name}.parquet", sink.getvalue().to_pybytes())


def read_evaluation(path: Path) -> dict[str, Any]:
    """Columns of an evaluation: name -> NumPy array, a row a completion."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except Exception as error:
        raise Damaged(f"{path.parent.parent.name}/evals/{path.name} is damaged: {error}") from error
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def write_checkpoint(folder: Path, arrays: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    """Everything needed to go on from `meta["step"]`, as one safetensors file beside earlier ones (NumPy arrays)."""
    from safetensors.numpy import save

    _settle(folder / "steps.jsonl")  # a checkpoint must not outlive the rows before it
    disk.write_whole(_checkpoint(folder, meta["step"]), save(dict(arrays), {"meta": disk.dumps(meta)}))


def _settle(path: Path) -> None:
    """See to it that what was appended to a file survives a machine that goes down."""
    if path.is_file():
        with disk.writing(path), path.open("rb") as file:
            os.fsync(file.fileno())


def begun(folder: Path) -> bool:
    """Whether something of a run is recorded: its first evaluation is made before its first step."""
    return any((folder / "evals").glob("*.parquet"))


def checkpoints(folder: Path) -> set[int]:
    """The steps that a run can go on from; two of them only while the runs of its pack are being saved."""
    return {int(p.stem) for p in (folder / "checkpoint").glob("*.safetensors") if p.stem.isdigit()}


def begin_checkpoints(folder: Path) -> None:
    """Note that a run stands at step 0: an empty checkpoint, which is there until all runs of its pack have one.

    A kill during the first save is told by it from a checkpoint that was deleted or lost.
    """
    path = _checkpoint(folder, 0)
    with disk.writing(path):
        path.parent.mkdir(exist_ok=True)
        path.touch()


def keep_checkpoint(folder: Path, step: int) -> None:
    """Delete every checkpoint but that of `step`."""
    for other in checkpoints(folder) - {step}:
        _checkpoint(folder, other).unlink()


def read_checkpoint(folder: Path, step: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(arrays, meta) of the checkpoint of `step`."""
    from safetensors import safe_open

    try:
        with safe_open(_checkpoint(folder, step), framework="numpy") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, json.loads(file.metadata()["meta"])  # noqa: SIM118
    except Exception as error:  # safetensors has an error type of its own
        where = f"{folder.name}/checkpoint"
        raise UserError(f"{where} is damaged ({error}); delete it and `rbench resume` makes the run anew", 5) from error


def _checkpoint(folder: Path, step: int) -> Path:
    return folder / "checkpoint" / f"{step:06d}.safetensors"


def finish(folder: Path, weights: Mapping[str, Any], **more: Any) -> str:
    """Write the final weights and close the run as `done`; returns the content hash."""
    from safetensors.numpy import save

    if weights:
        disk.write_whole(folder / "weights.safetensors", save(dict(weights)))
    return close(folder, "done", **more)


def close(folder: Path, how: str, **more: Any) -> str:
    """Close a run, `done` or `failed`: manifest, status, no checkpoint; returns the content hash."""
    for path in folder.rglob("*.tmp"):  # of a worker that died while it wrote
        path.unlink()
    digest = content_hash(folder)
    names = [p for p in sorted(folder.rglob("*")) if p.is_file() and "checkpoint" not in p.relative_to(folder).parts]
    hashes = {
        p.relative_to(folder).as_posix(): file_digest(p)
        for p in names
        if p.name not in ("manifest.json", "status.json", "local.toml")
    }
    manifest = {"schema_version": SCHEMA, "content": digest, "files": hashes}
    disk.write_whole(folder / "manifest.json", (disk.dumps(manifest) + "\n").encode())
    set_status(folder, how, content=digest, **more)
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return digest


@cache
def versions() -> dict[str, str]:
    """What a run's numbers come from besides its spec: another version may compute, and so sample, otherwise."""
    return {"rewardbench": __version__, **{name: release(name) for name in ("torch", "transformers")}}


def in_words(by: Sequence[Mapping[str, str]]) -> str:
    """Versions in words.

    >>> in_words([{"rewardbench": "0.1.0", "torch": "2.12"}, {"rewardbench": "0.1.0", "torch": "2.13"}])
    'rewardbench 0.1.0, torch 2.12, then rewardbench 0.1.0, torch 2.13'
    """
    return ", then ".join(", ".join(f"{name} {number}" for name, number in one.items()) for one in by)


def changed(folder: Path) -> list[str] | None:
    """The files of a run that are not what its manifest says, or not there; None where it has no whole manifest."""
    files = listed(folder)
    if files is None:
        return None
    return [n for n, digest in files.items() if not (folder / n).is_file() or file_digest(folder / n) != digest]


def listed(folder: Path) -> dict[str, str] | None:
    """The files of a run that is over, with their hashes; None where manifest.json is missing or damaged."""
    try:
        files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if isinstance(files, dict) else None


def content_hash(folder: Path) -> str:
    """SHA-256 over spec, steps, evaluations and final weights: equal for the same spec on one thread."""
    total = hashlib.sha256()
    for path in [folder / n for n in COVERED] + evaluations(folder):
        if path.is_file():
            total.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\n".encode())
    return total.hexdigest()
