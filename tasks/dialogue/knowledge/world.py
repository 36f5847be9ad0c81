"""What do people say about a topic? Conversations read, words counted, and which words a context calls for."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import fsum, log, sqrt
from typing import Any

from rewardbench import data
from rewardbench.seeds import split_of, stream
from rewardbench.types import UserError

from .speech import Speech, heard, learn, plausible

__all__ = ["heard", "plausible"]

PLACES = ("dialogue/topical_chat/valid_freq.json", "dialogue/topical_chat/test_freq.json")
"""The file whose articles are divided into train and dev, and the file that is test."""
TURNS = 2
CONTEXT = 5
"""Messages of the recorded conversation that a prompt shows."""
CLOSING = 2
"""Messages at the end of a conversation that are never asked for: people say goodbye."""
LONGEST = 150
"""Words of a context above which a place is not asked for."""
RECENT = (1.0, 0.8, 0.6, 0.5, 0.4)
"""What a word of the last message counts, of the one before, and so on."""
PASSAGES, A_CONVERSATION, SUPPORT = 80, 2, 2
"""Nearest passages read, at most so many of one conversation; conversations that must share a word."""
COMMON = 0.4
"""Share of the conversations above which a word finds no passages."""
AROUND, SAID = 0.2, 0.1
"""What the passages' words and the context's own weigh in the mixture; the rest is how people talk in general."""
LISTED, LEAST = 250, 0.05
"""Words kept of a context, and the lift under which none is."""
REST = round(log(1 - AROUND - SAID), 2)
"""The lift of a word that is not listed."""

ELSEWHERE = 60
"""Other contexts that a message is held against."""

TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
FIT_ANYWHERE = """
    a an the this that these those some any each every no none other another such same own both all most more less much
    many few several one ones i me my mine myself you your yours yourself he him his she her hers it its itself we us
    our ours they them their theirs who whom whose which what when where why how am is are was were be been being do
    does did doing done have has had having can could will would shall should may might must ought and or but nor so if
    then than because as while although though unless until since of in on at by for with about against between into
    through during before after above below to from up down out off over under again further once here there also too
    very just only even still yet ever never always often sometimes maybe perhaps quite rather really actually not yes
    yeah yep yup nope ok okay oh ah wow haha lol hi hello hey well sure right please thanks thank sorry bye goodbye im
    dont didnt thats ive cant think thought know knew known guess believe mean say said says tell told talk talking hear
    heard see saw seen look looks like liked likes love loved enjoy want wanted wants need go goes going went gone get
    gets got getting make makes made take takes took come comes came give gave use used find found feel wonder agree
    thing things something anything nothing everything someone anyone everyone people lot lots bit kind sort way time
    times day year years today now ago back long new good great nice cool interesting amazing crazy funny pretty big
    little better best bad probably definitely especially around away via etc per else whether either neither enough
    almost already first last two three
"""
ASIDE = frozenset(FIT_ANYWHERE.split())
"""Words that fit any topic: grammar, and what chats are full of."""


@dataclass(frozen=True)
class Chat:
    """One recorded conversation; its speakers take turns."""

    article: str
    """The article that both had read: what decides the split."""
    messages: tuple[str, ...]
    ratings: tuple[str, ...]
    """How the partner rated each message; empty where it was not rated."""


@dataclass(frozen=True)
class Index:
    """What the train conversations say together: how rare words are, and in which passages they stand."""

    rarity: Mapping[str, float]
    """Stem -> ln(conversations / conversations that have it)."""
    share: Mapping[str, float]
    """Stem -> its share of all the passages' words."""
    passages: tuple[frozenset[str], ...]
    """Stems of every three neighbouring messages that stand in two conversations or more."""
    owner: tuple[int, ...]
    """The conversation of each passage, in the order of the train conversations."""
    length: tuple[float, ...]
    holders: Mapping[str, Sequence[int]]
    """Stem -> the passages that have it."""


@dataclass(frozen=True)
class Background:
    """What gold knows beside the prompt: how people speak, and what some other contexts call for."""

    speech: Speech
    elsewhere: Sequence[Mapping[str, float]]


def words(text: str) -> list[str]:
    """The words in small letters, apostrophes straight.

    >>> words("It’s 11 minutes, NFL-wise!")
    ["it's", '11', 'minutes', 'nfl', 'wise']
    """
    return TOKEN.findall(text.lower().replace("’", "'"))


def stem(word: str) -> str:
    """The word without possessive and plural s.

    >>> [stem(w) for w in ("players", "stories", "team's", "class", "tennis")]
    ['player', 'story', 'team', 'class', 'tennis']
    """
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def aside(word: str) -> bool:
    """Whether a word says nothing of a topic.

    >>> [w for w in words("I don't think that he's a kicker.") if not aside(w)]
    ['kicker']
    """
    return len(word) < 2 or word in ASIDE or word.partition("'")[0] in ASIDE or word.endswith("n't")


