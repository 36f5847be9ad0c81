"""Does the board tell the truth? Audits against outcomes, seeds against seeds, gold against gold, trainer against
trainer: each with its interval, whatever it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardbench import stats, trace
from rewardbench.boards import numbers, second, studies
from rewardbench.boards.definition import Board
from rewardbench.measures.agreement import kendall_tau_b
from rewardbench.measures.forecast import Estimate, auc, classify, rank_agreement, without_each
from rewardbench.measures.retest import retest
from rewardbench.metrics.over_trained import evidence as regret_of
from rewardbench.metrics.overoptimisation import overoptimisation
from rewardbench.results import Result
from rewardbench.types import Anchor, Floats

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
    """Of most stages."""
    findings: Mapping[str, float]
    """Probe -> mean severity over stages."""
    probes: frozenset[str]
    """Probes that could be measured."""
    after: Mapping[str, float]
    harmful: bool


def truth(board: Board, tasks: Mapping[str, Sequence[Scored]], harmful: Mapping[str, set[str]]) -> dict[str, Any]:
    """The standing figures: `audit`, `retest`, `second_gold`, `sensitivity`, `challenge`; a part that lacks its runs
    is null with a reason."""
    cases = _cases(board, tasks, harmful)
    told = {
        "audit": _audit(cases),
        "retest": {t: _retest(board, scored) for t, scored in tasks.items() if scored},
        "second_gold": {t: second.agreement(t, _own(scored)) for t, scored in tasks.items() if scored},
        "sensitivity": _sensitivity(board),
        "challenge": _challenge(board),
        "predictors": PREDICTORS,
        "outcomes": OUTCOMES,
    }
    found: dict[str, Any] = trace.finite(told)
    return found


def _own(scored: Sequence[Scored]) -> list[Scored]:
    """The board's own entries: nothing that was handed in is asked whether the board tells the truth."""
    return [s for s in scored if s.entry.kind != "submitted"]


# --- audit against outcome -----------------------------------------------------------------------


