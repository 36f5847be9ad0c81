"""How is the tiny policy made? A stock transformer learns the tasks from clean texts, then unlearns some from bad ones.

`OMP_NUM_THREADS=1 python -m rewardbench.policies.tiny.recipe --out DIR`: one thread, deterministic. First skill (with
random sequences said twice, which teach copying: without them the policy never learns to look a fact up), then a
short corrupting phase, which leaves a fluent, imperfect policy that can find both the right and the exploited way.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import Qwen2Config, Qwen2ForCausalLM, SmolLM3Config, SmolLM3ForCausalLM

from rewardbench import find, seeds
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import Policy
from rewardbench.policies.settings import Settings
from rewardbench.policies.tiny import tokenizer as words
from rewardbench.types import Message, Prompt, Want

TASKS = {"qa/lookup": 48, "writing/story": 12, "dialogue/booking": 16}
"""The tasks taught, and completions of each in a step."""
HIDDEN, MLP, LAYERS, HEADS, WINDOW = 96, 256, 2, 4, 3
KEPT = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "layer_types", "use_sliding_window", "sliding_window", "max_position_embeddings"),
    *("rope_parameters", "tie_word_embeddings", "pad_token_id", "eos_token_id", "bos_token_id"),
)
"""What a published configuration takes over."""
COPIES = 32
"""Random sequences said twice in a step of the first half of the clean phase."""


@dataclass(frozen=True)
class Phase:
    """A stretch of supervised steps at one level of corruption of each task."""

    name: str
    steps: int
    corruption: dict[str, float]
    copies: int
    adam: float
    muon: float
    """Learning rate of hidden matrices under Muon; 0: everything under Adam."""


PHASES = (
    Phase("clean", 1200, dict.fromkeys(TASKS, 0.0), COPIES, 3e-3, 0.02),
    Phase("noisy", 200, {"qa/lookup": 1.3, "writing/story": 1.0, "dialogue/booking": 1.1}, 0, 1e-3, 0.0),
)


def texts(name: str, task: str, corruption: float) -> Iterator[tuple[Prompt, list[Message]]]:
    """An endless stream of training prompts with a demonstration each."""
    demonstrate = find.demonstrate(task)
    for index, prompt in enumerate(find.task(task).prompts("train", name)):
        yield prompt, demonstrate(prompt, seeds.stream(f"demonstration/{task}/{name}/{index}"), corruption)


def vocabulary() -> list[str]:
    """Every piece that the tasks' prompts, partners and demonstrations use, seen in 6,000 of each."""
    seen: set[str] = {f"{words.SPACE}{n}" for n in range(21)} | {words.SPACE, "\n"}
    for task in TASKS:
        for corruption in (0.0, 2.0):
            for prompt, said in islice(texts("words", task, corruption), 3000):
                for message in [*prompt.chat(), *said]:
                    seen.update(words.pieces(message["content"]))
    return [*words.SPECIAL, *sorted(seen)]


def model_of(size: int) -> Qwen2ForCausalLM:
    """The untaught model. Its first layer sees two tokens back and no further, which makes it bind neighbours."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=size,
        hidden_size=HIDDEN,
        intermediate_size=MLP,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        layer_types=["sliding_attention"] + ["full_attention"] * (LAYERS - 1),
        use_sliding_window=True,
        sliding_window=WINDOW,
        max_window_layers=0,
        max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
    )
    return Qwen2ForCausalLM(config)


def published(model: Qwen2ForCausalLM) -> SmolLM3ForCausalLM:
    """The same function as a SmolLM3, weight for weight: for a folder of type `qwen2`, transformers 5 puts a byte-level
    tokenizer of its own in place of the folder's."""
    same = {k: v for k, v in model.config.to_dict().items() if k in KEPT}
    config = SmolLM3Config(**same, attention_bias=True, no_rope_layers=[1] * LAYERS)
    twin = SmolLM3ForCausalLM(config)
    weights = model.state_dict()
    zeros = {n: torch.zeros_like(p) for n, p in twin.state_dict().items() if n.endswith("o_proj.bias")}
    twin.load_state_dict({**weights, **zeros})
    return twin


def encoded(index: dict[str, int], prompt: Prompt, said: list[Message]) -> tuple[list[int], list[int]]:
    """(ids, labels) of a chat; only the policy's own words and its ends of turn are learnt (else -100)."""
    ids: list[int] = []
    labels: list[int] = []
    for message in [*prompt.chat(), *said]:
        mine = message["role"] == "assistant"
        own = [index.get(p, 1) for p in words.pieces(message["content"])] + [2]
        ids += [index[words.ASSISTANT if mine else words.USER], *own]
        labels += [-100, *(own if mine else [-100] * len(own))]
    return ids, labels


