"""Can the policy solve a short word problem of one or two steps?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

from rewardbench.seeds import stream
from rewardbench.types import Prompt, Task

from .world import Problem, problems

ASK = "Write the calculation and its result in one line."


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """The split's problems in an order of the seed's own, again and again, shuffled anew each time."""
    for epoch in count():
        order = list(problems(split))
        stream(f"qa/svamp/{split}/{seed}/{epoch}").shuffle(order)
        yield from map(prompt_of, order)


def prompt_of(problem: Problem) -> Prompt:
    """A problem as a prompt; `answer` equals the truth, which the card declares."""
    text = f"{problem.text()}\n{ASK}"
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Prompt(name, text=text, columns={"answer": problem.answer}, truth=problem.answer)


task = Task(prompts=prompts, max_tokens=48, version=1, one_answer=True, verifiable=("answer",))
