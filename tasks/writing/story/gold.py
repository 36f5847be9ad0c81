"""Is it a short story in plain English that really uses the three words? The task's own judgement.

Judged by structure, so that a policy with a larger vocabulary is not at a disadvantage: the stricter grammar
of `tags` binds only sentences made wholly of the story world's words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rewardbench.types import Prompt, Said

from .world import ADJECTIVES, CLASSES, NAMES, STAGES

bar = 0.8
"""A completion that reaches it is a proper story with all three words in it."""

NOUNS = frozenset(word for words in CLASSES.values() for word in words)
IRREGULAR = frozenset(
    """was were is are am be had has have did does do said says went goes go came comes come got gets get made makes make
    took takes take saw sees see knew knows know thought thinks found finds find gave gives give told tells tell felt feels
    left leaves became becomes kept keeps held holds stood stands heard hears let lets meant met meets ran runs run paid sat
    sits spoke speaks led leads grew grows lost loses fell falls sent sends built builds understood drew broke breaks spent
    rose rises drove bought buys wore wears chose taught caught fought fights threw flew flies sang sings slept sleeps woke
    hid hides rode rides stole won wins hit hits lit shone bit blew swam began begins brought brings ate eats drank sold
    struck swung crept fled lay lies put set cut shut led lived lives can could will would must might may should shall
    wants loves lives looks needs seems tries knows remembers decides dwelt knelt burst cast hung fed bent dug sought wept
    read wrote spread shook sank swept tore sprang stuck stung slid strode wound fit cost hurt rang bore beat""".split()
)
NOT_VERBS = frozenset("red bed indeed hundred need seed weed speed shed sacred naked wicked named need sled".split())
CLOSED = {
    "D": "the a an", "P": "in near to from of out over behind under with for as into at by", "C": "and but who or",
    "S": "she he they we i", "O": "him them us me", "H": "her", "B": "was were is are had has",
}  # fmt: skip
OPEN = {
    "V": """lived worked walked came left rode found saw gave got bought sold made dreamed wanted jumped chased guarded
    stood took stole heard fought hit won tricked fell shared sang smiled told ran went danced cheered thanked became helped
    feared kept met hid was""",
    "A": "happy safe good kind many lost asleep " + " ".join(word for words in ADJECTIVES.values() for word in words),
    "N": "tree grass woman friend friends stranger wood road way dark hill song bread joke wall people "
    + " ".join(NOUNS),
    "M": " ".join(name.lower() for names in NAMES.values() for name in names),
    "X": "that then suddenly there again long ago home named last never every one everyone find crying secret away on day night years",
}
CLOSED_TAG = {word: tag for tag, words in CLOSED.items() for word in words.split()}
WORLD_TAG = CLOSED_TAG | {word: tag for tag, words in reversed(OPEN.items()) for word in words.split()}
LEGAL = {
    "^": "DMSXPCNAH", "D": "ANX", "A": "ANCEPXMD", "N": "VBPCEX", "M": "VBPCEXD", "V": "DAPMOHEXCNS", "B": "DAPXVN",
    "P": "DMOHXNAP", "C": "DMSVXBAN", "S": "VXBC", "O": "PCEXD", "H": "ANPCEXD", "X": "DAPMOHEXCNSVB",
}  # fmt: skip
"""Which tag may follow which, ^ the start and E the end; X may stand anywhere."""
TWO_OBJECTS = frozenset("told gave sold got sang made bought".split())

INSTRUCTION = re.compile(
    r"\b(use the|use these|the words|write a|write an|keywords?|sentences?|short story|three to five|here is a|here's a)\b", re.I
)
LINKS = frozenset(
    """he she they it him her his their its them then but so suddenly after when finally soon later there everyone
    instead from at that this these those""".split()
)
CHECKED_LINK = 3  # only the opening words of a sentence count as its connective
EVENTS = {
    "find": "found find finds discovered noticed saw spotted uncovered", "get": "got took grabbed bought received gave",
    "go": "went walked came travelled traveled rode left ventured set wandered entered followed journeyed ran",
    "live": "lived lives dwelt was were is", "fight": "fought hit defeated killed struck slew attacked battled",
    "speak": "said told asked spoke replied whispered sang called cried", "help": "helped saved rescued thanked shared",
    "feel": "felt loved feared smiled laughed wept knew wanted dreamed hoped realized decided", "flee": "fled escaped hid",
    "return": "returned", "make": "made built used lit opened created", "become": "became grew learned kept",
}  # fmt: skip
EVENT_OF = {verb: event for event, verbs in EVENTS.items() for verb in verbs.split()}


def split(text: str) -> list[str]:
    """The sentences with their end marks; what is left without one comes last.

    >>> split("She ran. He hid! And then")
    ['She ran.', 'He hid!', 'And then']
    """
    return [s.strip() for s in re.findall(r"[^.!?]+(?:[.!?]+[\"'”’)]*)?", text) if re.search(r"\w", s)]


def words(text: str) -> list[str]:
    """The words in lower case.

    >>> words("The Wolf's key.")
    ['the', "wolf's", 'key']
    """
    return re.findall(r"[a-z]+(?:['’][a-z]+)?", text.lower())


def is_verb(tokens: Sequence[str], i: int) -> bool:
    """Whether word i looks like a finite verb: known, an -ed form, or an -s form that no article precedes."""
    word = tokens[i]
    if word in IRREGULAR or (len(word) > 3 and word.endswith("ed") and word not in NOT_VERBS):
        return i > 0
    after = tokens[i + 1] if i + 1 < len(tokens) else ""
    before = CLOSED_TAG.get(tokens[i - 1], "") if i else "^"
    return len(word) > 3 and word[-1] == "s" and word[-2] != "s" and before not in "^DPB" and after in CLOSED_TAG


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

    >>> lists("The wolf, key and cave.", ["wolf", "key", "cave"]), lists("The wolf hid a key.", ["wolf", "key"])
    (True, False)
    """
    tokens = re.findall(r"[a-z]+|,", sentence.lower())
    found = mentions(tokens, keywords)
    run = 1
    for (i, first), (j, second) in zip(found, found[1:], strict=False):
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
    return all(b in LEGAL[a] or (a + b == "ND" and two_objects) for a, b in zip(line, line[1:], strict=False))


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
        and all(a != b for a, b in zip(tokens, tokens[1:], strict=False))
        and grammatical(tokens)
        and not lists(sentence, keywords)
        and not crowded(tokens, keywords)
        and not runs_on(sentence)
        and not INSTRUCTION.search(sentence)
    )


