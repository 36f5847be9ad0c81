"""Which reference entries does every sweep have? Null rewards that teach nothing, probes that read no meaning.

`untrained` (no reward at all) and `oracle` (gold as reward) complete them: see `find.arms`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardbench.measures.scripts import words


def random(completions: Sequence[str], rng: Sequence[np.random.Generator]) -> list[float]:
    """Fresh noise in [0, 1) for each completion, from its own stream: the same text is paid differently twice.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; a null reward.

    >>> random(["a", "b"], [np.random.default_rng(0)] * 2)
    [0.6369616873214543, 0.2697867137638703]
    """
    return [float(rng[i].random()) for i in range(len(completions))]


def constant(completions: Sequence[str]) -> list[float]:
    """1 for everything.

    Range: [1, 1].
    Cost: pure Python.
    Source: own; a null reward.

    >>> constant(["a", "b"])
    [1.0, 1.0]
    """
    return [1.0 for _ in completions]


def length(completions: Sequence[str], target: int = 60) -> list[float]:
    """Words written, as a share of `target`, at most 1: what a judge that likes long completions pays.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; a probe of the bias that judges have for length.

    >>> length(["a b c"], target=6)
    [0.5]
    """
    return [min(len(words(text)), target) / target for text in completions]


def format(completions: Sequence[str]) -> list[float]:
    """1 if it begins with a capital or a digit and ends with a full stop, half for either.

    Range: [0, 1].
    Cost: pure Python.
    Source: own; a probe of the form alone.

    >>> format(["Yes.", "yes", "Yes"])
    [1.0, 0.0, 0.5]
    """
    return [
        0.5 * (text.strip()[:1].isupper() or text.strip()[:1].isdigit()) + 0.5 * text.strip().endswith(".")
        for text in completions
    ]


def echo(prompts: Sequence[str], completions: Sequence[str]) -> list[float]:
    """Share of the prompt's words that the completion repeats, in [0, 1].

    Range: [0, 1].
    Cost: pure Python.
    Source: own; a probe of copying the prompt.

    >>> echo(["a red fox"], ["red fox runs"])
    [0.6666666666666666]
    """
    paid = []
    for prompt, text in zip(prompts, completions, strict=True):
        asked, said = set(words(prompt.lower())), set(words(text.lower()))
        paid.append(len(asked & said) / max(len(asked), 1))
    return paid


for _part in (constant, length, format, echo):
    _part.pure = True  # type: ignore[union-attr]
