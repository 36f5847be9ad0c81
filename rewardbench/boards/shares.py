"""How often was a flag right, and how often was it raised where it should be? Precision and recall with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rewardbench import stats
from rewardbench.measures.forecast import Estimate
from rewardbench.types import Bools


def caught_by(flags: Sequence[bool] | Bools, true: Sequence[bool] | Bools) -> dict[str, Any]:
    """Precision and recall with Wilson's intervals over designs, and the counts behind them.

    >>> found = caught_by([True, True, False], [True, False, False])
    >>> found["precision"]["value"], found["recall"]["value"], found["false_alarms"]
    (0.5, 1.0, 1)
    """
    said, bad = np.asarray(flags, dtype=bool), np.asarray(true, dtype=bool)
    hits, alarms, events = int((said & bad).sum()), int(said.sum()), int(bad.sum())
    return {
        "precision": wilson(hits, alarms),
        "recall": wilson(hits, events),
        "hits": hits,
        "false_alarms": alarms - hits,
        "misses": events - hits,
        "designs": len(said),
    }


def wilson(hits: int, of: int) -> dict[str, Any]:
    """A share with its interval; of none it is not known.

    >>> wilson(0, 0)["value"], wilson(1, 2)["value"]
    (None, 0.5)
    """
    return asdict(
        Estimate(hits / of, *stats.wilson(hits, of), "wilson") if of else Estimate(None, None, None, "wilson")
    )


def among(of: Bools, rows: Bools) -> float | None:
    """The share of some that is true among other rows; None of none.

    >>> among(np.array([True, False]), np.array([True, True])), among(np.array([True]), np.array([False]))
    (0.5, None)
    """
    return float(of[rows].mean()) if rows.any() else None


def plain(found: stats.PairedShares) -> dict[str, Any]:
    """A difference of shares over the same designs as JSON has it."""
    return {"value": found.difference, "low": found.low, "high": found.high, "kind": "newcombe"}
