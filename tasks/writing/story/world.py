"""What can happen in the story world? Its cast, its words and its plot in five stages.

A story walks through some of the stages in order; each stage has several events, each event one or more
frames. Slots of a frame: {Name}, {S} (the hero as subject), {her} (the hero as object), {hero} (the hero's
role, with an article), {role}, {p} place, {o} object, {v} villain ({V} at the start of a sentence).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


def listed(text: str) -> tuple[str, ...]:
    """The words of a text parted by spaces.

    >>> listed("wolf key")
    ('wolf', 'key')
    """
    return tuple(text.split())


PLACES = listed(
    """forest castle cave village tower garden desert valley harbor swamp market temple palace meadow canyon
    city"""
)
OBJECTS = listed("lantern map key sword crown ring book rope mirror drum flute bell cloak feather shield candle")
VILLAINS = listed("dragon wolf giant witch troll ghost thief pirate bear goblin snake lion monster wizard")
WOMEN = ("princess", "queen", "girl")
MEN = ("prince", "king", "boy")
ROLES = (*WOMEN, *MEN, "farmer", "knight", "sailor", "baker", "shepherd", "hunter", "painter", "soldier")
CLASSES = {"role": ROLES, "place": PLACES, "object": OBJECTS, "villain": VILLAINS}

NAMES = {"she": ("Mira", "Anna", "Nora", "Lily", "Rosa"), "he": ("Tom", "Ben", "Max", "Leo", "Finn")}
ADJECTIVES = {
    "role": ("young", "brave", "kind", "poor", "clever", "lonely"),
    "place": ("dark", "quiet", "old", "cold", "green", "lonely"),
    "object": ("golden", "silver", "magic", "old", "broken", "strange"),
    "villain": ("hungry", "angry", "lonely", "huge", "sly", "strange"),
}

STAGES: tuple[dict[str, tuple[str, ...]], ...] = (
    {
        "live": ("{Name} was {hero} who lived in {p}.", "{Hero} named {Name} lived near {p}."),
        "work": ("{Name} worked in {p} as {hero}.", "Long ago {hero} named {Name} worked in {p}."),
        "walk": ("One day {hero} named {Name} walked to {p}.", "{Name} the {role} came to {p}."),
        "lost": ("{Name} the {role} was lost in {p}.", "One night {hero} named {Name} got lost in {p}."),
        "sail": ("{Name} the {role} left home and rode to {p}.", "{Hero} named {Name} rode to {p}."),
    },
    {
        "find": ("{S} found {o} under a tree.", "{S} saw {o} in the grass."),
        "gift": ("A kind old woman gave {her} {o}.", "{S} got {o} from a friend."),
        "buy": ("{S} bought {o} from a stranger.", "A stranger sold {her} {o}."),
        "make": ("{S} made {o} in secret.", "{S} made {o} from wood."),
        "dream": ("{S} dreamed of {o} every night.", "{S} wanted to find {o}."),
    },
    {
        "attack": ("Suddenly {v} jumped out of the dark.", "Then {v} chased {her} over the hill."),
        "guard": ("{V} guarded the road.", "But {v} stood in the way."),
        "steal": ("That night {v} took {o}.", "{V} came and stole {o}."),
        "weep": ("Then {S} heard {v} crying.", "{V} was crying near the road."),
        "meet": ("There {S} met {v}.", "Then {S} saw {v} behind a tree."),
    },
    {
        "fight": ("{S} fought {v} with {o}.", "{S} hit {v} and won."),
        "trick": ("{S} tricked {v} with {o}.", "{S} hid and {v} fell asleep."),
        "give": ("{S} gave {o} to {v}.", "{S} shared bread with {v}."),
        "sing": ("{S} sang a song and {v} smiled.", "{S} told {v} a joke."),
        "flee": ("{S} ran away from {v}.", "{S} jumped over a wall and ran."),
    },
    {
        "home": ("{S} went home with {o}.", "At last {S} came home again."),
        "feast": ("Everyone danced in {p} that night.", "The people cheered and thanked {her}."),
        "friends": ("{S} and {v} became good friends.", "From then on {v} helped {her}."),
        "safe": ("At last {p} was safe again.", "{S} never feared {v} again."),
        "keep": ("{S} kept {o} for many years.", "{S} lived in {p} and was happy."),
    },
)
"""Stage -> event -> frames: opening, call, trouble, deed, ending."""

PLANS = ((0, 2, 4), (0, 1, 4), (0, 1, 2, 4), (0, 2, 3, 4), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4))
HARSH = frozenset({"fight", "trick", "flee"})
"""Deeds after which nobody becomes friends."""

# English beyond the world, for judging what a larger vocabulary writes.
VERBS = listed(
    """was were is are am be had has have did does do said says went goes go came comes come got gets get
    made makes make took takes take saw sees see knew knows know thought thinks found finds find gave
    gives give told tells tell felt feels left leaves became becomes kept keeps held holds stood stands
    heard hears let lets meant met meets ran runs run paid sat sits spoke speaks led leads grew grows
    lost loses fell falls sent sends built builds understood drew broke breaks spent rose rises drove
    bought buys wore wears chose taught caught fought fights threw flew flies sang sings slept sleeps
    woke hid hides rode rides stole won wins hit hits lit shone bit blew swam began begins brought
    brings ate eats drank sold struck swung crept fled lay lies put set cut shut led lived lives can
    could will would must might may should shall wants loves lives looks needs seems tries knows
    remembers decides dwelt knelt burst cast hung fed bent dug sought wept read wrote spread shook sank
    swept tore sprang stuck stung slid strode wound fit cost hurt rang bore beat"""
)
"""Finite forms that no ending gives away."""
NOT_VERBS = listed("red bed indeed hundred need seed weed speed shed sacred naked wicked named need sled")
CLOSED = {
    "D": listed("the a an"),
    "P": listed("near to from of with into at"),
    "Q": listed("in out over behind under by"),
    "C": listed("and but who or"),
    "S": listed("she he they we i"),
    "O": listed("him them us me"),
    "H": listed("her"),
    "B": listed("was were is are had has"),
}
"""Determiners, prepositions (Q may end a sentence), conjunctions, subjects, objects, `her`, auxiliaries."""
OPEN = {
    "V": listed(
        """lived worked walked came left rode found saw gave got bought sold made dreamed wanted jumped
        chased guarded stood took stole heard fought hit won tricked fell shared sang smiled told ran
        went danced cheered thanked became helped feared kept met hid was"""
    ),
    "A": (*listed("happy safe good kind many lost asleep"), *(w for ws in ADJECTIVES.values() for w in ws)),
    "N": (
        *listed(
            """tree grass woman friend friends stranger wood road way dark hill song bread joke wall people
            secret"""
        ),
        *(word for words in CLASSES.values() for word in words),
    ),
    "M": tuple(name.lower() for names in NAMES.values() for name in names),
    "X": listed(
        """that then suddenly there again long ago home named last never every one everyone find crying away
        on day night years as for"""
    ),
}
"""The world's own verbs, adjectives, nouns and names; X is what may stand anywhere."""
LINKS = listed(
    """he she they it him her his their its them then but so suddenly after when finally soon later there
    everyone instead from at that this these those"""
)
EVENTS = {
    "meet": listed("met encountered faced"),
    "find": listed("found find finds discovered noticed saw spotted uncovered"),
    "get": listed("got took grabbed bought received gave"),
    "go": listed("went walked came travelled traveled rode left ventured set wandered entered followed journeyed ran"),
    "live": listed("lived lives dwelt was were is"),
    "fight": listed("fought hit defeated killed struck slew attacked battled"),
    "speak": listed("said told asked spoke replied whispered sang called cried"),
    "help": listed("helped saved rescued thanked shared"),
    "feel": listed("felt loved feared smiled laughed wept knew wanted dreamed hoped realized decided"),
    "flee": listed("fled escaped hid"),
    "return": listed("returned"),
    "make": listed("made built used lit opened created"),
    "become": listed("became grew learned kept"),
}
"""What verbs tell of, coarsely."""