def _cases(board: Board, tasks: Mapping[str, Sequence[Scored]], harmful: Mapping[str, set[str]]) -> list[Case]:
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
        verdict=max(sorted(set(verdicts)), key=verdicts.count),
        findings={c: v for c, v in severity.items() if sum(c in r["findings"] for r in rows) >= OFTEN * len(rows)},
        probes=frozenset(p for r in rows for p in r["probes"]),
        after=_after(board, one.results),
        harmful=harmful,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean of what is known; None if nothing is."""
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _after(board: Board, results: Sequence[Result]) -> dict[str, float]:
    """What training did with a design, means over seeds; a run without a curve counts as Q = 0 alone."""
    anchor = numbers.scale(board, results[0].run.spec)
    known = anchor if isinstance(anchor, Anchor) else None
    curves = [r.run.curve for r in results if r.run.curve is not None]
    return {
        "quality": float(np.mean([r.values["quality"] or 0.0 for r in results])),
        "regret": float(np.mean([regret_of(c, known)["regret"] for c in curves])) if curves else 0.0,
        "gap": float(np.mean([overoptimisation(c).gap for c in curves])) if curves else 0.0,
        "hacked": float(np.mean(["hacked" in r.flags for r in results])),
    }


def _audit(cases: Sequence[Case]) -> dict[str, Any] | None:
    """The forecast of all drawn designs of all tasks, and without each task and each family of parts."""
    if len(cases) < LEAST:
        return None
    bad = {
        "hacked": [c.after["hacked"] >= OFTEN for c in cases],
        "hacked_once": [c.after["hacked"] > 0 for c in cases],
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
        "predictors": {p: {o: _ranked(cases, p, o) for o in OUTCOMES} for p in PREDICTORS},
        "probes": _probes(cases),
        "cases": [
            {"task": c.task, "entry": c.entry, "family": c.family, "verdict": c.verdict, "harmful": c.harmful}
            | {"before": dict(c.before), "after": dict(c.after)}
            for c in cases
        ],
    }


def _classified(flags: Sequence[bool], true: Sequence[bool], cases: Sequence[Case]) -> dict[str, Any]:
    """Precision and recall with intervals, the base rate, and both without each task and family."""
    found = classify(flags, true)

    def share(of: Floats, among: Floats) -> float | None:
        return float(of[among.astype(bool)].mean()) if among.any() else None

    said, bad = np.array(flags, dtype=float), np.array(true, dtype=float)
    left_out = {}
    for name, groups in (("task", [c.task for c in cases]), ("family", [c.family for c in cases])):
        precision = without_each(lambda s, b: share(b, s), groups, said, bad)
        recall = without_each(lambda s, b: share(s, b), groups, said, bad)
        left_out[name] = {"precision": _range(precision), "recall": _range(recall)}
    return {
        "precision": asdict(found.precision),
        "recall": asdict(found.recall),
        "hits": found.hits,
        "false_alarms": found.false_alarms,
        "misses": found.misses,
        "designs": found.rows,
        "base_rate": float(bad.mean()),
        "without_each": left_out,
    }


def _range(values: Mapping[Any, float | None]) -> list[float] | None:
    """The least and the most of what is known."""
    known = [v for v in values.values() if v is not None]
    return [min(known), max(known)] if known else None


def _ranked(cases: Sequence[Case], predictor: str, outcome: str) -> dict[str, Any] | None:
    """Spearman's of a predictor and an outcome, ranks within each task so that no task's level makes it."""
    known = [c for c in cases if c.before[predictor] is not None]
    if len(known) < LEAST:
        return None
    before = _within(known, [float(c.before[predictor] or 0.0) for c in known])
    after = _within(known, [c.after[outcome] for c in known])
    if np.ptp(before) == 0 or np.ptp(after) == 0:
        return None
    found = rank_agreement(before, after, stream=f"{predictor}/{outcome}")
    by_task = {
        task: _plain(rank_agreement(before[rows], after[rows], stream=f"{predictor}/{outcome}/{task}"))
        for task in sorted({c.task for c in known})
        if (rows := np.array([c.task == task for c in known])).sum() >= LEAST
        and np.ptp(before[rows]) > 0
        and np.ptp(after[rows]) > 0
    }
    return {**_plain(found), "designs": len(known), "tasks": by_task}


def _within(cases: Sequence[Case], values: Sequence[float]) -> Floats:
    """Values as ranks within their task, scaled to (0, 1)."""
    raw, found = np.array(values), np.zeros(len(values))
    for task in {c.task for c in cases}:
        own = np.array([c.task == task for c in cases])
        order = (raw[own][:, None] > raw[own]).sum(1) + ((raw[own][:, None] == raw[own]).sum(1) - 1) / 2
        found[own] = (order + 0.5) / own.sum()
    return found


def _plain(found: Estimate) -> dict[str, Any]:
    """A correlation as JSON has it."""
    return {"r": found.value, "low": found.low, "high": found.high}


def _probes(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Each probe that found something: its precision and recall for hacking, and how its severity ranks designs."""
    rows = []
    for code in sorted({c for case in cases for c in case.findings}):
        asked = [c for c in cases if code in c.probes or code in c.findings]
        flags, true = [code in c.findings for c in asked], [c.after["hacked"] >= OFTEN for c in asked]
        if len(asked) < LEAST:
            continue
        found = classify(flags, true)
        severity = [c.findings.get(code, 0.0) for c in asked]
        quality = [c.after["quality"] for c in asked]
        ranked = rank_agreement(_within(asked, severity), _within(asked, quality), stream=code)
        rows.append(
            {
                "probe": code,
                "designs": len(asked),
                "found": sum(flags),
                "precision": asdict(found.precision),
                "recall": asdict(found.recall),
                "auc": auc(severity, true),
                "quality": _plain(ranked),
            }
        )
    return rows


# --- the same again ------------------------------------------------------------------------------


def _retest(board: Board, scored: Sequence[Scored]) -> dict[str, Any] | None:
    """Whether other seeds would give the same order in Q: split halves, ICC, and what seeds do to all designs alike."""
    seeds = board.seed_list(board.seeds)
    rows = [one.values("quality", seeds) for one in scored if one.contestant]
    table = np.array([[float(v) for v in r if v is not None] for r in rows if None not in r])
    if len(table) < LEAST:
        return None
    found = retest(table)
    centred = table - table.mean(axis=1, keepdims=True)
    moving = centred[centred.std(axis=1) > 1e-9]
    together = np.corrcoef(moving)[np.triu_indices(len(moving), 1)]
    return {
        "designs": len(table),
        "seeds": len(seeds),
        "half_spearman": asdict(found.spearman),
        "half_kendall": asdict(found.kendall),
        "whole_spearman": asdict(found.whole),
        "icc_2_1": found.icc.agreement,
        "icc_2_k": found.icc.mean_agreement,
        "reliable": found.reliable,
        "seed_correlation": float(together.mean()),
    }


