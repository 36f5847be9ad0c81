"""How are many runs done? A folder holds what is planned, a lock keeps it to one process, a pool does what is left."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

from rewardbench import disk, fence, find, trace
from rewardbench.plan import ENGINE, RunSpec, call_of, plan, read_run, shard_of, sweep_id
from rewardbench.policies import card
from rewardbench.policies.settings import Folder, expanded, shipped
from rewardbench.policies.words import check_known, surely_unknown
from rewardbench.pool import Job, Pool
from rewardbench.results import remedied
from rewardbench.spec import Spec, check_tasked
from rewardbench.types import Damaged, UserError
from rewardbench.worker import Tell


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder and what it is to hold."""

    folder: Path
    id: str
    runs: tuple[RunSpec, ...]
    policy: Folder
    timeout: float
    planned: int
    """Runs of the whole sweep; a shard has fewer."""

    def run_folder(self, run: RunSpec) -> Path:
        """Where a run is recorded."""
        return self.folder / "runs" / run.id


def prepare(spec: Spec, out: Path | None, shard: str | None = None) -> Sweep:
    """Resolve a spec and open its folder, before any model loads: run folders, sources, policy."""
    check_tasked(spec)  # before a hub is asked for the policy
    policy = find.policy(spec.policy, out)
    runs, sources = plan(spec, policy)
    place = _policy_place(spec.policy, policy)
    return begin(runs, sources, policy, place, out, spec.reward_timeout, shard, loaded=True)


def begin(
    runs: Sequence[RunSpec],
    sources: Mapping[str, Path],
    policy: Folder,
    place: str,
    out: Path | None,
    timeout: float,
    shard: str | None = None,
    loaded: bool = False,
) -> Sweep:
    """Open the folder of runs that are resolved already; `sources` are copied, `place` finds the policy again. Users'
    own parts are asked for their columns if they may be `loaded` here.
    """
    check_tasks(firsts(runs))
    check_words(firsts(runs), policy)
    check_columns(runs, loaded)
    card.used(policy.settings)  # a device that is not there is said before a folder is
    name = sweep_id(runs)
    mine = runs if shard is None else shard_of(runs, shard)
    folder = out if out is not None else Path("runs") / name
    make_folder(folder)
    number = {run.id: n for n, run in enumerate(runs)}
    head = _head(name, timeout, len(runs), {r.id: number[r.id] for r in mine})
    _check_head(folder, head)
    for target, source in sources.items():
        copy = folder / "sources" / target
        if not copy.is_file():
            disk.write_whole(copy, source.read_bytes())
    own = find.own_tasks(dict.fromkeys(run.task for run in runs))
    _local(folder, policy=place, **({"tasks": own} if own else {}))
    sweep = Sweep(folder, name, tuple(mine), policy, timeout, len(runs))
    for run in mine:
        trace.create(sweep.run_folder(run), run.as_dict())
    if not (folder / "sweep.toml").is_file():  # last, so that a folder which has it can be resumed
        disk.write_whole(folder / "sweep.toml", tomli_w.dumps(head).encode())
    return sweep


def firsts(runs: Sequence[RunSpec]) -> list[RunSpec]:
    """The first run of each task: what is asked once a task is asked for it."""
    return list({run.task: run for run in reversed(runs)}.values())[::-1]


def check_tasks(runs: Sequence[RunSpec]) -> None:
    """Raise UserError where a run's task has no gold, no prompt, or too few for a step: now, not after the other tasks'
    runs.
    """
    for run in runs:
        find.gold(run.task)
        for split in ("train", "dev"):
            find.first_prompt(run.task, split, run.seed)
        find.some(find.task(run.task), "train", run.seed, run.P)


def check_words(runs: Sequence[RunSpec], policy: Folder) -> None:
    """Raise UserError where the policy lacks the words of a task: now, and not once it is loaded."""
    for run in runs:
        shown = find.some(find.task(run.task), "dev", run.seed, run.eval_prompts)
        check_known(policy.name, run.task, surely_unknown(policy, shown), " or more")


