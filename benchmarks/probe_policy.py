"""Can a policy be taught these tasks? Base gold, dead groups, truncation and length before any training.

    python benchmarks/probe_policy.py --policy FOLDER --task qa/lookup --task writing/story --prompts 16 --samples 4

A design can only choose among what the policy already says: where nearly all completions of a prompt score alike,
there is nothing to choose. `--max-tokens` and `--ask TASK=TEXT` (put in the place of the prompt's last sentence, or
behind it with `TASK=+TEXT`) try other lengths and wordings without editing a task; `--system TASK=TEXT` puts a message
of the system's before the prompt. `--designs` says how each of the task's designs would have paid the same completions.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from scipy.stats import kendalltau

from rewardbench import find, scoring
from rewardbench.calling import When
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import Policy, load
from rewardbench.stats.intervals import clustered
from rewardbench.types import Batch, Floats, Prompt, UserError, Want

LAST = re.compile(r"(?<=[.?!])\s+(?=[^.?!]*[.?!]?$)")
"""Between the last sentence and what stands before it."""


@dataclass(frozen=True)
class Probed:
    """What a policy says to one task before training."""

    task: str
    batch: Batch
    gold: Floats
    """[P, K]."""
    bar: float
    cpu: float
    """CPU seconds of sampling."""


def probe(
    policy: Policy, name: str, size: tuple[int, int], heat: float, limit: int | None, words: Sequence[str | None]
) -> Probed:
    """Completions of the first dev prompts of seed 0, and their gold; `size` is (prompts, samples)."""
    (count, samples), (ask, system) = size, words
    task, gold = find.task(name), find.gold(name)
    prompts = [told(asked(p, ask), system) for p in islice(task.prompts("dev", 0), count)]
    positions = limit or policy.settings.max_tokens(name, task.max_tokens)
    stacked = stack(policy.model, [0], "full")
    begun = time.process_time()
    [batch] = sample(policy, stacked, task, [Want(prompts, samples, heat)], ["probe"], positions)
    spent = time.process_time() - begun
    assert batch is not None
    scores = [[gold.score(p, batch.said(i, k, task.turns)) for k in range(samples)] for i, p in enumerate(prompts)]
    return Probed(name, batch, np.array(scores), gold.bar, spent)


def asked(prompt: Prompt, ask: str | None) -> Prompt:
    """The prompt with another last sentence (or one more, after `+`); dialogues: in the first message.

    >>> asked(Prompt("a", text="Ben has 7 cups. Answer with one number."), "Only the number.").text
    'Ben has 7 cups. Only the number.'
    """
    if not ask:
        return prompt

    def change(text: str) -> str:
        return text + ask[1:] if ask.startswith("+") else f"{LAST.split(text)[0]} {ask}"

    if prompt.messages:
        first, *rest = prompt.messages
        return replace(prompt, messages=({**first, "content": change(first["content"])}, *rest))
    return replace(prompt, text=change(prompt.text))


def told(prompt: Prompt, system: str | None) -> Prompt:
    """The prompt with a message of the system's before it.

    >>> [m["role"] for m in told(Prompt("a", text="Hi"), "Be brief.").chat()]
    ['system', 'user']
    """
    return replace(prompt, messages=({"role": "system", "content": system}, *prompt.chat())) if system else prompt


def row(found: Probed) -> dict[str, float | str]:
    """The numbers of one task; the standard error is over prompts, or over clusters where the world has such."""
    cluster = getattr(find.tasks._module(find.task_folder(found.task), "world"), "cluster", lambda prompt: prompt.id)
    means, own = found.gold.mean(1), np.asarray(found.batch.mine).sum(-1)
    return {
        "task": found.task,
        "gold": float(found.gold.mean()),
        "se": clustered([float(m) for m in means], [cluster(p) for p in found.batch.prompts])[1],
        "precise": float((found.gold >= found.bar).mean()),
        "dead": float((np.ptp(found.gold, axis=1) == 0).mean()),
        "truncated": float(1 - np.mean(found.batch.ended)),
        "tokens": float(own.mean()),
        "prompt": float(np.mean([len(c) for c in found.batch.context])),
        "limit": float(found.batch.limit),
        "cpu": found.cpu,
    }


def table(rows: Sequence[dict[str, float | str]], size: str) -> str:
    """The rows as Markdown, for a task's card."""
    head = "| task | base gold (se) | precise | dead groups | truncated | mean tokens (limit) | prompt tokens |"
    lines = [f"{size}", "", head, "|---|---|---|---|---|---|---|"]
    for r in rows:
        lines.append(
            f"| {r['task']} | {r['gold']:.3f} ({r['se']:.3f}) | {r['precise']:.2f} | {r['dead']:.2f} "
            f"| {r['truncated']:.2f} | {r['tokens']:.0f} ({r['limit']:.0f}) | {r['prompt']:.0f} |"
        )
    return "\n".join(lines)


def agreement(found: Probed) -> str:
    """Each design of the task against gold, as Markdown: Kendall's tau-b, groups paid alike, gold of the best paid."""
    lines = ["| design | τ | groups paid alike | gold of the best paid |", "|---|---|---|---|"]
    for name in find.task_designs(found.task):
        made = find.bind(find.design(name, found.task), found.task)
        paid = scoring.pay(made, found.batch, When("probe", 0, 0.0), scoring.start(made), 60.0).batch.reward
        best = found.gold[np.arange(len(paid)), paid.argmax(1)].mean()
        tau, alike = kendalltau(paid, found.gold).statistic, float((np.ptp(paid, axis=1) < 1e-9).mean())
        lines.append(f"| `{name}` | {tau:.2f} | {alike:.2f} | {best:.3f} |")
    return "\n".join(lines)


def show(found: Probed, count: int) -> None:
    """Print the first completion of a few prompts, with their gold."""
    for p in range(min(count, len(found.batch.prompts))):
        messages = found.batch.messages[p][0]
        print(f"--- {found.task}: {found.batch.prompts[p].plain()}")
        for m in messages:
            print(f"    {m['role']}: {m['content']}".replace("\n", "\n    "))
        print(f"    gold {found.gold[p, 0]:.2f}, siblings {np.round(found.gold[p], 2).tolist()}\n")


def main() -> int:
    """Probe, print completions and a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--policy", required=True)
    parser.add_argument("--task", action="append", required=True, dest="tasks")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--max-tokens", type=int)
    parser.add_argument("--ask", action="append", default=[], metavar="TASK=TEXT")
    parser.add_argument("--system", action="append", default=[], metavar="TASK=TEXT")
    parser.add_argument("--show", type=int, default=3, help="completions to print a task")
    parser.add_argument("--designs", action="store_true", help="how each design of the tasks agrees with gold")
    parser.add_argument("--json", action="store_true", help="print rows of JSON instead of a table")
    given = parser.parse_args()
    torch.set_num_threads(1)
    asks, systems = (dict(a.split("=", 1) for a in said) for said in (given.ask, given.system))
    try:
        folder = find.policy(given.policy)
        policy = load(folder)
        rows = []
        for name in given.tasks:
            words = asks.get(name), systems.get(name)
            found = probe(policy, name, (given.prompts, given.samples), given.temperature, given.max_tokens, words)
            show(found, given.show)
            if given.designs:
                print(f"{name}\n\n{agreement(found)}\n")
            rows.append(row(found))
    except UserError as error:
        print(f"probe: {error}", file=sys.stderr)
        return error.code
    size = f"{folder.name}, {given.prompts} dev prompts × {given.samples} at T = {given.temperature:g}"
    print("\n".join(json.dumps(r) for r in rows) if given.json else table(rows, size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
