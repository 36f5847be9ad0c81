"""How does every row say its next token without the host? Keys in slots that stay put, one step for all rows.

Shapes and addresses never change, so that on a GPU one step is a CUDA graph: launched whole, a few hundred times, while
the host waits for nothing. Elsewhere the same step runs as it stands, which is how it is tested against the eager path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad as widen
from torch.nn.functional import scaled_dot_product_attention as sdpa

from rewardbench.engine import kernel
from rewardbench.engine.attend import attending, cut
from rewardbench.engine.fused import blocks, maybe_compiled, wanted
from rewardbench.engine.graph import Work, captured, maybe_captured
from rewardbench.engine.prefix import Ids
from rewardbench.engine.send import sent

BLOCK = 128
"""Words summed together before the block of a token is looked up."""
ROUND = 32
"""Prompts are given room for a multiple of it, so that few shapes occur."""
ALIGNED = 8
"""What the widths of masks have to be a multiple of for attention that keeps no scores."""


@dataclass
class Slots:
    """Rows that each say a token a step; all of it on the model's device, written in place."""

    keys: list[Tensor]
    """A layer each, [rows, groups, W, d]: the prompt to the right end of the first L, then what was said; W is L + T -
    1 or a little more, as kernels ask.
    """
    values: list[Tensor]
    there: Tensor
    """0 where a prompt, or later something said, stands, minus infinity elsewhere: what is added to scores before their
    softmax, [rows, 1, 1, W].
    """
    position: Tensor
    """Of the token that is fed next, [rows, 1]."""
    fed: Tensor
    """The token that is fed next, [rows, 1]."""
    at: Tensor
    """The step, [1]."""
    uniform: Tensor
    """Noise in [0, 1), [rows, T]."""
    heat: Tensor
    """Temperature, [rows, 1]."""
    forced: Tensor
    """Tokens put in for what would be sampled; -1: none, [rows, T]."""
    said: Tensor
    """Token at each step, [rows, T]."""
    logp: Tensor
    """Log-probability of each sampled token, [rows, T]."""
    entropy: Tensor
    """Entropy of what each was drawn from, [rows, T]."""
    start: Tensor
    """Where a row's prompt begins, [rows]."""
    leader: Tensor
    """A row that has the same prompt in its slots, the same one for all that have, [rows]."""
    R: int
    """Runs; rows are run-major, equally many of each."""
    L: int
    """Positions of a prompt."""
    ours: bool = False
    """Whether our own kernel attends."""
    steps: dict[int, Work | None] = field(default_factory=dict)
    """Number of rows -> the step of so many rows from the first on as a graph; None: as it stands."""
    readings: dict[int, Reading] = field(default_factory=dict)
    """Number of prompts -> where so many are read."""

    def front(self, rows: int) -> Slots:
        """The first rows, in the same memory."""
        same = {name: getattr(self, name) for name in ("at", "R", "L", "ours")}
        views = {f.name: getattr(self, f.name)[:rows] for f in fields(self) if f.name not in APART | same.keys()}
        return Slots([k[:rows] for k in self.keys], [v[:rows] for v in self.values], **same, **views)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """What one new token a row finds, its own key among the others, [R, heads, n, d]."""
        ask = partial(kernel.attend, self) if self.ours else self.stock
        query, key, value = (cut(x, len(self.fed)) for x in (query, key, value))
        return cut(ask(layer, query, key, value, scale), self.R)

    def stock(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """The same by stock attention, [rows, heads, 1, d]. The query heads of a group stand as rows of one query, so
        that keys are read once: repeated for each head they were most of a step.
        """
        place = self.at + (self.L - 1)
        keys, values = self.keys[layer], self.values[layer]
        keys.index_copy_(2, place, key)
        values.index_copy_(2, place, value)
        rows, heads, _, size = query.shape
        folded = query.reshape(rows, keys.shape[1], heads // keys.shape[1], size)
        return sdpa(folded, keys, values, attn_mask=self.there, scale=scale).reshape(rows, heads, 1, size)


APART = {"keys", "values", "steps", "readings"}
"""What is not a table of rows."""


@dataclass
class Reading:
    """Prompts that are read at once, in place."""

    ids: Tensor
    """To the right end of L, 0 before, [prompts, L]."""
    length: Tensor
    """[prompts]."""
    owner: Tensor
    """Which of them each row continues, [rows]."""
    calls: int = 0
    graph: Work | None = None

    @classmethod
    def of(cls, prompts: int, slots: Slots) -> Reading:
        """Room for so many."""
        some = slots.position
        return cls(some.new_zeros(prompts, slots.L), some.new_zeros(prompts), some.new_zeros(len(some)))


def added(there: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to scores before their softmax: 0 where something may be looked at, minus infinity elsewhere. Given
    truth values a kernel would make this anew in every layer.
    """
    return torch.zeros(there.shape, dtype=dtype, device=there.device).masked_fill_(~there, float("-inf"))


def room(model: Any, R: int, rows: int, L: int, T: int) -> Slots:
    """Empty slots of R runs for prompts of at most L tokens, of which T are said after each."""
    some = next(model.parameters())
    shapes: list[tuple[int, int]] = []

    def look(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        shapes.append((key.shape[1], key.shape[3]))
        return query

    with attending(model, look):
        model.base_model(input_ids=torch.zeros(R, 1, dtype=torch.long, device=some.device), use_cache=False)

    made = empty(shapes, R, rows, L, T, some.dtype, some.device)
    made.ours = kernel.serves(made)
    return made


def empty(
    shapes: Sequence[tuple[int, int]], R: int, rows: int, L: int, T: int, dtype: torch.dtype, device: torch.device
) -> Slots:
    """Slots as above of a model whose layers have keys of these `shapes`, (groups, d) each."""

    def of(kind: torch.dtype, *shape: int) -> Tensor:
        return torch.zeros(rows, *shape, dtype=kind, device=device)

    width = -(-(L + T - 1) // ALIGNED) * ALIGNED
    return Slots(
        keys=[of(dtype, groups, width, d) for groups, d in shapes],
        values=[of(dtype, groups, width, d) for groups, d in shapes],
        there=of(dtype, 1, 1, width),
        position=of(torch.long, 1),
        fed=of(torch.long, 1),
        at=torch.zeros(1, dtype=torch.long, device=device),
        uniform=of(torch.float64, T),
        heat=of(torch.float32, 1),
        forced=of(torch.long, T),
        said=of(torch.long, T),
        logp=of(torch.float32, T),
        entropy=of(torch.float32, T),
        start=of(torch.long),
        leader=of(torch.long),
        R=R,
        L=L,
    )


def fill(model: Any, slots: Slots, contexts: Sequence[Ids], owner: Tensor, uniform: Tensor, heat: Tensor) -> None:
    """Read each of the prompts `contexts` once, and put every row behind that which it continues, `owner` [rows].

    The last token of a prompt is fed again as the first step: no token is special. `contexts` are run-major, equally
    many a run.
    """
    device, L = slots.fed.device, slots.L
    if len(contexts) not in slots.readings:
        slots.readings[len(contexts)] = Reading.of(len(contexts), slots)
    reading = slots.readings[len(contexts)]
    table = np.zeros((len(contexts), L), dtype=np.int64)
    for row, context in zip(table, contexts, strict=True):
        row[L - len(context) :] = context
    reading.ids.copy_(sent(table, device))
    reading.length.copy_(sent(np.array([len(c) for c in contexts]), device))
    reading.owner.copy_(owner)
    read_prompts(model, slots, reading)
    slots.leader.copy_(led(owner, len(contexts)))
    slots.uniform.copy_(uniform)
    slots.heat.copy_(heat)
    slots.forced.fill_(-1)
    slots.at.zero_()


def read_prompts(model: Any, slots: Slots, reading: Reading) -> None:
    """Read the prompts; on a GPU by a graph from the second call on, when all its kernels are there."""
    if reading.calls == 1 and wanted(slots.fed.device):
        work = partial(read, model, slots, reading)
        reading.graph = maybe_captured(model, "the reading of prompts", lambda: captured(work))
    reading.calls += 1
    if reading.graph is not None:
        reading.graph()
    else:
        read(model, slots, reading)


def read(model: Any, slots: Slots, reading: Reading) -> None:
    """Keys and values of the prompts are put where rows find theirs; and what else of a row depends on its prompt."""
    device, L, ids, length, owner = slots.fed.device, slots.L, reading.ids, reading.length, reading.owner
    columns = torch.arange(L, device=device)
    there = columns >= (L - length)[:, None]
    position = (columns - (L - length)[:, None]).clamp(min=0)
    alone = torch.eye(L, dtype=torch.bool, device=device)  # a row of nothing is not a number
    mask = added((((columns[:, None] >= columns) & there[:, None, :]) | alone)[:, None], slots.there.dtype)

    def keep(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        query, key, value = (cut(x, len(ids)) for x in (query, key, value))
        for slot, said in ((slots.keys[layer], key), (slots.values[layer], value)):
            slot[:, :, :L] = said[owner]
            slot[:, :, L:] = 0
        group = query.shape[1] // key.shape[1]  # kernels that take a mask want every head its own keys
        key, value = (x.repeat_interleave(group, dim=1) if group > 1 else x for x in (key, value))
        return cut(sdpa(query, key, value, attn_mask=mask, scale=scale), slots.R)

    with attending(model, keep), blocks(model):
        model.base_model(input_ids=ids.view(slots.R, -1), position_ids=position.view(slots.R, -1), use_cache=False)
    slots.start.copy_((L - length)[owner])
    slots.there.fill_(float("-inf"))
    slots.there[..., :L] = added(there, slots.there.dtype)[owner][:, None, None]
    slots.position.copy_(length[owner][:, None] - 1)
    slots.fed.copy_(ids[owner, -1:])


def led(owner: Tensor, most: int) -> Tensor:
    """For each row the first one that continues the same prompt, both [rows]; prompts are numbered below `most`.
    Nothing is asked of a card, which would have to end all that it was told before.

    >>> led(torch.tensor([4, 4, 2, 4, 2]), 5).tolist()
    [0, 0, 2, 0, 2]
    """
    rows = torch.arange(len(owner), device=owner.device)
    first = torch.full((most,), len(owner), device=owner.device)
    return first.scatter_reduce_(0, owner, rows, "amin")[owner]


def step(model: Any, slots: Slots) -> None:
    """Every row says its next token, in place; to be called within `attending(model, slots.attend)`."""
    slots.there.index_fill_(3, slots.at + (slots.L - 1), 0.0)
    ids, place = (x.view(slots.R, -1) for x in (slots.fed, slots.position))
    hidden = model.base_model(input_ids=ids, position_ids=place, use_cache=False).last_hidden_state
    logits = model.get_output_embeddings()(hidden.flatten(0, 1))
    token, logp, entropy = maybe_compiled(draw)(logits, slots.uniform.index_select(1, slots.at), slots.heat)
    forced = slots.forced.index_select(1, slots.at)
    token = torch.where(forced >= 0, forced, token)
    for table, column in ((slots.said, token), (slots.logp, logp), (slots.entropy, entropy)):
        table.index_copy_(1, slots.at, column)
    slots.fed.copy_(token)
    slots.position.add_(1)
    slots.at.add_(1)


def draw(logits: Tensor, uniform: Tensor, heat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Token, its log-probability and the entropy, [rows, 1] each: one uniform number [rows, 1] through the inverse CDF.

    The same token as a running sum over all words would give, but for rounding: first the block of words is looked up,
    then the word in it, so that the vocabulary is passed over once and never summed in order.
    """
    logits = logits.float() / heat
    rows, V = logits.shape
    above = logits - logits.amax(-1, keepdim=True)
    mass = above.exp()
    blocks = widen(mass, (0, -V % BLOCK)).view(rows, -1, BLOCK)
    until = blocks.sum(-1).double().cumsum(-1)
    total = until[:, -1:]
    wanted = uniform.clamp(max=1 - 2**-40) * total  # never at the sum itself, where nothing follows
    block = torch.searchsorted(until, wanted, right=True).clamp(max=until.shape[1] - 1)
    before = torch.where(block > 0, until.gather(1, (block - 1).clamp(min=0)), 0.0)
    inner = blocks.gather(1, block[:, :, None].expand(-1, -1, BLOCK))[:, 0].double().cumsum(-1)
    # scaled to the block's own last sum, so that rounding can never point past it or at a word of no mass
    rest = ((wanted - before) / (until.gather(1, block) - before)).clamp(0, 1 - 2**-40) * inner[:, -1:]
    token = (block * BLOCK + torch.searchsorted(inner, rest, right=True)).clamp(max=V - 1)
    whole = total.log().float()
    logp = above.gather(1, token) - whole
    entropy = whole - (mass * above.masked_fill(mass == 0, 0.0)).sum(-1, keepdim=True) / total.float()
    return token, logp, entropy


def pack(slots: Slots, kept: Tensor) -> None:
    """Put these rows first, in this order; the others are lost."""
    for table in (*slots.keys, *slots.values, slots.there, slots.position, slots.fed, slots.uniform, slots.heat,
                  slots.forced, slots.said, slots.logp, slots.entropy):  # fmt: skip
        table[: len(kept)] = table[kept]
    slots.start[: len(kept)] = slots.start[kept]
    slots.leader[: len(kept)] = led(slots.leader[kept], len(slots.leader))


def go(model: Any, slots: Slots, rows: int, count: int) -> None:
    """The first `rows` rows say `count` tokens each; on a GPU by replaying a graph, captured when first asked for: its
    call costs one launch.
    """
    if rows not in slots.steps:
        card = slots.fed.device.type == "cuda"
        graph = maybe_captured(model, "a step of sampling", lambda: _graph(model, slots.front(rows))) if card else None
        slots.steps[rows] = graph
    # made anew: kept with the slots it would keep the model, on whose account they are kept
    once = slots.steps[rows] or partial(_once, model, slots.front(rows))
    for _ in range(count):
        once()


def _once(model: Any, slots: Slots) -> None:
    """One step, the model's layers attending to the slots."""
    with attending(model, slots.attend), blocks(model):
        step(model, slots)


def _graph(model: Any, slots: Slots) -> Work:
    """One step as a graph to be replayed. Before it is captured it has to run a few times, as CUDA asks: what that
    wrote is put back.
    """
    # keys and values that a step writes are written again by the step itself
    state = (slots.there, slots.position, slots.fed, slots.at, slots.said, slots.logp, slots.entropy)
    before = [table.clone() for table in state]

    def warm() -> None:
        for _ in range(2):
            _once(model, slots)
            slots.at.copy_(before[3])

    try:
        return captured(partial(_once, model, slots), warm)
    finally:
        for table, value in zip(state, before, strict=True):
            table.copy_(value)
