"""Where do the concept sets come from, and how do people use their words?

CommonGen's layout: rows `{"concept_set": "a#b#c", "scene": [sentences of people]}`, under $REWARDBENCH_DATA.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations

from rewardbench import data
from rewardbench.seeds import split_of
from rewardbench.types import UserError

from .world import ROLES, WORD, forms, mentions, words

PLACE = "writing/commongen/commongen.dev.jsonl"
Row = tuple[tuple[str, ...], tuple[str, ...]]
"""(concepts, sentences that people wrote with them)."""


def parse(line: str, where: str) -> Row:
    """One row of the file; a damaged one is named by file and line (code 5).

    >>> parse('{"concept_set": "cat#sit", "scene": ["A cat sits."]}', "x")
    (('cat', 'sit'), ('A cat sits.',))
    """
    try:
        row = json.loads(line)
        concepts = tuple(dict.fromkeys(row["concept_set"].lower().split("#")))
        scenes = tuple(scene.strip() for scene in row["scene"])
    except (ValueError, KeyError, TypeError, AttributeError):
        concepts, scenes = (), ()
    if not (scenes and all(scenes) and len(concepts) > 1 and all(map(WORD.fullmatch, concepts))):
        raise UserError(f'writing/concepts: {where} is no row {{"concept_set": "a#b#c", "scene": [sentence, …]}}', 5)
    return concepts, scenes


@cache
def rows(text: str) -> tuple[Row, ...]:
    """The rows of a file, each set of concepts once."""
    found: dict[frozenset[str], Row] = {}
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip():
            row = parse(line, f"{PLACE}, line {n},")
            found.setdefault(frozenset(row[0]), row)
    return tuple(found.values())


def grouped(some: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in groups that share no three concepts with each other (nor the whole set, where it has only two).

    >>> a, b, c = ((tuple(s.split()), ("x",)) for s in ("cat sit floor", "cat sit floor dog", "cat sit mat"))
    >>> [len(group) for group in grouped([a, b, c])]
    [2, 1]
    """
    group_of: dict[frozenset[str], list[Row]] = {}
    for row in some:
        keys = [frozenset(key) for key in combinations(sorted(row[0]), min(3, len(row[0])))]
        met = list({id(group_of[key]): group_of[key] for key in keys if key in group_of}.values())
        merged = [*(r for group in met for r in group), row]
        every = [frozenset(key) for r in merged for key in combinations(sorted(r[0]), min(3, len(r[0])))]
        group_of |= dict.fromkeys(every, merged)
    yield from {id(group): group for group in group_of.values()}.values()


@cache
def split_rows(text: str) -> dict[str, tuple[Row, ...]]:
    """Split -> its rows: a group of sets that share a triple goes to one split, by the content of its first set."""
    found: dict[str, list[Row]] = {"train": [], "dev": [], "test": []}
    for group in grouped(rows(text)):
        names = sorted(" ".join(sorted(concepts)) for concepts, _ in group)
        found[split_of(f"writing/concepts {names[0]}")] += group
    return {split: tuple(some) for split, some in found.items()}


@cache
def uses(text: str) -> dict[str, Counter[str]]:
    """Concept -> how often people use it in each role in this file, whatever the scene, where the use is sure."""
    found = {concept: Counter[str]() for concepts, _ in rows(text) for concept in concepts}
    named: dict[str, list[str]] = defaultdict(list)
    for concept in found:
        for form in forms(concept):
            named[form].append(concept)
    for _, scenes in rows(text):
        for scene in scenes:
            for concept in {c for word in words(scene) for c in named.get(word, ())}:
                found[concept] += used(scene, concept)
    return found


def used(scene: str, concept: str) -> Counter[str]:
    """How often a text uses a concept in each role, where the use is sure.

    >>> used("The kid slides down the slide.", "slide")
    Counter({'N': 1})
    """
    return Counter(m.role for m in mentions(scene, [concept]) if m.role and m.sure)


def usual(counts: Counter[str]) -> str:
    """The roles that make up a fourteenth of the sure uses or more; of few uses, also what goes with them.

    >>> usual(Counter(N=40, V=1, B=9)), usual(Counter(N=2)), usual(Counter())
    ('NB', 'NB', 'NVBG')
    """
    total = sum(counts.values())
    if total >= 6:
        return "".join(r for r in ROLES if counts[r] >= total / 14)
    kin = {"N": "NB", "V": "V", "B": "NB", "G": "VG"}
    return "".join(r for r in ROLES if not total or any(r in kin[seen] for seen in counts if counts[seen]))


def read(split: str) -> tuple[tuple[Row, ...], dict[str, str]]:
    """The rows of a split, and the usual roles of every concept of the file; an empty split is said (code 5)."""
    text = data.text(__file__, PLACE)
    found = split_rows(text).get(split, ())
    if not found:
        raise UserError(f"writing/concepts: {PLACE} holds no row of split {split!r}", 5)
    return found, {concept: usual(counts) for concept, counts in uses(text).items()}
