"""How is a sweep run from Python? The commands' own functions: `run`, `resume`, `compare`, `frames`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rewardbench import comparing, results, sweep
from rewardbench.spec import Spec
from rewardbench.tables import frames

__all__ = ["compare", "finish", "frames", "resume", "run"]

Tell = Callable[[dict[str, Any]], None]


def run(
    spec: Spec,
    out: str | Path | None = None,
    workers: int = 0,
    shard: str | None = None,
    tell: Tell = lambda event: None,
) -> tuple[sweep.Sweep, list[results.Result]]:
    """Run a spec and score it; finished runs of the same folder are not run again.

    It prints nothing: `tell` is called with each event, a dict, as it comes, and `tell=print` shows them. Raises
    UserError for what a user can mend. From a script, call it under `if __name__ == "__main__":`, since workers are
    spawned.
    """
    return finish(sweep.prepare(spec, None if out is None else Path(out), shard), workers, tell)


def resume(
    folder: str | Path, workers: int = 0, tell: Tell = lambda event: None
) -> tuple[sweep.Sweep, list[results.Result]]:
    """Go on with a sweep after a kill, from its folder alone."""
    return finish(sweep.reopen(Path(folder)), workers, tell)


def finish(
    prepared: sweep.Sweep, workers: int = 0, tell: Tell = lambda event: None
) -> tuple[sweep.Sweep, list[results.Result]]:
    """Do what is left of a sweep, then score all of it; 0 workers means one a core."""
    sweep.execute(prepared, workers or sweep.cores(), tell)
    tell({"event": "phase", "text": f"scoring {len(prepared.runs)} runs"})
    return prepared, results.score(results.load_sweep(prepared.folder))


def compare(folder: str | Path) -> list[dict[str, Any]]:
    """Paired verdicts of a sweep: everything against the baseline and against `untrained`.

    As in the JSON, `reference` and `untrained` stand there from both sides. The two are one comparison, and count as
    one where others are allowed for; `rbench compare` shows it once.
    """
    return comparing.compare(results.score(results.load_sweep(Path(folder))))
