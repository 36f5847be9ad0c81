"""Is the completion as long as it should be? Windows, targets, and the lengths that reasoning is paid and fined for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import cos, pi
from typing import Any

from rewardbench.measures import matching
from rewardbench.measures.ngrams import sentences as split
from rewardbench.measures.ngrams import tokens
from rewardbench.types import UserError


def window(count: float, low: float, high: float, slack: float) -> float:
    """1 from low to high, falling in a straight line to 0 over `slack` on either side.

    >>> window(4, 3, 5, 2), window(6, 3, 5, 2), window(0, 3, 5, 2)
    (1.0, 0.5, 0.0)
    """
    return max(0.0, 1.0 - max(low - count, count - high, 0.0) / slack)


def sentences(completions: Sequence[str], low: int = 3, high: int = 5, slack: float = 2.0) -> list[float]:
    """1 for a number of sentences from low to high, less outside.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> sentences(["One. Two. Three.", "One. Two."])
    [1.0, 0.5]
    """
    return [window(len(split(text)), low, high, slack) for text in completions]


def words(completions: Sequence[str], low: int = 25, high: int = 45, slack: float = 20.0) -> list[float]:
    """1 for a number of words from low to high, less outside.

    Range: [0, 1].
    Cost: pure Python.
    Source: own.

    >>> words(["one two three"], low=3, high=3)
    [1.0]
    """
    return [window(len(tokens(text)), low, high, slack) for text in completions]


def target(
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    length: int = 60,
    slack: float = 60.0,
    unit: str = "words",
) -> list[float]:
    """1 for just `length` words (or, with `unit = "tokens"`, tokens of the policy), falling to 0 over `slack`.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; a budget of words or tokens to meet, as in L1 (arXiv 2503.04697).

    >>> target(["one two three", "one"], [[5, 6, 7, 8], [5]], length=3, slack=4)
    [1.0, 0.5]
    >>> target(["one two three"], [[5, 6, 7, 8]], length=3, slack=4, unit="tokens")
    [0.75]
    """
    if unit not in ("words", "tokens"):
        raise UserError(f"length.target: unit = {unit!r} is neither 'words' nor 'tokens'")
    counted = completion_ids if unit == "tokens" else map(tokens, completions)
    return [window(len(one), length, length, slack) for one in counted]


def cosine_scaled(
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    answer: Sequence[Any],
    max_len: int = 1024,
    min_value_wrong: float = -1.0,
    max_value_wrong: float = -0.5,
    min_value_correct: float = 0.5,
    max_value_correct: float = 1.0,
) -> list[float | None]:
    """Right answers from most to least, wrong ones from least to most, along half a cosine of their tokens.

    A right answer (in the last box, or after the last `####`; see `matching.boxed`) pays most when short; a wrong
    one costs most when short, so that thinking on is worth while. Beyond `max_len` tokens nothing changes.

    Range: [min_value_wrong, max_value_correct].
    Cost: pure Python.
    Source: Yeo et al. 2025 (arXiv 2502.03373), appendix C.1; the schedule is that of TRL's get_cosine_scaled_reward.

    >>> cosine_scaled(["\\\\boxed{1/3}", "\\\\boxed{1/2}"], [[1] * 50] * 2, ["1/3"] * 2, max_len=100)
    [0.75, -0.75]
    """
    if max_len < 1:
        raise UserError(f"length.cosine_scaled: max_len = {max_len!r} is not at least 1")
    right, wrong = (max_value_correct, min_value_correct), (min_value_wrong, max_value_wrong)
    paid: list[float | None] = []
    for text, ids, true in zip(completions, completion_ids, answer, strict=True):
        correct = matching.boxed_is(text, true)
        if correct is None:
            paid.append(None)
            continue
        short, long = right if correct else wrong
        paid.append(long + 0.5 * (short - long) * (1.0 + cos(min(len(ids) / max_len, 1.0) * pi)))
    return paid


def soft_overlong(
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    max_completion_len: int = 20480,
    soft_punish_cache: int = 4096,
) -> list[float]:
    """0 up to `max_completion_len` - `soft_punish_cache` tokens, falling to -1 at `max_completion_len` and beyond.

    Range: [-1, 0].
    Cost: pure Python.
    Source: DAPO (arXiv 2503.14476), equation 13, its defaults; equal to TRL's get_soft_overlong_punishment.

    >>> soft_overlong(["", "", ""], [[1] * 80, [1] * 90, [1] * 101], max_completion_len=100, soft_punish_cache=20)
    [0.0, -0.5, -1.0]
    """
    free = max_completion_len - soft_punish_cache
    fined = (max(0, len(ids) - free) for ids in completion_ids)
    return [0.0 if not over else -1.0 if over >= soft_punish_cache else -over / soft_punish_cache for over in fined]


for _part in (sentences, words):  # the others read the tokens, which may differ where the text is equal
    _part.pure = True  # type: ignore[attr-defined]
_checked: tuple[tuple[Any, int], ...] = ((target, 2), (cosine_scaled, 3), (soft_overlong, 2))
for _function, _columns in _checked:
    _function.check = partial(_function, *([[]] * _columns))  # a wrong parameter is heard without any completion
