"""Is the completion the answer? Text, numbers, boxes, choices and lists, against an `answer` of any task.

`answer` is one accepted answer or a list of them (for `set`: its items); where it is empty or missing a part abstains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rewardbench.measures import matching

Answer = str | Sequence[str] | None


def _best(
    completions: Sequence[str], answer: Sequence[Answer], score: Callable[[str, str], float | None]
) -> list[float | None]:
    """The score against the nearest accepted answer of each; None where no answer can be compared."""
    paid = []
    for text, known in zip(completions, answer, strict=True):
        scores = [found for true in matching.accepted(known) if (found := score(text, true)) is not None]
        paid.append(max(scores, default=None))
    return paid


def exact(completions: Sequence[str], answer: Sequence[Answer]) -> list[float | None]:
    """1 where the whole completion is an accepted answer but for case, punctuation and articles, else 0.

    Range: [0, 1].
    Cost: pure Python.
    Source: the exact match of SQuAD, Rajpurkar et al. 2016 (arXiv 1606.05250).

    >>> exact(["The Eiffel Tower.", "A tower"], [["eiffel tower", "la tour Eiffel"]] * 2)
    [1.0, 0.0]
    """
    return _best(completions, answer, lambda text, true: float(matching.normalised(text) == matching.normalised(true)))


def f1(completions: Sequence[str], answer: Sequence[Answer]) -> list[float | None]:
    """F1 of the words shared with the nearest accepted answer, in [0, 1]: near answers are paid, long ones less.

    Range: [0, 1].
    Cost: pure Python.
    Source: the F1 of SQuAD, Rajpurkar et al. 2016 (arXiv 1606.05250).

    >>> f1(["In the Eiffel Tower"], ["Eiffel Tower"])
    [0.8]
    """
    return _best(completions, answer, matching.token_f1)


def contains(completions: Sequence[str], answer: Sequence[Answer]) -> list[float | None]:
    """1 where an accepted answer stands anywhere in the completion, whatever else does: long texts hold more.

    Range: [0, 1].
    Cost: pure Python.
    Source: the accuracy of Mallen et al. 2023 (arXiv 2212.10511) and its kin; normalised as SQuAD (arXiv 1606.05250).

    >>> contains(["It may be Bern, Basel or the Eiffel Tower.", "Eiffel"], ["Eiffel Tower"] * 2)
    [1.0, 0.0]
    """

    def score(text: str, true: str) -> float | None:
        held = matching.holds(text, true)
        return None if held is None else float(held)

    return _best(completions, answer, score)


def numeric(
    completions: Sequence[str], answer: Sequence[Answer], absolute: float = 0.0, relative: float = 1e-6
) -> list[float | None]:
    """1 where the completion's final number is the answer's within a tolerance, else 0; abstains without a number.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; boxes and `####` as MATH (arXiv 2103.03874) and GSM8K (arXiv 2110.14168) mark a final answer.

    >>> numeric(["About 3.14", "3.2", "22/7"], ["3.1416"] * 3, relative=0.01)
    [1.0, 0.0, 1.0]
    """

    def score(text: str, answer: str) -> float | None:
        true, said = matching.final_number(answer), matching.final_number(text)
        if true is None:
            return None
        return float(said is not None and matching.near(said, true, absolute, relative))

    return _best(completions, answer, score)


def boxed(completions: Sequence[str], answer: Sequence[Answer]) -> list[float | None]:
    """1 where the last `\\boxed{}` (else what follows the last `####`) is the answer, else 0.

    Compared as numbers, fractions too, else as text without LaTeX's ornaments; no algebra is done.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; boxes of MATH (arXiv 2103.03874), `####` of GSM8K (arXiv 2110.14168).

    >>> boxed([r"It is \\boxed{\\frac{1}{2}}.", "#### 0.5", "0.5"], ["1/2"] * 3)
    [1.0, 1.0, 0.0]
    """
    pairs = zip(completions, answer, strict=True)
    return [None if (right := matching.boxed_is(text, true)) is None else float(right) for text, true in pairs]


def choice(completions: Sequence[str], answer: Sequence[Answer]) -> list[float | None]:
    """1 where the letter A to E that the completion settles on is the answer's, else 0; two in one breath pay 0.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the reading of a multiple choice after a free answer, as in CommonsenseQA or MMLU.

    >>> choice(["Not (A). The answer is (B).", "b", "A or B"], ["B", "(B)", "B"])
    [1.0, 1.0, 0.0]
    """

    def score(text: str, answer: str) -> float | None:
        true = matching.final_choice(answer)
        return None if true is None else float(matching.final_choice(text) == true)

    return _best(completions, answer, score)


def set(completions: Sequence[str], answer: Sequence[Answer]) -> list[float | None]:
    """F1 of the items that the completion lists and the answer's (a list, or a text with commas), order ignored.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; the set F1 of answers that are lists, with the normalisation of SQuAD (arXiv 1606.05250).

    >>> set(["- Wolf\\n- a key\\n- wolf", "wolf, key and cave"], [["key", "wolf"], "cave, key"])
    [1.0, 0.8]
    """
    paid: list[float | None] = []
    for text, known in zip(completions, answer, strict=True):
        true = frozenset[str]().union(*map(matching.known_items, matching.accepted(known)))
        paid.append(matching.set_f1(matching.items(text), true) if true else None)
    return paid


_parts: tuple[Any, ...] = (exact, f1, contains, numeric, boxed, choice, set)
for _part in _parts:
    _part.pure = True
