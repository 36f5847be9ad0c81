"""Can this machine run the benchmark? Facts to paste into a report, and checks with what to do about each.

Nothing here names the machine or its user: home folders are written `~`.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from rewardbench import __version__, fence, find, worker
from rewardbench import data as data_
from rewardbench.fence import memory
from rewardbench.policies import card, settings
from rewardbench.sweep import cores
from rewardbench.types import RewardError, UserError

Finding = tuple[str, str, str]
"""(ok, warn or fail; what was found; what to do about it)."""
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "safetensors", "tokenizers", "click", "rich", "trl")
LEAST = (3, 11)
ROOM = 1 << 30
"""Bytes of disk and of memory below which a sweep may not fit."""
PATIENCE = 300
"""Seconds that torch and the shipped policy may take to load and speak."""
CHECKS: dict[str, Callable[[], Finding]] = {}
"""Every check by its name: entered by `check`."""


@dataclass(frozen=True)
class Checked:
    """One check's finding."""

    name: str
    state: str
    text: str
    fix: str


def check(function: Callable[[], Finding]) -> Callable[[], Finding]:
    """Enter a function as a check under its own name."""
    CHECKS[function.__name__] = function
    return function


def examine() -> list[Checked]:
    """The finding of every check; what names the machine or its user is left out."""
    return [Checked(name, *(anonymous(text) for text in function())) for name, function in CHECKS.items()]


def usable(findings: Iterable[Checked]) -> bool:
    """Whether nothing failed."""
    return all(f.state != "fail" for f in findings)


# --- facts --------------------------------------------------------------------------------------------


def facts() -> dict[str, str]:
    """What a reader of a report wants to know: name -> value."""
    trial = _trial()
    threads = {k: v for k, v in sorted(os.environ.items()) if k.endswith("_NUM_THREADS")}
    found = {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "rewardbench-suite": __version__,
        "torch": str(trial.get("torch", _version("torch"))),
        "transformers": _version("transformers"),
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(cores()),
        "memory": size(memory()),
        "disk free here": size(shutil.disk_usage(Path.cwd()).free),
        "devices": ", ".join(trial.get("devices", ["unknown: torch does not load"])),
        "threads": ", ".join(f"{k}={v}" for k, v in threads.items()) or "unset",
        f"device (${card.VARIABLE})": os.environ.get(card.VARIABLE) or "unset",
        "here": str(Path.cwd()),
        "data ($REWARDBENCH_DATA)": os.environ.get("REWARDBENCH_DATA") or "unset",
        "tasks ($REWARDBENCH_TASKS)": os.environ.get("REWARDBENCH_TASKS") or "unset",
        "cache": str(_cache() or "none"),
    }
    return {name: anonymous(value) for name, value in found.items()}


