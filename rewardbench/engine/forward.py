"""How probable was each token that was said? One forward pass for R equal blocks of completions.

A prompt is read once for its siblings, and completions of like length go together, so that little is computed
for padding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.functional import pad as widen

from rewardbench.engine import groups
from rewardbench.engine.attend import suits
from rewardbench.engine.prefix import Read, read
from rewardbench.engine.send import Fetched
from rewardbench.engine.stack import Stack
from rewardbench.policies.load import Meanwhile, Policy, nothing
from rewardbench.types import Batch, Floats, Ints

NOTHING: frozenset[str] = frozenset()


BUCKET_COST = 200
"""What a bucket costs, in positions of a small model on a CPU: below that, padding is cheaper."""


@dataclass(frozen=True)
class Seen:
    """One forward pass over R equal blocks of completions: [R, b, T], b = completions a run (hidden: [R, b, T, d])."""

    logp: Tensor
    entropy: Tensor | None
    hidden: Tensor | None


def forward(policy: Policy, stacked: Stack, batches: Sequence[Batch | None], needs: frozenset[str] = NOTHING) -> Seen:
    """Log-probabilities (and what `needs` names) of every position of each run's batch.

    Runs without a batch, and the missing rows of a smaller one, are padded and masked. Positions after a row's
    last own token can teach nothing and may hold 0.
    """
    masked = any(b is not None and b.mask is not None for b in batches)
    if not needs & {"entropy", "hidden"} and suits(stacked, masked):
        return Seen(groups.logp_of(policy, stacked, batches), None, None)
    R, rows = len(batches), max(b.ids.shape[0] * b.ids.shape[1] for b in batches if b is not None)
    lengths = np.stack([_lengths(b, rows) for b in batches])
    T = int(lengths.max())
    contexts = [list(batch.context) if batch is not None else [] for batch in batches]
    start = read(stacked.model, contexts, policy.pad, policy.eos, hidden="hidden" in needs)
    cuts = _cuts(lengths)
    seen = [_bucket(policy, stacked, batches, start, m, top, needs) for m, top in cuts]
    back = np.concatenate([(m + np.arange(R)[:, None] * rows).ravel() for m, _ in cuts]).argsort()
    index = torch.from_numpy(back).to(start.logits.device)

    def whole(name: str) -> Tensor | None:
        parts = [getattr(s, name) for s in seen]
        if parts[0] is None:
            return None
        last = (0, 0) if parts[0].dim() == 3 else ()
        flat = [widen(p, (*last, 0, T - p.shape[1])) for p in parts]
        joined = torch.cat(flat)[index]
        return joined.view(R, rows, *joined.shape[1:])

    logp = whole("logp")
    assert logp is not None
    return Seen(logp, whole("entropy"), whole("hidden"))


def _lengths(batch: Batch | None, rows: int) -> Ints:
    """Positions of each completion up to the last one the policy chose, at least 1, [rows]."""
    found = np.ones(rows, dtype=np.int64)
    if batch is not None:
        mine = np.asarray(batch.mine).reshape(-1, np.shape(batch.mine)[-1])
        last = mine.shape[1] - mine[:, ::-1].argmax(1)
        found[: len(mine)] = np.where(mine.any(1), last, 1)
    return found


def _cuts(lengths: Ints) -> Sequence[tuple[Ints, int]]:
    """Completions of like length together: (members [R, m], positions), for lengths [R, rows]."""
    order = lengths.argsort(axis=1, kind="stable")
    found = []
    for number in {n for n in (1, 2, 4) if n <= lengths.shape[1]}:
        parts = np.array_split(order, number, axis=1)
        cuts = [(m, int(np.take_along_axis(lengths, m, axis=1).max())) for m in parts]
        found.append((sum(m.size * top for m, top in cuts) + number * BUCKET_COST, number, cuts))
    return min(found, key=lambda f: f[:2])[2]


def _bucket(
    policy: Policy, stacked: Stack, batches: Sequence[Batch | None], start: Read, members: Ints, T: int,
    needs: frozenset[str],
) -> Seen:
    """The completions `members` [R, m] of each run, up to position T; all as [R * m, T]."""
    device = start.logits.device
    R, m = members.shape
    ids = np.full((R, m, T), policy.pad, dtype=np.int64)
    owner = np.zeros((R, m), dtype=np.int64)
    heat = np.ones((R, 1, 1, 1), dtype=np.float32)
    for r, batch in enumerate(batches):
        if batch is not None:
            P, K = batch.ids.shape[:2]
            there = members[r] < P * K
            flat = np.asarray(batch.ids).reshape(P * K, -1)[members[r][there], :T]
            ids[r, there, : flat.shape[1]] = flat
            owner[r, there] = members[r][there] // K
            heat[r] = batch.temperature
    index = torch.from_numpy(owner + np.arange(R)[:, None] * start.P).ravel().to(device)
    after = torch.from_numpy(ids).to(device).flatten(0, 1)
    asked = start.hidden is not None
    logits, hidden = start.logits[index][:, None], None if start.hidden is None else start.hidden[index][:, None]
    if T > 1:
        prefix = start.prefix.take(index)
        out = stacked.model(
            input_ids=after[:, :-1],  # what follows the last position decides nothing
            attention_mask=prefix.mask(T - 1),
            position_ids=prefix.position + torch.arange(T - 1, device=device),
            past_key_values=prefix.cache,
            use_cache=True,
            **({"output_hidden_states": True} if asked else {}),
        )
        logits = torch.cat([logits, out.logits], dim=1)
        hidden = torch.cat([hidden, out.hidden_states[-1]], dim=1) if hidden is not None else None
    logits = logits.float().view(R, m, *logits.shape[1:])
    if (heat != 1).any():
        logits = logits / torch.from_numpy(heat).to(device)
    logits = _restrict(logits, batches).flatten(0, 1)
    logp = -cross_entropy(logits.flatten(0, 1), after.flatten(), reduction="none").view(after.shape)
    return Seen(logp, _entropy(logits) if "entropy" in needs else None, hidden)


def _entropy(logits: Tensor) -> Tensor:
    """Entropy of each position, nats; forbidden tokens stand at minus infinity."""
    every = logits.log_softmax(-1)
    probability = every.exp()
    return -(probability * every.masked_fill(probability == 0, 0.0)).sum(-1)


def _restrict(logits: Tensor, batches: Sequence[Batch | None]) -> Tensor:
    """Logits [R, b, T, V] with each run's forbidden tokens at minus infinity."""
    for r, batch in enumerate(batches):
        if batch is not None and batch.mask is not None:
            allowed = torch.from_numpy(np.asarray(batch.mask)).to(logits.device)
            row = logits[r].masked_fill(~allowed, float("-inf"))
            logits = torch.cat([logits[:r], row[None], logits[r + 1 :]])
    return logits


