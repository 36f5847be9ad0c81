"""What does each run's policy say? Batched sampling with a key-value cache, R runs in one padded call.

Full distribution, no top-p: log-probabilities stay unbiased. The noise of a token is keyed by (stream,
prompt, sample, position), so a completion does not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rewardbench import seeds
from rewardbench.engine.prefix import read
from rewardbench.engine.spell import spell
from rewardbench.engine.stack import Stack
from rewardbench.engine.step import direct, stock
from rewardbench.policies.load import Policy
from rewardbench.types import Batch, Ints, Message, Prompt, Task, Want


@dataclass
class _Row:
    """One completion while it grows."""

    prompt: Prompt
    context: tuple[int, ...]
    key: str
    idle: bool = False
    """A padding row, or a finished one."""
    ended: bool = False
    turn: int = 0
    own: list[int] = field(default_factory=list)
    """The policy's tokens in this turn, without the end."""
    forced: list[int] = field(default_factory=list)
    """Tokens of the partner that are still to be put in, in reverse."""
    messages: list[Message] = field(default_factory=list)
    text: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)


@torch.inference_mode()
def sample(
    policy: Policy, stacked: Stack, task: Task, wants: Sequence[Want | None], names: Sequence[str], T: int
) -> list[Batch | None]:
    """A batch for each of R wants (None where a run wants nothing), at most T positions each.

    `names` [R] are the noise streams. Rows are run-major; shorter runs are padded with idle rows.
    """
    per_run = max(len(w.prompts) * w.k for w in wants if w is not None)
    rows = [row for want, name in zip(wants, names, strict=True) for row in _rows(policy, want, name, per_run)]
    noise = np.zeros((len(rows), T))
    for n, row in enumerate(rows):
        if not row.idle:
            noise[n] = seeds.uniforms(f"noise/{row.key}", T)
    heat = torch.tensor([[w.temperature if w else 1.0] for w in wants for _ in range(per_run)])
    ids, logp, mine, turn, entropy = _decode(policy, stacked, task, rows, noise, heat, _masks(wants, per_run), T)
    batches: list[Batch | None] = []
    for r, want in enumerate(wants):
        part = slice(r * per_run, r * per_run + (len(want.prompts) * want.k if want else 0))
        arrays = [a[part] for a in (ids, logp, mine, turn, entropy)]
        batches.append(_batch(want, rows[part], *arrays) if want else None)
    return batches


def _rows(policy: Policy, want: Want | None, name: str, per_run: int) -> list[_Row]:
    """The rows of one run, padded with idle ones to `per_run`."""
    prompts = want.prompts if want else ()
    k = want.k if want else 0
    rows = [
        _Row(prompt, policy.prompt_ids(prompt), f"{name}/{p}/{i}") for p, prompt in enumerate(prompts) for i in range(k)
    ]
    idle = _Row(Prompt(""), (policy.eos,), "", idle=True)
    return rows + [idle] * (per_run - len(rows))


def _masks(wants: Sequence[Want | None], per_run: int) -> Tensor | None:
    """Allowed tokens of each row [rows, V], or None if every run may say everything."""
    if all(w is None or w.mask is None for w in wants):
        return None
    size = next(len(w.mask) for w in wants if w is not None and w.mask is not None)
    full = np.ones(size, dtype=bool)
    each = [w.mask if w is not None and w.mask is not None else full for w in wants]
    return torch.from_numpy(np.repeat(np.stack(each), per_run, axis=0))


