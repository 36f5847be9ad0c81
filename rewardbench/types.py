"""What are the nouns? The values that travel between tasks, rewards, algorithms and measurements.

Letters used for shapes everywhere: R runs in a pack, P prompts, K completions a prompt, T positions
after the prompt, M parts of a design, E evaluations along a run, N evaluated prompts, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch is named for readers and type checkers; nothing here loads it
    from torch import Tensor

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]
Message = dict[str, str]
"""One turn of a chat: `{"role": "user" | "assistant" | "system", "content": text}`."""


@dataclass(frozen=True)
class Limit:
    """What a number of a hyperparameter or setting is, beyond its type; it stands in the field's annotation."""

    words: str
    holds: Callable[[float], bool]


Count = Annotated[int, Limit("at least 1", lambda v: v >= 1)]
"""How many of something there are."""
Positive = Annotated[float, Limit("above 0", lambda v: v > 0)]
NotNegative = Annotated[float, Limit("0 or above", lambda v: v >= 0)]
Decay = Annotated[float, Limit("in [0, 1)", lambda v: 0 <= v < 1)]
"""What a running mean keeps of itself at each step."""


class UserError(Exception):
    """A mistake of the user's: printed as one line without a traceback, with a documented exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


class Damaged(UserError):
    """A file that we wrote, and that is not as we wrote it: it has to be made again (exit code 5)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 5)


class RewardError(Exception):
    """A part that broke (wrong count, text, NaN, raised, hung): names part, prompt and completion."""


class GoldError(Exception):
    """A gold that broke (raised, no number in [0, 1], a kind that is no text): names task, prompt and completion."""


class AlgorithmError(Exception):
    """A hook of an algorithm that gave what it may not, or is not there: names its file and class, and the hook."""