def own_logp(
    policy: Policy, stacked: Stack, batches: Sequence[Batch | None], micro: int, *, start: bool
) -> list[Floats]:
    """[R] arrays [P, K, T]: log-probability of each own token under the policy (or its start), no gradient."""
    return asked_logp(policy, stacked, batches, micro, start=start)()


def asked_logp(
    policy: Policy, stacked: Stack, batches: Sequence[Batch | None], micro: int, *, start: bool
) -> Callable[..., list[Floats]]:
    """The same as a call that waits for them, and does what it is given (`Meanwhile`) as it waits. Until then a card
    computes, and the host may do something else.
    """
    parts = _pieces(batches, micro)
    with torch.no_grad(), stacked.start() if start else nullcontext():
        # copies: what was captured writes into the same place again
        told = [Fetched([forward(policy, stacked, part).logp]) for part in parts]

    def read(meanwhile: Meanwhile = nothing) -> list[Floats]:
        results: list[list[Floats]] = [[] for _ in batches]
        for part, logp in zip(parts, (one.arrays(meanwhile)[0] for one in told), strict=True):
            for r, piece in enumerate(part):
                if piece is not None:
                    P, K, T = piece.ids.shape
                    full = np.zeros((P, K, T), dtype=np.float32)
                    got = logp[r, : P * K].reshape(P, K, -1)[..., :T]
                    full[..., : got.shape[-1]] = got
                    results[r].append(np.where(piece.mine, full, 0.0))
        return [np.concatenate(pieces) if pieces else np.zeros((0, 0, 0)) for pieces in results]

    return read


def _pieces(batches: Sequence[Batch | None], micro: int) -> list[tuple[Batch | None, ...]]:
    """The batches cut along P: one forward pass holds `micro` completions a run at most, or one prompt's (0: all)."""
    return list(zip_longest(*([b.cut(c) for c in micro_cuts(b, micro)] if b is not None else [] for b in batches)))


def micro_cuts(batch: Batch, micro: int) -> list[slice]:
    """Which prompts of one run's batch go through the model together: by its own P and K, whatever else is there."""
    P, K = np.shape(batch.ids)[:2]
    step = max(P, 1) if micro <= 0 else max(1, micro // K)
    return [slice(p, p + step) for p in range(0, P, step)]
