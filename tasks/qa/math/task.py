"""Can the policy work out a word problem and say the final number, on real data that you supply?

Grade-school problems in GSM8K's layout, read when the first prompt is drawn: listing and planning need no data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

from rewardbench.seeds import stream
from rewardbench.types import Prompt, Task

from .world import Problem, problems

ASK = "Work it out in short steps, then write the final number after ####."


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """The split's problems in an order of the seed's own, again and again, shuffled anew each time."""
    for epoch in count():
        order = list(problems(split))
        stream(f"qa/math/{split}/{seed}/{epoch}").shuffle(order)
        yield from map(prompt_of, order)


def prompt_of(problem: Problem) -> Prompt:
    """A problem as a prompt; `answer` equals the truth, which the card declares."""
    question, answer = problem
    name = hashlib.sha256(question.encode()).hexdigest()[:12]
    return Prompt(id=name, text=f"{question}\n{ASK}", columns={"answer": answer}, truth=answer)


task = Task(prompts=prompts, max_tokens=128, version=1, one_answer=True, verifiable=("answer",))
