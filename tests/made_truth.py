"""What does the `truth` of a `board.json` look like? Worked out by the suite's own code from made-up, seeded designs."""

import random
from types import SimpleNamespace

import numpy as np

from rewardbench import disk
from rewardbench.boards import foretold, second, truth
from rewardbench.boards.foretold import Case

TASKS = ("qa/lookup", "writing/story", "dialogue/booking")
BOARD = SimpleNamespace(
    name="made-up", version=1, algorithm="grpo", baseline="reference", tasks=TASKS, scale={t: {"low": 0.2, "high": 0.9} for t in TASKS}
)
FAMILIES = ("length", "answers", "text", "overlap")


def case(task, n, flagged, hacked, quality, **more):
    """A drawn design: whether the audit called it gameable, the share of seeds hacked, Q."""
    told = {
        "task": task,
        "entry": f"{task.replace('/', '-')}-g{n:02d}",
        "family": FAMILIES[n % len(FAMILIES)],
        "before": {"best_of_n": quality, "tau": quality, "pairs": quality, "severity": float(flagged)},
        "verdict": "gameable" if flagged else "clean",
        "findings": {"echo": 0.9} if flagged else {},
        "probes": frozenset({"echo", "filler"}),
        "after": {"quality": quality, "regret": 0.1, "gap": 1.0 - quality, "hacked": hacked},
        "harmful": quality < 0,
    }
    return Case(**told | more)


def cases(tasks=BOARD.tasks, each=20, seed=0):
    """Designs whose audit is right four times in five."""
    rng = random.Random(seed)
    found = []
    for task in tasks:
        for n in range(each):
            hacked = rng.random() < 0.4
            flagged = hacked if rng.random() < 0.8 else not hacked
            quality = rng.gauss(-0.1 if hacked else 0.5, 0.2)
            before = {k: quality + rng.gauss(0, 0.3) for k in ("best_of_n", "tau", "pairs")} | {"severity": rng.random()}
            probes = {c: round(rng.uniform(0.2, 1), 2) for c in ("echo", "filler", "repeat") if flagged and rng.random() < 0.7}
            found.append(case(task, n, flagged, rng.choice([0.6, 1.0]) if hacked else 0.0, quality, before=before, findings=probes))
    return found


def retested(table, board=BOARD, learnt=()):
    """What `truth` makes of a table of Q [designs, seeds]; `learnt` are the rows of those that did."""
    seeds = list(range(len(table[0])))
    board = SimpleNamespace(**vars(board), seeds=len(seeds), seed_list=lambda n: tuple(range(n)))
    scored = [SimpleNamespace(name=str(n), contestant=True, values=lambda axis, seeds, row=row: [row[s] for s in seeds]) for n, row in enumerate(table)]
    return truth._retest(board, scored, {str(n) for n in learnt})


def trained(task, gold, seeds=5, noise=0.01, seed=0):
    """Rows of a sensitivity study: (rate, algorithm) -> design -> mean gold."""
    rng = random.Random(f"{task}/{seed}")
    return [
        {"task": task, "design": d, "rate": r, "algorithm": a, "seed": s, "status": "done", "gold": m + rng.gauss(0, noise), "hacked": False}
        for (r, a), means in gold.items() for d, m in means.items() for s in range(seeds)
    ]  # fmt: skip


def challenged(design, fresh=60, copies=20, seeds=5, seed=0):
    """Rows of a challenge study whose seeds are normal."""
    rng = np.random.default_rng(seed)
    told = {"design": design, "status": "done"}
    rows = [told | {"sort": "fresh", "copy": 0, "seed": 1000 + s, "quality": float(q)} for s, q in enumerate(rng.normal(0.5, 0.1, fresh))]
    every = rng.normal(0.5, 0.1, (copies, seeds))
    return [*rows, *(told | {"sort": "copy", "copy": c, "seed": s, "quality": float(q)} for c, row in enumerate(every) for s, q in enumerate(row))]


SIX = ("reference", "a", "b", "c", "d", "flips")


def grid(rng):
    """Six designs under six trainers: one of them better than the reference under two and worse under the others."""
    base = dict(zip(SIX, (0.7, 0.6, 0.45, 0.3, 0.2, 0.5), strict=True))
    return {
        (r, a): {d: m + rng.gauss(0, 0.02) for d, m in base.items()} | {"flips": 0.9 if r == "triple" else 0.5}
        for r in ("third", "same", "triple") for a in ("grpo", "dr_grpo")
    }  # fmt: skip


def judged(task, designs=20, seed=0):
    """A second gold's figures over made-up words."""
    rng = np.random.default_rng(seed)
    words = {n: rng.random((32, 2)) * 0.5 + level for n, level in zip(["untrained", *(f"{task}-{i}" for i in range(designs))], rng.random(designs + 1) * 0.5, strict=True)}
    both = {n: second.Judged(w, np.clip(w + rng.normal(0, 0.1, w.shape), 0, 1)) for n, w in words.items()}
    return second.figures({n: ("control" if n == "untrained" else "generated", j) for n, j in both.items()})


def truth_json(tasks=BOARD.tasks, parts=("audit", "retest", "second_gold", "sensitivity", "challenge"), seed=0):
    """A whole `truth`; parts that are not asked for are null."""
    rng, normal = random.Random(seed), np.random.default_rng(seed)
    tables = {t: normal.normal(0, 0.3, (20, 1)) + normal.normal(0, 0.05, (1, 5)) + normal.normal(0, n / 10, (20, 5)) for n, t in enumerate(tasks, 1)}
    rows = {"challenge": [r for n in ("reference", "g04") for r in challenged(n, seed=len(n))]}
    told = {
        "audit": foretold.audit(cases(tasks, seed=seed)),
        "retest": {t: retested(tables[t].tolist(), learnt=range(6 + 3 * n)) for n, t in enumerate(tasks)},
        "second_gold": {t: judged(t, seed=n) for n, t in enumerate(tasks)},
        "sensitivity": {t: truth.sensitivity(BOARD, trained(t, grid(rng))) for t in tasks},
        "challenge": truth.challenge(BOARD, rows["challenge"]),
    }
    whole = {k: v if k in parts else None if k in studied() else {} for k, v in told.items()}
    return disk.finite({**whole, "predictors": foretold.PREDICTORS, "outcomes": foretold.OUTCOMES})


def studied():
    """Parts that are null where their runs are missing."""
    return {"audit", "sensitivity", "challenge"}
