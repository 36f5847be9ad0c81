"""What does a `board.json` with many entries look like? Made up, seeded; its numbers agree with each other as real ones do."""

import hashlib
import random
from copy import deepcopy
from statistics import mean, stdev

from made_truth import truth_json

AXES = ("quality", "stability", "efficiency", "diversity")
TASKS = ("qa/lookup", "writing/story", "dialogue/booking")
ARMS = ("untrained", "random", "constant", "length", "format", "echo", "oracle")
WEIGHTS = {"quality": 0.4, "stability": 0.2, "efficiency": 0.2, "diversity": 0.2}
ORACLE_D = 0.2
PARTS = ("answers.alone", "answers.close", "answers.brief", "answers.plain", "length.words", "text.repeats")
TRUTH = truth_json(TASKS)
T4 = 2.776
"""Student's t, 4 degrees of freedom, 97.5%."""


def digest(*names):
    return hashlib.sha256("/".join(map(str, names)).encode()).hexdigest()


def span(values):
    if len(values) < 2 or any(v is None for v in values):
        return None
    half = T4 * stdev(values) / len(values) ** 0.5
    return {"mean": mean(values), "low": mean(values) - half, "high": mean(values) + half, "n": len(values)}


def board_json(entries=12, tasks=TASKS, seed=0, names=None):
    """A board of so many contestants, all of them on every task; `names` are given to the first of them."""
    rng = random.Random(seed)
    names = [*(names or []), *(f"design-{n:03d}" for n in range(entries))][: max(0, entries - 1)]
    kinds = {**dict.fromkeys(ARMS, "control"), "reference": "handmade", **{n: ("submitted", "generated")[i % 2] for i, n in enumerate(names)}}
    skill = {n: rng.uniform(-0.2, 0.95) for n in kinds} | {"untrained": 0.0, "constant": 0.0, "oracle": 1.0, "reference": 0.8, "random": -0.2}
    seeds = [int(digest("seed", i)[:8], 16) for i in range(5)]
    specs = {n: spec(n, rng) for n in kinds}
    told = [task_json(t, kinds, skill, seeds, specs, rng) for t in tasks]
    return {
        "schema_version": 1,
        "board": {
            "name": "made-up", "version": 1, "digest": digest("board"), "summary": "numbers that nobody measured",
            "policy": "tiny", "algorithm": "grpo", "budget": "default", "seeds": seeds, "control_seeds": seeds,
            "baseline": "reference", "algorithms": [], "weights": WEIGHTS, "audit": "",
            "scale": {t: {"low": 0.2, "high": 0.9, "low_se": 0.01, "high_se": 0.01} | ({} if one(t) else {"diversity": ORACLE_D}) for t in tasks},
            "hashes": {"policy": digest("policy"), "scorer": digest("scorer"), "engine": 5},
        },
        "provisional": [],
        "entries": [about(n, kinds[n], tasks) for n in sorted(kinds)],
        "tasks": told,
        "overall": {"rows": overall(kinds, told)},
        "truth": truth(tasks, names[:1]),
    }  # fmt: skip


def truth(tasks, dependent):
    """Whole, but for `dependent`: who hangs on the trainer on the first task."""
    found = deepcopy(TRUTH)
    found["sensitivity"] = {t: told | {"dependent": dependent if t == tasks[0] else []} for t, told in found["sensitivity"].items()}
    return found


def one(task):
    """Whether one answer is right."""
    return task.startswith("qa/")


def about(name, kind, tasks):
    return {
        "entry": name, "kind": kind, "division": "open" if name.endswith("7") else "closed", "summary": f"What {name} is.",
        "authors": ["Somebody"], "relationship": "author", "licence": "CC-BY-4.0", "links": ["https://example.org/a"],
        "disclosure": {"specs_tried": None}, "tasks": list(tasks), "designs": {t: digest("design", name) for t in tasks}, "digest": digest("entry", name),
    }  # fmt: skip


def spec(name, rng):
    if name == "untrained":
        return {"name": name, "combine": "sum", "normalise": "none", "trains": False, "parts": []}
    picked = rng.sample(PARTS, 3)
    parts = [{"name": p.split(".")[1], "use": p, "weight": round(rng.uniform(0.1, 1), 2), "scale": 1.0, "form": "text", "source": "", "params": {"low": 3}} for p in picked]
    return {"name": name, "combine": "sum", "normalise": "none", "trains": True, "parts": parts}


def task_json(task, kinds, skill, seeds, specs, rng):
    start = {s: rng.gauss(0, 0.04) for s in seeds}
    rows = [row_json(task, n, kinds[n], skill[n] + rng.gauss(0, 0.05), start, specs[n], rng) for n in kinds]
    places(rows)
    best = max((r for r in rows if r["kind"] != "control"), key=lambda r: r["means"]["quality"]["mean"])
    best["front"] = True
    rows.sort(key=lambda r: (r["kind"] == "control", -r["means"]["quality"]["mean"], r["entry"]))
    shown = ["reference", *ARMS]
    return {
        "task": task, "one_answer": one(task), "rows": rows,
        "weights": {"draws": 1000, "rows": [{"entry": r["entry"], "best": n + 1, "worst": n + 3, "first": 0.9 if n == 0 else 0.0} for n, r in enumerate(r for r in rows if r["kind"] != "control")]},
        "resolution": {a: None if a == "diversity" and one(task) else {"median": 0.05, "worst": 0.11, "pairs": 9} for a in AXES},
        "broken": {a: {"conditions": [condition()] if a == "quality" else [], "broken": []} for a in AXES},
        "cross": {"columns": ["reference", "gold"], "rows": [{"entry": n, "cells": {"reference": rng.uniform(-3, 5), "gold": None if n == "echo" else rng.uniform(-2, 2)}} for n in shown]},
        "variance": {"seed": 0.4, "prompt": 0.5, "sample": 0.1, "designs": 8},
    }  # fmt: skip


