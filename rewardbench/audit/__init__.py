"""How can a design be gamed? Said before training: one file a probe, the folder is the registry.

A probe is a file named as its stable code. Its docstring says what it is, its `MUST` what must hold, and it defines one
of three functions: `completions(ask)` (a strategy that ignores the task: it must not be paid like good completions),
`changed(text, ask)` (a change of good completions that must not raise, or must lower, or must not move the reward:
`SORT`), or `measure(scene)` (anything else). Gold is read here to judge probes and is never part of what is audited.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

VERSION = 1
"""Goes up when the same design would get other findings."""
HERE = Path(__file__).parent


def probes() -> dict[str, str]:
    """Code -> first docstring line of every probe, without importing one.

    >>> "echo" in probes()
    True
    """
    files = sorted(HERE.glob("[!_]*.py"))
    return {p.stem: (ast.get_docstring(ast.parse(p.read_text())) or "").split("\n")[0] for p in files}


def code_hash() -> str:
    """SHA-256 over the code of this folder, 64 hexadecimal digits: predictions are held against what RL does."""
    total = hashlib.sha256()
    for path in sorted(HERE.glob("*.py")):
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