def _version(name: str) -> str:
    """An installed distribution's version, or that there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def size(count: float) -> str:
    """Bytes as a person says them.

    >>> size(1536), size(3 << 30)
    ('1.5 KiB', '3.0 GiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def anonymous(text: str) -> str:
    """The text without the home folder, the user's and the machine's name."""
    host = socket.gethostname()
    for name, instead in ((_home(), "~"), (_user(), "<user>"), (host, "<host>"), (host.partition(".")[0], "<host>")):
        if len(name) > 1:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", instead, text)
    return text


def _cache() -> Path | None:
    """The cache of policies, or None where there is no place for it."""
    try:
        return settings.cache()
    except UserError:
        return None


def _home() -> str:
    """The user's home folder, or nothing where the machine knows none."""
    try:
        return str(Path.home())
    except RuntimeError:
        return ""


def _user() -> str:
    """The user's name, or nothing where the machine knows none (a container)."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


# --- checks -------------------------------------------------------------------------------------------


@lru_cache
def _trial() -> dict[str, Any]:
    """What `engine.trial` found in a process of its own, and under `error` the last thing it said if it broke."""
    words = [sys.executable, "-P", "-m", "rewardbench.engine.trial"]  # -P: no torch.py of the working directory
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {PATIENCE} s"}
    found: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found |= json.loads(line)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with exit code {done.returncode}"]
        found["error"] = lines[-1]
    return found


@check
def python() -> Finding:
    """The interpreter is recent enough."""
    text = platform.python_version()
    if sys.version_info[:2] < LEAST:
        return "fail", text, f"make an environment with Python {LEAST[0]}.{LEAST[1]} or later"
    return "ok", text, ""


@check
def torch() -> Finding:
    """torch can be imported."""
    found = _trial()
    if "torch" not in found:
        return "fail", f"torch cannot be used: {found['error']}", "install the versions in requirements.lock"
    return "ok", f"{found['torch']} loads", ""


@check
def device() -> Finding:
    """What policies are told to be computed on is there."""
    try:
        told, gpu = card.asked(), card.gpu()
    except UserError as error:
        text, _, fix = str(error).partition("; ")
        return "fail", text, fix or f"set {card.VARIABLE} to auto, cpu or cuda, or unset it"
    if gpu is None:
        return "ok", f"{told}: everything is computed on processors", ""
    try:
        fence.apart(worker.card_there, timeout=PATIENCE, name="a worker that starts it")
    except (RewardError, UserError) as error:
        fix = "report it with this block; REWARDBENCH_LIMITS can loosen what a worker is kept from"
        return "fail", f"{gpu.name} is there, and {error}", fix
    whole = "and whole models" if told == "cuda" else "and whole models on processors"
    return "ok", f"{told}: adapters are trained on {gpu.name} ({size(gpu.free)} free), {whole}", ""


@check
def deterministic() -> Finding:
    """The same numbers give the same bytes."""
    found = _trial()
    if "deterministic" not in found:
        return "fail", f"not tried: {found['error']}", "mend what is above first"
    if not found["deterministic"]:
        return "warn", "the same gradient differs between two passes", "numbers will not repeat bit for bit; report it"
    return "ok", "the same gradient twice, byte for byte", ""


@check
def policy() -> Finding:
    """The shipped policy loads and speaks."""
    found = _trial()
    if "said" not in found:
        return "fail", f"the policy cannot speak: {found['error']}", "install the versions in requirements.lock"
    if not found["repeats"]:
        return "warn", f"{found['policy']} says something else under the same noise", "report it with this block"
    return "ok", f"{found['policy']} loads and says {found['said'][:40]!r}", ""


@check
def output_folder() -> Finding:
    """A sweep's default folder could be made here."""
    try:
        with tempfile.TemporaryDirectory(prefix=".rbench-", dir=Path.cwd()) as folder:
            (Path(folder) / "probe").write_bytes(b"")
    except OSError as error:
        return "fail", f"nothing can be written here: {error.strerror or error}", "change folder, or give --out"
    return "ok", "runs/ can be made here", ""


@check
def disk() -> Finding:
    """There is room for a sweep."""
    free = shutil.disk_usage(Path.cwd()).free
    if free < ROOM:
        return "warn", f"{size(free)} free here", "free some, or give --out elsewhere"
    return "ok", f"{size(free)} free here", ""


@check
def memory_size() -> Finding:
    """There is memory for a worker a core."""
    each = memory() / cores()
    if each < ROOM / 2:
        return "warn", f"{size(memory())} for {cores()} cores", "give --workers: one takes about half a GiB"
    return "ok", f"{size(memory())} for {cores()} cores", ""


@check
def namesake() -> Finding:
    """AllenAI's package of the same import name is not in this environment."""
    found = _version("rewardbench")
    if found != "not installed":
        other = f"AllenAI's rewardbench {found} is here too, and its import name is the same"
        return "fail", other, "give each an environment of its own"
    return "ok", "no other package has this import name", ""


@check
def data() -> Finding:
    """The folder of data sets is there, if one is named."""
    named, needed = os.environ.get(data_.VARIABLE, ""), "tasks on real data need it; others do not"
    if named.startswith(data_.HUB):
        try:
            data_.repository(named.removeprefix(data_.HUB))
        except UserError as error:
            return "warn", f"{data_.VARIABLE}={named}: {error}", needed
        return "ok", f"{named}: a file is fetched when a task first reads it", ""
    if named and not Path(named).expanduser().is_dir():
        return "warn", f"{data_.VARIABLE}={named} is no folder", needed
    return "ok", named or "unset: tasks on real data need it, others do not", ""


@check
def tasks() -> Finding:
    """Every task can be found, each once."""
    gone = [p for p in os.environ.get("REWARDBENCH_TASKS", "").split(os.pathsep) if p and not Path(p).is_dir()]
    try:
        found = find.task_folders()
    except UserError as error:
        return "fail", str(error), "two tasks of one name: rename one, or change REWARDBENCH_TASKS"
    if gone:
        return "warn", f"REWARDBENCH_TASKS names no folder: {', '.join(gone)}", "mend the path"
    return "ok", f"{len(found)} found", ""


@check
def cache() -> Finding:
    """Policies that are made from others can be kept."""
    place = _cache()
    if place is None:
        return "warn", "no home folder is known", "set XDG_CACHE_HOME: .gguf and run:<id> need it"
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return "warn", f"{settings.cache()} cannot be written", "set XDG_CACHE_HOME: .gguf and run:<id> need it"
    return "ok", f"{settings.cache()} can be written", ""


@check
def accidents() -> Finding:
    """A user's code is kept from doing damage by accident: how far, a process that did it to itself says."""
    try:
        level = fence.apart(fence.here, timeout=PATIENCE)
    except RewardError as error:
        return "fail", f"no worker can put limits on itself: {error}", "report it with this block"
    missing = fence.lower(level, fence.limits())
    if missing:
        why = "a container may forbid it; a sweep runs, and a part that goes wrong can do more damage"
        return "warn", f"{fence.words(level)} (possible here: {', '.join(missing)})", why
    return "ok", fence.words(level), ""


@check
def terminal() -> Finding:
    """What is printed can be shown."""
    encoding = (sys.stderr.encoding or "ascii").lower()
    if encoding.replace("-", "") != "utf8":
        return "warn", f"the terminal's encoding is {encoding}", "set LANG=C.UTF-8, or --display plain is used"
    return "ok", encoding, ""
