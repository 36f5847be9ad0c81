"""Would a plain threshold foretell as well as the audit? One on each static measure, set on other designs alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rewardbench import stats
from rewardbench.measures.forecast import among, caught_by, cluster_bootstrap, held_out_thresholds
from rewardbench.types import Bools, Floats

Suspect = Mapping[str, Sequence[float | None]]
"""Rival -> how suspect it finds each design, more being worse; None where it is not known."""


def rivals(
    suspect: Suspect, flags: Sequence[bool], true: Sequence[bool], held_out: Mapping[str, Sequence[str]], least: int
) -> dict[str, dict[str, dict[str, Any] | None]]:
    """Rival -> what was left out when its threshold was set -> its figures beside the audit's on the same designs.

    Formula: a design is flagged from the threshold on that has the highest F1 on all groups but the design's own, so
    that no threshold saw what it foretells. p's are exact McNemar's, adjusted over the rivals (Holm).
    Read: a rival learns its threshold from outcomes of the same board; the audit was frozen before any was known.
    None where a rival is known of fewer than `least` designs, or where there is nothing to leave out.
    """
    found: dict[str, dict[str, dict[str, Any] | None]] = {
        name: {kind: _rival(name, values, flags, true, groups, least) for kind, groups in held_out.items()}
        for name, values in suspect.items()
    }
    for kind in held_out:
        told = [one for by in found.values() if (one := by[kind])]
        for one, p in zip(told, stats.holm([one["p"] for one in told]), strict=True):
            one["p_adjusted"] = p
    return found


def _rival(
    name: str, values: Sequence[float | None], flags: Sequence[bool], true: Sequence[bool], groups: Sequence[str],
    least: int,
) -> dict[str, Any] | None:  # fmt: skip
    """One rival, its threshold set with one group after another left out."""
    known = [i for i, v in enumerate(values) if v is not None]
    names = [groups[i] for i in known]
    if len(known) < least or len(set(names)) < 2:
        return None
    score = np.array([v for v in values if v is not None])
    said, bad = np.array(flags)[known], np.array(true)[known]
    thresholds = held_out_thresholds(score, bad, names)
    return _compared(said, score >= thresholds, bad, name) | {"thresholds": _ends(thresholds)}


def _compared(said: Bools, rival: Bools, bad: Bools, stream: str) -> dict[str, Any]:
    """Precision and recall of both on the same designs [n], the audit's less the rival's, and who was right alone."""
    right = stats.paired_shares(said == bad, rival == bad)
    rows = [np.array([i]) for i in range(len(bad))]
    precision = cluster_bootstrap(_precision_gap, rows, said, rival, bad, stream=f"rivals/{stream}")
    recall = _plain(stats.paired_shares(said[bad], rival[bad])) if bad.any() else None
    return {
        "audit": caught_by(said, bad),
        "rival": caught_by(rival, bad),
        "difference": {"precision": asdict(precision), "recall": recall, "right": _plain(right)},
        "audit_only": right.first_only,
        "rival_only": right.second_only,
        "p": right.p,
    }


def _plain(found: stats.PairedShares) -> dict[str, Any]:
    """A difference of shares over the same designs as JSON has it."""
    return {"value": found.difference, "low": found.low, "high": found.high, "kind": "newcombe"}


def _precision_gap(said: Bools, rival: Bools, bad: Bools) -> float | None:
    """Precision of one set of flags less that of another; None where either flags nothing."""
    one, other = among(bad, said), among(bad, rival)
    return None if one is None or other is None else one - other


def _ends(thresholds: Floats) -> list[float] | None:
    """The least and the most measure at or below which a design was flagged; None where nothing ever was.

    >>> _ends(np.array([-.8, -.6, np.inf]))
    [0.6, 0.8]
    """
    set_ = -thresholds[np.isfinite(thresholds)]
    return [float(set_.min()), float(set_.max())] if len(set_) else None
