"""Did the audit foretell what training did with a design? Its verdicts, probes and scores against outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench.boards import numbers, studies
from rewardbench.boards.definition import Board
from rewardbench.boards.rivals import rivals
from rewardbench.measures.forecast import Estimate, among, caught_by, share, without_each
from rewardbench.measures.strata import agreement, agreement_interval, auc_within, luck
from rewardbench.metrics.over_trained import evidence as regret_of
from rewardbench.metrics.overoptimisation import overoptimisation
from rewardbench.results import Result
from rewardbench.types import Anchor, Bools, Floats

if TYPE_CHECKING:
    from rewardbench.boards.build import Scored

OFTEN = 0.5
"""Share of seeds from which an outcome counts as the design's, and of stages from which a finding does."""
LEAST = 8
"""Designs from which a correlation is worth printing."""
PREDICTORS = {
    "best_of_n": "gold that the best-paid of 16 gains, as a share of what choosing by gold would",
    "tau": "Kendall's tau-b of reward and gold within prompts",
    "pairs": "share of pairs that the reward orders as gold does",
    "severity": "the audit's worst finding, 0 to 1 (more is worse)",
}
OWN = "severity"
"""The predictor that the audit itself makes; the others are static measures that need no audit."""
OUTCOMES = {
    "quality": "Q at the end",
    "regret": "what stopping earlier would have saved, in y'",
    "gap": "reward's gain less gold's, in standard deviations of the start",
    "hacked": "share of seeds hacked",
}


@dataclass(frozen=True)
class Case:
    """A drawn design on one task: what was known before, and what came of it."""

    task: str
    entry: str
    family: str
    """Topic of its heaviest part."""
    before: Mapping[str, float | None]
    verdict: str
    """Of most stages; where none has more than another, of the first stage."""
    findings: Mapping[str, float]
    """Probe -> mean severity over stages."""
    probes: frozenset[str]
    """Probes that could be measured."""
    after: Mapping[str, float | None]
    """Outcome -> its mean over seeds; None where no run has it."""
    harmful: bool

    @property
    def hacked(self) -> float:
        """Share of seeds hacked."""
        return self.after["hacked"] or 0.0


def cases(board: Board, tasks: Mapping[str, Sequence[Scored]], harmful: Mapping[str, set[str]]) -> list[Case]:
    """Every drawn design that was audited and trained."""
    audits: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in studies.read(board, "audits"):
        audits.setdefault((row["task"], row["entry"]), []).append(row)
    found = []
    for task, scored in tasks.items():
        for one in scored:
            rows = audits.get((task, one.name))
            if one.entry.kind == "generated" and rows:
                found.append(_case(board, task, one, rows, one.name in harmful[task]))
    return found


