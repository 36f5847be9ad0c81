"""How much may a process have, and which secrets is it not given? The limits as values; nothing is limited here."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from rewardbench import typed
from rewardbench.policies import settings
from rewardbench.types import Limit, NotNegative, RewardError, UserError

GIB = 1 << 30
VARIABLE = "REWARDBENCH_LIMITS"
LEAST_MEMORY = 4.0
"""GiB that a worker may always take; one with torch and the shipped policy takes 0.4."""
SECRET = re.compile(
    r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|APIKEY)S?(_|$)|(^|_)(KEYS?|AUTH|PAT)(_|$)|_PWD$|^PGPASS", re.I
)
Level = dict[str, bool | str]
"""Limit -> whether it holds, or which mechanism holds it."""


@dataclass(frozen=True)
class Limits:
    """What a process may do; a 0 is no limit."""

    memory: Annotated[float, Limit("at least 1 (GiB), or 0: no limit", lambda v: v >= 1 or v == 0)] = LEAST_MEMORY
    """GiB that it may write to privately."""
    file: NotNegative = 16.0
    """GiB of its largest file."""
    files: Annotated[int, Limit("at least 256, or 0: no limit", lambda v: v >= 256 or v == 0)] = 4096
    """Open files."""
    processes: Annotated[int, Limit("0 or above (0: no limit)", lambda v: v >= 0)] = 4096
    """Processes and threads that its user may have beyond those there are."""
    write: tuple[str, ...] = ()
    """Folders that it may write in, besides temporary ones and caches."""
    keep: tuple[str, ...] = ()
    """Environment variables that it is given although they look like secrets."""
    network: bool = True
    """Whether it may use the network."""


class Ended(RewardError):
    """A function run apart that gave no value."""

    def __init__(self, message: str, how: str) -> None:
        super().__init__(message)
        self.how = how
        """`died`, `memory`, `time`, `file` (wrote too much), `refused` (wrote elsewhere) or `raised`."""


def limits(
    workers: int = 1, weights: int = 0, write: Iterable[str | Path] = (), keep: Iterable[str] = ()
) -> Limits:
    """The limits of one of so many workers whose policy has so many bytes of weights.

    Memory is a worker's share of four fifths of the machine's; a file may be as large as a checkpoint can be, and
    else 16 GiB, or half of what the disk has free. `$REWARDBENCH_LIMITS` says otherwise, as in `memory = 12`.
    """
    folders = tuple(str(Path(place).resolve()) for place in write)
    free = shutil.disk_usage(folders[0] if folders else tempfile.gettempdir()).free / GIB
    own = Limits(
        memory=max(LEAST_MEMORY, 0.8 * memory() / GIB / workers),
        file=max(1.0 + 32 * weights / GIB, min(16.0, free / 2)),
        write=folders,
    )
    asked = _asked(os.environ.get(VARIABLE, ""))
    more = {"write": (*folders, *asked.get("write", ())), "keep": (*asked.get("keep", ()), *keep)}
    return replace(own, **{**asked, **more})


def _asked(text: str) -> dict[str, Any]:
    """What the variable says: the fields of `Limits`, as in an inline table of TOML.

    >>> _asked("memory = 12, keep = ['HF_TOKEN']")
    {'memory': 12.0, 'keep': ('HF_TOKEN',)}
    """
    try:
        found = typed.values(Limits, tomllib.loads(f"limits = {{{text}}}")["limits"], f"${VARIABLE}")
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"${VARIABLE}={text!r} is no list such as `memory = 12, file = 40`: {error}") from error
    if "write" in found:
        found["write"] = tuple(str(settings.expanded(place)) for place in found["write"])
    return found


def memory() -> int:
    """Bytes of the machine's memory, or of this container's share of it."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="utf-8").strip() if limit.is_file() else ""
    return min(whole, int(text)) if text.isdigit() else whole


# --- secrets ------------------------------------------------------------------------------------------


def secret(name: str) -> bool:
    """Whether an environment variable's name looks like that of a secret.

    >>> [secret(n) for n in ("HF_TOKEN", "OPENAI_API_KEY", "PGPASSWORD", "TOKENIZERS_PARALLELISM", "KEYBOARD", "PWD")]
    [True, True, True, False, False, False]
    """
    return SECRET.search(name) is not None


@contextmanager
def without_secrets(keep: Iterable[str] = ()) -> Iterator[None]:
    """The environment without what looks like a secret, for a process that is started meanwhile; then as it was."""
    hidden = {name: value for name, value in os.environ.items() if secret(name) and name not in set(keep)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
