"""Is it one sentence that people could say, in which every concept does a word's work? The task's own judgement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rewardbench.types import Prompt, Said

from .world import (
    BE,
    CONJUNCTIONS,
    DETERMINERS,
    HAVE,
    MODALS,
    PASTS,
    PREPOSITIONS,
    SUBJECTS,
    Mention,
    Sentence,
    forms,
    listed,
    sentence,
)  # fmt: skip

bar = 0.8
"""A completion that reaches it uses all concepts in one sentence without a grave fault."""

JOINTS = CONJUNCTIONS | DETERMINERS | {",", "&", "/", ";", "plus", "-"}
CORE = listed("in on at of with for from by into onto")
ARTICLES = listed("a an the my your our their its every")
PRONOUNS = SUBJECTS | listed("him them me us it herself himself themselves")
VERBS = {"V", "verb", "be", "modal"}
"""Tags of which a sentence has one."""
FINITE = (BE - {"be", "been", "being"}) | HAVE | MODALS
META = listed(
    "words word sentence sentences concept concepts prompt prompts keywords describe example examples phrase topics "
    "scenario scenarios illustration"
)
ABOUT_TASK = re.compile(
    r"\ball (?:of )?(?:these|those|the following|the words|of them)\b|\bthe following\b|\bin any (?:form|order)\b|"
    r"\beveryday situation\b|\b(?:beautiful|vivid|perfect|single|simple|complete) (?:scene|picture|image|situation)\b|"
    r"\b(?:create|describe)s? an? (?:\w+ )?(?:scene|picture|image|situation)\b|"
    r"^\W*(?:here (?:is|are)|here's|sure|certainly|of course|answer)\b"
)
"""Speaking of the task instead of doing it, and endings that go with any words."""
LONGEST_IDLE = 11
"""Words in a row that hold no concept: above, most of the sentence could be said of anything."""
MISUSE = 0.3
"""What each concept costs that is there, but as no word of its sort: `a sit`, `to hill`."""
NO_PROSE = re.compile(r"(^|\n)\s*([-*•#>]|\d+[.)])|[{}|<>=_]|\w\s*:\s|\w[\"”’']\s*,\s*[\"“‘']\w")
"""Bullets, code, a heading, words in quotes one after another."""


def gold(prompt: Prompt, completion: Said) -> float:
    """(share of concepts used as people use them) squared x a factor for each fault of the sentence, in [0, 1]."""
    text, roles = _text(completion), dict(prompt.truth)
    said = sentence(text, list(roles))
    misused = {m.concept for m in said.mentions if not m.role or m.role not in roles[m.concept]}
    used = {m.concept for m in said.mentions} - misused
    score = (len(used) / max(1, len(roles))) ** 2 * MISUSE ** len(misused) * _whole(text) * _length(len(said.words))
    for factor in _faults(text, said).values():
        score *= factor
    return score


def kind(prompt: Prompt, completion: Said) -> str:
    """Who does what, and the order of the concepts: `man|hold|man>hold>ball`; tense and adjectives are no matter."""
    said = sentence(_text(completion), list(prompt.truth))
    names = {m.at: m.concept for m in said.mentions}
    verb = _predicate(said)
    heads = range(len(said.words) if verb is None else verb)
    subject = next((names.get(i, _bare(said.words[i])) for i in heads if _head(said.words, i, heads.stop)), "-")
    action = "-" if verb is None else names.get(verb, _stem(said.words[verb]))
    return f"{subject}|{action}|{'>'.join(dict.fromkeys(m.concept for m in said.mentions))}"


def _predicate(said: Sentence) -> int | None:
    """The place of the first verb; behind *is*, *has* or *can*, of the verb that it helps, if that comes soon."""
    verbs = [i for i, tag in enumerate(said.tags) if tag in VERBS]
    helped = (i for i in verbs[1:] if i <= verbs[0] + 2 and said.words[i - 1] not in DETERMINERS)
    return next((i for i in helped if said.words[verbs[0]] in FINITE), verbs[0] if verbs else None)


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return completion
    return "\n".join(m["content"] for m in completion if m["role"] == "assistant")


def _whole(text: str) -> float:
    """1 for one sentence with capital and end mark; less for what lacks them, little for several, 0 for none.

    >>> _whole("A cat sits."), _whole("a cat sits"), round(_whole("A cat sits. It is old."), 2), _whole("A. B. C.")
    (1.0, 0.81, 0.3, 0.05)
    """
    parts = [p for p in re.split(r"(?<=[.!?])[\"'”’)]*\s+|\n+", text.strip()) if re.search(r"\w", p)]
    if not parts:
        return 0.0
    end = 1.0 if re.search(r"[.!?][\"'”’)]*$", text.strip()) else 0.9
    capital = 1.0 if re.match(r"[\"'“‘]?[A-Z]", text.strip()) else 0.9
    return {1: 1.0, 2: 0.3}.get(len(parts), 0.05) * end * capital


def _length(count: int) -> float:
    """1 for 4 to 25 words, falling to 0 at 1 and at 40.

    >>> _length(4), _length(25), _length(1), round(_length(31), 2)
    (1.0, 1.0, 0.0, 0.6)
    """
    return max(0.0, min(1.0, (count - 1) / 3, (40 - count) / 15))


def _faults(text: str, said: Sentence) -> dict[str, float]:
    """Fault -> the factor that it costs, of those that the sentence has."""
    found = said.mentions
    concepts = {m.concept for m in found}
    meta = META - {form for c in concepts for form in forms(c)}
    tests = {
        "about the task": (bool(ABOUT_TASK.search(text.lower()) or meta & set(said.words)), 0.05),
        "no prose": (bool(NO_PROSE.search(text)), 0.1),
        "a list": (_listed(text, found), 0.1),
        "no verb": (not VERBS & set(said.tags), 0.2),
        "crowded": (len(found) > max(3, 0.75 * len(said.words)), 0.2),
        "idle": (_idle(len(said.words), found) > LONGEST_IDLE, 0.5),
        "repeats": (_repeats(said.words, found), 0.3),
        "quotes": (any(re.search(rf"[\"'“‘]{c}\w*[\"'”’]", text.lower()) for c in concepts), 0.2),
    }
    clashes = {f"clash {n}": (True, 0.4) for n in range(_clashes(text))}
    return {name: factor for name, (holds, factor) in (tests | clashes).items() if holds}


def _listed(text: str, found: Sequence[Mention]) -> bool:
    """Whether concepts that are no verbs stand with nothing but a comma between two, or but joints between three.

    >>> said = lambda t, *c: _listed(t, sentence(t, c).mentions)
    >>> said("The hill, kid and slide.", "hill", "kid", "slide"), said("A cat and a dog sit.", "cat", "dog")
    (True, False)
    """
    pieces = re.findall(r"[a-z]+(?:'[a-z]+)?|[,;/&-]", text.lower().replace("’", "'").replace("&", " and "))
    places = [at for at, piece in enumerate(pieces) if piece[0].isalpha()]
    run = 1
    for one, other in pairwise(found):
        gap = set(pieces[places[one.at] + 1 : places[other.at]])
        joined = gap <= JOINTS and "V" not in (one.role, other.role)
        run = run + 1 if joined else 1
        if run > 2 or (joined and gap and gap <= {",", "/", ";"}):
            return True
    return False


def _head(said: Sequence[str], at: int, stop: int) -> bool:
    """Whether a word before the verb ends a noun phrase: a pronoun, or the last content word before a closed one."""
    closed = DETERMINERS | PREPOSITIONS | CONJUNCTIONS | FINITE | {"that", "who", "which", "not", "to"}
    if said[at] in PRONOUNS:
        return True
    after = said[at + 1] if at + 1 < stop else ""
    return said[at] not in closed and (not after or after in closed)


def _bare(word: str) -> str:
    """A noun without plural and possessive.

    >>> _bare("players"), _bare("boy's"), _bare("women")
    ('player', 'boy', 'woman')
    """
    word = re.sub(r"'s?$", "", word)
    return re.sub(r"men$", "man", re.sub(r"(?<=..[^s])s$", "", word))


def _stem(verb: str) -> str:
    """A verb without its commonest endings; the forms of an irregular one, as of `be` and `have`, are one.

    >>> _stem("plays"), _stem("playing"), _stem("was"), _stem("has"), _stem("made")
    ('play', 'play', 'be', 'have', 'mak')
    """
    if verb in BE | HAVE:
        return "be" if verb in BE else "have"
    base = next((base for base, pasts in PASTS.items() if verb in pasts.split()), verb)
    return re.sub(r"(?<=..)(.)\1$", r"\1", re.sub(r"(?<=..)(ing|ed|es|s|e)$", "", base))


def _idle(count: int, found: Sequence[Mention]) -> int:
    """The longest stretch of words without a concept, at the ends or between."""
    places = [-1, *(m.at for m in found), count]
    return max(b - a - 1 for a, b in pairwise(places))


def _repeats(said: Sequence[str], found: Sequence[Mention]) -> bool:
    """Whether a word is doubled, a concept is said three times, or a phrase of three words comes twice."""
    most = max((sum(m.concept == c for m in found) for c in {m.concept for m in found}), default=0)
    triples = list(zip(said, said[1:], said[2:], strict=False))
    return most > 2 or any(a == b for a, b in pairwise(said)) or len(set(triples)) < len(triples)


def _clashes(text: str) -> int:
    """How many neighbours of the closed classes cannot follow each other, or cannot end a sentence.

    >>> _clashes("The dog is the on a."), _clashes("A dog that he owns is on the mat.")
    (2, 0)
    """
    pieces = [*re.findall(r"[a-z]+(?:'[a-z]+)?|[,;]", text.lower().replace("’", "'").replace("&", " and ")), "."]
    return sum(_clash(a, b) for a, b in pairwise(pieces))


def _clash(a: str, b: str) -> bool:
    """Whether b cannot follow a."""
    ends = {".", ",", ";"}
    if a in ARTICLES:
        wrong = (a == "a" and b[0] in "aeio" and not b.startswith("one")) or (a == "an" and b[0] not in "aeiouh")
        closed = ARTICLES | PREPOSITIONS | CONJUNCTIONS | FINITE | PRONOUNS - {"her"} | ends
        return wrong or (b in closed and b not in {"outside", "inside", "can"}) or b in {"to", "not", "it"}
    if a in CORE:
        closed = FINITE | CONJUNCTIONS | SUBJECTS - {"who", "we"} | CORE
        if a in {"in", "on", "by"}:
            closed -= CONJUNCTIONS | CORE
        return b in closed or (b in ends and a in {"of", "from", "into"})
    if a in SUBJECTS - {"who"}:
        return b in ARTICLES | CORE | ends | SUBJECTS
    if a in BE - {"be", "been", "being"}:
        return b in BE - {"being", "been"} | MODALS | {"of"}
    if a in MODALS:
        bare = b in ARTICLES - {"the"} and not a.startswith(("do", "did"))
        return bare or b in FINITE - {"have"} or (b not in FINITE and b.endswith("ing") and len(b) > 5)
    return a in CONJUNCTIONS and b in ends | CONJUNCTIONS | {"of"}