@dataclass(frozen=True)
class Prompt:
    """One question to the policy. `columns` go to rewards; `truth` to gold and the partner, to nobody else."""

    id: str
    text: str = ""
    messages: tuple[Message, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    truth: Any = None

    def chat(self) -> list[Message]:
        """The prompt as chat messages, whichever way it was given.

        >>> Prompt("a", text="Hi").chat()
        [{'role': 'user', 'content': 'Hi'}]
        """
        return list(self.messages) or [{"role": "user", "content": self.text}]

    def plain(self) -> str:
        """The prompt as one text: its messages' contents joined by newlines."""
        return "\n".join(m["content"] for m in self.chat())


Said = str | Sequence[Message]
"""What gold reads: the text of a single-turn completion; all messages after the prompt of a dialogue."""


@dataclass(frozen=True)
class Task:
    """Prompts in disjoint splits, and how long and in how many turns the policy may answer."""

    prompts: Callable[[str, int | str], Iterator[Prompt]]
    """(split, seed) -> a stream of prompts; split is `train`, `dev` or `test`."""
    max_tokens: int
    """Positions after the prompt, the partner's words included; a policy's toml may override it."""
    version: int = 1
    """Goes up when any score would change."""
    turns: int = 1
    """How often the policy speaks at most."""
    reply: Callable[[Prompt, Sequence[Message], Random], str | None] | None = None
    """The partner of a dialogue: its next words, or None when the dialogue is over."""
    one_answer: bool = False
    """True where only one answer is right, so that diversity is not asked for."""
    verifiable: tuple[str, ...] = ()
    """Columns that are declared to equal the truth; the card should say so too."""
    name: str = ""
    summary: str = ""


@dataclass(frozen=True)
class Gold:
    """What the task reports; never taught (but by the oracle arm)."""

    score: Callable[[Prompt, Said], float]
    """In [0, 1]."""
    kind: Callable[[Prompt, Said], str]
    """Functional equivalence class of a completion, for diversity; never its exact text."""
    bar: float
    """A completion whose score reaches it counts as precise."""


LATER = {"later": True}
"""Marks a field that designs of earlier versions lack: where it is None it is left out of hashes and records."""


@dataclass(frozen=True)
class Part:
    """One named reward component of a design."""

    name: str
    """What it is called in tables."""
    use: str
    """A shipped part, `file.py:name` beside the design's file, or `module:name`."""
    weight: float = 1.0
    """Its factor in a sum or a minimum, its power in a product."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments for its function."""
    scale: float = 1.0
    """Factor on the raw score, before anything else."""
    clip: tuple[float, float] | None = None
    """Least and most of the scaled score."""
    gate: float | None = None
    """With `combine = "gate"`: the score that opens it; what is not a gate is paid only where all are open. With
    `lexicographic`: the score from which on the next part counts."""
    form: str = "text"
    """What its function is given for a completion: `text`, or `messages`."""
    source: str = ""
    """SHA-256 of the user's own source file; empty for shipped parts, which the version covers."""
    convention: str | None = field(default=None, metadata=LATER)
    """How its function is called, if not as TRL calls one: see `conventions/`."""
    schedule: tuple[tuple[float, float], ...] | None = field(default=None, metadata=LATER)
    """(fraction of the run, factor on the weight) pairs, straight lines in between; the ends hold outside of them."""
    level: str | None = field(default=None, metadata=LATER)
    """What its function is given at a time, each piece's score on that piece's last token: `turn`, `sentence` or
    `word`; None: the whole completion."""


@dataclass(frozen=True)
class Design:
    """Parts and how they combine: the contestant."""

    name: str
    parts: tuple[Part, ...] = ()
    combine: str = "sum"
    """How the parts become one number: weighted sum, product of powers, least weighted score, sum behind gates, in
    the order of their rank (`lexicographic`), or mean less `penalty` standard deviations (`ensemble`)."""
    normalise: str = "none"
    """Each part left as it is, standardised among siblings (`group`), or by its mean and spread so far (`running`)."""
    trains: bool = True
    """False for the arm `untrained`: evaluated, never taught."""
    penalty: float | None = field(default=None, metadata=LATER)
    """With `combine = "ensemble"`: standard deviations across the parts that are taken off their mean."""
    credit: str | None = field(default=None, metadata=LATER)
    """`end`: segment scores are paid at the end as well, with everything else; None: where the segments stand."""


@dataclass(frozen=True)
class Batch:
    """The completions of one run at one step. Arrays are NumPy on the way to the score, torch in a loss."""

    prompts: tuple[Prompt, ...]
    """P."""
    context: tuple[tuple[int, ...], ...]
    """Token ids of each prompt, P."""
    ids: Any
    """Token at each position after the prompt, [P, K, T]."""
    logp: Any
    """Log-probability of each sampled token, nats, [P, K, T]; 0 where not `mine`."""
    mine: Any
    """Sampled by the policy: False on the partner's words and on padding, [P, K, T]."""
    turn: Any
    """Index of the policy's turn at each position, [P, K, T]."""
    ended: Any
    """The policy (or the partner) ended it before the length limit, [P, K]."""
    text: tuple[tuple[str, ...], ...]
    """The policy's words, its turns joined by newlines, [P][K]."""
    messages: tuple[tuple[tuple[Message, ...], ...], ...]
    """Everything after the prompt, [P][K]."""
    spans: tuple[tuple[tuple[tuple[int, int], ...], ...], ...]
    """Character span in `text` of each position, recorded when sampled, [P][K][<=T]."""
    temperature: float = 1.0
    limit: int = 0
    """Positions that a completion could have had: the length limit."""
    mask: Any = None
    """Tokens that were allowed, [V], or None: all."""
    entropy: Any = None
    """Entropy of the distribution each own token was drawn from, nats, [P, K, T]."""
    parts: Any = None
    """Raw score of each part, NaN where it abstained, [P, K, M]."""
    reward: Any = None
    """What the design pays, NaN where every part abstained, [P, K]."""
    credit: Any = None
    """The reward spread over positions (sums to `reward`), [P, K, T], or None."""
    stands: Any = None
    """Where a piece of a completion was paid for itself, whatever it was paid, [P, K, T], or None."""
    noted: Mapping[str, Any] = field(default_factory=dict)
    """Components of parts and what they told beside their scores, name -> [P, K]; NaN where there is none."""

    def said(self, p: int, k: int, turns: int) -> Said:
        """What gold reads of completion (p, k)."""
        return self.text[p][k] if turns == 1 else self.messages[p][k]

    def cut(self, prompts: slice = slice(None), samples: slice = slice(None)) -> Batch:
        """The batch of some of its prompts and of some completions of each."""
        arrays = ("ids", "logp", "mine", "turn", "ended", "entropy", "parts", "reward", "credit", "stands")
        values: dict[str, Any] = {
            n: getattr(self, n)[prompts, samples] for n in arrays if getattr(self, n) is not None
        }
        for name in ("text", "messages", "spans"):
            values[name] = tuple(row[samples] for row in getattr(self, name)[prompts])
        values["noted"] = {n: v[prompts, samples] for n, v in self.noted.items()}
        return replace(self, prompts=self.prompts[prompts], context=self.context[prompts], **values)


@dataclass(frozen=True)
class Want:
    """What an algorithm asks the sampler for: k completions of each prompt."""

    prompts: Sequence[Prompt]
    k: int
    temperature: float = 1.0
    mask: Bools | None = None


@dataclass(frozen=True)
class Draw:
    """What an algorithm draws from: the run's own stream of training prompts, and its defaults."""

    take: Callable[[int], list[Prompt]]
    P: int
    K: int
    step: int
    rng: np.random.Generator


@dataclass(frozen=True)
class State:
    """An algorithm's own memory; both halves are checkpointed."""

    learned: Mapping[str, Tensor] = field(default_factory=dict)
    """Optimised with the policy, e.g. a critic."""
    kept: Mapping[str, Floats] = field(default_factory=dict)
    """Plain float64 arrays, e.g. a coefficient."""


@dataclass(frozen=True)
class Now:
    """What the training pass saw of a (micro-)batch. Losses divide by the *minibatch's* counts, so that
    micro-batching changes nothing."""

    logp: Tensor
    """Log-probability of each token now, [P, K, T], with gradient."""
    tokens: float
    """The policy's own tokens in the whole minibatch."""
    sequences: float
    """Completions in the whole minibatch."""
    entropy: Tensor | None = None
    """Entropy of each position, nats, [P, K, T]; if needed."""
    hidden: Tensor | None = None
    """Last hidden state at each position, [P, K, T, d]; if needed."""
    ref_logp: Tensor | None = None
    """Log-probability under the start policy, [P, K, T]; if needed."""


@dataclass(frozen=True)
class Algorithm:
    """Rewards -> advantages, log-probabilities -> loss. Fields are the hyperparameters.

    A new one is a frozen dataclass in a file of its own with `advantages` and `loss`; the rest has defaults.
    """

    passes: Count = 1
    """Times each batch is learnt from."""
    minibatches: Count = 1
    """Updates a pass."""
    least_k: ClassVar[int] = 1
    """Completions of a prompt below which it would teach nothing: 2 where a completion is compared with its siblings.
    No hyperparameter; a policy with a smaller K is refused before anything runs."""

    @property
    def needs(self) -> frozenset[str]:
        """Of `entropy`, `hidden`, `ref_logp`: what the loss reads beyond log-probabilities."""
        return frozenset()

    def start(self, policy: Any) -> State:
        """The state before the first step."""
        return State()

    def ask(self, state: State, draw: Draw) -> Generator[Want, Batch, Batch | None]:
        """Yield wants, be sent scored batches, return the batch to learn from (None: nothing to learn)."""
        return (yield Want(draw.take(draw.P), draw.K))

    def advantages(self, batch: Batch, state: State) -> Floats:
        """[P, K, T]: how much better than expected each position's choice turned out."""
        raise NotImplementedError

    def loss(self, now: Now, batch: Batch, advantages: Tensor, state: State) -> Tensor:
        """A scalar to minimise."""
        raise NotImplementedError

    def end(self, batch: Batch, state: State) -> State:
        """The state after a step."""
        return state

    def pick(self, batch: Batch) -> Bools:
        """[P, K]: which completions of an evaluation count."""
        return np.ones(np.shape(batch.ended), dtype=bool)


@dataclass(frozen=True)
class Curve:
    """One run along its evaluations on dev prompts. E evaluations, N prompts, n counted samples."""

    steps: Ints
    """Optimiser steps done at each evaluation, [E]; the first is 0."""
    tokens: Floats
    """Completion tokens charged up to each evaluation, [E]."""
    gold: Floats
    """[E, N, n], in [0, 1]."""
    reward: Floats
    """Composed reward, raw, [E, N, n]; NaN where the design abstains or pays nothing."""
    kl: Floats
    """k1 to the start policy, nats a sequence, [E, N, n]."""
    length: Floats
    """The policy's own tokens in each completion, [E, N, n]."""
    ended: Bools
    """[E, N, n]."""
    entropy: Floats
    """Mean entropy a token, nats, [E]."""
    budget_steps: int
    """Steps that the run was given."""
    budget_tokens: float
    """steps * P * K * max_tokens: the end of the efficiency axis."""
    failed: bool = False
    """A hard failure: everything after the last evaluation counts 0."""


@dataclass(frozen=True)
class Told:
    """What a metric may look at that is told of one run, beside its axes and flags."""

    curve: Curve
    """Two evaluations at least."""
    anchor: Anchor | None
    """The task's scale, if it has one."""
    rows: list[dict[str, Any]]
    """A row of `steps.jsonl` a step."""


Numbers = dict[str, float | str]
"""What was measured of a run, by name: a number, or why there is none."""


@dataclass(frozen=True)
class Bank:
    """The samples at a run's end, over a grid of temperatures. G temperatures, N prompts, k samples."""

    temperatures: Floats
    """[G]."""
    gold: Floats
    """[G, N, k]."""
    kind: NDArray[Any]
    """Texts, or numbers that stand for them, [G, N, k]."""
    bar: float


@dataclass(frozen=True)
class Anchor:
    """The frozen ends of a task's scale for one policy and budget."""

    low: float
    high: float
    low_se: float
    high_se: float
    seeds: int = 5
    """Runs that each end was measured by; a board's scale does not tell, and has at least these."""
