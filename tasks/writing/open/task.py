"""Can the policy give one good answer of many, in the asked form, and another one the next time?

NoveltyBench's curated questions, read when the first prompt is drawn: listing and planning need no data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

from rewardbench.seeds import stream
from rewardbench.types import Prompt, Task

from .world import Question, read

ASK = {
    "sentence": "Answer in one short sentence that says what it is about.",
    "text": "Be brief.",
    "lines": "Put each line on a line of its own.",
    "items": "Give only the items, with commas.",
    "/": "Give only that.",
}
"""Form -> how the answer is asked for, after every wording."""


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """Every wording of the split's questions in an order of the seed's own, shuffled anew each epoch."""
    for epoch in count():
        order = [(question, wording) for question in read(split) for wording in question.wordings]
        stream(f"writing/open/{split}/{seed}/{epoch}").shuffle(order)
        yield from (prompt_of(question, wording) for question, wording in order)


def prompt_of(question: Question, wording: str) -> Prompt:
    """A wording as a prompt; form and topic of the answer, and words of known ones, are the truth."""
    ask = ASK["/" if question.form[0] == "/" else question.form.split()[0]]
    text = f"{wording}\n{ask}"
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    truth = {"form": question.form, "topic": question.topic, "field": question.field}
    return Prompt(id=name, text=text, truth=truth)


task = Task(prompts=prompts, max_tokens=48, version=1)
