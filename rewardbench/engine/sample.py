"""What does each run's policy say? Batched sampling with a key-value cache, R runs in one padded call.

Full distribution, no top-p: log-probabilities stay unbiased. The noise of a token is keyed by (stream,
prompt, sample, position), so a completion does not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rewardbench import seeds
from rewardbench.engine import quick
from rewardbench.engine.attend import suits
from rewardbench.engine.prefix import read
from rewardbench.engine.rows import Row, batch_of, close, rows_of, take
from rewardbench.engine.stack import Stack
from rewardbench.engine.step import direct, stock
from rewardbench.policies.load import Policy
from rewardbench.types import Batch, Ints, Task, Want


@torch.inference_mode()
def sample(
    policy: Policy, stacked: Stack, task: Task, wants: Sequence[Want | None], names: Sequence[str], T: int
) -> list[Batch | None]:
    """A batch for each of R wants (None where a run wants nothing), at most T positions each.

    `names` [R] are the noise streams. Rows are run-major; shorter runs are padded with idle rows.
    """
    per_run = max(len(w.prompts) * w.k for w in wants if w is not None)
    rows = [row for want, name in zip(wants, names, strict=True) for row in rows_of(policy, want, name, per_run)]
    noise, drawn = np.zeros((len(rows), T)), dict[str, np.ndarray]()
    for n, row in enumerate(rows):
        if not row.idle:
            if row.key not in drawn:  # designs of one seed share it
                drawn[row.key] = seeds.uniforms(f"noise/{row.key}", T)
            noise[n] = drawn[row.key]
    heat = torch.tensor([[w.temperature if w else 1.0] for w in wants for _ in range(per_run)])
    allowed = _masks(wants, per_run)
    if suits(stacked, allowed is not None):
        told = quick.decode(policy, stacked, task, rows, noise, heat)
    else:
        with stacked.still():
            told = _decode(policy, stacked, task, rows, noise, heat, allowed, T)
    batches: list[Batch | None] = []
    for r, want in enumerate(wants):
        part = slice(r * per_run, r * per_run + (len(want.prompts) * want.k if want else 0))
        arrays = [a[part] for a in told]
        batches.append(batch_of(want, rows[part], *arrays) if want else None)
    return batches


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
    rows: list[Row],
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
        take(policy, task, rows, live, t, token.numpy(force=True), ids, mine, turn)
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
            close(policy, row)
    return ids, logp, mine, turn, entropy


def _shared(rows: list[Row], R: int) -> tuple[list[list[tuple[int, ...]]], Ints]:
    """Each run's different prompts [R][<=P], and which of them each of its rows continues [R, b]."""
    contexts: list[list[tuple[int, ...]]] = []
    owner: list[list[int]] = []
    for r in range(R):
        run = rows[r * len(rows) // R : (r + 1) * len(rows) // R]
        number = {context: p for p, context in enumerate(dict.fromkeys(row.context for row in run))}
        contexts.append(list(number))
        owner.append([number[row.context] for row in run])
    return contexts, np.array(owner)


def _packed(rows: list[Row], live: np.ndarray, R: int) -> np.ndarray | None:
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


