"""Somebody is named as its author, and a licence says what others may do with it.

Why: nobody may copy what has no licence, and a board's rows are there to be computed again by everybody.
Mend: give `--author` and `--licence` (an SPDX name such as CC-BY-4.0, CC0-1.0, Apache-2.0 or MIT) to `rbench submit
pack`.
"""

from __future__ import annotations

import re

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding, shown

CODE = "V39"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


OPEN = re.compile(
    r"(?:CC0-1\.0|CC-BY(?:-SA)?-[34]\.0|Apache-2\.0|MIT(?:-0)?|BSD-[23]-Clause|ISC|0BSD|Unlicense|[AL]?GPL-[23]\.[01](?:-only|-or-later)?|MPL-2\.0)"
)


def check(case: Case) -> list[Finding]:
    """No author; no open licence."""
    found = []
    if not any(a.strip() for a in case.about["authors"]):
        found.append(Finding(CODE, "entry.json names no author"))
    if not OPEN.fullmatch(case.about["licence"]):
        found.append(
            Finding(CODE, f"the licence {shown(case.about['licence'])} is none that lets everybody use the entry")
        )
    return found
