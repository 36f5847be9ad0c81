"""Where do the concept sets come from, which form of a concept is a word, and does it stand there as a verb or a noun?

CommonGen's layout: rows `{"concept_set": "a#b#c", "scene": [sentences of people]}`, under $REWARDBENCH_DATA.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations

from rewardbench import data
from rewardbench.seeds import split_of
from rewardbench.types import UserError

PLACE = "writing/commongen/commongen.dev.jsonl"
WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?")



def listed(words: str) -> frozenset[str]:
    """The words of a text as a set.

    >>> sorted(listed("an a"))
    ['a', 'an']
    """
    return frozenset(words.split())


DETERMINERS = listed(
    "a an the this these those his its their my your our some every each another no any both several many"
)
PREPOSITIONS = listed(
    "in on at of with from into onto by for over under through across near behind beside between along around "
    "inside outside against toward towards among without above below during upon"
)
BE = listed("is are was were am be been being isn't aren't wasn't weren't")
HAVE = listed("has have had")
MODALS = listed(
    "will would can could should may might must shall do does did don't doesn't didn't can't cannot won't"
)
BARE = listed("to and or but") | BE
SUBJECTS = listed("i he she we they who")
PASTS = {
    "begin": "began begun", "blow": "blew blown", "break": "broke broken", "build": "built", "catch": "caught",
    "come": "came", "deal": "dealt", "dig": "dug", "dive": "dove", "draw": "drew drawn", "drink": "drank drunk",
    "drive": "drove driven", "eat": "ate eaten", "fall": "fell fallen", "feed": "fed", "fly": "flew flown",
    "give": "gave given", "hang": "hung", "hold": "held", "lay": "laid", "lean": "leant", "leap": "leapt",
    "leave": "left", "lie": "lay lain", "light": "lit", "ride": "rode ridden", "run": "ran", "say": "said",
    "saw": "sawn", "see": "saw seen", "sell": "sold", "sew": "sewn", "shake": "shook shaken", "shine": "shone",
    "shoot": "shot", "sing": "sang sung", "sink": "sank sunk", "sit": "sat", "sleep": "slept", "slide": "slid",
    "spin": "spun span", "stand": "stood", "stick": "stuck", "string": "strung", "sweep": "swept",
    "swim": "swam swum", "swing": "swung", "take": "took taken", "teach": "taught", "tell": "told",
    "throw": "threw thrown", "wake": "woke woken", "wear": "wore worn", "win": "won", "write": "wrote written",
    "go": "went gone", "get": "got gotten", "make": "made", "find": "found", "keep": "kept", "bring": "brought",
    "buy": "bought", "think": "thought", "know": "knew known", "lose": "lost", "meet": "met", "speak": "spoke spoken",
}  # fmt: skip
PLURALS = {
    "foot": "feet", "tooth": "teeth", "knife": "knives", "axis": "axes", "calf": "calves", "policeman": "policemen",
    "leaf": "leaves", "man": "men", "woman": "women", "child": "children", "mouse": "mice", "goose": "geese",
    "dice": "die", "sheep": "sheep", "fish": "fish",
}  # fmt: skip
ROLES = "NVPB"
Row = tuple[tuple[str, ...], tuple[str, ...]]
"""(concepts, sentences that people wrote with them)."""


@dataclass(frozen=True)
class Mention:
    """One word of a sentence that is a form of a concept."""

    at: int
    """Which word, from 0."""
    concept: str
    form: str
    """`base`, `s`, `ing` or `past`."""
    role: str
    """How it is used there: see `role`."""


def words(text: str) -> list[str]:
    """The words in lower case.

    >>> words("The kid's hill-side slide.")
    ['the', "kid's", 'hill', 'side', 'slide']
    """
    return WORD.findall(text.lower().replace("’", "'"))


@lru_cache(maxsize=1 << 14)
def forms(concept: str) -> dict[str, str]:
    """Each inflected form of a concept -> `base`, `s`, `ing` or `past`; a word that is two of them has the first.

    >>> forms("slide")["sliding"], forms("slide")["slid"], forms("cut")["cutting"], forms("foot")["feet"]
    ('ing', 'past', 'ing', 's')
    """
    found = {concept: "base", PLURALS.get(concept, concept + "s"): "s", concept + "s": "s"}
    ending_y = re.search(r"[^aeiou]y$", concept) is not None
    if ending_y or re.search(r"(s|x|z|ch|sh|o)$", concept):
        found[re.sub(r"y$", "i", concept) + "es"] = "s"
    stem = re.sub(r"ie$", "y", concept) if concept.endswith("ie") else re.sub(r"(?<![eo])e$", "", concept)
    doubled = [concept + concept[-1]] if re.search(r"[^aeiou][aeiou][^aeiouwxy]$|uit$|uip$", concept) else []
    for start in (concept, stem, *doubled):
        found.setdefault(start + "ing", "ing")
        found.setdefault(start + "ed", "past")
    if concept.endswith("e"):
        found.setdefault(concept + "d", "past")
    if ending_y:
        found.setdefault(concept[:-1] + "ied", "past")
    for past in PASTS.get(concept, "").split():
        found.setdefault(past, "past")
    return found


def mentions(said: Sequence[str], concepts: Sequence[str]) -> list[Mention]:
    """Every word that is a form of a concept, in order; a possessive counts as its noun.

    >>> [(m.concept, m.role) for m in mentions(words("The kid is sliding down the hill."), ["hill", "kid", "slide"])]
    [('kid', 'N'), ('slide', 'V'), ('hill', 'N')]
    """
    found = []
    for at, word in enumerate(said):
        bare = re.sub(r"'s$|'$", "", word)
        concept = next((c for c in concepts if bare in forms(c)), None)
        if concept is not None:
            form = forms(concept)[bare]
            found.append(Mention(at, concept, form, "N" if bare != word else role(said, at, form)))
    return found


def role(said: Sequence[str], at: int, form: str) -> str:
    """How a word is used, where form and the word before leave no doubt; `` where they do.

    `N` after an article or the like, `V` as a verb, `P` bare after a preposition, `B` bare after *to*, *and* or *is*.

    >>> [role(f"{before} look".split(), 1, "base") for before in ("a", "they", "with", "and", "kids")]
    ['N', 'V', 'P', 'B', '']
    """
    before = said[at - 1] if at else ""
    article = before in DETERMINERS or before.endswith("'s")
    if form in ("ing", "past"):
        return "" if article else "V"
    if before in MODALS | SUBJECTS:
        return "V"
    if article or (form == "s" and before in PREPOSITIONS):
        return "N"
    if form == "base" and before in PREPOSITIONS:
        return "P"
    return "B" if form == "base" and before in BARE else ""


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
    """Concept -> how often people use it in each role in this file, whatever the scene, where the role is clear."""
    found = {concept: Counter[str]() for concepts, _ in rows(text) for concept in concepts}
    named: dict[str, list[str]] = defaultdict(list)
    for concept in found:
        for form in forms(concept):
            named[form].append(concept)
    for _, scenes in rows(text):
        for said in map(words, scenes):
            concepts = {c for word in said for c in named.get(word, ())}
            for m in (m for c in concepts for m in mentions(said, [c])):
                found[m.concept][m.role] += bool(m.role)
    return found


def usual(counts: Counter[str]) -> str:
    """The roles that make up a twelfth of the clear uses or more; of few uses, also what goes with them.

    >>> usual(Counter(N=40, V=1, P=9)), usual(Counter(V=2)), usual(Counter())
    ('NP', 'VB', 'NVPB')
    """
    total = sum(counts.values())
    if total >= 6:
        return "".join(r for r in ROLES if counts[r] >= total / 12)
    kin = {"N": "NP", "P": "NPB", "V": "VB", "B": ROLES}
    return "".join(r for r in ROLES if not total or any(r in kin[seen] for seen in counts if counts[seen]))


def read(split: str) -> tuple[tuple[Row, ...], dict[str, str]]:
    """The rows of a split, and the usual roles of every concept of the file; an empty split is said (code 5)."""
    text = data.text(__file__, PLACE)
    found = split_rows(text).get(split, ())
    if not found:
        raise UserError(f"writing/concepts: {PLACE} holds no row of split {split!r}", 5)
    return found, {concept: usual(counts) for concept, counts in uses(text).items()}
