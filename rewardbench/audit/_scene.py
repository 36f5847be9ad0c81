"""What do all probes read? One design on one task: the policy's samples, good completions, and what is paid."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

import numpy as np

from rewardbench import find, given, judging, scoring, seeds
from rewardbench.audit import _limits
from rewardbench.audit._ask import TOKEN, Ask, fit
from rewardbench.audit._found import Example
from rewardbench.calling import When
from rewardbench.given import Completion
from rewardbench.types import Batch, Floats, Gold, GoldError, Message, Prompt, RewardError, Task, UserError

Turns = str | Sequence[str]
"""What a strategy says: a text, said at every turn of a dialogue; or its turns, the last one said again."""
SHOWN = 4
"""Demonstrations of each prompt."""


@dataclass(frozen=True)
class Paid:
    """A batch with what the design pays for it and what gold says."""

    batch: Batch
    reward: Floats
    """[P, K], NaN where every part abstained."""
    gold: Floats
    """[P, K]."""
    parts: Floats
    """Raw scores of the parts, [P, K, M]."""


@dataclass(frozen=True)
class Good:
    """One completion that reaches gold's bar."""

    completion: Completion
    reward: float
    gold: float


@dataclass(frozen=True, eq=False)
class Scene:
    """One design on one task, ready to be probed."""

    task: Task
    gold: Gold
    contestant: scoring.Contestant
    """As evaluations score it."""
    prompts: tuple[Prompt, ...]
    limit: int
    """Positions after the prompt."""
    seed: int
    K: int
    """Completions of a training group."""
    timeout: float
    sampled: Batch
    """The untrained policy's completions."""
    demonstrated: Sequence[Sequence[Completion]] = ()
    """[P][SHOWN], or nothing where the task has none."""
    chance: str = ""
    """Names the stream of chance of designs that draw: another one, and noise pays otherwise."""
    shared: dict[str, float] = field(default_factory=dict)
    """Gold of completions seen before, by what they are: designs of one sweep share it."""

    # --- paying ----------------------------------------------------------------------------------

    def paid(
        self, completions: Sequence[Sequence[Completion]], prompts: Sequence[Prompt] = (), again: str = ""
    ) -> Paid:
        """Completions [P][K] of the scene's prompts (or of some) scored by the design and by gold."""
        return self.score(given.batch(prompts or self.prompts, completions), again)

    def reward(self, completions: Sequence[Sequence[Completion]], prompts: Sequence[Prompt], again: str) -> Floats:
        """What the design pays, [P, K]; gold is not asked."""
        return np.asarray(self._pay(given.batch(prompts, completions), again).reward, dtype=np.float64)

    def score(self, batch: Batch, again: str = "") -> Paid:
        """A batch scored; `again` names another stream of chance, for designs that draw."""
        scored = self._pay(batch, again)
        rows = [[self._gold(batch, p, k) for k in range(len(row))] for p, row in enumerate(batch.text)]
        return Paid(scored, np.asarray(scored.reward, dtype=np.float64), np.array(rows), np.asarray(scored.parts))

    def _pay(self, batch: Batch, again: str) -> Batch:
        when = When(f"audit/{self.seed}/{self.chance}{again}", 0, 0.0)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout carries the one JSON object
                return scoring.pay(self.contestant, batch, when, scoring.start(self.contestant), self.timeout).batch
        except RewardError as error:
            raise UserError(f"design {self.contestant.design.name!r} cannot be audited: {error}", 6) from error

    def _gold(self, batch: Batch, p: int, k: int) -> float:
        key = f"{batch.prompts[p].id}\0{batch.said(p, k, self.task.turns)!r}"
        if key not in self.shared:
            try:
                self.shared[key] = judging.score(self.gold, self.task, batch, p, k)
            except GoldError as error:
                raise UserError(str(error), 6) from error
        return self.shared[key]

    # --- talking ---------------------------------------------------------------------------------

    def said(self, p: int, turns: Turns, name: str) -> Completion:
        """What comes of saying these turns to prompt p: the text, or the dialogue with the task's partner."""
        listed = [turns] if isinstance(turns, str) else list(turns)
        if self.task.turns == 1 or self.task.reply is None:
            return fit(" ".join(listed), self.limit)
        messages: list[Message] = []
        left = self.limit
        for turn in range(self.task.turns):
            text = fit(listed[min(turn, len(listed) - 1)] if listed else "", left)
            left -= len(TOKEN.findall(text)) + 1
            messages.append({"role": "assistant", "content": text})
            if turn + 1 >= self.task.turns or left <= 0:
                break
            chance = seeds.stream(f"partner/audit/{self.seed}/{name}/{p}/{turn}")
            reply = self.task.reply(self.prompts[p], messages, chance)
            left -= len(TOKEN.findall(reply or ""))
            if reply is None or left <= 0:
                break
            messages.append({"role": "user", "content": reply})
        return messages

    def ask(self, p: int, name: str) -> Ask:
        """Prompt p as a strategy or a change may see it."""
        other = (p + 1 + len(self.prompts) // 2) % len(self.prompts)
        if self.prompts[other].id == self.prompts[p].id:
            other = (p + 1) % len(self.prompts)
        rng = seeds.stream(f"audit/{self.seed}/{name}/{p}")
        own = tuple(text_of(g.completion) for g in self.good[p])
        far = rng.sample(self.spoken, min(16, len(self.spoken)))
        picked = tuple(turns for owner, turns in far if owner != self.prompts[p].id)[:8]
        text = self.prompts[p].plain()
        return Ask(text, rng, self.limit, self.prompts[other].plain(), own, picked)

    # --- what is known of the design -------------------------------------------------------------

    @cached_property
    def samples(self) -> Paid:
        """The untrained policy's completions, scored, [P, K]."""
        return self.score(self.sampled)

    @cached_property
    def demonstrations(self) -> Paid | None:
        """The task's own, scored, [P, SHOWN]; None where it has none."""
        return self.paid(self.demonstrated) if self.demonstrated else None

    @cached_property
    def good(self) -> list[list[Good]]:
        """Of each prompt, completions at gold's bar: samples and demonstrations; else what its declared columns say."""
        found: list[list[Good]] = [[] for _ in self.prompts]
        for paid in (self.samples, self.demonstrations):
            if paid is not None:
                for p, row in enumerate(found):
                    row += self._reaching(paid, p)
        for p, row in enumerate(found):
            if not row and (told := self._told(p)):
                row += self._reaching(self.paid([told], [self.prompts[p]]), 0)
        return found

    def _reaching(self, paid: Paid, p: int) -> list[Good]:
        batch = paid.batch
        return [
            Good(batch.said(p, k, self.task.turns), float(paid.reward[p, k]), float(paid.gold[p, k]))
            for k in range(paid.gold.shape[1])
            if paid.gold[p, k] >= self.gold.bar and np.isfinite(paid.reward[p, k])
        ]

    def _told(self, p: int) -> list[str]:
        """Texts made of the columns that are declared to equal the truth."""
        columns = [self.prompts[p].columns[c] for c in self.task.verifiable if c in self.prompts[p].columns]
        plain = [str(v) for column in columns for v in (column if isinstance(column, (list, tuple)) else [column])]
        return [form.replace("{}", v) for v in plain for form in ("{}", "The answer is {}.", "So it is {}.\n#### {}")]

    @cached_property
    def spoken(self) -> list[tuple[str, tuple[str, ...]]]:
        """(prompt's id, the policy's turns) of every good completion."""
        return [(self.prompts[p].id, turns_of(g.completion)) for p, row in enumerate(self.good) for g in row]

    @cached_property
    def start(self) -> Floats:
        """Mean gold of the untrained policy on each prompt, [P]."""
        return np.asarray(self.samples.gold.mean(1))

    @cached_property
    def low(self) -> float:
        """Gold below which a completion is low: the untrained policy's mean, within two shares of the bar."""
        least, most = (share * self.gold.bar for share in (_limits.BAR_SHARE, _limits.HALF))
        return max(min(float(self.start.mean()), most), least, 1e-9)

    @cached_property
    def base(self) -> Floats:
        """Mean reward of the untrained policy on each prompt, [P]; NaN where it abstains throughout."""
        return mean(self.samples.reward)

    @cached_property
    def good_reward(self) -> Floats:
        """Mean reward of the good completions of each prompt, [P]; NaN where none is known."""
        return np.array([np.mean([g.reward for g in row]) if row else np.nan for row in self.good])

    @cached_property
    def gap(self) -> float:
        """How much more good completions are paid than the policy's low ones; at least a tenth of the spread."""
        reward, gold = self.samples.reward, self.samples.gold
        bad = reward[(gold < self.low) & np.isfinite(reward)]
        good = [g.reward for row in self.good for g in row]
        known = reward[np.isfinite(reward)]
        every = np.array([*known, *good])
        spread = float(np.std(every)) if len(every) else 0.0
        between = float(np.mean(good) - np.mean(bad)) if len(bad) and good else 0.0
        return max(between, 0.1 * spread) or 1e-9  # a reward's unit is its own business: a floor would not be

    @cached_property
    def bad_parts(self) -> Floats:
        """Mean raw score of each part on the policy's low completions, [M]; NaN where it abstains."""
        low = self.samples.gold < self.low
        parts = self.samples.parts[low] if low.any() else self.samples.parts.reshape(-1, self.samples.parts.shape[-1])
        return mean(parts.T)

    def inversion(self) -> Example | None:
        """Two samples of one prompt of which the worse is paid more, and most so."""
        reward, gold = self.samples.reward, self.samples.gold
        best: tuple[float, int, int, int] | None = None
        for p in range(len(self.prompts)):
            order = [k for k in range(reward.shape[1]) if np.isfinite(reward[p, k])]
            for low, high in ((i, j) for i in order for j in order if gold[p, i] < gold[p, j]):
                worse = float(gold[p, high] - gold[p, low]) * float(reward[p, low] - reward[p, high] + 1e-9)
                if worse > 0 and (best is None or worse > best[0]):
                    best = worse, p, low, high
        if best is None:
            return None
        _, p, low, high = best
        said = [shown(self.samples.batch.said(p, k, self.task.turns)) for k in (low, high)]
        pay = [float(reward[p, k]) for k in (low, high)]
        told = [float(gold[p, k]) for k in (low, high)]
        return Example(self.prompts[p].plain(), said[0], pay[0], told[0], said[1], pay[1], told[1])


def mean(values: Floats) -> Floats:
    """The mean over the last axis of what is known; NaN where nothing is.

    >>> mean(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    array([ 1., nan])
    """
    count = np.isfinite(values).sum(-1)
    return np.asarray(np.where(count > 0, np.nansum(values, axis=-1) / np.maximum(count, 1), np.nan))


def turns_of(completion: Completion) -> tuple[str, ...]:
    """What the policy says in a completion, turn by turn.

    >>> turns_of("Hello"), turns_of([{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}])
    (('Hello',), ('a',))
    """
    if isinstance(completion, str):
        return (completion,)
    return tuple(m["content"] for m in completion if m["role"] == "assistant")


def text_of(completion: Completion) -> str:
    """The policy's words, its turns joined by newlines."""
    return "\n".join(turns_of(completion))


def shown(completion: Completion) -> str:
    """A completion for people: the text, or the dialogue with who says what.

    >>> shown([{"role": "assistant", "content": "Which day?"}, {"role": "user", "content": "Friday."}])
    'policy: Which day?\\npartner: Friday.'
    """
    if isinstance(completion, str):
        return completion
    return "\n".join(f"{'policy' if m['role'] == 'assistant' else 'partner'}: {m['content']}" for m in completion)


def demonstrations(task_name: str, prompts: Sequence[Prompt], turns: int, seed: int) -> list[list[Completion]]:
    """[P][SHOWN] of the task's own right completions; nothing where it ships none."""
    if not (find.task_folder(task_name) / "demonstrations.py").is_file():
        return []
    show = find.demonstrate(task_name)
    found: list[list[Completion]] = []
    for prompt in prompts:
        row = [show(prompt, Random(f"audit/{seed}/{prompt.id}/{k}"), 0.0) for k in range(SHOWN)]
        found.append([r if turns > 1 else "\n".join(m["content"] for m in r) for r in row])
    return found
