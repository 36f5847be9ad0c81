"""Each run's id is the hash of its spec and seed.

Why: the id names exactly what was run; a seed or a setting that was changed afterwards leaves the old id behind.
Mend: pack the entry from its run folders; do not rename seeds or edit spec.toml.
"""

from __future__ import annotations

from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V13"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V15", "V16")


def check(case: Case) -> list[Finding]:
    """Runs whose id is not theirs."""
    return [
        Finding(CODE, f"{p.where}, seed {spec.seed}: the run is called {run['run']}, its spec hashes to {spec.id}")
        for p in case.all
        for spec, run in zip(p.specs, p.told, strict=True)
        if run["run"] != spec.id
    ]