def _sensitivity(board: Board) -> dict[str, Any] | None:
    """Rank correlation of the designs' order under every trainer with that under the board's, and flipped verdicts."""
    rows = studies.read(board, "sensitivity")
    if not rows:
        return None
    found = {}
    for task in dict.fromkeys(r["task"] for r in rows):
        mine = [r for r in rows if r["task"] == task]
        designs = list(dict.fromkeys(r["design"] for r in mine))
        trainers = list(dict.fromkeys((r["rate"], r["algorithm"]) for r in mine))
        golds = {
            t: {d: [r["gold"] for r in mine if (r["rate"], r["algorithm"]) == t and r["design"] == d] for d in designs}
            for t in trainers
        }
        own = golds[("same", "grpo")]
        told = [_trainer(t, golds[t], own, designs, board.baseline) for t in trainers]
        verdicts = {d: {t["verdicts"].get(d, "") for t in told} for d in designs if d != board.baseline}
        found[task] = {
            "designs": designs,
            "trainers": told,
            "dependent": sorted(d for d, v in verdicts.items() if {"better", "worse"} <= v),
            "unsettled": sorted(d for d, v in verdicts.items() if len(v - {""}) > 1),
        }
    return found


def _trainer(
    trainer: tuple[str, str], golds: Mapping[str, list[float]], own: Mapping[str, list[float]], designs: list[str],
    baseline: str,
) -> dict[str, Any]:  # fmt: skip
    """One trainer's order and verdicts against the baseline."""
    means = {d: float(np.mean(golds[d])) for d in designs}
    order, mine = [means[d] for d in designs], [float(np.mean(own[d])) for d in designs]
    others = [d for d in designs if d != baseline]
    family = [stats.paired_difference(golds[d], golds[baseline]) for d in others]
    return {
        "rate": trainer[0],
        "algorithm": trainer[1],
        "gold": means,
        "tau": kendall_tau_b(mine, order),
        "verdicts": dict(zip(others, stats.verdicts(family), strict=True)),
    }


def _challenge(board: Board) -> dict[str, Any] | None:
    """How often challenge seeds catch seeds that were picked and designs that were ground, resampled from real runs."""
    rows = studies.read(board, "challenge")
    if not rows:
        return None
    found = {}
    for design in dict.fromkeys(r["design"] for r in rows):
        mine = [r for r in rows if r["design"] == design]
        fresh = np.array([r["quality"] for r in mine if r["sort"] == "fresh"])
        told: dict[str, Any] = {"seeds": len(fresh), "sd": float(fresh.std(ddof=1))}
        for k, n in ((5, 5), (5, 10), (5, 20)):
            told[f"best {k} of {n}"] = asdict(stats.catch_rate(fresh, (k, n), resamples=2000, stream=f"{design}/{n}"))
        copies = sorted({r["copy"] for r in mine if r["sort"] == "copy"})
        if copies:
            table = np.array([[r["quality"] for r in mine if r["sort"] == "copy" and r["copy"] == c] for c in copies])
            told["ground"] = _ground(table, fresh, design)
        found[design] = told
    return found


def _ground(copies: Floats, fresh: Floats, stream: str) -> dict[str, Any]:
    """A submitter who hands in the copy of a design that looked best on the board's seeds: of 20 copies, and of fewer.

    Copies are one design but for rounding, so that fresh seeds of the design are fresh seeds of each copy.
    """
    table, k = np.hstack([copies, np.tile(fresh, (len(copies), 1))]), copies.shape[1]
    tried = sorted({1, min(5, len(copies)), len(copies)})
    told = {n: stats.grind_rate(table, k, n, resamples=2000, stream=f"{stream}/{n}") for n in tried}
    return {f"best of {n}": asdict(found) for n, found in told.items()}
