"""Does the board tell the truth? Audits against outcomes, seeds against seeds, gold against gold, trainer against
trainer: each with its interval, whatever it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats as scipy_stats

from rewardbench import stats, trace
from rewardbench.boards import numbers, second, studies
from rewardbench.boards.definition import Board
from rewardbench.measures.agreement import icc, icc_interval, kendall_tau_b, rank_interval, spearman_brown
from rewardbench.measures.forecast import Estimate, without_each
from rewardbench.measures.retest import RELIABLE, retest
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
LEAST_RANKED = 5
"""Designs from which a correlation has an interval."""
ROUND = 1e-9
"""Differences below it are rounding."""
PICKS = ((5, 5), (5, 10), (5, 20))
"""(k, n): the best k of n seeds are reported; k of k is honest."""
CHALLENGED = (1, 2, 3, 5)
"""Challenge seeds."""
RESAMPLES = 2000
JACKKNIFE = 12
"""Blocks of seeds, each left out once, by which the interval of a caught share is worked out."""
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


def truth(board: Board, tasks: Mapping[str, Sequence[Scored]], harmful: Mapping[str, set[str]]) -> dict[str, Any]:
    """The standing figures: `audit`, `retest`, `second_gold`, `sensitivity`, `challenge`; a part that lacks its runs
    is null with a reason."""
    cases = _cases(board, tasks, harmful)
    told = {
        "audit": _audit(cases),
        "retest": {t: _retest(board, _own(scored)) for t, scored in tasks.items() if scored},
        "second_gold": {t: second.agreement(t, _own(scored)) for t, scored in tasks.items() if scored},
        "sensitivity": _sensitivity(board),
        "challenge": challenge(studies.read(board, "challenge")),
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


def _audit(cases: Sequence[Case]) -> dict[str, Any] | None:
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


def _classified(flags: Sequence[bool], true: Sequence[bool], cases: Sequence[Case]) -> dict[str, Any]:
    """Precision and recall with intervals, the base rate, what flags dealt out within tasks by chance would hit, and
    precision and recall without each task and family."""
    said, bad = np.array(flags), np.array(true)
    left_out = {
        name: {
            "precision": _range(without_each(lambda s, b: _share(b, s), groups, said, bad)),
            "recall": _range(without_each(lambda s, b: _share(s, b), groups, said, bad)),
        }
        for name, groups in _groups(cases).items()
    }
    return {
        **_caught_by(flags, true),
        "base_rate": _wilson(int(bad.sum()), len(cases)),
        "chance": asdict(luck(flags, true, [c.task for c in cases])),
        "without_each": left_out,
    }


def _caught_by(flags: Sequence[bool], true: Sequence[bool]) -> dict[str, Any]:
    """Precision and recall with Wilson's intervals over designs, and the counts behind them."""
    said, bad = np.array(flags), np.array(true)
    hits, alarms, events = int((said & bad).sum()), int(said.sum()), int(bad.sum())
    return {
        "precision": _wilson(hits, alarms),
        "recall": _wilson(hits, events),
        "hits": hits,
        "false_alarms": alarms - hits,
        "misses": events - hits,
        "designs": len(said),
    }


def _wilson(hits: int, of: int) -> dict[str, Any]:
    """A share with its interval; of none it is not known."""
    return asdict(
        Estimate(hits / of, *stats.wilson(hits, of), "wilson") if of else Estimate(None, None, None, "wilson")
    )


def _share(of: Bools, among: Bools) -> float | None:
    """The share of some that is true among others; None of none."""
    return float(of[among].mean()) if among.any() else None


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
        found = _caught_by(flags, true)
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


# --- the same again ------------------------------------------------------------------------------


