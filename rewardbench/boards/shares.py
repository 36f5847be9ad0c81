"""How often was a flag right, and how often was it raised where it should be? Precision and recall with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rewardbench import stats
from rewardbench.measures.forecast import share
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
        "precision": asdict(share(hits, alarms)),
        "recall": asdict(share(hits, events)),
        "hits": hits,
        "false_alarms": alarms - hits,
        "misses": events - hits,
        "designs": len(said),
    }


def plain(found: stats.PairedShares) -> dict[str, Any]:
    """A difference of shares over the same designs as JSON has it."""
    return {"value": found.difference, "low": found.low, "high": found.high, "kind": "newcombe"}