def content(text: str) -> list[str]:
    """The stems of the words that say something of a topic, in order.

    >>> content("I think that the players wear chips.")
    ['player', 'wear', 'chip']
    """
    return [stem(word) for word in words(text) if not aside(word)]


def read(text: str, place: str) -> list[Chat]:
    """The conversations of a file in Topical-Chat's layout; a damaged one is named (code 5).

    >>> row = {"article_url": "a", "content": [{"agent": "agent_1", "message": " Hi ", "turn_rating": "Good"}]}
    >>> read(json.dumps({"t1": row}), "x")
    [Chat(article='a', messages=('Hi',), ratings=('Good',))]
    """
    try:
        rows = json.loads(text)
        named = [*rows.items()]
    except (ValueError, AttributeError) as error:
        raise UserError(f"dialogue/knowledge: {place} is no JSON object of conversations", 5) from error
    return [_chat(row, f"{place}, conversation {name!r},") for name, row in named]


def _chat(row: Any, where: str) -> Chat:
    """One conversation of a file."""
    try:
        said = [(m["agent"], " ".join(m["message"].split()), str(m.get("turn_rating", ""))) for m in row["content"]]
        article = row["article_url"]
    except (KeyError, TypeError, AttributeError):
        said, article = [], ""
    if not isinstance(article, str) or not article or not said:
        raise UserError(f'dialogue/knowledge: {where} lacks "article_url" or "content" with "agent" and "message"', 5)
    if any(a[0] == b[0] for a, b in pairwise(said)):
        raise UserError(f"dialogue/knowledge: {where} has two messages of one speaker in a row", 5)
    return Chat(article, tuple(s[1] for s in said), tuple(s[2] for s in said))


def chats(split: str) -> Sequence[Chat]:
    """The conversations of a split: no article of one split stands in another."""
    return _split(*(str(data.file(__file__, place)) for place in PLACES)).get(split, ())


@lru_cache(maxsize=2)
def _split(*paths: str) -> dict[str, tuple[Chat, ...]]:
    """Split -> conversations: the second file is test, the first divided by article; an article of test is left out."""
    first, second = (read(data.text(__file__, place), place) for place in PLACES)
    tested = {chat.article for chat in second}
    found: dict[str, list[Chat]] = {"train": [], "dev": [], "test": list(second)}
    for chat in first:
        if chat.article not in tested:
            found["dev" if split_of(f"dialogue/knowledge {chat.article}") == "dev" else "train"].append(chat)
    return {split: tuple(some) for split, some in found.items()}


def index() -> Index:
    """The index of the train conversations, made once."""
    return _indexed(tuple(chats("train")))


@lru_cache(maxsize=2)
def _indexed(train: tuple[Chat, ...]) -> Index:
    """Counts of the conversations."""
    said = [[content(message) for message in chat.messages] for chat in train]
    spread = Counter(word for chat in said for word in {w for message in chat for w in message})
    rarity = {word: log(len(train) / count) for word, count in spread.items()}
    passages, owner = [], []
    for number, chat in enumerate(said):
        for three in zip(chat, chat[1:], chat[2:], strict=False):
            passages.append(frozenset(w for message in three for w in message if spread[w] > 1))
            owner.append(number)
    counted = Counter(word for passage in passages for word in passage)
    holders: dict[str, list[int]] = defaultdict(list)
    for number, passage in enumerate(passages):
        for word in passage:
            holders[word].append(number)
    length = tuple(sqrt(fsum(rarity[w] ** 2 for w in passage)) or 1.0 for passage in passages)
    share = {word: (count + 0.5) / counted.total() for word, count in counted.items()}
    return Index(rarity, share, tuple(passages), tuple(owner), length, holders)


def background(truth: Mapping[str, Any]) -> Background:
    """That of the train conversations; made-up prompts bring their own: `speech`, sentences, and `elsewhere`, lifts."""
    if "speech" in truth:
        return Background(_learnt(tuple(truth["speech"])), truth.get("elsewhere", ()))
    return _background(*(str(data.file(__file__, place)) for place in PLACES))


@lru_cache(maxsize=2)
def _background(*paths: str) -> Background:
    """The background of the train conversations in two files."""
    return around(_split(*paths)["train"])