def frame(sentence: str, keywords: Sequence[str]) -> set[str]:
    """The words of a sentence without its nouns and articles, so that a refilled frame is seen as the same."""
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
    """Share of later sentences, one half forgiven, that take up somebody or something, or connect in words."""
    hits = 0
    known: set[str] = set()
    for i, sentence in enumerate(sentences):
        tokens = words(sentence)
        content = {re.sub(r"['’]?s$", "", w) for w in tokens if len(w) > 2 and w not in CLOSED_TAG and w not in IRREGULAR}
        pronoun = LINKS & set(tokens) & set("he she they it him her his their its them".split())
        hits += i > 0 and bool(pronoun or content & known or LINKS & set(tokens[:CHECKED_LINK]))
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
    """(stage, event) of a sentence of the world; (-1, what its first known verb tells of) of any other.

    >>> event("She ran away from the wolf."), event("Quietly he discovered a key.")
    ((3, 'flee'), (-1, 'find'))
    """
    for stage, name, pattern in frames_of_world():
        if pattern.fullmatch(sentence):
            return stage, name
    return -1, next((EVENT_OF[w] for w in words(sentence) if w in EVENT_OF), "other")


def in_order(sentences: Sequence[str]) -> float:
    """Share of steps forward in the plot among the sentences whose stage is known; 1 if too few are."""
    stages = [stage for stage, _ in map(event, sentences) if stage >= 0]
    steps = list(zip(stages, stages[1:], strict=False))
    return sum(a < b for a, b in steps) / len(steps) if steps else 1.0


def substance(sentences: Sequence[str]) -> float:
    """1 for at least twenty words in which different things happen; less for stubs and for one verb throughout."""
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
    """In [0, 1]: keywords used in well-formed sentences x share of those x what makes them one short story."""
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