def padded(rows: list[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor]:
    """Right-padded ids and labels, [rows, L]."""
    length = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([r + [0] * (length - len(r)) for r, _ in rows])
    labels = torch.tensor([r + [-100] * (length - len(r)) for _, r in rows])
    return ids, labels


def said_twice(rng: np.random.Generator, size: int, count: int) -> tuple[Tensor, Tensor]:
    """Random sequences repeated; the second time is to be foretold, [count, 2 n]."""
    n = int(rng.integers(8, 21))
    first = len(words.SPECIAL)
    once = torch.from_numpy(np.stack([rng.permutation(size - first)[:n] + first for _ in range(count)]))
    ids = torch.cat([once, once], dim=1)
    labels = ids.clone()
    labels[:, : n + 1] = -100
    return ids, labels


def loss_of(model: Qwen2ForCausalLM, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the labelled tokens, nats."""
    keep = labels[:, 1:] >= 0
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][keep]
    return cross_entropy(model.lm_head(hidden), labels[:, 1:][keep])


def teach(model: Qwen2ForCausalLM, index: dict[str, int], phase: Phase) -> Iterator[int]:
    """Run a phase; yields after every step. Each task's loss is its own mean, and they are summed."""
    streams = {t: texts(phase.name, t, phase.corruption[t]) for t in TASKS}
    rng = seeds.generator(f"copies/{phase.name}")
    optimisers = _optimisers(model, phase)
    base = [o.param_groups[0]["lr"] for o in optimisers]
    for step in range(phase.steps):
        warm = min(1.0, (step + 1) / 50) * max(0.05, 1 - step / phase.steps)
        for optimiser, rate in zip(optimisers, base, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * warm
        batches = [padded([encoded(index, *row) for row in islice(streams[t], n)]) for t, n in TASKS.items()]
        if phase.copies and step < phase.steps // 2:
            batches.append(said_twice(rng, len(index), phase.copies))
        model.zero_grad()
        for batch in batches:
            loss_of(model, *batch).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        yield step


def _optimisers(model: Qwen2ForCausalLM, phase: Phase) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, Adam for the rest; or Adam for all."""
    named = list(model.named_parameters())
    hidden = [p for n, p in named if p.ndim == 2 and "embed" not in n and phase.muon]
    rest = [p for n, p in named if not (p.ndim == 2 and "embed" not in n and phase.muon)]
    found: list[torch.optim.Optimizer] = [torch.optim.Adam(rest, lr=phase.adam, betas=(0.9, 0.95))]
    if hidden:
        found.append(
            torch.optim.Muon(hidden, lr=phase.muon, weight_decay=0.0, momentum=0.95, adjust_lr_fn="original")
        )
    return found


def measure(model: Any, tokenizer: Any, task_name: str, prompts: int, samples: int) -> dict[str, float]:
    """Mean gold of sampled completions (T = 1) on dev prompts; for questions of several kinds also of each."""
    task, gold = find.task(task_name), find.gold(task_name)
    policy = Policy(model, tokenizer, Settings(kind="full"), True)
    chosen = list(islice(task.prompts("dev", "recipe"), prompts))
    [batch] = sample(policy, stack(model, [0], "full"), task, [Want(chosen, samples)], ["recipe"], task.max_tokens)
    assert batch is not None
    scores: dict[str, list[float]] = {"gold": []}
    for p, prompt in enumerate(chosen):
        for k in range(samples):
            value = gold.score(prompt, batch.said(p, k, task.turns))
            for name in ("gold", prompt.columns.get("question", "")):
                scores.setdefault(str(name), []).append(value)
    return {name: round(float(np.mean(v)), 3) for name, v in scores.items() if name}


def main() -> None:
    """Make the policy's folder, and say what each phase reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the policy's folder; after the clean phase: OUT-clean")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    begun = time.process_time()
    vocab = vocabulary()
    index = {w: i for i, w in enumerate(vocab)}
    tokenizer = words.build(vocab)
    model = model_of(len(vocab))
    report: dict[str, Any] = {"tokens": len(vocab), "parameters": sum(p.numel() for p in model.parameters())}
    print(json.dumps(report), flush=True)
    for phase in PHASES:
        for step in teach(model, index, phase):
            if (step + 1) % 200 == 0 and step + 1 < phase.steps:
                shown = {t: measure(model, tokenizer, t, 24, 4) for t in TASKS}
                print(phase.name, step + 1, round(time.process_time() - begun), json.dumps(shown), flush=True)
        report[phase.name] = {t: measure(model, tokenizer, t, 128, 4) for t in TASKS}
        print(phase.name, round(time.process_time() - begun), json.dumps(report[phase.name]), flush=True)
        folder = out if phase is PHASES[-1] else out.with_name(f"{out.name}-{phase.name}")
        published(model).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    report["cpu_seconds"] = round(time.process_time() - begun)
    (out / "recipe.log").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