def _retest(board: Board, scored: Sequence[Scored]) -> dict[str, Any] | None:
    """Whether other seeds would give the same order in Q: split halves, ICC, and what seeds do to all designs alike."""
    seeds = board.seed_list(board.seeds)
    rows = [one.values("quality", seeds) for one in scored if one.contestant]
    table = np.array([[float(v) for v in r if v is not None] for r in rows if None not in r])
    if len(table) < LEAST:
        return None
    found = retest(table)
    low, high = icc_interval(table)
    whole = found.icc.mean_agreement
    steps = [spearman_brown(max(r, 0.0), len(seeds)) for r in (low, high)]  # a reliability below 0 is none
    return {
        "designs": len(table),
        "left_out": len(rows) - len(table),
        "seeds": len(seeds),
        "splits": found.splits,
        "half_spearman": asdict(found.spearman),
        "half_kendall": asdict(found.kendall),
        "whole_spearman": asdict(found.whole),
        "range": list(found.range),
        "icc_2_1": {"r": found.icc.agreement, "low": low, "high": high},
        "icc_2_k": {"r": whole, "low": min(whole, steps[0]), "high": max(whole, steps[1])},
        "gate": RELIABLE,
        "reliable": found.reliable,
        "seed_correlation": _alike(table),
    }


def _alike(table: Floats) -> dict[str, float] | None:
    """How far a seed lifts or lowers all designs [designs, seeds] together; None where fewer than two ever move.

    The correlation between designs over seeds as an intraclass one, ICC(3,1) with seeds for targets, and its exact
    interval by F (Shrout & Fleiss 1979): it knows that there are few seeds, however many designs.
    """
    moving = table[np.ptp(table, axis=1) > ROUND]
    n, k = moving.shape
    if n < 2:
        return None
    r = icc(moving.T).consistency
    if r >= 1 - ROUND:
        return {"r": 1.0, "low": 1.0, "high": 1.0}
    f = (1 + (n - 1) * r) / (1 - r)
    tails = scipy_stats.f.ppf(0.975, k - 1, (k - 1) * (n - 1)), 1 / scipy_stats.f.ppf(0.975, (k - 1) * (n - 1), k - 1)
    low, high = ((f / q - 1) / (f / q + n - 1) for q in tails)
    return {"r": r, "low": float(low), "high": float(high)}


# --- another trainer -----------------------------------------------------------------------------


def _sensitivity(board: Board) -> dict[str, Any] | None:
    """Rank correlation of the designs' order under every trainer with that under the board's, and flipped verdicts."""
    rows = studies.read(board, "sensitivity")
    found = {task: sensitivity(board, [r for r in rows if r["task"] == task]) for task in board.tasks}
    known = {task: told for task, told in found.items() if told is not None}
    return known or None