def _decode(
    policy: Policy,
    stacked: Stack,
    task: Task,
    rows: list[_Row],
    noise: np.ndarray,
    heat: Tensor,
    allowed: Tensor | None,
    T: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ids, logp, mine, turn, entropy: [rows, T] each."""
    device = next(stacked.model.parameters()).device
    n = len(rows)
    ids = np.full((n, T), policy.pad, dtype=np.int64)
    logp, entropy = np.zeros((n, T), dtype=np.float32), np.zeros((n, T), dtype=np.float32)
    mine, turn = np.zeros((n, T), dtype=bool), np.zeros((n, T), dtype=np.int16)
    uniform, heat = torch.from_numpy(noise).to(device), heat.to(device)
    allowed = None if allowed is None else allowed.to(device)
    contexts, owner = _shared(rows, stacked.R)
    start = read(stacked.model, contexts, policy.pad, policy.eos)
    index = torch.from_numpy(owner + np.arange(stacked.R)[:, None] * start.P).ravel().to(device)
    prefix, logits = start.prefix.take(index), start.logits[index]
    prefix.make_room()
    quick = direct(stacked.model, prefix.length + T)
    live = np.arange(n)
    for t in range(T):
        token, lp, h = choose(logits, uniform[:, t], heat, allowed)
        _take(policy, task, rows, live, t, token.numpy(force=True), ids, mine, turn)
        own = mine[live, t]
        logp[live[own], t] = lp.numpy(force=True)[own]
        entropy[live[own], t] = h.numpy(force=True)[own]
        if t + 1 == T or all(row.idle for row in rows):
            break
        kept = _packed(rows, live, stacked.R)
        if kept is not None:
            live, index = live[kept], torch.from_numpy(kept).to(device)
            prefix = prefix.take(index)
            uniform, heat = uniform[index], heat[index]
            allowed = None if allowed is None else allowed[index]
        ids_now = torch.from_numpy(ids[live, t]).to(device)
        logits = quick(prefix, ids_now, t) if quick is not None else stock(stacked.model, prefix, ids_now, t)
    for row in rows:
        if row.own:  # cut at the length limit
            _close(policy, row)
    return ids, logp, mine, turn, entropy


def _shared(rows: list[_Row], R: int) -> tuple[list[list[tuple[int, ...]]], Ints]:
    """Each run's different prompts [R][<=P], and which of them each of its rows continues [R, b]."""
    contexts: list[list[tuple[int, ...]]] = []
    owner: list[list[int]] = []
    for r in range(R):
        run = rows[r * len(rows) // R : (r + 1) * len(rows) // R]
        number = {context: p for p, context in enumerate(dict.fromkeys(row.context for row in run))}
        contexts.append(list(number))
        owner.append([number[row.context] for row in run])
    return contexts, np.array(owner)


def _packed(rows: list[_Row], live: np.ndarray, R: int) -> np.ndarray | None:
    """Which of the rows in the batch to keep, equally many a run, once a quarter of them can be packed away; or None.

    Finished rows cost as much as others. A run with fewer unfinished rows keeps some idle ones.
    """
    idle = np.array([rows[n].idle for n in live]).reshape(R, -1)
    keep = max(1, int((~idle).sum(1).max()))
    if keep > 0.75 * idle.shape[1]:
        return None
    order = idle.argsort(axis=1, kind="stable")[:, :keep]
    return np.asarray(np.sort(order, axis=1) + np.arange(R)[:, None] * idle.shape[1]).ravel()


def choose(logits: Tensor, uniform: Tensor, heat: Tensor, allowed: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Token, its log-probability and the entropy, [rows] each: one uniform number through the inverse CDF."""
    logits = logits.float() / heat
    if allowed is not None:
        logits = logits.masked_fill(~allowed, float("-inf"))
    every = logits.log_softmax(-1)
    probability = every.exp()
    total = probability.double().cumsum(-1)
    # scaled by the last sum, so that rounding can never point past the vocabulary or at a token of no mass
    token = torch.searchsorted(total, (uniform[:, None] * total[:, -1:]), right=True).clamp(max=logits.shape[-1] - 1)
    entropy = -(probability * every.masked_fill(probability == 0, 0.0)).sum(-1)
    return token[:, 0], every.gather(-1, token)[:, 0], entropy


def _take(
    policy: Policy,
    task: Task,
    rows: list[_Row],
    live: np.ndarray,
    t: int,
    token: np.ndarray,
    ids: np.ndarray,
    mine: np.ndarray,
    turn: np.ndarray,
) -> None:
    """Write position t of every row in the batch: the sampled token, the partner's next one, or padding."""
    for n, sampled in zip(live.tolist(), token.tolist(), strict=True):
        row = rows[n]
        if row.idle:
            continue
        turn[n, t] = row.turn
        if row.forced:
            ids[n, t] = row.forced.pop()
            row.spans.append((len(row.text), len(row.text)))
            continue
        ids[n, t] = sampled
        mine[n, t] = True
        if sampled == policy.eos:
            _close(policy, row)
            row.spans.append((len(row.text), len(row.text)))
            _answer(policy, task, row)
        else:
            row.own.append(sampled)


def _close(policy: Policy, row: _Row) -> None:
    """Turn the tokens of the policy's turn into text, spans and a message."""
    text, spans = spell(policy.tokenizer, row.own)
    start = len(row.text) + (1 if row.messages else 0)
    row.text += ("\n" if row.messages else "") + text
    row.spans += [(start + a, start + b) for a, b in spans]
    row.messages.append({"role": "assistant", "content": text})
    row.own = []


def _answer(policy: Policy, task: Task, row: _Row) -> None:
    """After the policy's turn: the partner's words are queued, or the completion has ended."""
    reply = None
    if task.reply is not None and row.turn + 1 < task.turns:
        reply = task.reply(row.prompt, row.messages, seeds.stream(f"partner/{row.key}/{row.turn}"))
    if reply is None:
        row.idle = row.ended = True
        return
    row.turn += 1
    row.messages.append({"role": "user", "content": reply})
    row.forced = list(policy.between(reply))[::-1]


def _batch(
    want: Want,
    rows: list[_Row],
    ids: np.ndarray,
    logp: np.ndarray,
    mine: np.ndarray,
    turn: np.ndarray,
    entropy: np.ndarray,
) -> Batch:
    """One run's rows as [P, K, T]."""
    P, K = len(want.prompts), want.k

    def grid(a: np.ndarray) -> np.ndarray:
        return a.reshape(P, K, *a.shape[1:])

    def nested(values: list) -> tuple:  # type: ignore[type-arg]
        return tuple(tuple(values[p * K : p * K + K]) for p in range(P))

    return Batch(
        prompts=tuple(want.prompts),
        context=tuple(rows[p * K].context for p in range(P)),
        ids=grid(ids),
        logp=grid(logp),
        mine=grid(mine),
        turn=grid(turn),
        ended=np.array([row.ended for row in rows]).reshape(P, K),
        text=nested([row.text for row in rows]),
        messages=nested([tuple(row.messages) for row in rows]),
        spans=nested([tuple(row.spans) for row in rows]),
        temperature=want.temperature,
        limit=ids.shape[1],
        mask=want.mask,
        entropy=grid(entropy),
    )
