"""Does a second reading find one sentence in which every concept is at work?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A word is a form of a concept if undoing an ending (s, es, ies, ed, ing, a doubled letter) leaves it, or if a table of
  irregular words says so; each word serves one concept.
- Use is read from the sides: what stands before a concept opens a noun (article, possessive), a verb (pronoun, helper)
  or nothing; only a plain contradiction with the truth's letters counts, and takes half of that concept away.
- Lists are seen by their commas: the text is cut at commas, *and*, *or*, and slashes; two bare pieces that are nothing
  but a concept and its article make a list, and so do three concepts side by side.
- Faults are subtracted from 1 instead of multiplied, and what is left multiplies the squared share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

bar = 0.75

ODD_FORMS = """
    sat sit, stood stand, held hold, threw throw, thrown throw, rode ride, ridden ride, ran run, wore wear, worn
    wear, took take, taken take, gave give, given give, blew blow, blown blow, fell fall, fallen fall, ate eat,
    eaten eat, caught catch, taught teach, shook shake, shaken shake, fed feed, drove drive, driven drive, sang
    sing, sung sing, wrote write, written write, stuck stick, drank drink, drunk drink, dug dig, slept sleep,
    swept sweep, told tell, shot shoot, began begin, begun begin, shone shine, came come, swung swing, swam
    swim, swum swim, broke break, broken break, built build, drew draw, drawn draw, flew fly, flown fly, hung
    hang, laid lay, lay lie, left leave, lit light, said say, sold sell, sewn sew, sank sink, slid slide, spun
    spin, won win, feet foot, teeth tooth, knives knife, axes axis, calves calf, policemen policeman, men man,
    women woman, children child, lying lie, tying tie, dying die, dyeing dye, dealt deal, leapt leap, dove dive,
    sawn saw"""
ODD = dict[str, set[str]]()
for _pair in ODD_FORMS.split(","):
    _form, _concept = _pair.split()
    ODD.setdefault(_form, set()).add(_concept)


def _set(words: str) -> set[str]:
    """The words of a text."""
    return set(words.split())


OPENS_NOUN = _set("a an the this these those his its their my your our some every each another no any both")
OPENS_VERB = _set("i he she we they who will would can could should may might must did does do cannot")
HELPERS = _set("is are was were am has have had") | OPENS_VERB - _set("i he she we they who")
HANGING = _set("a an the my your our their its and or but of to with from into")
NEVER_PAIRED = HANGING - _set("and or but to with from into of")
COMMON = _set("went goes go saw sees made makes got gets put puts came comes kept")
SPEAKS_OF_TASK = re.compile(
    r"\b(?:words?|sentences?|concepts?|keywords?|prompt|all of (?:these|them)|everyday situation|"
    r"(?:an?|the|this) (?:\w+ )?(?:scene|picture|image|situation))\b"
)


def _lemmas(word: str) -> set[str]:
    """What a word may be a form of, itself among them.

    >>> sorted(_lemmas("sitting"))[:3], "ski" in _lemmas("skis"), "carry" in _lemmas("carries")
    (['sit', 'sitt', 'sitte'], True, True)
    """
    found = {word} | ODD.get(word, set())
    for ending in ("s", "es", "ed", "ing", "d"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            found |= {stem, stem + "e", re.sub(r"i$", "y", stem), re.sub(r"(.)\1$", r"\1", stem)}
    return found


def _tokens(text: str) -> list[str]:
    """Words, and the marks that part them, in lower case; possessives are two tokens.

    >>> _tokens("The kid's dog, a pug.")
    ['the', 'kid', "'s", 'dog', ',', 'a', 'pug', '.']
    """
    return re.findall(r"'s\\b|[a-z]+(?:'(?!s\b)[a-z]+)?|'s|[,;:/&.!?]", text.lower().replace("’", "'"))


def _contradicts(before: str, word: str, concept: str, letters: str) -> bool:
    """Whether the place of a concept is plainly that of another sort of word."""
    if before in OPENS_NOUN or before == "'s":
        return "N" not in letters and not re.search(r"(ing|ed)$", word)
    verbal = before in OPENS_VERB or (word != concept and re.search(r"(ing|ed)$", word) is not None)
    if verbal:
        return "V" not in letters
    bare = word == concept and before in {"to", "and", "or", "is", "are", "was", "were"}
    if bare:
        return not set("BV") & set(letters)
    return word == concept and before in {"in", "on", "at", "with", "from", "of", "by"} and not set("PB") & set(letters)


def _strung(text: str, tokens: list[str], at: list[int], free: set[int]) -> bool:
    """Whether concepts are enumerated: two bare ones parted by a comma, or three with nothing but joints between."""
    joints = OPENS_NOUN | {",", "and", "or", "&", "/", "with"}
    run = 1
    for one, other in pairwise(at):
        gap = tokens[one + 1 : other]
        joined = set(gap) <= joints and not {one, other} & free
        run = run + 1 if joined else 1
        if run > 2 or (joined and gap in ([","], ["/"], ["&"])):
            return True
    return re.search(r"(?:^|\n)\s*(?:[-*•]|\d[.)])", text) is not None


def _faults(text: str, tokens: list[str], truth: Mapping[str, str], found: dict[int, str]) -> float:
    """What is taken off 1 for the manner of the text."""
    said = [t for t in tokens if t[0].isalpha()]
    parts = [p for p in re.split(r"[.!?]+|\n", text) if re.search(r"\w", p)]
    own = {lemma for t in found for lemma in _lemmas(tokens[t])} | set(truth)
    about = [m[0] for m in SPEAKS_OF_TASK.finditer(text.lower()) if not set(m[0].split()[-1:]) & own]
    free = {t for t in found if "V" in truth[found[t]] and (t == 0 or tokens[t - 1] not in OPENS_NOUN)}
    plain = {t for t in free if tokens[t] != found[t] or "N" not in truth[found[t]]}
    ends = [t for t, n in zip(tokens, [*tokens[1:], "."], strict=True) if n in ".,!?" and t in HANGING]
    pairs = [t for t, n in pairwise(tokens) if t in NEVER_PAIRED and n in HELPERS | HANGING | {"in"}]
    act = free or set(said) & (HELPERS | COMMON) or any(re.search(r"..(ed|ing|[^s']s)$", w) for w in said[1:])
    last = max(found, default=0)
    triples = list(zip(said, said[1:], said[2:], strict=False))
    return (
        0.9 * bool(about)
        + 0.9 * _strung(text, tokens, sorted(found), free if "," not in tokens else plain)
        + 0.7 * (len(parts) - 1)
        + 0.1 * (not re.search(r"[.!?][\"'”’)]*\s*$", text))
        + 0.1 * (not text.strip()[:1].isupper())
        + 0.6 * (len(ends) + len(pairs))
        + 0.7 * (not act)
        + 0.4 * (len(said) < 4 or len(said) > 28)
        + 0.4 * (len(tokens) - last > 14)
        + 0.6 * (any(a == b for a, b in pairwise(said)) or len(set(triples)) < len(triples))
        + 0.7 * (len(set(found.values())) < len(found) - 2)
    )


def gold(prompt: Any, completion: str) -> float:
    """(share of concepts at work) squared x what faults leave of 1, in [0, 1]."""
    truth = {str(c): str(letters) for c, letters in prompt.truth.items()}
    tokens = _tokens(completion)
    found: dict[int, str] = {}
    for t, token in enumerate(tokens):
        concept = next((c for c in truth if c in _lemmas(token)), None) if token[0].isalpha() else None
        if concept:
            found[t] = concept
    worth: dict[str, float] = {}
    for t, concept in found.items():
        wrong = _contradicts(tokens[t - 1] if t else "", tokens[t], concept, truth[concept])
        worth[concept] = max(worth.get(concept, 0.0), 0.0 if wrong else 1.0)
    if not worth:
        return 0.0
    share = sum(worth.values()) / len(truth)
    wrong = sum(value == 0 for value in worth.values())
    return share**2 * max(0.0, 1 - _faults(completion, tokens, truth, found)) * 0.5**wrong
