"""How is a part called, and what may it give back? Keywords only, a list in, a score a completion out.

Arguments are filtered by signature, so a function without `**kwargs` works as well; `None` abstains. What comes
back is checked here: a wrong count, text, NaN or an exception is a typed failure that names what broke.
"""

from __future__ import annotations

import copy
import inspect
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from rewardbench import fence, seeds
from rewardbench.fence import first_line, users_line
from rewardbench.types import Batch, Bools, Floats, RewardError

Reward = Callable[..., Any]
SINGLE = ("step", "fraction", "trainer_state", "log_extra", "log_metric")
"""Arguments that are no list with an entry a completion; the last three are what TRL's trainer gives."""
MESSAGES = '; it was given texts: if it wants messages, a design says form = "messages"'
"""Said of an error that looks as if a text was taken for messages."""
MOST_NOTED = 64
"""Components of a part: each is a column of every evaluation."""
LISTS = ("prompts", "completions", "completion_ids", "prompt_ids", "rng")
"""Arguments with an entry a completion that every task gives; the rest are columns of its prompts."""
ANSWERS = ("answer", "solution", "ground_truth", "label", "target", "answers", "labels", "reference_answer")
"""What the column that holds the answer is called here and there: one is taken for another where it is missing."""


@dataclass(frozen=True)
class Bound:
    """A part with its function: what a scorer calls."""

    name: str
    call: Reward
    form: str = "text"
    trusted: bool = False
    """Shipped code: not timed."""
    pure: bool = False
    """It declares that it reads prompt and completion alone: equal ones are scored once."""


@dataclass(frozen=True)
class Paid:
    """What a part gave back: its scores, and numbers that are written down beside them and not paid."""

    scores: Any
    noted: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """What a part pays each completion of a batch, checked."""

    scores: Floats
    """[P, K]; NaN where it abstained."""
    credit: Floats | None
    """[P, K, T], or None where nothing was scored by segments."""
    stands: Bools | None = None
    """Where a segment's score stands, [P, K, T]; None with `credit`."""
    noted: Mapping[str, Floats] = field(default_factory=dict)
    """Name -> [P, K]: components of the part, paid or not; NaN where there is none."""


@dataclass(frozen=True)
class When:
    """Where in a run a batch is scored; names the generators that a part may ask for."""

    stream: str
    step: int
    fraction: float


def arguments(function: Reward, batch: Batch, form: str, when: When) -> dict[str, Any]:
    """What a function asks for, a list with an entry a completion (but `step` and what stands for a trainer). No more
    is made: token ids, generators and most columns are for the few that want them.
    """
    P, K = batch.ids.shape[:2]
    cells = [(p, k) for p in range(P) for k in range(K)]
    made: dict[str, Callable[[], Any]] = {
        "prompts": lambda: [batch.prompts[p].plain() if form == "text" else batch.prompts[p].chat() for p, _ in cells],
        "completions": lambda: [batch.text[p][k] if form == "text" else list(batch.messages[p][k]) for p, k in cells],
        "completion_ids": lambda: [batch.ids[p, k][batch.mine[p, k]].tolist() for p, k in cells],
        "prompt_ids": lambda: [list(batch.context[p]) for p, _ in cells],
        "step": lambda: when.step,
        "fraction": lambda: when.fraction,
        "trainer_state": lambda: SimpleNamespace(global_step=when.step),
        "log_extra": lambda: _nothing,
        "log_metric": lambda: _nothing,
        "rng": lambda: [seeds.generator(f"reward/{when.stream}/{p}/{k}") for p, k in cells],
    }
    columns = {name for prompt in batch.prompts for name in prompt.columns}
    made |= {name: partial(_column, batch, name, cells) for name in sorted(columns - made.keys())}
    return {name: value() for name, value in wanted(function, made).items()}


def _column(batch: Batch, name: str, cells: Sequence[tuple[int, int]]) -> list[Any]:
    """A column of the prompts, an entry a completion."""
    return [batch.prompts[p].columns.get(name) for p, _ in cells]


