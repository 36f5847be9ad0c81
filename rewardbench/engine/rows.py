"""What is a completion while it grows? Its words, its turns, and what the partner still has to say.

A row takes the token of one position at a time: its own, the partner's next one, or nothing once it has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rewardbench import seeds
from rewardbench.engine.spell import spelled
from rewardbench.policies.load import Policy
from rewardbench.types import Batch, Message, Prompt, Task, Want


@dataclass
class Row:
    """One completion while it grows."""

    prompt: Prompt
    context: tuple[int, ...]
    key: str
    idle: bool = False
    """A padding row, or a finished one."""
    ended: bool = False
    turn: int = 0
    own: list[int] = field(default_factory=list)
    """The policy's tokens in this turn, without the one that ends it."""
    forced: list[int] = field(default_factory=list)
    """Tokens of the partner that are still to be put in, in reverse."""
    messages: list[Message] = field(default_factory=list)
    text: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)


def rows_of(policy: Policy, want: Want | None, name: str, per_run: int) -> list[Row]:
    """The rows of one run, padded with idle ones to `per_run`."""
    prompts = want.prompts if want else ()
    k = want.k if want else 0
    known = [(prompt, policy.prompt_ids(prompt)) for prompt in prompts]
    rows = [Row(prompt, ids, f"{name}/{p}/{i}") for p, (prompt, ids) in enumerate(known) for i in range(k)]
    idle = Row(Prompt(""), (policy.eos,), "", idle=True)
    return rows + [idle] * (per_run - len(rows))


def take(
    policy: Policy,
    task: Task,
    rows: Sequence[Row],
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
        if sampled in policy.ends:
            close(policy, row)
            row.spans.append((len(row.text), len(row.text)))
            _answer(policy, task, row)
        else:
            row.own.append(sampled)


def take_all(
    policy: Policy, rows: Sequence[Row], live: np.ndarray, t: int, token: np.ndarray, ids: np.ndarray, mine: np.ndarray
) -> np.ndarray:
    """`take` of a task of one turn, for many positions from t on at once: `token` [live, count]; which of them are the
    rows' own, in the same shape.
    """
    idle = np.array([rows[n].idle for n in live.tolist()])
    ends = np.isin(token, policy.ends)
    own = (ends.cumsum(1) - ends == 0) & ~idle[:, None]
    r, i = own.nonzero()
    ids[live[r], t + i], mine[live[r], t + i] = token[r, i], True
    for n in live[(own & ends).any(1)].tolist():
        row = rows[n]
        row.own = ids[n, mine[n]][:-1].tolist()
        close(policy, row)
        row.spans.append((len(row.text), len(row.text)))
        row.idle = row.ended = True
    return np.asarray(own)


def close(policy: Policy, row: Row) -> None:
    """Turn the tokens of the policy's turn into text, spans and a message."""
    text, spans = spelled(policy.tokenizer, tuple(row.own))
    start = len(row.text) + (1 if row.messages else 0)
    row.text += ("\n" if row.messages else "") + text
    row.spans += [(start + a, start + b) for a, b in spans] if start else spans
    row.messages.append({"role": "assistant", "content": text})
    row.own = []


def _answer(policy: Policy, task: Task, row: Row) -> None:
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


def batch_of(
    want: Want,
    rows: list[Row],
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
