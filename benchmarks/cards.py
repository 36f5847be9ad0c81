"""What do the cards say of each task? Tables from finished sweeps, and how each reward agrees with gold.

    rbench run --task qa/lookup --task writing/story --task dialogue/booking --seeds 5 --out SWEEP
    python benchmarks/cards.py SWEEP [SWEEP ...] [--samples 3] [--write]

Prints Markdown, a section a task: every design's gold, Q, S, E, D (mean ± half of the 95% interval over seeds), gold of
every seed, the seeds that each flag was raised on, Kendall's tau-b between the design's reward and gold on 64 x 8
samples of the untrained policy, CPU seconds of training + evaluation, the paired verdicts on gold, and completions.
`--write` puts each section between the marks `<!-- scores -->` and `<!-- /scores -->` of the task's card.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from scipy.stats import kendalltau

from rewardbench import comparing, find, results, scoring, tables, trace
from rewardbench.calling import When
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import load
from rewardbench.results import Result
from rewardbench.types import Want


def taus(task_name: str, policy_name: str, prompts: int = 64, samples: int = 8) -> dict[str, float | None]:
    """Design -> Kendall's tau-b between its reward and gold on samples of the untrained policy."""
    task, gold = find.task(task_name), find.gold(task_name)
    policy = load(find.policy(policy_name))
    asked = list(itertools.islice(task.prompts("dev", "cards"), prompts))
    limit = policy.settings.max_tokens(task_name, task.max_tokens)
    [batch] = sample(policy, stack(policy.model, [0], "full"), task, [Want(asked, samples)], ["cards"], limit)
    assert batch is not None
    cells = list(np.ndindex(prompts, samples))
    true = [gold.score(asked[p], batch.said(p, k, task.turns)) for p, k in cells]
    found: dict[str, float | None] = {}
    for name in find.task_designs(task_name):
        made = find.bind(find.design(name, task_name), task_name)
        paid = scoring.pay(made, batch, When("cards", 0, 0.0), scoring.start(made), 60.0).batch.reward
        found[name] = float(kendalltau(true, [paid[c] for c in cells]).statistic)
    return found


def cell(values: Sequence[float | None], errors: Sequence[tables.Error] = ()) -> str:
    """Mean ± half-width of the 95% interval over seeds (and of other errors), or a dash."""
    known = [v for v in values if v is not None]
    if len(known) < len(values) or not known:
        return "–"
    mean, low, _ = tables.interval(known, errors)
    return f"{mean:.2f}" if low is None else f"{mean:.2f} ± {mean - low:.2f}"


def design_rows(scored: Sequence[Result], tau: dict[str, float | None]) -> list[list[str]]:
    """A table row a design of one task, best gold first."""
    rows = []
    for (_, name), group in results.by_design(scored).items():
        flags = sorted({f for r in group for f in r.flags})
        cpu = [tables.as_row(r) for r in group]
        spent = [np.mean([float(r[k]) for r in cpu]) for k in ("training_cpu_seconds", "evaluation_cpu_seconds")]
        gold = [r.counted("gold") for r in group]
        agreement = tau.get(name)
        rows.append(
            [
                f"`{name}`",
                cell(gold),
                cell([r.counted("quality") for r in group], tables.anchor_errors(group)),
                *(cell([r.counted(m) for r in group]) for m in results.AXES[1:]),
                " ".join("–" if g is None else f"{g:.2f}" for g in gold),
                ", ".join(f"{f} {sum(f in r.flags for r in group)}" for f in flags),
                "" if agreement is None else f"{agreement:.2f}",
                f"{spent[0]:.1f} + {spent[1]:.1f}",
            ]
        )
    return sorted(rows, key=lambda row: row[1], reverse=True)