def sensitivity(board: Board, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """One task's; None where the board's own trainer, or its baseline, is not among its rows.

    Only seeds that every design has under every trainer count, so that all are compared on the same ones.
    """
    gold: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for r in rows:
        if r["gold"] is not None:
            gold.setdefault((r["rate"], r["algorithm"]), {}).setdefault(r["design"], {})[r["seed"]] = r["gold"]
    own = ("same", board.algorithm)
    designs = [d for d in dict.fromkeys(r["design"] for r in rows) if all(d in g for g in gold.values())]
    seeds = sorted(set.intersection(*(set(g[d]) for g in gold.values() for d in designs))) if designs else []
    if own not in gold or board.baseline not in designs or len(designs) < 2 or len(seeds) < 2:
        return None
    golds = {t: {d: [g[d][s] for s in seeds] for d in designs} for t, g in gold.items()}
    told = [_trainer(t, golds[t], golds[own], designs, board.baseline) for t in golds]
    verdicts = {d: {t["verdicts"][d] for t in told} for d in designs if d != board.baseline}
    return {
        "own": {"rate": own[0], "algorithm": own[1]},
        "baseline": board.baseline,
        "designs": designs,
        "seeds": len(seeds),
        "trainers": told,
        "dependent": sorted(d for d, v in verdicts.items() if {"better", "worse"} <= v),
        "unsettled": sorted(d for d, v in verdicts.items() if len(v) > 1),
    }


def _trainer(
    trainer: tuple[str, str], golds: Mapping[str, list[float]], own: Mapping[str, list[float]], designs: list[str],
    baseline: str,
) -> dict[str, Any]:  # fmt: skip
    """One trainer's order and verdicts against the baseline."""
    means = {d: float(np.mean(golds[d])) for d in designs}
    tau = kendall_tau_b([float(np.mean(own[d])) for d in designs], [means[d] for d in designs])
    low, high = rank_interval(tau, len(designs), "kendall") if len(designs) >= LEAST_RANKED else (None, None)
    others = [d for d in designs if d != baseline]
    family = [stats.paired_difference(golds[d], golds[baseline]) for d in others]
    return {
        "rate": trainer[0],
        "algorithm": trainer[1],
        "gold": means,
        "tau": tau,
        "low": low,
        "high": high,
        "verdicts": dict(zip(others, stats.verdicts(family), strict=True)),
    }


# --- challenge seeds -----------------------------------------------------------------------------


def challenge(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """How often challenge seeds catch seeds that were picked and designs that were ground, resampled from real runs.

    None where no design has enough fresh seeds.
    """
    rows = [r for r in rows if r["quality"] is not None]
    found = {}
    for design in dict.fromkeys(r["design"] for r in rows):
        mine = [r for r in rows if r["design"] == design]
        fresh = np.array([r["quality"] for r in mine if r["sort"] == "fresh"])
        if len(fresh) >= max(n for _, n in PICKS) + max(CHALLENGED) + JACKKNIFE:
            found[design] = _challenged(fresh, _copies(mine), design)
    if not found:
        return None
    theory = {_pick(p): asdict(stats.simulate(p, CHALLENGED, stream="truth")) for p in PICKS}
    return {"seeds": list(CHALLENGED), "theory": theory, "designs": found}


def _pick(pick: tuple[int, int]) -> str:
    """A pick's name.

    >>> _pick((5, 10))
    'best 5 of 10'
    """
    return "best {} of {}".format(*pick)


def _copies(rows: Sequence[Mapping[str, Any]]) -> Floats:
    """Q of a design's copies on the board's seeds, [copies, seeds]; copies that lack a seed are left out."""
    table: dict[int, dict[int, float]] = {}
    for r in rows:
        if r["sort"] == "copy":
            table.setdefault(r["copy"], {})[r["seed"]] = r["quality"]
    seeds = sorted({s for own in table.values() for s in own})
    return np.array([[own[s] for s in seeds] for _, own in sorted(table.items()) if len(own) == len(seeds)])


def _challenged(fresh: Floats, copies: Floats, design: str) -> dict[str, Any]:
    """One design's shares caught."""
    return {
        "seeds": len(fresh),
        "sd": float(fresh.std(ddof=1)),
        "picks": {_pick(p): _caught(fresh, p, f"{design}/{p[1]}") for p in PICKS},
        "copies": len(copies),
        "ground": _ground(copies, fresh, design) if len(copies) > 1 else {},
    }


def _caught(fresh: Floats, pick: tuple[int, int], stream: str) -> dict[str, Any]:
    """What picking gains and how often it is caught, with an interval over the design's seeds.

    Sixty seeds are a sample too: blocks of them are left out in turn (the jackknife of Quenouille and Tukey).
    """
    found = stats.catch_rate(fresh, pick, CHALLENGED, RESAMPLES, stream)
    blocks = np.array_split(np.arange(len(fresh)), JACKKNIFE)
    left = [stats.catch_rate(np.delete(fresh, b), pick, CHALLENGED, RESAMPLES, stream).caught for b in blocks]
    error = sqrt(JACKKNIFE - 1) * np.array(left).std(axis=0)
    half = float(scipy_stats.t.ppf(0.975, JACKKNIFE - 1)) * error
    rates = np.array(found.caught)
    return asdict(found) | {"low": np.clip(rates - half, 0, 1).tolist(), "high": np.clip(rates + half, 0, 1).tolist()}


def _ground(copies: Floats, fresh: Floats, stream: str) -> dict[str, Any]:
    """A submitter who hands in the copy of a design that looked best on the board's seeds: of all copies, and of fewer.

    Copies are one design but for rounding, so that fresh seeds of the design are fresh seeds of each copy. The board's
    seeds are what they are: the best of 1 is an honest entry on these, and no average over other seeds.
    """
    table, k = np.hstack([copies, np.tile(fresh, (len(copies), 1))]), copies.shape[1]
    tried = sorted({1, min(5, len(copies)), len(copies)})
    told = {n: stats.grind_rate(table, k, n, CHALLENGED, RESAMPLES, f"{stream}/{n}") for n in tried}
    return {f"best of {n}": asdict(found) for n, found in told.items()}