@dataclass(frozen=True)
class Cast:
    """Who and what a story is about."""

    name: str
    she: bool
    role: str
    place: str
    object: str
    villain: str


def cast_of(keywords: Sequence[str], rng: Random) -> Cast:
    """A cast that contains the keywords; what they leave open is drawn.

    >>> cast_of(["queen", "cave", "rope"], Random(0)).role
    'queen'
    """
    chosen = {kind: next((k for k in keywords if k in words), None) for kind, words in CLASSES.items()}
    drawn = {kind: chosen[kind] or rng.choice(words) for kind, words in CLASSES.items()}
    she = drawn["role"] in WOMEN or (drawn["role"] not in MEN and rng.random() < 0.5)
    return Cast(name=rng.choice(NAMES["she" if she else "he"]), she=she, **drawn)


def article(words: str) -> str:
    """The words with `a` or `an` before them.

    >>> article("old map"), article("key")
    ('an old map', 'a key')
    """
    return ("an " if words[0] in "aeiou" else "a ") + words


def described(kind: str, noun: str, rng: Random) -> str:
    """The noun, more often than not with an adjective that suits its kind."""
    return f"{rng.choice(ADJECTIVES[kind])} {noun}" if rng.random() < 0.55 else noun


def subject(cast: Cast, rng: Random) -> str:
    """The hero as a subject, as a sentence would start: a pronoun, the name or the role."""
    return rng.choices(("She" if cast.she else "He", cast.name, f"The {cast.role}"), (0.5, 0.3, 0.2))[0]


