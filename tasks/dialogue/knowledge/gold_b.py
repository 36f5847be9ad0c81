"""Does a second reading agree that both messages keep to the topic, bring something new and sound like one person?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A word says something if it is listed, has a figure or a capital inside of a sentence, or has four letters and is none
  of a short list of plain ones; the first reading has a long list instead.
- Relevance weighs what the listed words bring against what the unlisted ones cost; the first reading takes a mean.
- Specificity is the scarcer of words and new words, not their product.
- Copying is looked for in fours of words, and the longest copied stretch counts; the first reading counts threes.
- Manner is a row of faults, each of which takes its share.
- Two messages are of one frame if what is left without the words of content is nearly the same, word by word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

bar = 0.5

TURNS = 2
UNLISTED = 0.36
"""What a word that is not listed takes from the mean lift, by the card."""
PLAIN_WORDS = """
    about after again also always another because been before being both came come could does doing done down
    each else even ever every feel felt find from gave give goes going gone good great guess have having hear heard
    hello here hers herself himself into itself just knew know known last least less like liked likes lots love loved
    made make makes many maybe mean might more most much must myself need never nice none nothing okay once only other
    ours over people perhaps please pretty probably quite rather really right said same says seem seen shall should
    some someone something sometimes sorry still such sure take takes talk talking tell than thank thanks that their
    theirs them then there these they thing things think this those though thought time times today told took unless
    until used very want wanted wants well went were what when where whether which while whom whose will with would
    years yeah your yours yourself interesting amazing wonder agree believe enjoy actually definitely everything"""
PLAIN = frozenset(PLAIN_WORDS.split())
GRAMMAR = """
    a an the this that these those i you he she it we they me him her us them my your his its our their who what
    which when where why how and or but so if because as than then of in on at by for with about from to into up out off
    over is are was were be been am do does did have has had can could will would should may might must not no yes
    there here just also too very really all some any more most much many one"""
LIGHT = frozenset(GRAMMAR.split())
ACTION = """is are was were be been am do does did have has had can could will would should may might must get got go
    went make made take took come came give gave use used think know knew say said see saw hear heard like love want
    need play find found feel agree guess believe watch mean wear win won lose lost keep kept run ran read tell told put
    pay paid wonder likes loves plays makes takes gives uses says wears wins gets goes"""
ACTIONS = frozenset(ACTION.split())
WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
SPEAKER = re.compile(
    r"(?m)^\W{0,3}(?:[A-Z][\w-]{0,14}(?: ?\w{1,10})?|user|assistant|agent|agent_\d|[ab12]|me|you) ?:(?!\d)", re.A
)
BULLET = re.compile(r"(?m)^\s*(?:[-*•–]|#+|\d{1,2}[.)])\s+\S")
MACHINE = re.compile(
    r"\b(?:an? (?:ai|artificial intelligence|virtual assistant|chatbot)|language model|"
    r"(?:help|assist)(?:ing)? you (?:today|with)|can i (?:help|assist)|short sentences?|"
    r"tell (?:me|you) something new|let us chat|feel free to|as an assistant|here (?:is|are) (?:a|some) (?:short )?"
    r"(?:responses?|examples?|sentences?))\b"
)


def _plain(text: str) -> str:
    """The text with straight apostrophes and single forms of letters."""
    return unicodedata.normalize("NFKC", text).replace("’", "'")


def _base(word: str) -> str:
    """A word as the lifts spell it: without possessive and plural s.

    >>> _base("team's"), _base("stories"), _base("boss")
    ('team', 'story', 'boss')
    """
    word = word.lower().removesuffix("'s")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    plural = word.endswith("s") and len(word) > 3 and word[-2] not in "sui"
    return word[:-1] if plural else word


def _telling(text: str, lifts: Mapping[str, float]) -> list[str]:
    """The words that say something, as the lifts spell them.

    >>> _telling("I think that the Rams won it in 2000.", {"ram": 1.0})
    ['ram', '2000']
    """
    found = []
    for sentence in re.split(r"[.!?\n]+", _plain(text)):
        for place, word in enumerate(WORD.findall(sentence)):
            low, base = word.lower(), _base(word)
            if low in PLAIN or low in LIGHT or "'" in low.removesuffix("'s"):
                continue
            named = (place > 0 and word[0].isupper() and len(word) > 1) or any(c.isdigit() for c in word)
            if base in lifts or named or len(low) > 3:
                found.append(base)
    return found


def _relevance(said: set[str], known: set[str], lifts: Mapping[str, float]) -> float:
    """What listed words bring over what the others cost, at most 1; seven tenths of it if no new one is listed."""
    brought = sum(min(lifts[word], 1.0 if word in known else 2.0) for word in sorted(said) if word in lifts)
    cost = UNLISTED * (2 + sum(word not in lifts for word in said))
    return min(1.0, brought / cost) * (1.0 if any(word in lifts for word in said - known) else 0.7)


def _copied(text: str, before: Sequence[str]) -> float:
    """Share of the words in the longest stretch of fours that stand in one message before.

    >>> _copied("we like the old song", ["I think we like the old tune"])
    0.8
    """
    told = WORD.findall(_plain(text).lower())
    worst = 0
    for other in before:
        theirs = WORD.findall(_plain(other).lower())
        fours = {tuple(theirs[i : i + 4]) for i in range(len(theirs) - 3)}
        run = 0
        for i in range(len(told) - 3):
            run = run + 1 if tuple(told[i : i + 4]) in fours else 0
            worst = max(worst, run + 3 if run else 0)
    return worst / max(1, len(told))


def _faults(text: str, before: Sequence[str]) -> Iterator[float]:
    """What each fault of manner leaves of 1."""
    told = [word.lower() for word in WORD.findall(_plain(text))]
    count = max(1, len(told))
    copied = _copied(text, before)
    yield 1.0 if copied < 0.25 else 0.5 if copied < 0.4 else 0.0
    counts = Counter(word for word in told if word not in LIGHT)
    fours = Counter(zip(told, told[1:], told[2:], told[3:], strict=False))
    if max(counts.values(), default=0) > 3 or max(fours.values(), default=0) > 1:
        yield 0.3
    if count >= 8 and max(Counter(told).values(), default=0) / count > 0.26:
        yield 0.2
    if sum(a == b for a, b in pairwise(told)):
        yield 0.5
    light = sum(word in LIGHT or word in PLAIN or "'" in word for word in told) / count
    yield 0.0 if light < 0.12 else 0.5 if light < 0.2 else 1.0
    if not any(word in ACTIONS or "'" in word or word.endswith(("ed", "ing")) for word in told):
        yield 0.3
    if text.count(",") / count > 0.2:
        yield 0.3
    if re.search(
        r"\b(?:a|an|the) (?:a|an|the|of|to|and|is|are|was|in|my|his|her)\b|\bof (?:of|to|is|are|and)\b", " ".join(told)
    ):
        yield 0.5
    if not re.search(r"[.!?…][\"')\]]*\s*$", text):
        yield 0.5
    if count > 60:
        yield 0.5 if count < 80 else 0.1
    if "\n" in text.strip():
        yield 0.5
    yield from _unfit(text, before)


def _unfit(text: str, before: Sequence[str]) -> Iterator[float]:
    """A half for a question that a question answers, and a half for more than two of them."""
    sentences = [s for s in re.findall(r"[^.!?\n]+[.!?]*", text) if WORD.search(s)]
    asked = bool(before) and before[-1].rstrip().endswith("?")
    if asked and sentences and all("?" in s for s in sentences):
        yield 0.5
    if text.count("?") > 2:
        yield 0.5


def _same_frame(one: str, other: str) -> bool:
    """Whether two messages differ in little but their words of content.

    >>> _same_frame("A chip is one of my favourites in it.", "A ball is one of my loves in it.")
    True
    """
    frames = [[w for w in WORD.findall(_plain(text).lower()) if w in LIGHT or w in PLAIN] for text in (one, other)]
    return min(map(len, frames)) > 4 and SequenceMatcher(None, *frames, autojunk=False).ratio() > 0.85


def _worth(text: str, before: Sequence[str], lifts: Mapping[str, float]) -> float:
    """The worth of one message after those before it."""
    if SPEAKER.search(text) or BULLET.search(text) or MACHINE.search(_plain(text).lower()):
        return 0.0
    said, known = set(_telling(text, lifts)), {word for other in before for word in _telling(other, lifts)}
    worth = _relevance(said, known, lifts) * min(1.0, len(said) / 8, len(said - known) / 3)
    for left in _faults(text, before):
        worth *= left
    return worth


def gold(prompt: Any, completion: Sequence[Mapping[str, str]] | str) -> float:
    """The mean worth of the policy's two messages; one that was not said is worth nothing."""
    messages = [{"role": "assistant", "content": completion}] if isinstance(completion, str) else list(completion)
    lifts, before = prompt.truth["lifts"], [str(m["content"]) for m in prompt.chat()]
    worths: list[float] = []
    mine: list[str] = []
    for message in messages:
        text = str(message.get("content", ""))
        if message.get("role") == "assistant" and len(worths) < TURNS:
            same = any(_same_frame(text, earlier) for earlier in mine)
            worths.append(_worth(text, before, lifts) * (0.2 if same else 1.0))
            mine.append(text)
        before.append(text)
    return float(sum(worths) / TURNS)