def by_temperature(scored: Sequence[Result]) -> str:
    """Gold at each temperature of the final grid, untrained and trained: how much the temperature alone buys."""
    rows = []
    for (_, name), group in results.by_design(scored).items():
        banks = [r.run.bank for r in group if r.run.bank is not None]
        if name in ("untrained", "reference", "oracle") and banks:
            means = np.mean([bank.gold.mean(axis=(1, 2)) for bank in banks], axis=0)
            rows.append([f"`{name}`", *(f"{m:.2f}" for m in means)])
            heats = banks[0].temperatures
    return table(["gold at T =", *(f"{h:g}" for h in heats)], rows) if rows else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def completions(scored: Sequence[Result], count: int) -> str:
    """The first completions of the first seed of every design, at the end of training."""
    shown = []
    for (_, name), group in results.by_design(scored).items():
        last = trace.read_evaluation([p for p in trace.evaluations(group[0].run.folder) if p.stem != "final"][-1])
        rows = zip(last["prompt_text"], last["text"], last["gold"], last["k"], strict=True)
        first = [(p, t, g) for p, t, g, k in rows if k == 0]
        shown += [[f"`{name}`", p[-70:], t.replace("\n", " / "), f"{g:.2f}"] for p, t, g in first[:count]]
    return table(["design", "end of the prompt", "completion", "gold"], shown)


def _range(comparison: Mapping[str, Any]) -> str:
    """The interval of a difference."""
    return f"{comparison['low']:+.3f} to {comparison['high']:+.3f}"


def section(scored: Sequence[Result], samples: int) -> str:
    """All of a task's figures as Markdown."""
    first = scored[0].run.spec
    head = ["design", "gold", "Q", "S", "E", "D", "gold of each seed", "flags (seeds)", "τ", "CPU s"]
    judged = [c for c in comparing.compare(scored) if c["metric"] == "gold"]
    verdicts = [
        [f"`{c['a']}`", c["verdict"], f"`{c['b']}`", f"{c['difference']:+.3f}", _range(c), str(c["n"])] for c in judged
    ]
    versions = f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"
    made = (
        f"Policy `{first.policy}`, `{first.algorithm}`, budget `{first.budget}` ({first.steps} steps), task version "
        f"{first.task_version}; {versions}, CPU, one thread a run, {date.today()} "
        "(`rbench run`, then `python benchmarks/cards.py`). Mean ± half of the 95% interval over seeds; τ: Kendall's "
        "tau-b of reward and gold on untrained samples; CPU seconds: training + evaluation, two runs at a "
        "time."
    )
    parts = [
        made,
        table(head, design_rows(scored, taus(first.task, first.policy))),
        by_temperature(scored),
        "Paired by seed, Holm-adjusted over the family; the interval is the unadjusted 95% one.",
        table(["a", "is", "than b", "gold a − b", "interval", "seeds"], verdicts),
    ]
    if samples:
        parts += ["Completions at the end of training, seed 1, not chosen:", completions(scored, samples)]
    return "\n\n".join(parts)


def put(task: str, text: str) -> None:
    """Write a task's section into its card."""
    card = find.task_folder(task) / "README.md"
    before, _, rest = card.read_text().partition("<!-- scores -->\n")
    _, mark, after = rest.partition("<!-- /scores -->")
    assert mark, f"{card} has no marks"
    card.write_text(f"{before}<!-- scores -->\n{text}\n{mark}{after}")


def main() -> None:
    """Print the sections."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="+", type=Path)
    parser.add_argument("--samples", type=int, default=0, help="completions of each design to show")
    parser.add_argument("--write", action="store_true", help="put the sections into the cards")
    asked = parser.parse_args()
    loaded = {run.spec.id: run for folder in asked.sweeps for run in results.load_sweep(folder)}
    every = results.score(list(loaded.values()))
    for task in dict.fromkeys(r.task for r in every):
        text = section([r for r in every if r.task == task], asked.samples)
        print(f"\n## {task}\n\n{text}")
        if asked.write:
            put(task, text)


if __name__ == "__main__":
    main()