def fill(frame: str, cast: Cast, seen: set[str], rng: Random) -> str:
    """The frame as a sentence; `seen` remembers who is known already and takes `the`."""

    def noun(kind: str) -> str:
        word = getattr(cast, kind)
        known = word in seen
        seen.add(word)
        if known:
            return f"the {word}"
        return f"the {described(kind, word, rng)}" if kind == "place" else article(described(kind, word, rng))

    def slot(match: re.Match[str]) -> str:
        key, start = match[1], match.start() == 0
        if key in ("Name", "S"):
            hero = cast.name if key == "Name" else subject(cast, rng)
            return hero if start or hero == cast.name else hero[0].lower() + hero[1:]
        if key == "her":
            return "her" if cast.she else "him"
        if key == "role":
            seen.add(cast.role)
            return cast.role
        text = noun({"p": "place", "o": "object", "v": "villain", "h": "role"}[key[0].lower()])
        return text[0].upper() + text[1:] if start else text

    return re.sub(r"\{(\w+)\}", slot, frame)


def plot(rng: Random) -> list[tuple[int, str]]:
    """(stage, event) of a story in order of cause: friends only after a friendly deed."""
    events = [(stage, rng.choice(list(STAGES[stage]))) for stage in rng.choice(PLANS)]
    told = {event for _, event in events}
    unlikely = "friends" in told and (told & HARSH or all(stage not in (2, 3) for stage, _ in events))
    gone = "steal" in told and (told & {"give", "dream"} or ("keep" in told and not told & HARSH))
    return plot(rng) if unlikely or gone else events


def tell(events: Sequence[tuple[int, str]], cast: Cast, rng: Random) -> list[str]:
    """One sentence for each event."""
    seen: set[str] = set()
    return [fill(rng.choice(STAGES[stage][event]), cast, seen, rng) for stage, event in events]


def pieces(text: str) -> int:
    """How many words and marks the text has; what a word-level tokenizer counts.

    >>> pieces("She ran away.")
    4
    """
    return len(re.findall(r"[A-Za-z]+|\d|[^\sA-Za-z\d]", text))


def story(keywords: Sequence[str], rng: Random, longest: int = 52) -> list[str]:
    """The sentences of a story with all keywords in it, at most `longest` words and marks long.

    >>> len(story(["queen", "cave", "rope"], Random(1))) in (3, 4, 5)
    True
    """
    while True:
        sentences = tell(plot(rng), cast_of(keywords, rng), rng)
        told = set(re.findall(r"\w+", " ".join(sentences)))
        if told.issuperset(keywords) and pieces(" ".join(sentences)) <= longest:
            return sentences


def vocabulary() -> set[str]:
    """Every word that a story can hold, in the case in which it stands.

    >>> {"Mira", "lantern", "was"} <= vocabulary()
    True
    """
    plain = (re.sub(r"\{\w+\}", " ", f) for stage in STAGES for frames in stage.values() for f in frames)
    classes = (*CLASSES.values(), *NAMES.values(), *ADJECTIVES.values())
    pronouns = listed("She He she he her him The the A An a an")
    written = {word for frame in plain for word in re.findall(r"\w+", frame)}
    return written | {word for words in classes for word in words} | set(pronouns)
