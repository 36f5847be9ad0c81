"""What is written down of a step and of an evaluation? Rows and columns, from batches."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewardbench.design import Running, shares
from rewardbench.judging import judge
from rewardbench.types import Batch, Bools, Design, Floats, Gold, Prompt, Task

Judged = dict[tuple[bytes | int, str], tuple[float, str]]
"""(which prompt, what was said) -> gold and kind, as long as the prompts live."""


def _mean(values: Any) -> float:
    """Mean of the finite values, NaN if there is none."""
    values = np.asarray(values, dtype=np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def dead_share(reward: Floats) -> float:
    """Share of prompts [P, K] whose completions are all paid exactly alike: they teach nothing where siblings are
    compared; REINFORCE still learns from them.

    >>> dead_share(np.array([[1.0, 1.0], [0.0, 1.0]]))
    0.5
    """
    top = np.nan_to_num(reward, nan=-np.inf).max(1)
    low = np.nan_to_num(reward, nan=np.inf).min(1)
    return float((~(top > low)).mean())


def unpaid_share(batch: Batch) -> float:
    """Share of the completions on which every part abstained."""
    return float((~np.isfinite(np.asarray(batch.reward, dtype=np.float64))).mean())


def step_row(
    step: int,
    asked: Sequence[Batch],
    taught: Batch | None,
    design: Design,
    charged: int,
    passes: int,
    running: Running | None = None,
    fraction: float = 1.0,
) -> dict[str, Any]:
    """One line of `steps.jsonl`: of what was learnt from, or where that is nothing of what was asked for last.

    `completions`, `context` and `length` count everything that the algorithm asked for; `taught_tokens` what was
    learnt from, in every pass, prompts included, as if each completion were read alone. `shares` is how much of the
    reward's variance among siblings, which advantages are made of, each part explains.
    """
    batch = asked[-1] if taught is None else taught
    own = batch.mine.sum(-1)
    parts = {p.name: batch.parts[..., m] for m, p in enumerate(design.parts)}
    size = sum(b.ended.size for b in asked)
    return {
        "step": step,
        "reward": _mean(batch.reward),
        "reward_sd": float(np.nanstd(batch.reward)) if np.isfinite(batch.reward).any() else float("nan"),
        "parts": {n: _mean(v) for n, v in parts.items()},
        "shares": dict(zip(parts, shares(design, batch.parts, running, fraction).tolist(), strict=True)),
        "abstained": {n: float((~np.isfinite(v)).mean()) for n, v in parts.items()},
        **({"noted": {n: _mean(v) for n, v in batch.noted.items()}} if batch.noted else {}),
        "dead": dead_share(np.asarray(batch.reward, dtype=np.float64)),
        "length": sum(float(b.mine.sum()) for b in asked) / size,
        "ended": float(batch.ended.mean()),
        "entropy": float(batch.entropy.sum() / max(own.sum(), 1)),
        "completions": size,
        "context": sum(_read(b) for b in asked),
        "taught_tokens": 0 if taught is None else passes * (_read(taught) + int(taught.mine.sum())),
        "charged": charged,
    }


def shown(columns: Mapping[str, Sequence[Any]], prompts: int) -> dict[str, Any]:
    """What an evaluation's event tells: means over counted completions, and `seen`, the values themselves [N, n]."""
    picked = np.asarray(columns["picked"], dtype=bool)
    names = ("gold", "reward", "kl", "length", "ended")
    seen = {n: np.asarray(columns[n], dtype=np.float64)[picked].reshape(prompts, -1) for n in names}
    return {
        **{n: _mean(values) for n, values in seen.items()},
        "dead": dead_share(seen["reward"]) if np.isfinite(seen["reward"]).any() else float("nan"),
        "entropy": _mean(columns["entropy"]),
        "charged": columns["charged"][0],
        "seen": seen,
    }


def _read(batch: Batch) -> int:
    """Prompt tokens, counted for each completion."""
    return int(sum(len(c) for c in batch.context) * batch.ended.shape[1])


def _whose(prompt: Prompt) -> bytes | int:
    """What tells a prompt from others: all that is in it, since runs have their own of each, and a part may have
    changed one; or itself, where that cannot be told.
    """
    try:
        return pickle.dumps(prompt)
    except Exception:  # a task may put anything into it
        return id(prompt)


def apart(batch: Batch, start_logp: Floats | None) -> list[float]:
    """KL from the start policy as each completion tells it (k1: its log-probability less that under the start policy),
    nats, in the order of `evaluation`'s rows; NaN where that policy was not asked.
    """
    if start_logp is None:
        return [math.nan] * batch.ended.size
    gap = (batch.logp - start_logp[:, : batch.ended.shape[1]]).sum(-1)
    return [float(x) for x in gap.astype(np.float64).ravel()]


def evaluation(
    batch: Batch, gold: Gold, task: Task, design: Design, picked: Bools, heat: float, known: Judged
) -> dict[str, list[Any]]:
    """Columns of an evaluation at one temperature, a row a completion; in `kl` no number yet. Raises GoldError where
    gold is none.

    Equal completions of a prompt are judged once, since gold is pure; `known` are those of other runs and temperatures.
    """
    P, K = batch.ended.shape
    cells = [(p, k) for p in range(P) for k in range(K)]
    said = [batch.said(p, k, task.turns) for p, k in cells]
    whose = [_whose(prompt) for prompt in batch.prompts]
    asked = [(whose[p], str(s)) for (p, _), s in zip(cells, said, strict=True)]
    for (p, k), key in zip(cells, asked, strict=True):
        if key not in known:
            known[key] = judge(gold, task, batch, p, k)
    judged = [known[key] for key in asked]
    columns: dict[str, list[Any]] = {
        "prompt": [batch.prompts[p].id for p, _ in cells],
        "k": [k for _, k in cells],
        "temperature": [float(heat)] * len(cells),
        "picked": picked.ravel().tolist(),
        "gold": [value for value, _ in judged],
        "kind": [kind for _, kind in judged],
        "reward": batch.reward.astype(np.float64).ravel().tolist(),
        "kl": [math.nan] * len(cells),
        "length": batch.mine.sum(-1).ravel().tolist(),
        "ended": batch.ended.ravel().tolist(),
        "entropy": (batch.entropy.sum(-1) / np.maximum(batch.mine.sum(-1), 1)).astype(np.float64).ravel().tolist(),
        "prompt_text": [batch.prompts[p].plain() for p, _ in cells],
        "text": [batch.text[p][k] for p, k in cells],
    }
    if task.turns > 1:
        columns["messages"] = [json.dumps(list(batch.messages[p][k]), ensure_ascii=False) for p, k in cells]
    for m, part in enumerate(design.parts):
        columns[f"part/{part.name}"] = batch.parts[..., m].astype(np.float64).ravel().tolist()
    for name, noted in batch.noted.items():
        columns[f"noted/{name}"] = noted.astype(np.float64).ravel().tolist()
    return columns
