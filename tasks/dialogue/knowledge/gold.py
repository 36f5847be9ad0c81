"""Does each message go on with the conversation: on its topic, with something new, as one person would say it?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise, starmap
from math import fsum
from typing import Any

from rewardbench.types import Message, Prompt, Said

from .world import REST, TURNS, Background, aside, background, content, heard, plausible, stem, telling, words

bar = 0.25
"""Three in four dialogues of two recorded messages of train lie below it."""
TOP = 0.3
"""Relevance × specificity that are worth 1: 13 % of those messages have it, held out by article."""
PRIOR = 2
"""Words that are not listed, which every message is given: one lucky word is no topic."""
MOST_NEW, MOST_OLD = 2.0, 0.5
"""The most that one word counts, and one that was said before."""
UNKNOWING = 0.4
"""What is left of relevance where no new word is one that the context calls for."""
UNLISTED = 0.01
"""Relevance of a message without a word that the context calls for: little, but more than what nobody would say."""
ANYWHERE, HERE = 0.8, 1.0
"""Shares of other contexts that call for a message less than this one does, from which it belongs here: 0 and 1."""
STRANGE = 0.25
"""What a new word counts as that the context does not call for: a frame's verbs are no news."""
ENOUGH_NEW, ENOUGH = 2, 5
"""New words, and words of content, that make a message specific."""
MOST_WORDS = 45
MOST_QUESTIONS = 2
FEW = 10
"""Words below which none is too frequent."""
LABEL = re.compile(
    r"(?im)^\W*(?:agent|user|assistant|speaker|person|friend|human|partner|bot|me|you|[ab12])\b[^.!?\n]{0,9}:"
)
NAMED = re.compile(r"(?m)^\W*[A-Z]\w{1,15}(?: \w{1,10})?:\s")
LISTED = re.compile(r"(?m)^\s*(?:[-*•#]|\d+[.)])\s")
ASSISTANT = re.compile(
    r"(?i)\b(?:an? (?:ai|artificial intelligence)\b|language model|as an assistant|feel free to|let us chat"
    r"|(?:how|what) (?:can|may) i (?:help|assist)|(?:assist|help) you (?:today|with)|short sentences?"
    r"|tell (?:you|me) something new|here (?:is|are) (?:a|some|the|two) (?:short|response|example|sentence|way))"
)
"""What an assistant says of itself or of its orders, and a person does not."""
VERBS = """
    is are was were be been am do does did has have had can could will would should may might must get gets got go goes
    went make makes made take takes took come came give gave use used think thought know knew say says said see saw hear
    heard like likes love loves want wants need needs play plays find found feel felt wonder agree guess believe watch
    mean means wear wears win wins won lose lost keep kept run runs ran read tell told put pay paid
"""
VERB = frozenset(VERBS.split())
VERB_END = frozenset(("s", "re", "m", "ve", "d", "ll", "t"))
"""What follows the apostrophe of a verb."""
ARTICLE, LINK = frozenset(("a", "an", "the")), frozenset(("of", "with", "from"))
NEVER_AFTER_LINK = "and or but of to in on at for with by from is are was were has have can will"
NEVER_AFTER = (*NEVER_AFTER_LINK.split(), "a", "an", "the", "his", "her", "their", "my", "your", "our", "its")


def gold(prompt: Prompt, completion: Said) -> float:
    """The mean worth of the policy's messages, in [0, 1]; one that was never said is worth 0."""
    return min(1.0, sum(worths(prompt, completion)) / TURNS)


def kind(prompt: Prompt, completion: Said) -> str:
    """What each message does and about what, e.g. `tell-ask chips, tell velocity`."""
    lifts, turns = _lifts(prompt), _turns(prompt, completion)
    return (
        ", ".join(f"{act(text)} {telling(lifts, text, _stems(before)) or '-'}" for before, text in turns) or "nothing"
    )


def worths(prompt: Prompt, completion: Said) -> list[float]:
    """The worth of each of the policy's messages, in [0, 1]; less for one that is put as the one before it was."""
    turns = _turns(prompt, completion)
    mine = [text for _, text in turns]
    return [worth(prompt.truth, before, text) * framed(mine[:i], text) for i, (before, text) in enumerate(turns)]


def worth(truth: Mapping[str, Any], before: Sequence[str], text: str) -> float:
    """How good a message is after those before it: relevance × specificity × how it is put × how people put words."""
    said, around = set(content(text)), background(truth)
    known, paid = _stems(before), said & {stem(word) for word in heard(around.speech, text)}
    if not paid or not (put := manner(before, text)):
        return 0.0
    found = relevance(truth["lifts"], around, said, paid, known) * specificity(truth["lifts"], paid, known)
    return min(1.0, found / TOP) * put * plausible(around.speech, text)


