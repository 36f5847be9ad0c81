"""Is it a short story in plain English that really uses the three words? The task's own judgement.

Judged by structure, so that a policy with a larger vocabulary is not at a disadvantage: the stricter grammar
of `tags` binds only sentences made wholly of the story world's words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from rewardbench.types import Prompt, Said

from .world import CLASSES, CLOSED, EVENTS, LINKS, NAMES, NOT_VERBS, OPEN, STAGES, VERBS, listed

bar = 0.8
"""A completion that reaches it is a proper story with all three words in it."""

NOUNS = frozenset(word for words in CLASSES.values() for word in words)
CLOSED_TAG = {word: tag for tag, words in CLOSED.items() for word in words}
WORLD_TAG = CLOSED_TAG | {word: tag for tag, words in reversed(OPEN.items()) for word in words}
LEGAL = {
    "^": "DMSXPCNAHQB",
    "D": "ANX",
    "A": "ANCEPXMDQ",
    "N": "VBPCEXQ",
    "M": "VBPCEXDQ",
    "V": "DAPMOHEXCNSQ",
    "B": "DAPXVNQHSE",
    "P": "DMOHXNAPQ",
    "C": "DMSVXBANPQHO",
    "S": "VXBC",
    "O": "PCEXDQASH",
    "H": "ANPCEXDQS",
    "X": "DAPMOHEXCNSVBQ",
    "Q": "DMOHXNAPQEC",
}
"""Which tag may follow which, ^ the start and E the end; X may stand anywhere."""
TWO_OBJECTS = frozenset(listed("told gave sold got sang made bought"))

PLURAL = frozenset(listed("they we you i"))
PRONOUNS = frozenset(listed("he she they it him her his their its them"))
INSTRUCTION = re.compile(
    r"\b(the words|write an?|keywords?|sentences?|short story|three to five|^here.{1,2}s a)\b",
    re.I,
)
EVENT_OF = {verb: event for event, verbs in EVENTS.items() for verb in verbs}


def split(text: str) -> list[str]:
    """The sentences with their end marks; what is left without one comes last; `"Who?" he asked.` is one.

    >>> split("She ran. He hid! And then")
    ['She ran.', 'He hid!', 'And then']
    """
    whole: list[str] = []
    for piece in re.findall(r"[^.!?]+(?:[.!?]+[\"'”’)]*)?", text):
        if whole and whole[-1][-1] in "\"'”’" and piece.strip()[:1].islower():
            whole[-1] += piece
        elif re.search(r"\w", piece):
            whole.append(piece.strip())
    return whole


def words(text: str) -> list[str]:
    """The words in lower case.

    >>> words("The Wolf's key.")
    ['the', "wolf's", 'key']
    """
    return re.findall(r"[a-z]+(?:['’][a-z]+)?", text.lower())


def is_verb(tokens: Sequence[str], i: int) -> bool:
    """Whether word i looks like a finite verb: known, after `they`, an -ed form, an -s form."""
    word, before, after = tokens[i], tokens[i - 1] if i else "", tokens[i + 1] if i + 1 < len(tokens) else ""
    if word in VERBS or (len(word) > 3 and word.endswith("ed") and word not in NOT_VERBS):
        return i > 0
    if before in PLURAL:
        return word not in CLOSED_TAG
    after_noun = i > 0 and CLOSED_TAG.get(before, "X") in "XNS"
    return after_noun and re.fullmatch(r"\w+[^s]s", word) is not None and (after in CLOSED_TAG or i > 1)


@lru_cache(maxsize=1 << 16)
def same(word: str, keyword: str) -> bool:
    """Whether the word is a form of the keyword: singular, plural, possessive."""
    stem = re.sub(r"['’]s$", "", word)
    plural = (keyword + "s", keyword + "es", keyword[:-1] + "ies", keyword[:-1] + "ves")
    return stem == keyword or stem in plural


def mentions(tokens: Sequence[str], keywords: Sequence[str]) -> list[tuple[int, str]]:
    """(position, keyword) of every form of a keyword."""
    return [(i, k) for i, word in enumerate(tokens) for k in keywords if same(word, k)]


def lists(sentence: str, keywords: Sequence[str]) -> bool:
    """Whether the keywords are strung together rather than told of.

    >>> lists("The wolf, key and cave.", ["wolf", "key", "cave"]), lists("A wolf hid a key.", ["wolf", "key"])
    (True, False)
    """
    tokens = re.findall(r"[a-z]+|,", sentence.lower())
    found = mentions(tokens, keywords)
    run = 1
    for (i, first), (j, second) in pairwise(found):
        between = set(tokens[i + 1 : j])
        joined = between <= {",", "and", "or", "the", "a", "an", "with", "of"}
        run = run + 1 if joined else 1
        bare = not between & {"the", "a", "an", "and", "or", "with", "of"}
        if joined and (run > 2 or first == second or bare):
            return True
    return False


def tags(tokens: Sequence[str]) -> str:
    """One letter a word: parts of speech if all words are of the story world, else only the closed classes.

    >>> tags(["the", "wolf", "ran"]), tags(["the", "astronaut", "ran"])
    ('DNV', 'DXX')
    """
    table = WORLD_TAG if all(word in WORLD_TAG for word in tokens) else CLOSED_TAG
    return "".join(table.get(word, "X") for word in tokens)


def grammatical(tokens: Sequence[str]) -> bool:
    """Whether no two neighbours clash, such as an article before a verb or a preposition at the end.

    >>> grammatical(["the", "wolf", "ran"]), grammatical(["the", "ran", "wolf"])
    (True, False)
    """
    line = "^" + tags(tokens) + "E"
    two_objects = bool(TWO_OBJECTS & set(tokens))
    return all(b in LEGAL[a] or (a + b == "ND" and two_objects) for a, b in pairwise(line))


def crowded(tokens: Sequence[str], keywords: Sequence[str]) -> bool:
    """Whether the keywords take up more of the sentence than telling needs."""
    found = [k for _, k in mentions(tokens, keywords)]
    return len(found) > max(1, 0.4 * len(tokens)) or any(found.count(k) > 2 for k in found)


def runs_on(sentence: str) -> bool:
    """Whether a second sentence starts inside it without a full stop before."""
    return bool(re.search(r"[a-z,]\s+(The|A|An|She|He|Then|But|Suddenly|One|At|In|There|They|It)\b", sentence))


def well_formed(sentence: str, keywords: Sequence[str]) -> bool:
    """Whether it reads as one sentence of ordinary English.

    >>> well_formed("The wolf hid in a cave.", ["wolf"]), well_formed("the wolf wolf cave", ["wolf"])
    (True, False)
    """
    tokens = words(sentence)
    return (
        3 <= len(tokens) <= 25
        and bool(re.match(r"[\"'“‘]?[A-Z]", sentence))
        and bool(re.search(r"[.!?][\"'”’)]*$", sentence))
        and any(is_verb(tokens, i) for i in range(len(tokens)))
        and all(a != b for a, b in pairwise(tokens))
        and grammatical(tokens)
        and not lists(sentence, keywords)
        and not crowded(tokens, keywords)
        and not runs_on(sentence)
        and not INSTRUCTION.search(sentence)
    )


def frame(sentence: str, keywords: Sequence[str]) -> set[str]:
    """The words of a sentence without its nouns and articles, so that a refilled frame looks the same."""
    skip = NOUNS | {"the", "a", "an"} | {n.lower() for names in NAMES.values() for n in names}
    return {"#" if any(same(w, k) for k in keywords) else w for w in words(sentence) if w not in skip}


def fresh(sentences: Sequence[str], keywords: Sequence[str]) -> float:
    """Share of sentences that do not repeat an earlier one, nor its frame with other nouns.

    >>> fresh(["The wolf hid in a cave.", "The bear hid in a tower."], [])
    0.5
    """
    frames = [frame(s, keywords) for s in sentences]
    alike = [any(len(f & g) >= 0.7 * max(1, len(f | g)) for g in frames[:i]) for i, f in enumerate(frames)]
    return 1 - sum(alike) / max(1, len(alike))


def linked(sentences: Sequence[str]) -> float:
    """Share of later sentences, one half forgiven, that take up somebody or something or connect."""
    hits = 0
    known: set[str] = set()
    for i, sentence in enumerate(sentences):
        tokens = words(sentence)
        content = {re.sub(r"['’]?s$", "", w) for w in tokens if len(w) > 2 and w not in CLOSED_TAG and w not in VERBS}
        pronoun = PRONOUNS & set(tokens)
        hits += i > 0 and bool(pronoun or content & known or set(LINKS) & set(tokens[:3]))
        known |= content
    return min(1.0, (hits + 0.6) / max(1, len(sentences) - 1))


@lru_cache(maxsize=1)
def frames_of_world() -> tuple[tuple[int, str, re.Pattern[str]], ...]:
    """(stage, event, pattern) of every frame."""
    some = r"(?:a|an|the)(?: \w+){1,2}"
    slots = {"Name": r"\w+", "S": r"(?:the )?\w+", "her": r"\w+", "role": r"\w+"}

    def pattern(text: str) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\\{(\w+)\\\}", lambda m: slots.get(m[1], some), re.escape(text)), re.I)

    return tuple((i, e, pattern(t)) for i, stage in enumerate(STAGES) for e, ts in stage.items() for t in ts)


@lru_cache(maxsize=4096)
def event(sentence: str) -> tuple[int, str]:
    """(stage, event) of a sentence of the world; (-1, what its verb tells of) of any other.

    >>> event("She ran away from the wolf."), event("Quietly he discovered a key.")
    ((3, 'flee'), (-1, 'find'))
    """
    for stage, name, pattern in frames_of_world():
        if pattern.fullmatch(sentence):
            return stage, name
    tokens = words(sentence)
    known = next((EVENT_OF[w] for w in tokens if w in EVENT_OF), "")
    verb = next((w for i, w in enumerate(tokens) if is_verb(tokens, i) and w not in CLOSED_TAG), "other")
    return -1, known or verb


def in_order(sentences: Sequence[str]) -> float:
    """Share of steps forward in the plot among the sentences whose stage is known; 1 if too few are."""
    stages = [stage for stage, _ in map(event, sentences) if stage >= 0]
    steps = list(pairwise(stages))
    return sum(a < b for a, b in steps) / len(steps) if steps else 1.0


def substance(sentences: Sequence[str]) -> float:
    """1 for at least twenty words with different verbs; less for stubs and for one verb throughout."""
    tokens = [words(s) for s in sentences]
    deeds = {next((t[i] for i in range(len(t)) if is_verb(t, i)), "") for t in tokens}
    varied = min(1.0, len(deeds - {""}) / (0.6 * max(1, len(tokens))))
    return min(1.0, sum(map(len, tokens)) / 20) * (0.4 + 0.6 * varied)


def restraint(text: str, keywords: Sequence[str]) -> float:
    """1 while the keywords are used as often as a story needs, falling to 0 where they are the text."""
    tokens = words(text)
    found = [k for _, k in mentions(tokens, keywords)]
    share = len(found) / max(1, len(tokens))
    most = max((found.count(k) for k in found), default=0)
    return max(0.0, min(1.0, 1 - (share - 0.3) / 0.15)) * 0.75 ** max(0, most - 4)


def gold(prompt: Prompt, completion: Said) -> float:
    """In [0, 1]: keywords used in well-formed sentences x share of those x what makes one story."""
    text, keywords = str(completion), list(prompt.truth)
    sentences = split(text)
    good = [s for s in sentences if well_formed(s, keywords)]
    if not good:
        return 0.0
    used = {k for s in good for _, k in mentions(words(s), keywords)}
    number = {1: 0.15, 2: 0.5, 3: 1.0, 4: 1.0, 5: 1.0, 6: 0.6, 7: 0.35}.get(len(sentences), 0.1)
    whole = 1.0 if re.search(r"[.!?][\"'”’)]*\s*$", text) else 0.8
    plain = 0.3 if re.search(r"(^|\n)\s*([-*•#]|\d+[.)])", text) else 1.0
    asked = 0.3 if INSTRUCTION.search(text) else 1.0
    story = (0.5 + 0.5 * linked(sentences)) * (0.5 + 0.5 * in_order(sentences)) * substance(sentences)
    repeated = fresh(sentences, keywords) ** 2
    share = len(good) / len(sentences)
    score = len(used) / len(set(keywords)) * share * number * whole * plain * asked * story * repeated
    return score * restraint(text, keywords)


def kind(prompt: Prompt, completion: Said) -> str:
    """The story's hero, place and events in order, as `queen|cave|live>attack>home`."""
    text = str(completion)
    tokens = words(text)
    hero = next((w for w in tokens if w in CLASSES["role"]), "-")
    near = re.search(r"\b(?:in|into|to|through|near|at|inside)\s+(?:the|a|an)\s+([a-z]+)", text.lower())
    place = next((w for w in tokens if w in CLASSES["place"]), near[1] if near else "-")
    return f"{hero}|{place}|{'>'.join(name for _, name in map(event, split(text)))}"
