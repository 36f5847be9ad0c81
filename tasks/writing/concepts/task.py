"""Can the policy put three to five given words into one sentence that somebody would say, and not only into a list?

Concept sets in CommonGen's layout, read when the first prompt is drawn: listing and planning need no data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

from rewardbench.seeds import stream
from rewardbench.types import Prompt, Task

from .sets import Row, read

ASK = "Describe an everyday situation in one sentence that has all of these words, in any form and order: {}."


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """The split's concept sets in an order of the seed's own, again and again, shuffled anew each time."""
    for epoch in count():
        rows, roles = read(split)
        order = list(rows)
        stream(f"writing/concepts/{split}/{seed}/{epoch}").shuffle(order)
        yield from (prompt_of(row, roles) for row in order)


def prompt_of(row: Row, roles: dict[str, str]) -> Prompt:
    """A concept set as a prompt, its words in an order of its own: no place in the list tells what part they play."""
    concepts, scenes = list(row[0]), row[1]
    stream(f"writing/concepts/order/{'#'.join(sorted(concepts))}").shuffle(concepts)
    text = ASK.format(", ".join(concepts))
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    columns = {"keywords": concepts, "references": list(scenes)}
    truth = {concept: roles[concept] for concept in concepts}
    return Prompt(id=name, text=text, columns=columns, truth=truth)


task = Task(prompts=prompts, max_tokens=48, version=1, verifiable=("references",))