def framed(mine: Sequence[str], text: str) -> float:
    """1, falling to 0, for the share of a message's frame that the policy's earlier messages have: other words put in.

    >>> framed(["A chip is a great topic of today."], "The ball is a great topic of today."), framed([], "A ball.")
    (0.0, 1.0)
    """
    known = {gram for other in mine for gram in _frame(other)}
    grams = _frame(text)
    return _between(sum(gram in known for gram in grams) / max(1, len(grams)), 0.7, 0.3)


def relevance(lifts: Mapping[str, float], around: Background, said: set[str], paid: set[str], known: set[str]) -> float:
    """From little, for words that fit no better here than elsewhere, to 1: closeness × belonging here."""
    share = closeness(lifts, said, paid, known) * here(lifts, around.elsewhere, said)
    return UNLISTED + (1 - UNLISTED) * share


def closeness(lifts: Mapping[str, float], said: set[str], paid: set[str], known: set[str]) -> float:
    """How far the mean lift of the different words is from that of words which are not listed, 0, to none, 1.

    Two unlisted words are counted in; words not `paid` count as unlisted. Less where no word is new and listed.

    >>> lifts = {"chip": 2.0, "ball": 2.0}
    >>> [round(closeness(lifts, s, s, {"chip"}), 2) for s in ({"chip", "ball"}, {"chip", "moon"}, {"moon"})]
    [1.0, 0.66, 0.0]
    """
    listed = [word for word in paid if word in lifts]
    gained = fsum(min(lifts[word], MOST_OLD if word in known else MOST_NEW) - REST for word in listed)
    share = min(1.0, gained / (-REST * (len(said) + PRIOR)))
    return share * (1.0 if any(word not in known for word in listed) else UNKNOWING)


def here(lifts: Mapping[str, float], elsewhere: Sequence[Mapping[str, float]], said: set[str]) -> float:
    """From 0 to 1 by the share of other contexts that call for these words less: what fits anywhere belongs nowhere.

    >>> here({"chip": 2.0}, [{"ball": 1.0}], {"chip"}), here({"ball": 1.0}, [{"ball": 1.0}], {"ball"})
    (1.0, 0.0)
    """
    mine, others = _gain(lifts, said), [_gain(other, said) for other in elsewhere]
    less = sum(1.0 if other < mine else 0.5 if other == mine else 0.0 for other in others)
    return _between(less / len(others) if others else 1.0, ANYWHERE, HERE)


def _gain(lifts: Mapping[str, float], said: set[str]) -> float:
    """What some words gain over unlisted ones."""
    return fsum(min(lifts[word], MOST_NEW) - REST for word in said if word in lifts)


def specificity(lifts: Mapping[str, float], paid: set[str], known: set[str]) -> float:
    """Share of enough words, times share of enough words that nobody had said; a quarter for those not listed.

    >>> lifts = {"chip": 2.0, "ball": 2.0}
    >>> specificity(lifts, set("chip ball nfl team speed".split()), {"nfl"}), specificity(lifts, {"nfl"}, {"nfl"})
    (1.0, 0.0)
    """
    new = fsum(1.0 if word in lifts else STRANGE for word in paid - known)
    return min(1.0, len(paid) / ENOUGH) * min(1.0, new / ENOUGH_NEW)


def manner(before: Sequence[str], text: str) -> float:
    """What is left of 1 for how a message is put; 0 for labels, lists and an assistant's phrases."""
    if LABEL.search(text) or NAMED.search(text) or LISTED.search(text) or ASSISTANT.search(text):
        return 0.0
    return fits(before[-1] if before else "", text) * fresh(before, text) * sentence_like(text) * finished(text)


def fits(last: str, text: str) -> float:
    """A half for a question that is answered by nothing but questions, and for many questions.

    >>> fits("Do you like it?", "Do you?"), fits("I like it.", "Do you?"), fits("", "Who? When? Where?")
    (0.5, 1.0, 0.5)
    """
    unanswered = last.rstrip().endswith("?") and act(text) == "ask"
    return 0.5 if unanswered or text.count("?") > MOST_QUESTIONS else 1.0


def fresh(before: Sequence[str], text: str) -> float:
    """1, falling to 0, for the share of threes of words that were said before, here or by anybody.

    >>> fresh(["We like the old song."], "We like the old song."), fresh([], "Nobody wrote that line.")
    (0.0, 1.0)
    """
    grams = _threes(text)
    known = {gram for other in before for gram in _threes(other)}
    again = sum(gram in known or gram in grams[:i] for i, gram in enumerate(grams))
    counts = Counter(content(text))
    often = sum(count - 2 for count in counts.values() if count > 2)
    return _between(again / max(1, len(grams)), 0.5, 0.1) * _between(often / max(1, counts.total()), 0.3, 0.0)