def around(train: Sequence[Chat]) -> Background:
    """How all messages put words, and the lifts of contexts drawn from all, each without its own conversation."""
    known, rng = _indexed(tuple(train)), stream("dialogue/knowledge/elsewhere")
    places = [(n, i) for n, chat in enumerate(train) for i in range(CONTEXT, len(chat.messages) - CLOSING)]
    drawn = rng.sample(places, min(ELSEWHERE, len(places)))
    lifts = [called_for(train[n].messages[i - CONTEXT : i], known, n) for n, i in drawn]
    return Background(_learnt(tuple(message for chat in train for message in chat.messages)), lifts)


@lru_cache(maxsize=8)
def _learnt(messages: tuple[str, ...]) -> Speech:
    """The counts of some messages, made once."""
    return learn(messages)


def called_for(context: Sequence[str], known: Index, without: int = -1) -> dict[str, float]:
    """Stem -> lift: how much likelier (in nats) a word is after this context than in these conversations at large.

    A mixture of the words of the passages nearest to the context, the context's own and all words, over all words.
    The passages of the conversation `without` are not read: a prompt of train must not know how it went on.
    """
    asked = _asked(context)
    found, holders = _around(asked, known, without)
    around, said = fsum(found.values()) or 1.0, fsum(asked.values()) or 1.0  # exact: sets have no order
    unseen = 0.5 / max(1, len(known.passages))
    lifts = {}
    for word in {*asked, *(w for w in found if holders[w] >= SUPPORT)}:
        mixed = AROUND * found.get(word, 0.0) / around + SAID * asked.get(word, 0.0) / said
        lifts[word] = round(log(1 - AROUND - SAID + mixed / known.share.get(word, unseen)), 2)
    best = sorted((word for word in lifts if lifts[word] >= LEAST), key=lambda word: (-lifts[word], word))
    return {word: lifts[word] for word in best[:LISTED]}


def _asked(context: Sequence[str]) -> dict[str, float]:
    """Stem -> how recently it was said.

    >>> _asked(["A chip.", "The ball."])
    {'ball': 1.0, 'chip': 0.8}
    """
    asked: dict[str, float] = {}
    for message, weight in zip(reversed(context), RECENT, strict=False):
        for word in content(message):
            asked.setdefault(word, weight)
    return asked


def _around(asked: Mapping[str, float], known: Index, without: int) -> tuple[Counter[str], Counter[str]]:
    """Words of the passages nearest to the context, by nearness, and in how many conversations each stands."""
    near: Counter[int] = Counter()
    rare = -log(COMMON)
    for word, weight in asked.items():
        if known.rarity.get(word, 0.0) > rare:
            for number in known.holders.get(word, ()):
                near[number] += weight * known.rarity[word] ** 2  # type: ignore[assignment]
    ranked = sorted((-score / known.length[n], n) for n, score in near.items() if known.owner[n] != without)
    found: Counter[str] = Counter()
    owners: dict[str, set[int]] = defaultdict(set)
    for score, number in _spread(ranked, known.owner):
        for word in known.passages[number]:
            found[word] -= score  # type: ignore[assignment]
            owners[word].add(known.owner[number])
    return found, Counter({word: len(some) for word, some in owners.items()})


def _spread(ranked: Iterable[tuple[float, int]], owner: Sequence[int]) -> list[tuple[float, int]]:
    """The first passages, few of each conversation.

    >>> _spread([(-3.0, 0), (-2.0, 1), (-1.5, 2), (-1.0, 3)], [7, 7, 7, 8])
    [(-3.0, 0), (-2.0, 1), (-1.0, 3)]
    """
    taken: list[tuple[float, int]] = []
    per: Counter[int] = Counter()
    for score, number in ranked:
        if per[owner[number]] < A_CONVERSATION:
            per[owner[number]] += 1
            taken.append((score, number))
        if len(taken) == PASSAGES:
            break
    return taken


def telling(lifts: Mapping[str, float], text: str, old: Iterable[str] = ()) -> str:
    """The word of a text, as it stands there, that the context calls for most, rather a new one; empty if none.

    >>> telling({"chip": 2.0, "ball": 3.0}, "Chips in a ball.", old=["ball"]), telling({}, "No ball.")
    ('chips', '')
    """
    known = set(old)
    listed = [word for word in words(text) if not aside(word) and stem(word) in lifts]
    return max(listed, key=lambda word: (stem(word) not in known, lifts[stem(word)]), default="")


def longest(text: str, old: Iterable[str] = ()) -> str:
    """The longest word of content whose stem is not old, the first of equals; empty if none. Long words are rare ones.

    >>> longest("Chips in a helmet.", old=["chip"]), longest("It is.")
    ('helmet', '')
    """
    known = set(old)
    return max((w for w in words(text) if not aside(w) and stem(w) not in known), key=len, default="")