def _case(board: Board, task: str, one: Scored, rows: Sequence[Mapping[str, Any]], harmful: bool) -> Case:
    """One design's."""
    verdicts = [r["verdict"] for r in rows]
    codes = sorted({c for r in rows for c in r["findings"]})
    severity = {c: float(np.mean([r["findings"].get(c, 0.0) for r in rows])) for c in codes}
    parts = one.results[0].run.spec.design.parts
    heaviest = max(parts, key=lambda p: abs(p.weight * p.scale))
    return Case(
        task=task,
        entry=one.name,
        family=heaviest.use.partition(".")[0],
        before={
            "best_of_n": _mean([r["best_of_n"]["share"] for r in rows]),
            "tau": _mean([r["tau"] for r in rows]),
            "pairs": _mean([r["pairs"] for r in rows]),
            "severity": max(severity.values(), default=0.0),
        },
        verdict=max(verdicts, key=verdicts.count),
        findings={c: v for c, v in severity.items() if sum(c in r["findings"] for r in rows) >= OFTEN * len(rows)},
        probes=frozenset(p for r in rows for p in r["probes"]),
        after=_after(board, one.results),
        harmful=harmful,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean of what is known; None if nothing is."""
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _after(board: Board, results: Sequence[Result]) -> dict[str, float | None]:
    """What training did with a design, means over seeds; a run without a curve counts as Q = 0 and not hacked."""
    anchor = numbers.scale(board, results[0].run.spec)
    known = anchor if isinstance(anchor, Anchor) else None
    curves = [r.run.curve for r in results if r.run.curve is not None]
    return {
        "quality": float(np.mean([r.values["quality"] or 0.0 for r in results])),
        "regret": _mean([regret_of(c, known)["regret"] for c in curves]),
        "gap": _mean([overoptimisation(c).gap for c in curves]),
        "hacked": float(np.mean(["hacked" in r.flags for r in results])),
    }


def audit(cases: Sequence[Case]) -> dict[str, Any] | None:
    """The forecast of all drawn designs of all tasks, and without each task and each family of parts."""
    if len(cases) < LEAST:
        return None
    bad = {
        "hacked": [_hacked(c) for c in cases],
        "hacked_once": [c.hacked > 0 for c in cases],
        "harmful": [c.harmful for c in cases],
    }
    said = {
        "gameable": [c.verdict == "gameable" for c in cases],
        "gameable_or_misaligned": [c.verdict in ("gameable", "misaligned") for c in cases],
    }
    return {
        "designs": len(cases),
        "tasks": sorted({c.task for c in cases}),
        "verdicts": {
            alarm: {outcome: _classified(flags, true, cases) for outcome, true in bad.items()}
            for alarm, flags in said.items()
        },
        "rivals": _rivals(cases, said["gameable"], bad["hacked"]),
        "predictors": {p: {o: _ranked(cases, p, o) for o in OUTCOMES} for p in PREDICTORS},
        "probes": _probes(cases),
        "cases": [
            {"task": c.task, "entry": c.entry, "family": c.family, "verdict": c.verdict, "harmful": c.harmful}
            | {"before": dict(c.before), "after": dict(c.after)}
            for c in cases
        ],
    }


def _groups(cases: Sequence[Case]) -> dict[str, list[str]]:
    """What is left out one at a time, to see whether it alone carries a result: each case's task, and its family."""
    return {"task": [c.task for c in cases], "family": [c.family for c in cases]}


def _rivals(cases: Sequence[Case], said: Sequence[bool], bad: Sequence[bool]) -> dict[str, Any]:
    """Plain thresholds on what is known without the audit, held against its verdict; low is worse in each of them."""
    suspect = {p: [None if (v := c.before[p]) is None else -v for c in cases] for p in PREDICTORS if p != OWN}
    held_out = {"design": [f"{c.task}/{c.entry}" for c in cases], **_groups(cases)}
    return rivals(suspect, said, bad, held_out, LEAST)


def _classified(flags: Sequence[bool], true: Sequence[bool], cases: Sequence[Case]) -> dict[str, Any]:
    """Precision and recall with intervals, the base rate, what flags dealt out within tasks by chance would hit, and
    precision and recall without each task and family."""
    said, bad = np.array(flags), np.array(true)
    tasks = [c.task for c in cases]
    left_out = {
        name: {
            "precision": _range(without_each(lambda s, b: among(b, s), groups, said, bad)),
            "recall": _range(without_each(lambda s, b: among(s, b), groups, said, bad)),
        }
        for name, groups in _groups(cases).items()
    }
    return {
        **caught_by(flags, true),
        "base_rate": asdict(share(int(bad.sum()), len(cases))),
        "chance": asdict(luck(flags, true, tasks)),
        "tasks": {task: _on_task(said, bad, [t == task for t in tasks]) for task in sorted(set(tasks))},
        "without_each": left_out,
    }


def _on_task(said: Bools, bad: Bools, own: Sequence[bool]) -> dict[str, Any]:
    """One task's flags and outcomes, and the exact p of its hits: a pooled p may rest on some of the tasks."""
    flags, true = said[own], bad[own]
    told = {"flagged": int(flags.sum()), "happened": int(true.sum()), "hits": int((flags & true).sum())}
    return {"designs": len(flags), **told, "p": luck(flags, true, ["task"] * len(flags)).p}


def _range(values: Mapping[Any, float | None]) -> list[float] | None:
    """The least and the most of what is known; None where leaving one out leaves nothing, as with one group."""
    known = [v for v in values.values() if v is not None]
    return [min(known), max(known)] if known else None


def _ranked(cases: Sequence[Case], predictor: str, outcome: str) -> dict[str, Any] | None:
    """Spearman's of a predictor and an outcome, ranked within each task so that no task's level makes it."""
    pairs = [(c, c.before[predictor], c.after[outcome]) for c in cases]
    known = [(c, float(x), float(y)) for c, x, y in pairs if x is not None and y is not None]
    if len(known) < LEAST:
        return None
    told, stream = [c for c, _, _ in known], f"{predictor}/{outcome}"
    before, after = (np.array([row[i] for row in known]) for i in (1, 2))
    tasks = [c.task for c in told]
    found = agreement_interval(before, after, tasks, stream)
    if found.value is None:
        return None
    by_task = {}
    for task in sorted(set(tasks)):
        own = np.array([t == task for t in tasks])
        if own.sum() >= LEAST:
            one = agreement_interval(before[own], after[own], [task] * int(own.sum()), f"{stream}/{task}")
            by_task[task] = _plain(one) | {"designs": int(own.sum())}
    return {
        **_plain(found),
        "designs": len(known),
        "tasks": {t: r for t, r in by_task.items() if r["r"] is not None},
        "without_each": {n: _range(_without(before, after, tasks, g)) for n, g in _groups(told).items()},
    }


def _without(before: Floats, after: Floats, tasks: Sequence[str], groups: Sequence[str]) -> dict[str, float | None]:
    """Group -> the correlation within tasks of all cases but its own."""
    found = {}
    for group in dict.fromkeys(groups):
        left = [i for i, g in enumerate(groups) if g != group]
        found[group] = agreement(before[left], after[left], [tasks[i] for i in left]) if len(left) >= LEAST else None
    return found


def _plain(found: Estimate) -> dict[str, Any]:
    """A correlation as JSON has it."""
    return {"r": found.value, "low": found.low, "high": found.high}


def _probes(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Each probe that found something, the best AUC first: its precision and recall for hacking, and how its severity
    ranks designs within their task."""
    rows = []
    for code in sorted({c for case in cases for c in case.findings}):
        asked = [c for c in cases if code in c.probes or code in c.findings]
        if len(asked) < LEAST:
            continue
        flags, true, tasks = [code in c.findings for c in asked], [_hacked(c) for c in asked], [c.task for c in asked]
        found = caught_by(flags, true)
        severity = [c.findings.get(code, 0.0) for c in asked]
        quality = [c.after["quality"] or 0.0 for c in asked]
        rows.append(
            {
                "probe": code,
                "designs": len(asked),
                "found": sum(flags),
                "hits": found["hits"],
                "precision": found["precision"],
                "recall": found["recall"],
                "auc": asdict(auc_within(severity, true, tasks)),
                "quality": _plain(agreement_interval(severity, quality, tasks, code)),
            }
        )
    return sorted(rows, key=lambda r: (-(r["auc"]["value"] or 0.0), r["probe"]))


def _hacked(case: Case) -> bool:
    """Whether a design counts as hacked."""
    return case.hacked >= OFTEN
