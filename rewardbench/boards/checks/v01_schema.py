"""entry.json, manifest.json, spec.toml and runs.json have the published shape, of a version that can be read here.

Why: what has another shape is read differently by different readers. The shapes are the JSON Schemas entry, manifest,
spec and runs under rewardbench/schemas; unknown keys are errors.
Mend: pack the entry with `rbench submit pack`; where the schema version is newer, verify with that later version of
rewardbench-suite.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V01"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Nothing: a bundle that fails here was refused when it was opened, and there is no case."""
    return []
