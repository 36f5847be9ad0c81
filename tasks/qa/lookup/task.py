"""Does the policy read three facts and answer one question about them?

Lookups, sums and comparisons over three people's numbers; one answer is right and a program knows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from rewardbench.seeds import split_of, stream
from rewardbench.types import Prompt, Task

from .world import Facts, draw


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """An endless stream of prompts; no content stands in two splits, whatever the seeds."""
    index = 0
    while True:
        rng = stream(f"lookup/{split}/{seed}/{index}")
        facts = draw(rng)
        while split_of(facts.text()) != split:
            facts = draw(rng)
        yield prompt_of(facts)
        index += 1


def prompt_of(facts: Facts) -> Prompt:
    """The facts as a prompt. Rewards see the answer (a declared verifiable column), gold all the facts."""
    text, answer = facts.text(), facts.answer()
    columns = {
        "answer": answer,
        "question": facts.question,
        "asked": list(facts.asked),
        "names": list(facts.names),
    }
    truth = {
        "answer": answer,
        "question": facts.question,
        "asked": list(facts.asked),
        "thing": facts.thing,
        "numbers": dict(zip(facts.names, facts.numbers, strict=True)),
    }
    return Prompt(hashlib.sha256(text.encode()).hexdigest()[:12], text=text, columns=columns, truth=truth)


task = Task(prompts=prompts, max_tokens=24, version=3, one_answer=True, verifiable=("answer",))