def check_columns(runs: Sequence[RunSpec], loaded: bool = True) -> None:
    """Raise UserError where a part asks for a column that its task does not have; where a user's own files are not
    `loaded`, of shipped parts alone.
    """
    for run in {(run.task, run.design_hash): run for run in reversed(runs)}.values():
        parts = tuple(p for p in run.design.parts if loaded or ":" not in p.use)
        columns = find.first_prompt(run.task, "dev", run.seed).columns
        find.check_columns(replace(run.design, parts=parts), run.task, columns)


def _head(name: str, timeout: float, planned: int, places: Mapping[str, int]) -> dict[str, Any]:
    """What `sweep.toml` says; `places` (run -> its number in the whole plan) lets shards be put in order."""
    runs = sorted(places, key=lambda run: places[run])
    return {
        "schema_version": 1,
        "sweep": name,
        "reward_timeout": float(timeout),
        "planned": planned,
        "runs": runs,
        "places": [places[run] for run in runs],
    }


def _check_head(folder: Path, head: Mapping[str, Any]) -> None:
    """Raise UserError (code 2) if the folder holds another sweep or shard; the same may be there already."""
    if not (folder / "sweep.toml").is_file():
        return
    there = trace.head(folder)
    if there["sweep"] != head["sweep"]:
        which = f"sweep {there['sweep']}; asked was {head['sweep']}"
        ways = f"choose another --out, or `rbench resume {folder}` for the one that is there"
        more = "other seeds go into an --out of their own, and `rbench compare A B` puts the two folders together"
        raise UserError(f"{folder} holds another spec ({which}): {ways}; {more}")
    if there["runs"] != head["runs"]:
        raise UserError(f"{folder} holds another shard of this sweep; give each shard its own --out")


def _local(folder: Path, **more: Any) -> dict[str, Any]:
    """What `local.toml` says of this machine, once more is said there; no hash covers it."""
    path = folder / "local.toml"
    known = disk.read_toml(path, "") if path.is_file() else {}
    if known | more != known:
        disk.write_whole(path, tomli_w.dumps(known | more).encode())
    return known | more


def _policy_place(asked: str, policy: Folder) -> str:
    """How this machine finds the policy again, from any working directory."""
    return str(policy.path) if asked not in shipped() and expanded(asked).is_dir() else asked


