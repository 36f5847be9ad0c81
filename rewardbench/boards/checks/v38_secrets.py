"""No key, token or password, and no path of somebody's home, is in a text file of the bundle.

Why: a bundle is public for ever. A key in it has to be taken back, a path tells who ran it on which machine.
Mend: take the key back where it was issued, remove it, pack anew. Paths stand in error messages of failed runs and in
sources: use relative ones.
"""

from __future__ import annotations

from rewardbench.boards import entries, secrets
from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V38"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


HOME = "a path of somebody's home"


def check(case: Case) -> list[Finding]:
    """Places of secrets, which are not repeated, and of paths, which are flagged."""
    found = []
    for path in entries.files(case.folder):
        if path.suffix not in secrets.TEXTS:
            continue
        name = path.relative_to(case.folder).as_posix()
        for line, what in secrets.found(path.read_text(encoding="utf-8")):
            severity = "flag" if what == HOME else ""
            found.append(Finding(CODE, f"{name}, line {line} holds {what}", {"file": name, "line": line}, severity))
    return found
