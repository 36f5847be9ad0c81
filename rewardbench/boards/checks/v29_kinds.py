"""Everything in the bundle is a regular file: no link, pipe, device, encrypted or oddly packed member.

Why: a link leads out of the bundle, a pipe hangs its reader, an encrypted member cannot be checked.
Mend: put the files themselves into the bundle, by a plain zip (stored or deflated).
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V29"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Nothing: a bundle that fails here was refused when it was opened, and there is no case."""
    return []