def condition():
    return {"a": "random", "b": "untrained", "must": "not be above", "difference": -0.2, "low": -0.3, "high": -0.1, "n": 10, "p": 0.99, "p_adjusted": 1.0, "holds": True}


def row_json(task, name, kind, skill, start, spec, rng):
    """`start`: seed -> Q of the untrained policy."""
    learns = skill > 0.05
    runs = []
    for s in start:
        q = start[s] if name == "untrained" else skill + rng.gauss(0, 0.04)
        run = {"quality": q, "stability": min(1.0, max(0.0, 0.9 + rng.gauss(0, 0.08))), "efficiency": max(0.0, 0.85 * q + rng.gauss(0, 0.03)),
               "diversity": None if one(task) else rng.gauss(0.1 * skill, 0.02)}  # fmt: skip
        runs.append({"run": digest(task, name, s)[:16], "seed": s, "status": "done", **run, "overall": None, "gold": 0.2 + 0.7 * q,
                     "flags": ["hacked"] if skill < -0.1 else [], "tokens": rng.randint(15_000, 30_000), "kl": rng.uniform(1, 20)})  # fmt: skip
    for r in runs:
        told = counted(r)
        r["overall"] = sum(WEIGHTS[a] * v for a, v in told.items()) / sum(WEIGHTS[a] for a in told)
    shares = [counted(r) for r in runs]
    means = {a: span([r[a] for r in runs]) for a in (*AXES, "overall", "gold")}
    return {
        "counted": {a: sum(s[a] for s in shares) / len(shares) for a in shares[0]},
        "entry": name, "kind": kind, "design": name, "design_hash": digest("design", name), "seeds": len(runs), "failed": 0, "spec": spec,
        "means": {**means, "gold_test": means["gold"], "pass_at_k": span([min(1.0, max(0.0, r["quality"])) for r in runs]) if one(task) else None},
        "flags": {"hacked": 5} if skill < -0.1 else {}, "runs": runs, "ranks": None, "verdicts": None, "learns": learns, "harmful": skill < -0.1,
        "front": False, "reasons": {"diversity": "one answer is right, so diversity is not asked; see pass_at_k"} if one(task) else {},
    }  # fmt: skip


def counted(run):
    """A run's axes as a board counts them, written out apart from the suite's own."""
    told = {"quality": run["quality"], "efficiency": run["efficiency"], "stability": run["stability"] * min(1.0, max(0.0, run["quality"]))}
    if run["diversity"] is not None:
        told["diversity"] = run["diversity"] / ORACLE_D
    return {a: min(1.0, max(0.0, v)) for a, v in told.items()}


def places(rows):
    """Ranks by mean, two neighbours to an interval; verdicts by difference."""
    contest = [r for r in rows if r["kind"] != "control"]
    base = next(r for r in rows if r["entry"] == "reference")
    for r in contest:
        r["ranks"], r["verdicts"] = dict.fromkeys((*AXES, "overall")), dict.fromkeys(AXES)
    for axis in (*AXES, "overall"):
        there = [r for r in contest if r["means"][axis] and (axis == "quality" or r["learns"])]
        there.sort(key=lambda r: -r["means"][axis]["mean"])
        for n, r in enumerate(there):
            r["ranks"][axis] = [n // 2 * 2 + 1, min(len(there), n // 2 * 2 + 2)]
            if axis in AXES and r is not base and base in there:
                gap = r["means"][axis]["mean"] - base["means"][axis]["mean"]
                word = "equivalent" if abs(gap) < 0.02 else "unresolved" if abs(gap) < 0.06 else "better" if gap > 0 else "worse"
                r["verdicts"][axis] = {"difference": gap, "low": gap - 0.05, "high": gap + 0.05, "n": 5, "p_adjusted": 0.01, "margin": 0.03, "verdict": word}


def overall(kinds, told):
    found = []
    for name, kind in kinds.items():
        mine = [next(r for r in t["rows"] if r["entry"] == name) for t in told]
        means = {}
        for axis in (*AXES, "overall"):
            cells = [r["means"][axis] for r in mine]
            if all(cells):
                means[axis] = {k: mean(c[k] for c in cells) for k in ("mean", "low", "high")} | {"n": 5}
        found.append({"entry": name, "kind": kind, "means": means, "ranks": {}})
    contest = sorted((r for r in found if r["kind"] != "control"), key=lambda r: -r["means"]["quality"]["mean"])
    for axis in (*AXES, "overall"):
        there = sorted((r for r in contest if axis in r["means"]), key=lambda r: -r["means"][axis]["mean"])
        for n, r in enumerate(there):
            r["ranks"][axis] = [n // 2 * 2 + 1, min(len(there), n // 2 * 2 + 2)]
    return [*contest, *(r for r in found if r["kind"] == "control")]
