"""Can the policy answer a line of verse with one that rhymes and keeps the metre?

Lines of Shakespeare's sonnets, read when the first prompt is drawn: listing and planning need no data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

from rewardbench.seeds import stream
from rewardbench.types import Prompt, Task

from .sound import words
from .world import read, rhymes

ASK = (
    'Write the next line of this poem. It must end with a word that rhymes with "{1}", and have ten syllables, every '
    "second one stressed. Write only that one line.\n{0}"
)


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """The split's lines in an order of the seed's own, shuffled anew each time; each end has a known rhyme."""
    for epoch in count():
        pairs, known = read(split)
        order = list(pairs)
        stream(f"writing/verse/{split}/{seed}/{epoch}").shuffle(order)
        made = (prompt_of(line, partner, known) for line, partner in order)
        yield from (prompt for prompt in made if prompt.truth["rhymes"])


def prompt_of(line: str, partner: str, known: frozenset[str]) -> Prompt:
    """A line as a prompt; its partner in the sonnet is a reference, the known words that rhyme are the truth.

    So is what its order of words is judged by: verse, not prose.
    """
    name = hashlib.sha256(line.encode()).hexdigest()[:12]
    columns = {"line": line, "references": [partner]}
    truth = {"line": line, "rhymes": rhymes(words(line)[-1], known), "order": "verse"}
    return Prompt(id=name, text=ASK.format(line, words(line)[-1]), columns=columns, truth=truth)


task = Task(prompts=prompts, max_tokens=32, version=1)