def make_folder(folder: Path) -> None:
    """Make an output folder, or say in one line why it cannot be one (code 4)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"--out {folder} cannot be used: {error.strerror or error}", 4) from error


def open_sweep(folder: Path) -> Sweep:
    """A sweep as its folder tells it."""
    head = trace.head(folder)
    runs = tuple(_run_of(folder, name) for name in head["runs"])
    began = runs[0] if runs else None  # a shard may be empty
    asked = str(_local(folder).get("policy") or (began.policy if began else "tiny"))
    policy = find.policy(asked, folder)
    if began and policy.digest != began.policy_hash:
        raise UserError(f"policy {asked!r} is not the one this sweep began with (its files or its .toml changed)", 5)
    sweep = Sweep(folder, head["sweep"], runs, policy, float(head["reward_timeout"]), head["planned"])
    if other := {run.engine for run in unfinished(sweep)} - {ENGINE}:
        asked = f"this sweep was begun by engine {other.pop()}, and this version has engine {ENGINE}"
        raise UserError(f"{asked}: its numbers would differ; go on with that version, or start a new --out", 5)
    for task, digest in {(run.task, run.task_digest) for run in unfinished(sweep)}:
        find.check_digest(task, digest)
    return sweep


def reopen(folder: Path) -> Sweep:
    """A sweep as its folder tells it, ready to go on: what is left of it finds its data."""
    sweep = open_sweep(folder)
    if own := find.own_tasks(dict.fromkeys(run.task for run in sweep.runs)):
        _local(folder, tasks=own)  # where they lie now
    check_tasks(firsts(unfinished(sweep)))
    return sweep


def _run_of(folder: Path, name: str) -> RunSpec:
    """The spec of a sweep's run, which must be the one that its id was made of."""
    with remedied(folder, str(name)):
        found = read_run(folder / "runs" / str(name))
        if found.id != name:
            raise Damaged(f"{name}/spec.toml is damaged: its content belongs to run {found.id}")
    return found


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock; a second process is told so (code 4). The lock goes with its process."""
    with disk.writing(folder / ".lock"):
        lock = (folder / ".lock").open("wb")
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            reason = f"{folder} is in use by another process; wait for it, or choose another --out"
            raise UserError(reason, 4) from error
        yield


def unfinished(sweep: Sweep) -> list[RunSpec]:
    """Runs that are not done yet. A failed one stays failed: `rbench run` on the same folder does not hide it."""
    return [r for r in sweep.runs if trace.status(sweep.run_folder(r))["status"] == "partial"]


def packs(sweep: Sweep) -> list[list[RunSpec]]:
    """The packs that are not over. On a GPU runs that are over keep their place, so that the others are computed as
    before; and since what fits may be another number tomorrow, the folder remembers which runs are together.
    """
    left = {run.id for run in unfinished(sweep)}
    if not left:
        return []
    by, begun = {run.id: run for run in sweep.runs}, _local(sweep.folder).get("packs", [])
    known = {name for pack in begun for name in pack}
    fresh = [run for run in sweep.runs if run.id not in known]  # all of them, or those of other shards
    groups = [*([by[name] for name in pack if name in by] for pack in begun), fresh]
    found = [pack for group in groups for pack in together(group, sweep.policy)]
    if fresh and card.used(sweep.policy.settings) is not None:
        _local(sweep.folder, packs=[[run.id for run in pack] for pack in found])
    return [pack for pack in found if any(run.id in left for run in pack)]


def together(runs: Sequence[RunSpec], policy: Folder) -> list[list[RunSpec]]:
    """Runs in packs. On a CPU a pack holds one run: stacking gains nothing there. On a GPU it holds as many as fit of
    those that differ in nothing but design and seed, all packs of nearly equal size; or as many as a tile asks for.
    """
    gpu = card.used(policy.settings)
    if gpu is None:
        return [[run] for run in runs]
    alike: dict[str, list[RunSpec]] = {}
    for run in runs:
        alike.setdefault(repr(replace(run, design=runs[0].design, design_hash="", seed=0)), []).append(run)
    found = []
    for group in alike.values():
        fit, tile = card.fits(policy, call_of(group, policy.settings), gpu), policy.settings.tile
        if tile is not None and tile.runs > fit:
            raise UserError(f"policy {policy.name!r} has a tile of {tile.runs} runs, and {fit} fit on {gpu.name}", 4)
        number = -(-len(group) // (tile.runs if tile else fit))
        found += [group[i * len(group) // number : (i + 1) * len(group) // number] for i in range(number)]
    return found


def job_of(sweep: Sweep) -> Job:
    """What its packs share. Of each task the first run that is left stands for all in what is asked beforehand."""
    asked, on_card = firsts(unfinished(sweep)), card.used(sweep.policy.settings) is not None
    return Job(sweep.policy, sweep.timeout, sweep.folder / "sources", asked, sweep.run_folder, on_card)


def execute(sweep: Sweep, workers: int, tell: Tell) -> None:
    """Do what is left of a sweep. Returns when every run is done or failed; interrupts leave it resumable."""
    with locked(sweep.folder), _saying(sweep):
        todo = packs(sweep)
        if todo:
            job = job_of(sweep)
            busy = 1 if job.card else min(workers, len(todo))  # a card is one worker's
            Pool(job, partial(_heard, sweep, tell)).run(todo, busy)


@contextmanager
def _saying(sweep: Sweep) -> Iterator[None]:
    """Within it a sweep runs: an interrupt says what is recorded, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(_saved(sweep)) from stop