def sentence_like(text: str) -> float:
    """1, falling to 0, for what speech does not look like: bare words in a row, one word all over, no verb, a bad pair.

    >>> sentence_like("The players wear chips."), sentence_like("nfl team ball chip speed track data player")
    (1.0, 0.0)
    """
    told = words(text)
    light = sum(map(aside, told)) / max(1, len(told))
    verbs = any(w in VERB or w.partition("'")[2] in VERB_END or _verbal(w) for w in told)
    commas = _between(text.count(",") / max(1, len(told)), 0.3, 0.15)
    most = max(Counter(told).values(), default=0) / max(FEW, len(told))
    salad = _between(light, 0.1, 0.25) * _between(_longest_run(told), 9, 5) * commas * _between(most, 0.35, 0.22)
    return salad * (1.0 if verbs else 0.3) * 0.5 ** sum(starmap(_clash, pairwise(told)))


def _clash(first: str, second: str) -> bool:
    """Whether two words cannot meet.

    >>> _clash("the", "of"), _clash("the", "chip"), _clash("chip", "chip")
    (True, False, True)
    """
    article, link = first in ARTICLE and second in NEVER_AFTER, first in LINK and second in NEVER_AFTER_LINK.split()
    return first == second or article or link


def finished(text: str) -> float:
    """1 for a text that comes to its end; half for one that is cut off, for several lines; less above the most words.

    >>> finished("They do."), finished("They do and the")
    (1.0, 0.5)
    """
    ended = re.search(r"[.!?…][\"')\]]*$", text.rstrip()) is not None
    return (
        (1.0 if ended else 0.5)
        * (0.5 if "\n" in text.strip() else 1.0)
        * _between(len(words(text)), 2 * MOST_WORDS, MOST_WORDS)
    )


def act(text: str) -> str:
    """What a message does: `ask`, `tell`, `tell-ask`, or `react` where it says nothing of substance.

    >>> [act(t) for t in ("Do they?", "Chips track them.", "Chips track them. Why?", "Wow, I know!")]
    ['ask', 'tell', 'tell-ask', 'react']
    """
    sentences = re.findall(r"[^.!?\n]+[.!?]*", text)
    asks = any("?" in s for s in sentences)
    tells = any("?" not in s and words(s) for s in sentences)
    if asks:
        return "tell-ask" if tells else "ask"
    return "tell" if content(text) else "react"


def _turns(prompt: Prompt, completion: Said) -> list[tuple[list[str], str]]:
    """Each of the policy's messages with all that was said before it."""
    told = [{"role": "assistant", "content": completion}] if isinstance(completion, str) else list[Message](completion)
    said = [m["content"] for m in prompt.chat()]
    pairs = []
    for message in told:
        if message["role"] == "assistant" and len(pairs) < TURNS:
            pairs.append((list(said), message["content"]))
        said.append(message["content"])
    return pairs


def _lifts(prompt: Prompt) -> Mapping[str, float]:
    """The words that the context calls for."""
    lifts: Mapping[str, float] = prompt.truth["lifts"]
    return lifts


def _stems(texts: Sequence[str]) -> set[str]:
    """The words of content in some texts."""
    return {word for text in texts for word in content(text)}


def _threes(text: str) -> list[tuple[str, ...]]:
    """The threes of neighbouring words.

    >>> _threes("It is so old.")
    [('it', 'is', 'so'), ('is', 'so', 'old')]
    """
    told = words(text)
    return list(zip(told, told[1:], told[2:], strict=False))


def _frame(text: str) -> list[tuple[str, ...]]:
    """The fours of a message's frame: its words of grammar, and one place for what stands between them.

    >>> _frame("The old song is a chip.")
    [('the', '_', 'is', 'a'), ('_', 'is', 'a', '_')]
    """
    marks = [word if aside(word) else "_" for word in words(text)]
    frame = [mark for mark, _ in groupby(marks)]
    return list(zip(frame, frame[1:], frame[2:], frame[3:], strict=False))


def _verbal(word: str) -> bool:
    """Whether a word ends as verbs do.

    >>> _verbal("played"), _verbal("red")
    (True, False)
    """
    return len(word) > 4 and word.endswith(("ed", "ing"))


def _longest_run(told: Sequence[str]) -> int:
    """The most words of content in a row.

    >>> _longest_run(["nfl", "team", "is", "old"])
    2
    """
    longest = run = 0
    for word in told:
        run = 0 if aside(word) else run + 1
        longest = max(longest, run)
    return longest


def _between(value: float, none: float, full: float) -> float:
    """0 at one mark, 1 at the other, straight between them.

    >>> _between(0.5, 0.0, 1.0), _between(3, 2, 1), _between(-1, 0, 1)
    (0.5, 0.0, 0.0)
    """
    return min(1.0, max(0.0, (value - none) / (full - none)))
