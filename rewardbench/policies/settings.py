"""How is a policy trained? Its small `.toml`, its hash, and where its folder lies. Loads no torch."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

from rewardbench import typed
from rewardbench.design import canonical, check_keys
from rewardbench.policies import whole
from rewardbench.types import Count, Decay, Limit, Positive, UserError

HERE = Path(__file__).parent
MOST_STEPS = 10_000_000
"""Optimiser steps that a budget may ask for: with more, a digit too many was typed."""
READ = ("*.safetensors", "*.json", "*.gguf", "*.txt", "*.jinja", *whole.VOCABULARY)
"""Files of a folder that a model, its tokenizer or its chat template is read from."""


@dataclass(frozen=True)
class OfTask:
    """What a policy's `.toml` says of one task; what it leaves out is the task's own, or the policy's."""

    max_tokens: Count | None = None
    steps: Mapping[str, Count] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Where the files of a policy come from that is known by name and not part of this package."""

    hub: str = ""
    """Repository of the hub, `owner/name@revision`."""
    wheel: str = ""
    """Module of a wheel that holds them, taken before the hub if it is installed (it is found, not imported)."""


@dataclass(frozen=True)
class Tile:
    """A pack whose every product has the same shape, whatever is in it, so that a run on a GPU gives the same bits in
    any company, and alone. It costs what early ends and short prompts would save.
    """

    runs: Count
    """Places of a pack; empty ones compute as well."""
    prompt: Count
    """Tokens of a prompt, at most."""


@dataclass(frozen=True)
class Settings:
    """What a policy's `.toml` says. Every value enters the run's id."""

    kind: Literal["full", "lora"] = "lora"
    """`full`: all weights, one run a pack; `lora`: low-rank adapters, R runs a pack."""
    rank: Count = 16
    alpha: Positive = 32.0
    targets: tuple[str, ...] = ()
    """Endings of the names of the linear layers that get adapters; empty: all but the output head."""
    learning_rate: Positive = 3e-4
    betas: tuple[Decay, Decay] = (0.9, 0.95)
    clip: Positive = 1.0
    """Largest norm of a run's gradient."""
    P: Count = 8
    K: Count = 8
    dtype: Literal["float32", "float64", "bfloat16", "float16"] = "float32"
    micro: Annotated[int, Limit("0 or above", lambda v: v >= 0)] = 0
    """Completions of a run in one forward pass of training, those of a prompt at least; 0: the whole minibatch."""
    tile: Tile | None = None
    """For audits, on a GPU; without it shapes follow what is there, which is faster."""
    steps: Mapping[str, Count] = field(default_factory=lambda: {"quick": 20, "default": 40, "long": 150})
    """Optimiser steps of each named budget."""
    tasks: Mapping[str, OfTask] = field(default_factory=dict)
    source: Source = field(default_factory=Source)

    def max_tokens(self, task: str, default: int) -> int:
        """Positions after the prompt for that task."""
        return self.tasks.get(task, OfTask()).max_tokens or default

    def budget_steps(self, task: str, budget: str) -> int:
        """Optimiser steps of a named budget, or of a number given as text."""
        digits = budget.lstrip("0") if budget.isdecimal() else ""
        if digits:
            if len(digits) > len(str(MOST_STEPS)) or int(digits) > MOST_STEPS:  # Python reads no thousands of them
                raise UserError(f"budget {budget[:30]!r} is more than {MOST_STEPS} steps, the most that a run may have")
            return int(digits)
        named = {**self.steps, **self.tasks.get(task, OfTask()).steps}
        if budget not in named:
            known = f"one of {', '.join(named)} (the policy's [steps])" if named else "named by the policy's [steps]"
            raise UserError(f"budget {budget!r} is not {known} or a number of steps above 0")
        return named[budget]


@dataclass(frozen=True)
class Folder:
    """A policy before it is loaded: its name, folder, settings and content hash."""

    name: str
    path: Path
    settings: Settings
    digest: str


