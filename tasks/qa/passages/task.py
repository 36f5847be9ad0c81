"""Does the policy answer a question about a passage in as few words as the passage needs?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

from rewardbench.seeds import stream
from rewardbench.types import Prompt, Task

from .world import Item, items

ASK = "Answer with a few words of the passage and nothing else."


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """The split's questions in an order of the seed's own, again and again, shuffled anew each time."""
    for epoch in count():
        order = list(items(split))
        stream(f"qa/passages/{split}/{seed}/{epoch}").shuffle(order)
        yield from map(prompt_of, order)


def prompt_of(item: Item) -> Prompt:
    """A question as a prompt; `answer` and `references` equal the accepted answers, which the card declares."""
    text = f"{item.passage}\n\nQuestion: {item.question}\n{ASK}"
    answers = list(item.answers)
    columns = {"answer": answers, "references": answers, "question": item.question, "passage": item.passage}
    truth = {"answers": answers, "question": item.question, "passage": item.passage}
    return Prompt(hashlib.sha256(text.encode()).hexdigest()[:12], text=text, columns=columns, truth=truth)


task = Task(prompts=prompts, max_tokens=48, version=1, one_answer=True, verifiable=("answer", "references"))