def _saved(sweep: Sweep) -> str:
    """What an interrupted sweep has recorded, in words."""
    left = unfinished(sweep)
    begun = sum(trace.begun(sweep.run_folder(run)) for run in left)
    over = f"{len(sweep.runs) - len(left)} of {len(sweep.runs)} runs are over, {begun} more begun"
    return f"{over}; `rbench resume {sweep.folder}` goes on"


def _heard(sweep: Sweep, tell: Tell, event: dict[str, Any]) -> None:
    """Pass an event on; a worker's word on its fence is written down, and told once, not by every worker, and so is
    that the card is too small for a pack.
    """
    if event["event"] == "full":
        _halve(sweep, event["runs"])
    elif event["event"] != "fence":
        tell(event)
    elif _local(sweep.folder).get("fence") != event["level"]:
        _local(sweep.folder, fence=event["level"])
        tell(event)


def _halve(sweep: Sweep, full: Sequence[str]) -> None:
    """Remember the runs of a pack as two packs from now on; it may be a part of one that was remembered."""
    half, known = len(full) // 2, _local(sweep.folder).get("packs", [])
    others = [[name for name in pack if name not in full] for pack in known]
    _local(sweep.folder, packs=[[*full[:half]], [*full[half:]], *[pack for pack in others if pack]])


def other_versions(sweep: Sweep) -> list[str]:
    """A line for each set of versions, other than the present ones, that runs of a sweep which are over came from."""
    ended = [status for run in sweep.runs if (status := trace.status(sweep.run_folder(run)))["status"] != "partial"]
    known = [status["versions"] for status in ended if "versions" in status]
    told = Counter(trace.in_words(by) for by in known if by != [trace.versions()])
    stay = "what they recorded stays as it is; a new --out trains them again"
    return [f"{count} of {len(sweep.runs)} runs are of {which}: {stay}" for which, count in sorted(told.items())]


def unfenced(sweep: Sweep) -> str:
    """What its workers could not be kept from though this machine could do it, in a line; else nothing."""
    level = _local(sweep.folder).get("fence")
    missing = fence.lower(level, fence.limits()) if level else []
    return f"accident protection is lower than it could be here: not {', '.join(missing)}" if missing else ""


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


# --- shards --------------------------------------------------------------------------------------


def merge(folders: Sequence[Path], out: Path) -> Sweep:
    """Put the shards of one sweep together: the same folder as the undisturbed sweep."""
    heads = [trace.head(folder) for folder in folders]
    if out.resolve() in [folder.resolve() for folder in folders]:
        raise UserError(f"--out {out} is one of the shards; choose a folder of its own")
    if len({h["sweep"] for h in heads}) > 1:
        raise UserError(f"these are shards of different sweeps: {', '.join(sorted({h['sweep'] for h in heads}))}")
    if (out / "sweep.toml").is_file() and trace.head(out)["sweep"] != heads[0]["sweep"]:
        raise UserError(f"{out} holds another sweep ({trace.head(out)['sweep']}); choose another --out")
    make_folder(out)
    places: dict[str, int] = {}
    for folder, head in zip(folders, heads, strict=True):
        for name, place in zip(head["runs"], head["places"], strict=True):
            _run_of(folder, name)
            _take_better(folder / "runs" / name, out / "runs" / name)
            places[name] = int(place)
        for source in sorted((folder / "sources").glob("*/*")):
            disk.write_whole(out / source.relative_to(folder), source.read_bytes())
    whole = _head(heads[0]["sweep"], heads[0]["reward_timeout"], heads[0]["planned"], places)
    disk.write_whole(out / "sweep.toml", tomli_w.dumps(whole).encode())
    for local in [path for folder in folders if (path := folder / "local.toml").is_file()][:1]:
        disk.write_whole(out / "local.toml", local.read_bytes())
    return open_sweep(out)


def _take_better(source: Path, target: Path) -> None:
    """Copy a run unless the target has it finished already."""
    if target.is_dir() and trace.status(target)["status"] == "done":
        return
    if target.is_dir() and trace.status(source)["status"] == "partial":
        return
    part = target.with_name(f".{target.name}.part")  # a name that counts only once all of it is there
    with disk.writing(target):
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