def read_settings(path: Path) -> Settings:
    """The settings in a `.toml`; unknown keys and values that a setting cannot have are errors."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path.name} cannot be read: {error}", 5) from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path.name} is not valid TOML: {error}") from error
    settings = Settings(**typed.values(Settings, raw, path.name))
    for task, own in settings.tasks.items():  # a budget that the policy does not have would never be asked for
        check_keys(own.steps, settings.steps, f"{path.name}: tasks.{task}.steps")
    if settings.kind == "full" and settings.tile is not None:
        told = "kind = 'full' trains one run a pack, and a [tile] is of many"
        raise UserError(f"{path.name}: {told}: take kind = \"lora\", or leave the tile out")
    return settings


def digest(folder: Path, toml: Path) -> str:
    """SHA-256 over weights, tokenizer and what the `.toml` says; file names and bytes only, so a copy hashes alike."""
    total = hashlib.sha256()
    for path in sorted({p for pattern in READ for p in folder.glob(pattern) if p.is_file()}):
        total.update(f"{path.name}\0{file_digest(path)}\n".encode())
    total.update(canonical(tomllib.loads(toml.read_text(encoding="utf-8"))).encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def expanded(asked: str) -> Path:
    """The path with a leading `~` or `~name` as that home folder; as it stands where nobody is called so.

    >>> expanded("~no such user/x").as_posix()
    '~no such user/x'
    """
    try:
        return Path(asked).expanduser()
    except RuntimeError:
        return Path(asked)


def shipped() -> list[str]:
    """Names of the policies in the package: a folder with a `.toml` beside it."""
    return sorted(p.stem for p in HERE.glob("*.toml") if (HERE / p.stem).is_dir())


def known() -> list[str]:
    """Names of the policies that a `.toml` in the package knows a source of."""
    return sorted(p.stem for p in HERE.glob("*.toml") if "source" in tomllib.loads(p.read_text(encoding="utf-8")))


def in_wheel(module: str) -> Path | None:
    """The folder of an installed wheel's module, which is not imported; None if it is not there."""
    found = importlib.util.find_spec(module) if module else None
    return Path(next(iter(found.submodule_search_locations))) if found and found.submodule_search_locations else None


def beside(folder: Path) -> Path:
    """The `.toml` that belongs to a policy folder, else one shipped for its GGUF model, else the default one; raises
    UserError where it lies inside, and would be passed over.
    """
    own = folder.with_name(folder.name + ".toml")
    if own.is_file():
        return own
    if (folder / own.name).is_file():
        told = f"{own.name} lies in it, where nothing reads it: put it beside the folder"
        raise UserError(f"{whole.shown(folder)}: {told}")
    gguf = gguf_of(folder)
    known = HERE / f"{model_name(gguf.name)}.toml" if gguf is not None else HERE / "default.toml"
    return known if known.is_file() else HERE / "default.toml"


def open_folder(name: str, path: Path, toml: Path | None = None) -> Folder:
    """A policy folder with its settings (those in `toml`, or in the one that belongs to it) and hash; refuses a folder
    that holds no model, or one whose files are not there or not whole.
    """
    gguf = gguf_of(path)
    if (path / "adapter_config.json").is_file():  # loaded or left out, by whether peft is installed
        cure = "merge it into its base (peft's merge_and_unload) and save that"
        raise UserError(f"policy {name!r}: {whole.shown(path)} holds an adapter (adapter_config.json): {cure}", 5)
    if gguf is None and not (path / "config.json").is_file():
        raise UserError(f"policy {name!r}: {whole.shown(path)} holds no config.json, so transformers cannot load it", 5)
    toml = toml or beside(path)
    settings = read_settings(toml)
    if gguf is None:
        whole.check(name, path)
    else:
        whole.check_gguf(name, gguf)
        if not (converted(gguf) / "config.json").is_file():
            need_gguf(name)
    return Folder(name, path, settings, digest(path, toml))


# --- folders that are made from others: GGUF files, the ends of runs ---------------------------------


def gguf_of(folder: Path) -> Path | None:
    """The `.gguf` of a folder that holds no ordinary model, or None; several are a question, not an answer."""
    if (folder / "config.json").is_file():
        return None
    found = sorted(folder.glob("*.gguf"))
    if len(found) > 1:
        raise UserError(f"{folder.name} holds {len(found)} .gguf files; put the one you mean into a folder of its own")
    return found[0] if found else None


def model_name(file: str) -> str:
    """What a GGUF file holds, without how it was quantised.

    >>> model_name("SmolLM2-135M-Instruct.Q4_1.gguf")
    'smollm2-135m-instruct'
    """
    stem = file.removesuffix(".gguf")
    return (stem.rpartition(".")[0] or stem).lower()


def need_gguf(name: str) -> None:
    """Raise UserError (code 5) where the package that reads GGUF files is missing."""
    if importlib.util.find_spec("gguf") is None:
        raise UserError(f"policy {name!r} is a .gguf, to be converted once: run `pip install gguf`", 5)


def converted(gguf: Path) -> Path:
    """Where the ordinary folder of a `.gguf` is kept: another `transformers` may read another tokenizer in it."""
    return cache() / f"{file_digest(gguf)}-{release('transformers')}"


def release(package: str) -> str:
    """An installed package's version, without importing it; `unknown` where its files say none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def cache() -> Path:
    """The user's cache folder for policies that were made from others; raises UserError (code 4) if there is none."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "rewardbench"
    except RuntimeError as error:
        raise UserError("no home folder is known here, and so no cache: set XDG_CACHE_HOME", 4) from error


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of a folder in the cache, so that of several workers one makes it and the others wait."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.with_name(f".{target.name}.lock").open("wb")
    except OSError as error:
        raise UserError(f"the cache folder {target.parent} cannot be written: {error.strerror or error}", 4) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
