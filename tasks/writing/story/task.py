"""Can the policy turn three given words into a short story, and not only into those words?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from rewardbench.seeds import split_of, stream
from rewardbench.types import Prompt, Task

from .world import CLASSES, story


def asked(keywords: list[str]) -> str:
    """The instruction for three keywords.

    >>> asked(["dragon", "lantern", "forest"])[-41:]
    'Use the words dragon, lantern and forest.'
    """
    first, second, third = keywords
    return f"Write a story of three to five short sentences. Use the words {first}, {second} and {third}."


def told(keywords: list[str]) -> list[str]:
    """Two to four stories with the keywords, the same for the same words: for BLEU and ROUGE."""
    rng = stream(f"writing/story/references/{' '.join(keywords)}")
    return [" ".join(story(keywords, rng)) for _ in range(rng.randint(2, 4))]


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """Prompts of a split, without end; a set of three words belongs to one split, whatever its order."""
    i = 0
    while True:
        rng = stream(f"writing/story/{split}/{seed}/{i}")
        keywords = [""]
        while split_of("writing/story " + " ".join(sorted(keywords))) != split or len(keywords) < 3:
            keywords = [rng.choice(CLASSES[kind]) for kind in rng.sample(list(CLASSES), 3)]
        text = asked(keywords)
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        columns = {"keywords": keywords, "references": told(keywords)}
        yield Prompt(id=name, text=text, columns=columns, truth=tuple(keywords))
        i += 1


task = Task(prompts=prompts, max_tokens=56, version=1, verifiable=("keywords", "references"))