def asks_for(function: Reward, name: str) -> bool:
    """Whether a function's signature takes this keyword.

    >>> asks_for(lambda completions: 0, "rng"), asks_for(lambda **all: 0, "rng")
    (False, True)
    """
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def needed(function: Reward) -> set[str]:
    """The columns without which a function cannot be called.

    >>> needed(lambda completions, answer, width=1: 0)
    {'answer'}
    """
    given = {*LISTS, *SINGLE}
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return {p.name for p in named if p.default is p.empty} - given


def wanted(function: Reward, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a function's signature asks for; a missing answer column under its other names.

    >>> wanted(lambda completions: 0, {"completions": ["a"], "step": 1})
    {'completions': ['a']}
    >>> wanted(lambda completions, solution: 0, {"completions": ["a"], "answer": ["7"]})
    {'completions': ['a'], 'solution': ['7']}
    >>> wanted(partial(lambda completions, topic: 0, topic="sums"), {"completions": ["a"], "topic": ["verbs"]})
    {'completions': ['a']}
    """
    fixed = function.keywords if isinstance(function, partial) else {}  # a design's params, not a column of their name
    given = {name: value for name, value in given.items() if name not in fixed}
    parameters = inspect.signature(function).parameters.values()
    asked = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    required = {p.name for p in parameters if p.default is p.empty}
    lacking = {n for n in asked if n in required and n in ANSWERS and n not in given}
    other = next((given[n] for n in ANSWERS if n in given), None)
    found = {n: given[n] for n in asked if n in given} | ({} if other is None else dict.fromkeys(lacking, other))
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return dict(given) | found
    return found


def answers(columns: Mapping[str, Any], count: int) -> list[Any]:
    """The column that holds the answer, whatever it is called; None a completion where there is none.

    >>> answers({"solution": ["7"]}, 1), answers({}, 1)
    (['7'], [None])
    """
    return list(next((columns[name] for name in ANSWERS if name in columns), [None] * count))


def rows(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The columns of each completion as a mapping of its own; what is no column of the prompt is left out.

    >>> rows({"answer": ["7", "8"], "step": 1}, 2)
    [{'answer': '7'}, {'answer': '8'}]
    """
    own = {n: v for n, v in columns.items() if n not in (*SINGLE, *LISTS)}
    return [{name: values[i] for name, values in own.items()} for i in range(count)]


def score(bound: Bound, batch: Batch, when: When, timeout: float) -> Scores:
    """Raw scores of one part; a mapping of components is summed, and each of them noted.

    Raises RewardError that names the part (and prompt and completion where one is to blame).
    """
    try:
        with _guarded(bound, timeout):
            given = arguments(bound.call, batch, bound.form, when)
            first, again = _different(batch, bound)
            given = {n: v if n in SINGLE else [v[i] for i in first] for n, v in given.items()} if bound.pure else given
            # a user's part gets copies: what it changes in place must not reach gold or another part
            result = bound.call(**given if bound.trusted else _copied(given))
            result = finished([result])[0]
    except RewardError as error:
        named = "" if str(error).startswith("part ") else f"part {bound.name!r} "
        raise RewardError(f"{named}{error}{in_call(batch)}") from error
    except fence.raised() as error:
        # anything may come out of a user's function; it is named and re-raised, never swallowed
        place, (_, why) = users_line(error), fence.cause(error)
        why = why or f"raised {type(error).__name__}: {first_line(error)}"
        hint = MESSAGES if bound.form == "text" and "string indices must be integers" in why else ""
        raise RewardError(f"part {bound.name!r} {why}{place}{in_call(batch)}{hint}") from error
    told = result.noted if isinstance(result, Paid) else result if isinstance(result, Mapping) else {}
    if len(told) > MOST_NOTED:
        most = f"at most {MOST_NOTED} are written down"
        raise RewardError(f"part {bound.name!r} returned {len(told)} components{in_call(batch)}; {most}")
    if isinstance(result, Paid):
        noted = {n: _checked(f"{bound.name}.{n}", v, batch, again).scores for n, v in result.noted.items()}
        return replace(_checked(bound.name, result.scores, batch, again), noted=noted)
    if isinstance(result, Mapping):
        if not result:
            raise RewardError(f"part {bound.name!r} returned an empty mapping, not scores{in_call(batch)}")
        found = {n: _checked(f"{bound.name}.{n}", v, batch, again) for n, v in result.items()}
        return _summed(bound.name, found, batch)
    return _checked(bound.name, result, batch, again)


@contextmanager
def _guarded(bound: Bound, timeout: float) -> Iterator[None]:
    """Within it a part is called: one that does not ship is timed, and watched for what it does to the process."""
    if bound.trusted:
        yield
        return
    with fence.watched(f"part {bound.name!r}"), time_limit(timeout, bound.name):
        yield


def in_call(batch: Batch) -> str:
    """Which call it was, where no completion of it is known to be at fault: ` (a call for 2 completions, …)`."""
    P, K = batch.ids.shape[:2]
    return f" (a call for {P * K} completion{'s' * (P * K != 1)}, the first of prompt {batch.prompts[0].id})"


def where(batch: Batch, p: int, k: int) -> str:
    """Completion (p, k) in words."""
    return f"prompt {batch.prompts[p].id}, completion {k} ({batch.text[p][k][:60]!r})"


def _summed(name: str, components: Mapping[str, Scores], batch: Batch) -> Scores:
    """The sum of a part's components, of those that did not abstain; each of them is noted."""
    scores = np.stack([one.scores for one in components.values()])
    with np.errstate(over="ignore"):
        total = np.where(np.isfinite(scores).any(0), np.nansum(scores, axis=0), np.nan)
    for p, k in np.argwhere(np.isinf(total)):
        raise RewardError(f"part {name!r} pays more than a number can hold for {where(batch, p, k)}")
    given = [one.credit for one in components.values() if one.credit is not None]
    stands = [one.stands for one in components.values() if one.stands is not None]
    noted = {n: one.scores for n, one in components.items()}
    return Scores(total, sum(given[1:], given[0]) if given else None, np.any(stands, axis=0) if stands else None, noted)


def _different(batch: Batch, bound: Bound) -> tuple[list[int], list[int]]:
    """The completions that a part is given, and for every completion which of those is its own: for a pure part
    the first of each equal (prompt, completion), else all.
    """
    P, K = batch.ids.shape[:2]
    if not bound.pure:
        return list(range(P * K)), list(range(P * K))
    said = batch.text if bound.form == "text" else batch.messages
    keys = [(p, repr(said[p][k])) for p in range(P) for k in range(K)]
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    return [first[key] for key in number], [number[key] for key in keys]


def _copied(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with everything that can be changed in place copied."""
    return {name: value if name == "rng" else copy.deepcopy(value) for name, value in given.items()}


def finished(values: Sequence[Any]) -> list[Any]:
    """The values, those that are to be awaited all at once; functions are called before, outside of any event loop.

    >>> async def late(): return 1.0
    >>> finished([late(), 2.0])
    [1.0, 2.0]
    """
    if not any(map(inspect.isawaitable, values)):
        return list(values)
    import asyncio  # a tenth of what answering a shell takes, and most rewards are plain functions

    async def gather() -> list[Any]:
        return list(await asyncio.gather(*(v for v in values if inspect.isawaitable(v))))

    waited = iter(asyncio.run(gather()))
    return [next(waited) if inspect.isawaitable(v) else v for v in values]


def _nothing(*told: Any, **named: Any) -> None:
    """What is logged through a trainer's callback goes nowhere."""


def _checked(name: str, values: Any, batch: Batch, again: Sequence[int]) -> Scores:
    """Values as arrays, or a RewardError that says which one is wrong; completion i has the value number `again[i]`."""
    P, K = batch.ids.shape[:2]
    asked, first = max(again) + 1, f"the first of prompt {batch.prompts[0].id}"
    alone = getattr(values, "ndim", 1) == 0  # an array of no dimension has a length that raises
    if isinstance(values, (str, bytes, set, frozenset)) or not hasattr(values, "__len__") or alone:
        raise RewardError(f"part {name!r} returned {type(values).__name__}, not a list of {asked} scores, {first}")
    if len(values) != asked:
        raise RewardError(f"part {name!r} returned {len(values)} scores for {asked} completions, {first}")
    listed = list(values)
    values = [listed[i] for i in again]
    scores = np.full((P, K), np.nan)
    credit, stands = np.zeros(batch.ids.shape), np.zeros(batch.ids.shape, dtype=bool)
    segmented = False
    for i, value in enumerate(values):
        p, k = divmod(i, K)
        if type(value) is float and math.isfinite(value):  # most are: where it stands need not be put in words
            scores[p, k] = value
        elif isinstance(value, (list, tuple)):
            segmented = True
            scores[p, k] = _segments(name, value, batch, p, k, where(batch, p, k), credit, stands)
        elif value is not None:
            scores[p, k] = _number(name, value, where(batch, p, k))
    return Scores(scores, at_the_end(scores, credit, batch), stands) if segmented else Scores(scores, None)


def _number(name: str, value: Any, place: str) -> float:
    """A finite float, or a RewardError."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise RewardError(f"part {name!r} returned {value!r:.60} for {place}: not a number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise RewardError(f"part {name!r} returned {value!r:.60} for {place}: {first_line(error)}") from error
    if not math.isfinite(number):
        raise RewardError(f"part {name!r} returned {number} for {place}; return None to abstain")
    return number


def _segments(name: str, value: Any, batch: Batch, p: int, k: int, place: str, credit: Floats, stands: Bools) -> float:
    """Put each segment's score on the last of the segment's own tokens, and mark it; returns their sum."""
    total = 0.0
    for segment in value:
        if not (isinstance(segment, (list, tuple)) and len(segment) == 3):
            words = f"a {type(value).__name__} for a completion is its segments, (start, end, score) each"
            raise RewardError(f"part {name!r} returned {segment!r:.60} for {place}: {words}")
        if not all(isinstance(edge, (int, np.integer)) for edge in segment[:2]):
            words = "its ends are no characters' places"
            raise RewardError(f"part {name!r} returned {segment!r:.60} for {place}: {words}")
        start, end, number = segment[0], segment[1], _number(name, segment[2], place)
        inside = [
            t
            for t, (a, b) in enumerate(batch.spans[p][k])
            if batch.mine[p, k, t] and a < end and b > start and b > a
        ]
        if not inside:
            words = "where no token stands; an empty completion has no segment: return [] or None"
            raise RewardError(f"part {name!r} scored characters {start}-{end} of {place}, {words}")
        credit[p, k, inside[-1]] += number
        stands[p, k, inside[-1]] = True
        total += number
    return total


def at_the_end(scores: Floats, credit: Floats, batch: Batch) -> Floats:
    """Credit [P, K, T] filled up to the scores [P, K]: what no segment holds sits on the last own token."""
    for p, k in zip(*np.nonzero(np.isfinite(scores)), strict=True):
        own = np.nonzero(batch.mine[p, k])[0]
        if len(own):
            credit[p, k, own[-1]] += scores[p, k] - credit[p, k].sum()
    return credit


@contextmanager
def time_limit(seconds: float, name: str) -> Iterator[None]:
    """Raise RewardError after so many seconds of wall time (0: never). Python code only: a hang inside
    compiled code is ended by the sweep's watchdog, which kills the worker."""
    if seconds <= 0 or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: Any) -> None:
        raise RewardError(f"part {name!r} gave no scores within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
